"""Logout in time: how long a token lives on after it, whether it comes back, and what goes on at the same moment."""

from collections.abc import Sequence

from conformance import expect, history
from conformance.api import Api, Conversation, Sleep, Together, bearer, describe
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.model import Exchange, Severity
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, DEAD, LOGIN, OK, invalid_token, line, logout, token, use

SUBJECT = "logout"

PATIENCE_S = (0.5, 1.0, 2.0, 4.0)
"""Beyond the budget, the waits between further looks, so that the report can say how late the token died."""

LOOKS_AFTER = 2
"""How many looks after the first refusal tell whether the token comes back."""


@check(
    "revocation-lag",
    clause="N-7009-02",
    severity=Severity.HIGH,
    axis="revocation.lag",
    right=[token(), OK, *([invalid_token()] * 3)],
    wrong=[Differs(2, "status", 200), Differs(3, "status", 200), Differs(4, "status", 200)],
)
def revocation_lag(api: Api) -> Conversation[tuple[str, str]]:
    """A logged-out token is dead at once, or by the end of the declared revocation budget, and does not come back."""
    token_ = yield from api.good_token()
    api.requires_liveness(last=True)
    out = yield from api.send(api.logout(bearer(token_)))
    if not accepts(out):
        raise Inconclusive("an accepted logout", describe(out))
    budget = api.profile.revocation_budget_s
    waits = [*(budget / part for part in (8, 8, 4, 2) if budget), *PATIENCE_S]
    last, (look, alive) = None, (yield from api.look(token_, fresh=True, last=True))
    while alive:
        last = look.sent - out.received
        if not waits:
            raise Violation(
                f"the token refused {budget:g} s after logout", f"beyond the budget: status 200 for it {last:.2f} s after logout"
            )
        yield Sleep(waits.pop(0), punctual=True)
        look, alive = yield from api.look(token_, fresh=True, last=True)
    refused = look.sent - out.received
    shown = f"first refused {refused:.2f} s after logout"
    if last is not None:
        shown = f"last accepted {last:.2f} s, {shown}"
        if last >= budget:
            raise Violation(f"the token refused {budget:g} s after logout", f"beyond the budget: status 200 for it, {shown}")
    for _ in range(LOOKS_AFTER):
        if (yield from api.is_alive(token_, fresh=True, last=True)):
            raise Violation("the token refused from then on", f"flapping: status 200 for it again, {shown}")
    return ("none", f"immediate: {shown}") if last is None else ("within-budget", f"within the budget of {budget:g} s: {shown}")


@rule(
    "dead-token-stays-dead",
    clause="L-02",
    severity=Severity.CRITICAL,
    over="run",
    when=lambda exchange, api: exchange.request.operation in ("token", "logout", "resource"),
    right=[line(LOGIN, token()), line(logout(), OK), line(use(), DEAD), line(use(), DEAD)],
    wrong=[Differs(3, "status", 200)],
)
def dead_token_stays_dead(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A logged-out token that was refused once is refused from then on, however long the revocation budget."""
    looks = list(history.looks_after_logout(exchanges, api))
    for look in looks:
        if look.refused is not None and look.alive:
            later = look.exchange.sent - look.refused.received
            seen = f"status {expect.answered(look.exchange).status} {later:.2f} s after the refusal in exchange {look.refused.id}"
            shown = [look.out, look.refused, look.exchange]
            raise Violation("a token that was refused after its logout refused again", seen, shown)
    if not looks:
        raise NotApplicable("a use of a token after its logout", "none was seen")
    return tuple(look.exchange for look in looks)


@check(
    "logouts-at-once",
    clause="L-02",
    severity=Severity.HIGH,
    right=[token(), OK, invalid_token(), OK, invalid_token()],
    wrong=[
        Differs(1, "status", 500),
        Differs(2, "status", 500),
        Differs(4, "status", 200),
    ],
)
def logouts_at_once(api: Api) -> Conversation[None]:
    """Of three logouts of one token at the same time each is answered, one at least is accepted, and the token is dead."""
    token_ = yield from api.good_token()
    api.requires_liveness(last=True)
    out: tuple[Exchange, ...] = yield Together((api.logout(bearer(token_)),) * 3)
    for exchange in out:
        expect.below_500(exchange)
    if not any(accepts(exchange) for exchange in out):
        raise Inconclusive("one accepted logout", describe(out[0]))
    yield from api.settled()
    if (yield from api.is_alive(token_, fresh=True, last=True)):
        raise Violation("the token dead", "status 200 for it")


@check(
    "logout-against-use",
    clause="L-02",
    severity=Severity.HIGH,
    right=[token(), ALIVE, ALIVE, OK, *([DEAD] * 5), DEAD],
    wrong=[Differs(4, "status", 200), Differs(8, "status", 200), Differs(9, "status", 200), Differs(1, "status", 500)],
)
def logout_against_use(api: Api) -> Conversation[None]:
    """Among uses without a pause, three at a time, those that begin after the logout was answered are refused; so is a later one."""
    api.requires("resource")
    token_ = yield from api.good_token()
    api.requires_liveness()
    use_ = api.use(token_)
    exchanges: tuple[Exchange, ...] = yield Together((use_, use_, api.logout(bearer(token_)), *([use_] * 5)), at_once=3)
    out = exchanges[2]
    for exchange in exchanges:
        expect.below_500(exchange)
    if not accepts(out):
        raise Inconclusive("an accepted logout", describe(out))
    for exchange in exchanges[3:]:
        late = exchange.sent - out.received - api.profile.revocation_budget_s
        if late >= 0 and api.tells_alive(exchange):
            raise Violation(
                "every use refused that begins after the logout was answered", f"status 200 for one that began {late:.3f} s after"
            )
    yield from api.settled()
    if (yield from api.is_alive(token_, fresh=True)):
        raise Violation("the token dead", "status 200 for it")

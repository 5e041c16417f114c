"""The life of every token, judged over all traffic of the run: what the history says of each use against what was seen."""

from collections.abc import Sequence

import msgspec

from conformance import edits, expect, history
from conformance.api import PATIENCE_S, UNKNOWN_TOKEN, Api, Conversation, Sleep, Together
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.model import Exchange, Severity
from conformance.profile import accepts
from conformance.registry import Differs, Script, check, rule
from conformance.scripts import ALIVE, API, DEAD, LOGIN, OK, line, logout, token, use

SHOWN = 12
"""How many exchanges of a token's history a finding shows."""


def touches_a_token(exchange: Exchange, api: Api) -> bool:
    """Every exchange: a token's life depends on all that happened before."""
    return exchange.request.operation in ("token", "logout", "resource")


def _life_rule(name: str, clause: str, title: str, right: Script, wrong: Sequence[Differs], axis: str = "") -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.CRITICAL,
        title=title,
        subject="logout" if clause.startswith("L") else "life",
        over="run",
        axis=axis,
        when=touches_a_token,
        right=right,
        wrong=wrong,
    )
    def lives_as_documented(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...] | str:
        lives = history.lives(exchanges, api)
        mine = [life for life in lives if life.clause == clause]
        if axis == "issue.policy" and history.cap_in(history.followed(exchanges, api)) is not None:
            return "capped"
        if not mine:
            raise NotApplicable("no use of a token was seen that this clause decides", "no such use")
        for life in mine:
            if life.alive != life.seen_alive:
                status = life.exchange.reply.status if life.exchange.reply else 0
                want = "accepted" if life.alive else "refused"
                about = [e for e in exchanges if e.id <= life.exchange.id and _is_about(e, life.token)][-SHOWN:]
                raise Violation(f"{life.token} {want}: {life.because}", f"status {status} in exchange {life.exchange.id}", about)
        return tuple(life.exchange for life in mine)


def _is_about(exchange: Exchange, token_: str) -> bool:
    """Whether an exchange hands the token out or carries it, or is a login or logout, which may have touched it."""
    minted = {m.slot for m in exchange.reply.minted} if exchange.reply else set()
    return token_ in minted | edits.mentioned(exchange.request)


_life_rule(
    "life-token-reusable",
    "F-05",
    "A token is accepted whenever it is used, as long as nothing happened to it.",
    right=[line(LOGIN, token()), line(use(), ALIVE), line(use(), ALIVE)],
    wrong=[Differs(2, "status", 401)],
)
_life_rule(
    "life-second-login-spares-first",
    "F-25",
    "A second login does not end the token of the first.",
    axis="issue.policy",
    right=[line(LOGIN, token()), line(LOGIN, token("token#2")), line(use(), ALIVE)],
    wrong=[Differs(2, "status", 401)],
)
_life_rule(
    "life-others-survive-logout",
    "F-26",
    "A logout does not end the tokens of other users and clients.",
    right=[
        line(LOGIN, token()),
        line(API.login(user="second_user"), token("token#2")),
        line(logout("token#2"), OK),
        line(use(), ALIVE),
    ],
    wrong=[Differs(3, "status", 401)],
)
_life_rule(
    "life-dead-after-logout",
    "L-02",
    "A token is refused at every use after its logout.",
    right=[line(LOGIN, token()), line(logout(), OK), line(use(), DEAD)],
    wrong=[Differs(2, "status", 200)],
)
_life_rule(
    "life-logout-scope",
    "L-03",
    "Logout does to a sibling token always the same.",
    axis="logout.scope",
    right=[
        line(LOGIN, token()),
        line(LOGIN, token("token#2")),
        line(use(), ALIVE),
        line(logout("token#2"), OK),
        line(use(), ALIVE),
    ],
    wrong=[Differs(4, "status", 401)],
)
_life_rule(
    "life-ends-at-expiry",
    "N-6749-35",
    "A token is refused once its expires_in has passed.",
    right=[line(LOGIN, token(expires_in=-9)), line(use(), DEAD)],
    wrong=[Differs(1, "status", 200)],
)


@rule(
    "life-dead-stays-dead",
    clause="S-47",
    severity=Severity.CRITICAL,
    over="run",
    when=touches_a_token,
    right=[line(LOGIN, token()), line(logout(), OK), line(use(), DEAD), line(use(), DEAD)],
    wrong=[Differs(3, "status", 200)],
)
def dead_stays_dead(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A token that was refused after its logout or its end is never accepted again."""
    refused: dict[str, Exchange] = {}
    looks = []
    for life in history.lives(exchanges, api):
        if life.alive:
            continue
        before = refused.get(life.token)
        if before is not None:
            looks.append(life.exchange)
            if life.seen_alive:
                seen = f"status {expect.answered(life.exchange).status} in exchange {life.exchange.id}, a refusal in exchange {before.id}"
                raise Violation(f"{life.token} refused from then on", seen, [before, life.exchange])
        elif not life.seen_alive:
            refused[life.token] = life.exchange
    if not looks:
        raise NotApplicable("a dead token that is used twice", "none was")
    return tuple(looks)


@check(
    "token-reused-at-once",
    clause="F-05",
    severity=Severity.HIGH,
    right=[token(), ALIVE, ALIVE, ALIVE, ALIVE, ALIVE],
    wrong=[Differs(1, "status", 401), Differs(3, "status", 401), Differs(5, "status", 403)],
)
def token_reused_at_once(api: Api) -> Conversation[None]:
    """A token serves several requests at once, each on a connection of its own, and another one after."""
    token_ = yield from api.good_token()
    first = yield from api.is_alive(token_)
    together: tuple[Exchange, ...] = yield Together((api.use(token_),) * 3)
    seen = [first, *(api.tells_alive(exchange) for exchange in together), (yield from api.is_alive(token_))]
    if not all(seen):
        raise Violation("the token accepted by each of 5 requests", f"status 200 for {sum(seen)} of them, a refusal for the others")


@check(
    "token-used-on-another-connection",
    clause="F-12",
    severity=Severity.HIGH,
    right=[token(), ALIVE, ALIVE],
    wrong=[Differs(1, "status", 401)],
)
def token_used_on_another_connection(api: Api) -> Conversation[None]:
    """A token is accepted at once after its issue, on another connection than the one that brought it."""
    api.requires("resource")
    token_ = api.token_of((yield from api.send(api.login())))
    at_once = yield from api.send(api.use(token_, fresh=True))
    yield Sleep(0 if api.tells_alive(at_once) else PATIENCE_S)
    later = yield from api.send(api.use(token_, fresh=True))
    if api.tells_alive(at_once):
        return
    if not api.tells_alive(later):
        raise Inconclusive("a token that the resource accepts at some time", f"status {expect.answered(later).status}")
    seen = f"status {expect.answered(at_once).status} right after its issue, accepted {PATIENCE_S} s later"
    raise Violation("the token accepted at once", seen)


@check(
    "resource-needs-token",
    clause="T-02",
    severity=Severity.CRITICAL,
    right=[DEAD],
    wrong=[Differs(0, "status", 200)],
)
def resource_needs_token(api: Api) -> Conversation[None]:
    """The resource refuses a token that was never issued."""
    api.requires("resource")
    exchange = yield from api.send(api.use(UNKNOWN_TOKEN))
    if expect.answered(exchange).status in api.resource_alive:
        raise Violation("a refusal", f"status {expect.answered(exchange).status}")


@check(
    "token-not-bound-to-user-agent",
    clause="F-05",
    severity=Severity.MEDIUM,
    right=[token(), ALIVE, ALIVE],
    wrong=[Differs(2, "status", 401)],
)
def token_not_bound_to_user_agent(api: Api) -> Conversation[None]:
    """A token serves requests of any User-Agent."""
    token_ = yield from api.good_token()
    if not (yield from api.is_alive(token_)):
        raise Inconclusive("a living token", "the resource refuses it")
    use_ = api.use(token_, fresh=True)
    other = yield from api.send(msgspec.structs.replace(use_, headers=(*use_.headers, ("User-Agent", ("harness/1",)))))
    if not api.tells_alive(other):
        raise Violation("the token accepted", f"status {expect.answered(other).status} with another User-Agent")


@check(
    "logins-at-once",
    clause="F-12",
    severity=Severity.HIGH,
    right=[token(), token("token#2"), ALIVE, ALIVE],
    wrong=[Differs(1, "json:access_token", "{token#1}"), Differs(2, "status", 401), Differs(3, "status", 401), Differs(1, "status", 500)],
)
def logins_at_once(api: Api) -> Conversation[None]:
    """Two logins at the same time yield two tokens that live, or what the issue policy of this server makes of a second login."""
    both: tuple[Exchange, ...] = yield Together((api.login(), api.login()))
    for exchange in both:
        expect.below_500(exchange)
    policy = api.profile.reading("issue.policy")
    tokens = [api.token_of(exchange) for exchange in both]
    if policy in ("independent", "revokes") and tokens[0] == tokens[1]:
        raise Violation("two tokens, as for logins one after the other", "the same access_token for both")
    api.requires_liveness()
    yield Sleep(api.profile.issue_lag_s)
    seen = [(yield from api.is_alive(tokens[0], fresh=True)), (yield from api.is_alive(tokens[1], fresh=True))]
    if not any(seen) or (policy != "revokes" and not all(seen)):
        raise Violation("both tokens accepted" if policy != "revokes" else "one token accepted", "status of a dead token for a new one")


@rule(
    "token-handed-out-once",
    clause="F-25",
    severity=Severity.HIGH,
    over="run",
    when=touches_a_token,
    right=[line(LOGIN, token()), line(LOGIN, token("token#2"))],
    wrong=[Differs(1, "json:access_token", "{token#1}")],
)
def token_handed_out_once(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """Where a second login yields a new token, no login yields one that a user was given before."""
    if api.profile.reading("issue.policy") not in ("independent", "revokes"):
        raise NotApplicable("a new token for each login", f"the issue policy is {api.profile.reading('issue.policy')}")
    if history.cap_in(history.followed(exchanges, api)) is not None:
        raise NotApplicable("tokens without a cap on their number", "the oldest ones die beyond a number")
    given: dict[str, Exchange] = {}
    for exchange in exchanges:
        name = exchange.reply.token(api.contract.presented) if exchange.reply else None
        if name is None or not accepts(exchange) or not history.owner_of(exchange.request, api.contract)[1]:
            continue
        first = given.setdefault(name, exchange)
        if first is not exchange:
            raise Violation("a token of its own for each login", f"access_token of exchange {first.id} once more", [first, exchange])
    if not given:
        raise NotApplicable("a login of a user", "none was seen")
    return tuple(given.values())

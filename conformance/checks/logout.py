"""Logout: the presented token is dead from then on, nobody else's is, and what is no valid token is refused."""

from conformance import expect
from conformance.api import UNKNOWN_TOKEN, Api, Conversation, Send, Sleep, Together, basic, bearer, describe
from conformance.errors import Inconclusive, Violation
from conformance.model import Exchange, Severity
from conformance.oracle import conditions, only_fault
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, DEAD, LOGOUT_UNKNOWN, OK, error, invalid_token, line, logout, token


def accepted(exchange: Exchange, api: Api) -> bool:
    """A logout that was granted to a token that the server had issued."""
    return exchange.request.operation == "logout" and conditions(exchange.request, api.contract) == frozenset() and accepts(exchange)


@rule(
    "logout-status", clause="L-07", severity=Severity.MEDIUM, when=accepted, right=[line(logout(), OK)], wrong=[Differs(0, "status", 204)]
)
def logout_status(exchange: Exchange, api: Api) -> None:
    """A successful logout has status 200."""
    expect.status(exchange, 200)


@rule(
    "logout-unknown-token",
    clause="L-12",
    severity=Severity.HIGH,
    axis="logout.dead-token",
    when=only_fault("unknown-token", "logout"),
    right=[line(LOGOUT_UNKNOWN, invalid_token())],
    wrong=[Differs(0, "json:code", 6), Differs(0, "body", "")],
)
def logout_unknown_token(exchange: Exchange, api: Api) -> str:
    """A token that was never issued is answered with code 2, or with 200 as in RFC 7009, but always in the same way."""
    reading = "accepted" if accepts(exchange) else "refused"
    if reading == "refused":
        expect.refused_with(exchange, api, "unknown-token")
    if reading == "accepted" and api.profile.dead_token_logout == "unknown":
        raise Violation("code 2, or a logout that refuses something", "status 200, as without any Authorization")
    if api.profile.dead_token_logout not in (reading, "unknown"):
        raise Violation(f"a token that was never issued to be {api.profile.dead_token_logout}, as before", f"it was {reading}")
    return reading


@check(
    "logout-wrong-scheme",
    clause="L-13",
    severity=Severity.MEDIUM,
    right=[error(6, status=401)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "status", 200)],
)
def logout_wrong_scheme(api: Api) -> Conversation[None]:
    """A logout with a Basic header is refused with code 6."""
    exchange = yield from api.send(api.logout(basic((UNKNOWN_TOKEN,), ("harness-nothing",))))
    expect.refused_with(exchange, api, "wrong-scheme")


@check("logout-valid-token", clause="L-01", severity=Severity.CRITICAL, right=[token(), OK], wrong=[Differs(1, "status", 405)])
def logout_valid_token(api: Api) -> Conversation[None]:
    """A logout with a living token is accepted."""
    living = yield from api.good_token()
    exchange = yield from api.send(api.logout(bearer(living)))
    if not accepts(exchange):
        raise Violation("status 200", describe(exchange))


@check(
    "logout-scheme-case",
    clause="N-6750-03",
    severity=Severity.MEDIUM,
    right=[token(), OK, token("token#2"), OK],
    wrong=[Differs(3, "status", 401)],
)
def logout_scheme_case(api: Api) -> Conversation[None]:
    """The scheme `bearer` in lower case is accepted like `Bearer`."""
    first = yield from api.good_token()
    control = yield from api.send(api.logout(bearer(first)))
    if not accepts(control):
        raise Inconclusive("an accepted logout with `Bearer`", describe(control))
    second = yield from api.good_token()
    exchange = yield from api.send(api.logout(bearer(second, scheme="bearer")))
    if not accepts(exchange):
        raise Violation("the status of an accepted logout", describe(exchange))


@check(
    "logged-out-token-stays-dead",
    clause="L-02",
    severity=Severity.CRITICAL,
    right=[token(), ALIVE, OK, DEAD, DEAD, DEAD],
    wrong=[Differs(3, "status", 200), Differs(5, "status", 200)],
)
def logged_out_token_stays_dead(api: Api) -> Conversation[None]:
    """A logged-out token is refused from then on, on fresh connections and later."""
    token_ = yield from api.good_token()
    if not (yield from api.is_alive(token_)):
        raise Inconclusive("a token that lives before logout", "the resource refuses it")
    out = yield from api.send(api.logout(bearer(token_)))
    if not accepts(out):
        raise Inconclusive("an accepted logout", describe(out))
    yield Sleep(api.profile.revocation_budget_s)
    for wait in (0.0, 0.1, 0.3):
        yield Sleep(wait)
        if (yield from api.is_alive(token_, fresh=True)):
            raise Violation("the token refused after logout", f"status 200 from the resource, {wait:g} s later")


@check(
    "logout-leaves-other-users",
    clause="F-26",
    severity=Severity.CRITICAL,
    right=[token(), token("token#2"), OK, ALIVE],
    wrong=[Differs(3, "status", 401)],
)
def logout_leaves_other_users(api: Api) -> Conversation[None]:
    """A user's logout does not end another user's token."""
    api.requires("second_user")
    mine = yield from api.good_token()
    theirs = yield from api.good_token("second_user")
    out = yield from api.send(api.logout(bearer(mine)))
    if not accepts(out):
        raise Inconclusive("an accepted logout", describe(out))
    if not (yield from api.is_alive(theirs)):
        raise Violation("the other user's token accepted", "status 401 or 403 from the resource")


@check(
    "logout-token-in-query",
    clause="L-10",
    severity=Severity.HIGH,
    right=[token(), error(6, status=401), ALIVE],
    wrong=[Differs(1, "status", 200), Differs(2, "status", 401)],
)
def logout_token_in_query(api: Api) -> Conversation[None]:
    """A token in the query alone is not honoured: the logout is refused and the token lives on."""
    token_ = yield from api.good_token()
    exchange = yield from api.send(api.logout(None, query=((("access_token",), (token_,)),)))
    if accepts(exchange):
        raise Violation("a refusal", f"status {expect.answered(exchange).status}")
    if not (yield from api.is_alive(token_)):
        raise Violation("the token alive", "status 401 or 403 from the resource")


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
    "resource-needs-token",
    clause="T-02",
    severity=Severity.CRITICAL,
    right=[DEAD],
    wrong=[Differs(0, "status", 200)],
)
def resource_needs_token(api: Api) -> Conversation[None]:
    """The resource refuses a token that was never issued."""
    if "resource" not in api.fixtures:
        api.requires("resource")
    exchange: Exchange = yield Send(api.use(UNKNOWN_TOKEN))
    if exchange.reply is None:
        raise Inconclusive("an answer", describe(exchange))
    if exchange.reply.status in api.resource_alive:
        raise Violation("a refusal", f"status {exchange.reply.status}")

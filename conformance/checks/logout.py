"""Logout: the presented token is dead from then on, nobody else's is, and what is no valid token is refused."""

from collections.abc import Sequence

from conformance import expect
from conformance.api import Api, Conversation, Sleep, bearer, describe
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.history import states
from conformance.model import Exchange, Severity, Slot
from conformance.oracle import conditions, only_fault
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, LOGIN, LOGOUT_BARE, LOGOUT_UNKNOWN, OK, bad_header, invalid_token, line, logout, token


def accepted(exchange: Exchange, api: Api) -> bool:
    """A logout that was granted to a token that the server had issued."""
    return exchange.request.operation == "logout" and conditions(exchange.request, api.contract) == frozenset() and accepts(exchange)


@rule(
    "logout-exists",
    clause="L-01",
    severity=Severity.HIGH,
    over="run",
    axis="logout.operation",
    when=lambda exchange, api: exchange.request.operation == "logout" and conditions(exchange.request, api.contract) is not None,
    right=[line(LOGOUT_BARE, bad_header()), line(LOGOUT_UNKNOWN, invalid_token()), line(logout(), OK)],
    wrong=[Differs(2, "status", 404), Differs(2, "status", 501)],
)
def logout_exists(exchanges: Sequence[Exchange], api: Api) -> str:
    """The server has a logout that accepts a living token, or has none at all, which "optional operation" may mean."""
    if any(accepted(exchange, api) for exchange in exchanges):
        return "present"
    if api.profile.reading("logout.operation") == "absent":
        raise NotApplicable("a server that has a logout", describe(exchanges[0]))
    last = [exchange for exchange in exchanges if conditions(exchange.request, api.contract) == frozenset()]
    if not last:
        raise NotApplicable("a logout of a token that was issued", "none was tried")
    raise Violation("a logout that accepts a living token", describe(last[-1]), last[-1:])


def requires_logout(api: Api) -> Conversation[None]:
    """A logout that works, without which no refusal means anything: raises Inconclusive, or NotApplicable where there is none."""
    control = yield from api.good_token()
    exchange = yield from api.send(api.logout(bearer(control)))
    if accepts(exchange):
        return
    if expect.answered(exchange).status in (404, 405, 501):
        raise NotApplicable("a server that has a logout", describe(exchange))
    raise Inconclusive("an accepted logout", describe(exchange))


@check("logout-valid-token", clause="L-01", severity=Severity.CRITICAL, right=[token(), OK], wrong=[Differs(1, "status", 400)])
def logout_valid_token(api: Api) -> Conversation[None]:
    """A logout with a living token is accepted, by the Bearer header alone."""
    living = yield from api.good_token()
    exchange = yield from api.send(api.logout(bearer(living)))
    if expect.answered(exchange).status in (404, 405, 501):
        bare = yield from api.send(api.logout(None))
        if expect.answered(bare).status == expect.answered(exchange).status:
            raise NotApplicable("a server that has a logout", describe(exchange))
    if not accepts(exchange):
        raise Violation("status 200", describe(exchange))


def still_alive(token_: Slot, api: Api, what: str) -> Conversation[None]:
    """A token that nobody ended lives; raises NotObservable where nothing can tell."""
    if not (yield from api.is_alive(token_, last=True)):
        raise Violation(f"{what} alive", "status 401 or 403, or a refused logout")


@rule(
    "logout-status", clause="L-11", severity=Severity.MEDIUM, when=accepted, right=[line(logout(), OK)], wrong=[Differs(0, "status", 204)]
)
def logout_status(exchange: Exchange, api: Api) -> None:
    """A successful logout has status 200."""
    expect.status(exchange, 200)


@rule(
    "logout-body",
    clause="L-07",
    severity=Severity.LOW,
    when=accepted,
    axis="logout.body",
    right=[line(logout(), OK)],
    wrong=[Differs(0, "body", body) for body in ("OK", "", '{"message": "OK!"}', "<html>OK!</html>")],
)
def logout_body(exchange: Exchange, api: Api) -> str:
    """The body of a successful logout is OK!, as a text or as a JSON string."""
    reply, documented = expect.answered(exchange), api.contract.operations["logout"].reply
    wanted = str(documented.schema.get("const", ""))
    text = reply.body.strip()
    if text.strip('"') != wanted:
        raise Violation(f"the body {wanted}", f"body {reply.body!r}")
    media = (reply.header("Content-Type") or "").partition(";")[0].strip().lower()
    if "json" in media:
        return "json" if text.startswith('"') else "mislabelled"
    return "text" if media == documented.media_type else "html" if "html" in media else "unlabelled"


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
    reading, settled = "accepted" if accepts(exchange) else "refused", api.profile.reading("logout.dead-token")
    if reading == "refused":
        expect.refused_with(exchange, api, "unknown-token")
    if reading == "accepted" and settled == "unknown":
        raise Violation("code 2, or a logout that refuses something", "status 200, as without any Authorization")
    if settled not in (reading, "unknown"):
        raise Violation(f"a token that was never issued to be {settled}, as before", f"status {expect.answered(exchange).status}")
    return reading


@rule(
    "logout-second-time",
    clause="L-16",
    severity=Severity.LOW,
    over="run",
    axis="logout.revoked-token",
    when=lambda exchange, api: exchange.request.operation in ("token", "logout"),
    right=[line(LOGIN, token()), line(logout(), OK), line(logout(), invalid_token()), line(logout(), invalid_token())],
    wrong=[Differs(2, "status", 500), Differs(2, "status", 200), Differs(3, "json:code", 6)],
)
def logout_second_time(exchanges: Sequence[Exchange], api: Api) -> str:
    """A second logout of a token is refused with code 2, or accepted, but always in the same way."""
    found = list(states(exchanges, api))
    again = [exchange for exchange, state in found if state == "revoked"]
    for exchange in [exchange for exchange, state in found if state == "racing" and not accepts(exchange)]:
        expect.not_refused_otherwise(exchange, api, "revoked-token")
    if not again:
        raise NotApplicable("a second logout of a token", "none was seen")
    kinds = {accepts(exchange) for exchange in again}
    if len(kinds) > 1:
        raise Violation("one way to answer a second logout", "status 200 for some, a refusal for others", again)
    if kinds == {True}:
        return "accepted"
    for exchange in again:
        expect.not_refused_otherwise(exchange, api, "revoked-token")
    return "refused"


@check(
    "logout-scheme-case",
    clause="N-6750-03",
    severity=Severity.MEDIUM,
    right=[token(), OK, token("token#2"), OK, token("token#3"), OK],
    wrong=[Differs(3, "status", 401), Differs(5, "status", 400)],
)
def logout_scheme_case(api: Api) -> Conversation[None]:
    """The scheme is accepted as `bearer`, and with two spaces behind it, like `Bearer`."""
    yield from requires_logout(api)
    for scheme in ("bearer", "Bearer "):
        living = yield from api.good_token()
        exchange = yield from api.send(api.logout(bearer(living, scheme=scheme)))
        if not accepts(exchange):
            raise Violation(f"the status of an accepted logout with {scheme!r}", describe(exchange))


@check(
    "logged-out-token-stays-dead",
    clause="L-02",
    severity=Severity.CRITICAL,
    right=[token(), ALIVE, OK, *([invalid_token()] * 4)],
    wrong=[Differs(3, "status", 200), Differs(5, "status", 200)],
)
def logged_out_token_stays_dead(api: Api) -> Conversation[None]:
    """A logged-out token is refused at once and from then on, on fresh connections."""
    token_ = yield from api.good_token()
    api.requires_liveness(last=True)
    if api.profile.liveness == "resource" and not (yield from api.is_alive(token_)):
        raise Inconclusive("a token that lives before logout", "the resource refuses it")
    yield from api.logged_out(token_)
    for wait in (0.0, 0.1, 0.3, 1.1):
        yield Sleep(wait)
        if (yield from api.is_alive(token_, fresh=True, last=True)):
            raise Violation("the token refused after logout", f"status 200 for it, {wait:g} s later")


@check(
    "logout-leaves-sibling",
    clause="L-03",
    severity=Severity.HIGH,
    right=[token(), token("token#2"), OK, ALIVE],
    wrong=[Differs(3, "status", 401)],
)
def logout_leaves_sibling(api: Api) -> Conversation[None]:
    """Logout ends the presented token and does to its sibling what it did before."""
    first = yield from api.good_token()
    second = yield from api.good_token()
    if api.profile.reading("issue.policy") != "independent" or api.profile.reading("logout.scope") == "unknown":
        raise NotApplicable("two living tokens of one user", f"the issue policy is {api.profile.reading('issue.policy')}")
    yield from api.logged_out(first)
    alive, wanted = (yield from api.is_alive(second, last=True)), api.profile.reading("logout.scope") == "token"
    if alive != wanted:
        raise Violation(
            f"the sibling {'alive' if wanted else 'dead'}, as before", f"status of a {'living' if alive else 'dead'} token for it"
        )


def _leaves(name: str, title: str, fixture: str, whose: dict[str, str]) -> None:
    @check(
        name,
        clause="F-26",
        severity=Severity.CRITICAL,
        title=title,
        right=[token(), token("token#2"), OK, ALIVE],
        wrong=[Differs(3, "status", 401)],
    )
    def logout_leaves_others(api: Api) -> Conversation[None]:
        api.requires(fixture)
        if "client" in whose and api.profile.reading("logout.scope") == "user":
            raise NotApplicable("a logout that ends the presented token only", "here it ends every token of the user")
        mine = yield from api.good_token()
        theirs = yield from api.good_token(**whose)
        yield from api.logged_out(mine)
        yield from still_alive(theirs, api, "the other token")


_leaves("logout-leaves-other-users", "A user's logout does not end another user's token.", "second_user", {"user": "second_user"})
_leaves("logout-leaves-other-clients", "A logout does not end the token of another client.", "second_client", {"client": "second_client"})


@check(
    "logout-of-second-user",
    clause="L-02",
    severity=Severity.CRITICAL,
    right=[token(), OK, invalid_token()],
    wrong=[Differs(2, "status", 200)],
)
def logout_of_second_user(api: Api) -> Conversation[None]:
    """Logout ends the token of another user just as well."""
    api.requires("second_user")
    token_ = yield from api.good_token("second_user")
    api.requires_liveness(last=True)
    yield from api.logged_out(token_)
    if (yield from api.is_alive(token_, fresh=True, last=True)):
        raise Violation("the token dead", "status 200 for it")


@check(
    "logout-token-of-the-reply",
    clause="L-06",
    severity=Severity.HIGH,
    right=[*(reply for number in range(5) for reply in (token(f"token#{number}"), OK))],
    wrong=[Differs(1, "status", 401), Differs(9, "status", 401)],
)
def logout_token_of_the_reply(api: Api) -> Conversation[None]:
    """Each of five tokens is taken by logout byte for byte as the reply wrote it."""
    statuses = []
    for _ in range(5):
        token_ = yield from api.good_token()
        exchange = yield from api.send(api.logout(bearer(token_)))
        statuses.append(200 if accepts(exchange) else expect.answered(exchange).status)
    if 200 not in statuses:
        raise Inconclusive("an accepted logout", f"status {statuses[0]} for all five")
    if len(set(statuses)) > 1:
        raise Violation("every token accepted", f"status {', '.join(map(str, statuses))}")

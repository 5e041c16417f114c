"""The Authorization header of logout: the header as documented, other schemes, no token, near misses of a token, what follows one."""

from collections.abc import Sequence

from conformance import expect
from conformance.api import UNKNOWN_TOKEN, Api, Conversation, basic, credentials, describe, edited
from conformance.challenge import parse
from conformance.checks.logout import requires_logout, still_alive
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.history import states
from conformance.model import Exchange, Severity, Slot, Text
from conformance.oracle import conditions
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, LOGIN, OK, bad_header, invalid_token, line, logout, token

SUBJECT = "logout"


def documented(exchange: Exchange, api: Api) -> bool:
    """A logout with nothing but an issued token in the Bearer header, as the page has it."""
    return exchange.request.operation == "logout" and conditions(exchange.request, api.contract) == frozenset()


@rule(
    "bearer-header-supported",
    clause="N-6750-02",
    severity=Severity.HIGH,
    over="run",
    when=documented,
    right=[line(logout(), OK)],
    wrong=[Differs(0, "status", 400), Differs(0, "status", 401)],
)
def bearer_header_supported(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A token in the Authorization header, behind the scheme Bearer, is accepted."""
    found = tuple(exchange for exchange in exchanges if accepts(exchange))
    if not found:
        raise Violation("a token in the header accepted", describe(exchanges[-1]), exchanges[-1:])
    return found


@rule(
    "logout-by-token-alone",
    clause="L-21",
    severity=Severity.MEDIUM,
    over="run",
    when=lambda exchange, api: exchange.request.operation in api.contract.operations,
    right=[line(LOGIN, token()), line(logout(), OK), line(LOGIN, token("token#2")), line(logout("token#2"), invalid_token())],
    wrong=[Differs(3, "header:WWW-Authenticate", 'Basic realm="api"')],
)
def logout_by_token_alone(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A logout with a living token is accepted without the client's credentials, and never answered with a demand for them."""
    wanted = api.contract.operations[api.contract.link.source].scheme
    living = [exchange for exchange, state in states(exchanges, api) if state == "living"]
    if not living:
        raise NotApplicable("a logout with a living token", "none was seen")
    for exchange in living:
        value = expect.answered(exchange).header("WWW-Authenticate") or ""
        schemes = {challenge.scheme for challenge in parse(value)}
        if expect.answered(exchange).status == 401 and schemes == {wanted}:
            raise Violation("no demand for the client's credentials", f"header WWW-Authenticate is {value!r}", [exchange])
    found = tuple(exchange for exchange in living if accepts(exchange))
    if not found:
        raise Inconclusive("an accepted logout", describe(living[-1]), living[-1:])
    return found


def _bad_header(name: str, clause: str, title: str, authorization: Text, condition: str = "wrong-scheme") -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        title=title,
        right=[token(), OK, bad_header()],
        wrong=[Differs(2, "json:code", 20), Differs(2, "status", 200), Differs(2, "status", 500)],
    )
    def bad_header_is_refused(api: Api) -> Conversation[None]:
        yield from requires_logout(api)
        exchange = yield from api.send(api.logout(authorization))
        expect.refused_with(exchange, api, condition)


_bad_header(
    "logout-wrong-scheme",
    "L-13",
    "A logout with a Basic header is refused with code 6 or 2.",
    basic((UNKNOWN_TOKEN,), ("harness-nothing",)),
)
_bad_header("logout-other-scheme", "L-13", "A logout with the scheme Token is refused with code 6.", ("Token ", UNKNOWN_TOKEN))
_bad_header("logout-empty-token", "L-13", "`Bearer` alone is refused with code 6.", ("Bearer",), "empty-token")
_bad_header("logout-no-token", "L-13", "`Bearer` and white space is refused with code 6.", ("Bearer   ",), "empty-token")


@check(
    "logout-client-credentials",
    clause="S-42",
    severity=Severity.CRITICAL,
    right=[token(), bad_header(), ALIVE],
    wrong=[Differs(1, "status", 200), Differs(2, "status", 401)],
)
def logout_client_credentials(api: Api) -> Conversation[None]:
    """The client's own credentials at logout end no token."""
    token_ = yield from api.good_token()
    exchange = yield from api.send(api.logout(credentials()))
    yield from _refused_and_alive(exchange, token_, api)


def _refused_and_alive(exchange: Exchange, token_: Slot, api: Api) -> Conversation[None]:
    """The logout was refused, and the token that it was not to end lives."""
    expect.refused(exchange)
    yield from still_alive(token_, api, "the token")


@check(
    "logout-raw-token",
    clause="L-13",
    severity=Severity.MEDIUM,
    right=[token(), bad_header(), ALIVE],
    wrong=[Differs(1, "status", 200), Differs(2, "status", 401)],
)
def logout_raw_token(api: Api) -> Conversation[None]:
    """A living token without a scheme is refused, and lives on."""
    token_ = yield from api.good_token()
    yield from _refused_and_alive((yield from api.send(api.logout((token_,)))), token_, api)


@check(
    "logout-doubled-prefix",
    clause="L-13",
    severity=Severity.LOW,
    axis="logout.doubled-prefix",
    right=[bad_header()],
    wrong=[Differs(0, "status", 500), Differs(0, "json:code", 20)],
)
def logout_doubled_prefix(api: Api) -> Conversation[str]:
    """A value that repeats the header's name, as line 52 writes it, is refused with code 6, or understood."""
    exchange = yield from api.send(api.logout(("Authorization: Bearer ", UNKNOWN_TOKEN)))
    if accepts(exchange):
        return "tolerated"
    if api.profile.reading("logout.dead-token") == "refused":
        try:
            expect.refused_with(exchange, api, "unknown-token")
        except Violation:
            expect.refused_with(exchange, api, "wrong-scheme")
            return "refused"
        return "tolerated"
    expect.refused_with(exchange, api, "wrong-scheme")
    return "refused"


def _near_miss(name: str, op: str, *args: int | str) -> None:
    @check(
        f"logout-near-miss[{name}]",
        clause="S-39",
        severity=Severity.CRITICAL,
        title=f"Logout with a token that differs in one thing ({name.replace('-', ' ')}) does not end the token.",
        right=[token(), invalid_token(), ALIVE],
        wrong=[Differs(2, "status", 401)],
    )
    def near_miss_ends_nothing(api: Api) -> Conversation[None]:
        token_ = yield from api.good_token()
        api.requires_liveness(last=True)
        yield from api.send(api.logout(("Bearer ", *edited(token_.name, op, *args))))
        yield from still_alive(token_, api, "the token that was not presented")


_near_miss("cut", "drop_last")
_near_miss("last-character", "replace_last")
_near_miss("extended", "append", "x")
_near_miss("case", "swap_case", 0)
_near_miss("doubled", "double")
_near_miss("quoted", "quoted")


@check(
    "logout-word-behind-token",
    clause="L-13",
    severity=Severity.HIGH,
    right=[token(), bad_header(), ALIVE],
    wrong=[Differs(1, "status", 200), Differs(2, "status", 401)],
)
def logout_word_behind_token(api: Api) -> Conversation[None]:
    """A token with a word behind it is refused, and ends nothing."""
    token_ = yield from api.good_token()
    yield from _refused_and_alive((yield from api.send(api.logout(("Bearer ", token_, " harness")))), token_, api)

"""`expires_in`: its JSON type, its value as a life in seconds, and whether a token lives as long as it says and no longer."""

from collections.abc import Iterator, Sequence

from conformance import expect
from conformance.api import Api, Conversation, Sleep, bearer, describe
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.history import AFTER_S, BEFORE_S, ROUND_TRIPS, lifetime_of, owner_of
from conformance.model import Exchange, Severity, Slot
from conformance.oracle import conditions, grant_of
from conformance.profile import accepts, told
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, DEAD, LOGIN, invalid_token, line, token

HOUR_S, DAY_S = 3_600, 86_400
LATE = 0.85
"""When in its life a token is used once more: a server that counts from there would keep it beyond the margin."""

LONGEST_WAIT_S = 10
"""The longest life of a token that a run waits for."""


def has_expires_in(exchange: Exchange, api: Api) -> bool:
    """A token reply with an expires_in."""
    return exchange.request.operation == "token" and accepts(exchange) and told(exchange, api.contract, "lifetime") is not None


def json_type(value: object) -> str:
    """The JSON type of a value, as JSON Schema names it."""
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, float):
        return "integer" if value.is_integer() else "number"
    names = {int: "integer", str: "string", list: "array", dict: "object"}
    return names.get(type(value), "null")


@rule(
    "expires-in-type",
    clause="T-27",
    severity=Severity.HIGH,
    over="run",
    axis="expires_in.type",
    when=has_expires_in,
    right=[line(LOGIN, token()), line(LOGIN, token("token#2"))],
    wrong=[Differs(1, "json:expires_in", "3600"), Differs(0, "json:expires_in", True)],
)
def expires_in_type(exchanges: Sequence[Exchange], api: Api) -> str:
    """`expires_in` has one JSON type for the whole run: number (line 75) or string (line 114)."""
    kinds = [json_type(told(exchange, api.contract, "lifetime")).replace("number", "integer") for exchange in exchanges]
    allowed = api.contract.axes["expires_in.type"].readings
    for kind, exchange in zip(kinds, exchanges, strict=True):
        if kind not in allowed:
            value = told(exchange, api.contract, "lifetime")
            raise Violation(f"expires_in as {' or '.join(allowed)}", f"expires_in is {value!r} ({kind})")
    if len(set(kinds)) > 1:
        shares = ", ".join(f"{kind} {kinds.count(kind)} times" for kind in sorted(set(kinds)))
        raise Violation("one JSON type of expires_in for the whole run", f"expires_in is {shares}")
    return kinds[0]


@rule(
    "expires-in-digits",
    clause="T-27",
    severity=Severity.HIGH,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", value) for value in (0, -1, "0", "-1", -0.5)],
)
def expires_indigits(exchange: Exchange, api: Api) -> None:
    """`expires_in` is more than nothing, as a number or as a string."""
    life = lifetime_of(exchange, api.contract)
    if life is not None and life <= 0:
        raise Violation("expires_in above 0", f"expires_in is {told(exchange, api.contract, 'lifetime')!r}")


@rule(
    "expires-in-as-line-75",
    clause="T-08",
    severity=Severity.HIGH,
    when=lambda exchange, api: (
        has_expires_in(exchange, api) and json_type(told(exchange, api.contract, "lifetime")) in ("integer", "number")
    ),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", value) for value in (3599.5, 3600.0)],
)
def expires_in_as_line_75(exchange: Exchange, api: Api) -> None:
    """Where `expires_in` is a JSON number, it is a whole one, written as in line 75."""
    value = told(exchange, api.contract, "lifetime")
    if not isinstance(value, int):
        raise Violation("expires_in as a whole number", f"expires_in is {value!r}")


@rule(
    "expires-in-as-line-114",
    clause="T-32",
    severity=Severity.HIGH,
    when=lambda exchange, api: has_expires_in(exchange, api) and isinstance(told(exchange, api.contract, "lifetime"), str),
    right=[line(LOGIN, token(expires_in="3600"))],
    wrong=[Differs(0, "json:expires_in", value) for value in ("1 hour", "3600s", "", "+3600", "3600.5", "١٢")],
)
def expires_in_as_line_114(exchange: Exchange, api: Api) -> None:
    """Where `expires_in` is a JSON string, it holds digits only, as in line 114."""
    value = told(exchange, api.contract, "lifetime")
    if not digits(value):
        raise Violation("expires_in as a string of digits", f"expires_in is {value!r}")


NUMBERS = ("integer", "number")


def digits(value: object) -> bool:
    """Whether the value is 1*DIGIT, as a number or as a string (RFC 6749 appendix A.14)."""
    return not isinstance(value, bool) and isinstance(value, int | str) and str(value).isascii() and str(value).isdigit()


@rule(
    "expires-in-grammar",
    clause="N-6749-24",
    severity=Severity.MEDIUM,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", value) for value in (-1, 3599.5, 3600.0, "+3600", "3600 ", True)],
)
def expires_in_grammar(exchange: Exchange, api: Api) -> None:
    """`expires_in` meets the grammar of RFC 6749: digits, without sign, fraction or exponent."""
    value = told(exchange, api.contract, "lifetime")
    if not digits(value):
        raise Violation("expires_in as 1*DIGIT", f"expires_in is {value!r}")


@rule(
    "expires-in-seconds",
    clause="T-09",
    severity=Severity.HIGH,
    when=has_expires_in,
    right=[line(LOGIN, token()), line(LOGIN, token("token#2", expires_in=864_000))],
    wrong=[Differs(0, "json:expires_in", 3_600_000), Differs(0, "json:expires_in", 1_790_000_000), Differs(0, "json:expires_in", 90_000)],
)
def expires_in_seconds(exchange: Exchange, api: Api) -> None:
    """`expires_in` is a plausible life in seconds: at most a day or some whole days, neither milliseconds nor a date."""
    life = lifetime_of(exchange, api.contract)
    if life is not None and life > DAY_S and (life % DAY_S or life > 366 * DAY_S):
        guess = "a Unix time" if 1e9 < life < 1e10 else "milliseconds" if life % 1000 == 0 else "no number of seconds"
        raise Violation("expires_in of at most a day, or of whole days", f"expires_in is {life:.0f}, which looks like {guess}")


@rule(
    "expires-in-at-most-a-day",
    clause="F-07",
    severity=Severity.LOW,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", 864_000)],
)
def expires_in_at_most_a_day(exchange: Exchange, api: Api) -> None:
    """A token that "is valid for a period of time" is not valid for longer than a day."""
    life = lifetime_of(exchange, api.contract)
    if life is not None and life > DAY_S:
        raise Violation(f"expires_in of at most {DAY_S}", f"expires_in is {life:.0f}")


@rule(
    "expires-in-plausible",
    clause="F-07",
    severity=Severity.MEDIUM,
    over="run",
    axis="expires_in.value",
    when=lambda exchange, api: has_expires_in(exchange, api) and conditions(exchange.request, api.contract) == frozenset(),
    right=[line(LOGIN, token()), line(LOGIN, token("token#2"))],
    wrong=[Differs(1, "json:expires_in", 5), Differs(0, "json:expires_in", 86_000)],
)
def expires_in_plausible(exchanges: Sequence[Exchange], api: Api) -> str:
    """The lives of a client's tokens may differ, but not beyond all measure: none is ten times another's."""
    lives: dict[str, list[float]] = {}
    for client, life in _new_tokens(exchanges, api):
        lives.setdefault(client, []).append(life)
    for values in lives.values():
        if min(values) * 10 < max(values) and min(values) > 0:
            raise Violation("lives of one order of magnitude", f"expires_in is {min(values):g} and {max(values):g} for one client")
    return "varies" if any(len(set(values)) > 1 for values in lives.values()) else "constant"


def _new_tokens(exchanges: Sequence[Exchange], api: Api) -> Iterator[tuple[str, float]]:
    """For each token that is handed out for the first time: who asked for it, by which grant, and its life."""
    seen: set[str] = set()
    for exchange in exchanges:
        slot, life = exchange.reply.token(api.contract.presented) if exchange.reply else None, lifetime_of(exchange, api.contract)
        if slot is not None and life is not None and slot not in seen:
            seen.add(slot)
            yield f"{owner_of(exchange.request, api.contract)[0]} {grant_of(exchange.request, api.contract)}", life


@rule(
    "expires-in-shrinks",
    clause="N-6749-22",
    severity=Severity.MEDIUM,
    over="run",
    when=has_expires_in,
    right=[line(LOGIN, token()), line(LOGIN, token(expires_in=3591))],
    wrong=[Differs(1, "json:expires_in", 3600)],
)
def expires_in_shrinks(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A token that is handed out again says how much of its life is left: expires_in shrinks as time passes."""
    first: dict[str, tuple[Exchange, float]] = {}
    again: list[Exchange] = []
    for exchange in exchanges:
        slot, life = exchange.reply.token(api.contract.presented) if exchange.reply else None, lifetime_of(exchange, api.contract)
        if slot is None or life is None:
            continue
        before, said = first.setdefault(slot, (exchange, life))
        passed = exchange.sent - before.received
        if before is exchange or passed < 2:
            continue
        again.append(exchange)
        if life > said - passed + 2:
            expected = f"expires_in of about {said - passed:.0f}, {passed:.0f} s after it was {said:g}"
            raise Violation(expected, f"expires_in is {life:g} for the same token")
    if not again:
        raise NotApplicable("a token that is handed out a second time after some seconds", "none was")
    return tuple(again)


@rule(
    "expires-in-number",
    clause="N-6749-23",
    severity=Severity.LOW,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", "3600")],
)
def expires_in_number(exchange: Exchange, api: Api) -> None:
    """`expires_in` is a JSON number, as RFC 6749 demands of numerical values."""
    value = told(exchange, api.contract, "lifetime")
    if isinstance(value, str) and digits(value):
        raise Violation("expires_in as a JSON number", f"expires_in is {value!r} (string)")


@rule(
    "expires-in-at-most-an-hour",
    clause="N-6750-12",
    severity=Severity.LOW,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", 7200)],
)
def expires_in_at_most_an_hour(exchange: Exchange, api: Api) -> None:
    """A bearer token lives for an hour at most."""
    life = lifetime_of(exchange, api.contract)
    if life is not None and HOUR_S < life <= DAY_S:
        raise Violation(f"expires_in of at most {HOUR_S}", f"expires_in is {life:g}")


def short_token(api: Api) -> Conversation[tuple[Exchange, Slot, float]]:
    """A token of the short-lived client, with the exchange that brought it and its life in seconds."""
    api.requires("short_lived_client")
    issued = yield from api.granted(api.login(client="short_lived_client"))
    slot, life = api.token_of(issued), lifetime_of(issued, api.contract)
    if life is None or not 0 < life <= LONGEST_WAIT_S:
        raise Inconclusive(f"a token of the short-lived client that lives at most {LONGEST_WAIT_S} s", describe(issued))
    return issued, slot, life


@check(
    "token-lives-until-expiry",
    clause="T-28",
    severity=Severity.CRITICAL,
    right=[token(expires_in=9), ALIVE, ALIVE],
    wrong=[Differs(2, "status", 401)],
)
def token_lives_until_expiry(api: Api) -> Conversation[None]:
    """A token is accepted shortly before its expires_in has passed since it was issued."""
    issued, slot, life = yield from short_token(api)
    early = yield from api.send(api.use(slot))
    api.requires_liveness()
    if not api.tells_alive(early):
        raise Inconclusive("the token alive when it is new", "the resource refuses it")
    margin = BEFORE_S + (ROUND_TRIPS + 1) * max(issued.received - issued.sent, early.received - early.sent)
    wait = life - (early.received - issued.sent) - margin
    if wait <= 0:
        raise Inconclusive(f"round trips short against a life of {life:g} s", "the token cannot be used in time")
    yield Sleep(wait, punctual=True)
    if not (yield from api.is_alive(slot, fresh=True)):
        raise Violation(f"the token accepted {margin:.2f} s before its end", "a refusal with status 401 or 403 by the resource")


@check(
    "token-dead-after-expiry",
    clause="F-06",
    severity=Severity.CRITICAL,
    right=[token(expires_in=2), ALIVE, ALIVE, DEAD],
    wrong=[Differs(3, "status", 200)],
)
def token_dead_after_expiry(api: Api) -> Conversation[None]:
    """A token is refused once its expires_in has passed, however often it was used before."""
    issued, slot, life = yield from short_token(api)
    if not (yield from api.is_alive(slot)):
        raise Inconclusive("the token alive when it is new", "the resource refuses it")
    yield Sleep(life * LATE, punctual=True)
    late = yield from api.send(api.use(slot))
    if late.sent - issued.sent >= life:
        raise Inconclusive("the token used again shortly before its end", f"the use came {late.sent - issued.sent:.1f} s after the issue")
    yield Sleep(life * (1 - LATE) + AFTER_S + ROUND_TRIPS * (issued.received - issued.sent))
    if (yield from api.is_alive(slot, fresh=True)):
        raise Violation(f"the token refused {life:g} s after its issue", "status 200 from the resource")


@check(
    "token-expired-at-logout",
    clause="L-18",
    severity=Severity.MEDIUM,
    axis="logout.expired-token",
    right=[token(expires_in=2), invalid_token(), DEAD],
    wrong=[Differs(1, "status", 500), Differs(1, "json:code", 6), Differs(2, "status", 200)],
)
def token_expired_at_logout(api: Api) -> Conversation[str]:
    """Logout with an expired token is refused with code 2, or accepted as RFC 7009 says, and brings it not back to life."""
    issued, slot, life = yield from short_token(api)
    yield Sleep(life + AFTER_S + ROUND_TRIPS * (issued.received - issued.sent))
    exchange = yield from api.send(api.logout(bearer(slot)))
    if api.profile.liveness == "resource" and (yield from api.is_alive(slot)):
        raise Violation("the token dead all the same", "status 200 from the resource after the logout")
    if accepts(exchange):
        return "accepted"
    expect.not_refused_otherwise(exchange, api, "expired-token")
    return "refused"


@check(
    "token-reused-until-expiry",
    clause="F-05",
    severity=Severity.HIGH,
    right=[token(expires_in=9), *([ALIVE] * 10)],
    wrong=[Differs(1, "status", 401), Differs(10, "status", 401)],
)
def token_reused_until_expiry(api: Api) -> Conversation[None]:
    """A token serves ten requests, on one connection and on fresh ones."""
    token_ = yield from api.good_token()
    for number in range(10):
        if not (yield from api.is_alive(token_, fresh=number % 2 == 1)):
            raise Violation("the token accepted each time", f"status 401 or 403 at use {number + 1}")

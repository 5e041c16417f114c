"""`expires_in`: one JSON type for the whole run, and a life in seconds."""

from collections.abc import Sequence

from conformance import expect, strictjson
from conformance.api import Api, Conversation, Sleep, basic, describe
from conformance.errors import Inconclusive, Violation
from conformance.model import Exchange, Severity, Slot
from conformance.oracle import lifetime_of
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, DEAD, LOGIN, line, token

DAY_S = 86_400
LONGEST_WAIT_S = 10


def has_expires_in(exchange: Exchange, api: Api) -> bool:
    """A token reply with an expires_in."""
    return (
        exchange.request.operation == "token"
        and exchange.reply is not None
        and exchange.reply.token() is not None
        and strictjson.members(exchange.reply).get("expires_in") is not None
    )


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
    clause="T-32",
    severity=Severity.HIGH,
    over="run",
    axis="expires_in.type",
    when=has_expires_in,
    right=[line(LOGIN, token()), line(LOGIN, token("token#2"))],
    wrong=[Differs(1, "json:expires_in", "3600"), Differs(0, "json:expires_in", True)],
)
def expires_in_type(exchanges: Sequence[Exchange], api: Api) -> str:
    """`expires_in` has one JSON type for the whole run: number (line 75) or string (line 114)."""
    kinds = [json_type(strictjson.members(exchange.reply)["expires_in"]) for exchange in exchanges]
    allowed = api.contract.axes["expires_in.type"].readings
    for kind, exchange in zip(kinds, exchanges, strict=True):
        if kind not in allowed:
            value = strictjson.members(exchange.reply)["expires_in"]
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
    wrong=[Differs(0, "json:expires_in", value) for value in (0, -1, 3599.5, "1 hour", "3600s", "", "١٢")],
)
def expires_in_digits(exchange: Exchange, api: Api) -> None:
    """`expires_in` is a positive whole number, written in digits only."""
    value = strictjson.members(exchange.reply)["expires_in"]
    text = str(value)
    if isinstance(value, bool | list | dict) or not (text.isascii() and text.isdigit()) or int(text[:18]) < 1:
        raise Violation("expires_in as a positive whole number", f"expires_in is {value!r}")


@rule(
    "expires-in-seconds",
    clause="T-09",
    severity=Severity.HIGH,
    when=has_expires_in,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:expires_in", 3_600_000), Differs(0, "json:expires_in", 1_790_000_000)],
)
def expires_in_seconds(exchange: Exchange, api: Api) -> None:
    """`expires_in` is a plausible life in seconds: at most a day, neither milliseconds nor a date."""
    life = lifetime_of(exchange)
    if life is not None and life > DAY_S:
        guess = "a Unix time" if life > 1e9 and life < 1e10 else "milliseconds"
        raise Violation(f"expires_in of at most {DAY_S} seconds", f"expires_in is {life:.0f}, which looks like {guess}")


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
    value = strictjson.members(exchange.reply)["expires_in"]
    if isinstance(value, str):
        raise Violation("expires_in as a JSON number", f"expires_in is {value!r} (string)")


@check(
    "token-dead-after-expiry",
    clause="F-06",
    severity=Severity.CRITICAL,
    right=[token(expires_in=2), ALIVE, DEAD],
    wrong=[Differs(2, "status", 200)],
)
def token_dead_after_expiry(api: Api) -> Conversation[None]:
    """A token is refused once its expires_in has passed."""
    api.requires("short_lived_client")
    client = (Slot("short_lived_client.id"),), (Slot("short_lived_client.secret"),)
    issued = yield from api.send(api.login(authorization=basic(*client)))
    slot, life = expect.answered(issued).token(), lifetime_of(issued)
    if slot is None or life is None or not 0 < life <= LONGEST_WAIT_S:
        raise Inconclusive(f"a token of the short-lived client that lives at most {LONGEST_WAIT_S} s", describe(issued))
    if not (yield from api.is_alive(Slot(slot))):
        raise Inconclusive("the token alive when it is new", "the resource refuses it")
    yield Sleep(life + 1 + 3 * (issued.received - issued.sent))
    if (yield from api.is_alive(Slot(slot), fresh=True)):
        raise Violation(f"the token refused {life:g} s after its issue", "status 200 from the resource")

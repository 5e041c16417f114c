"""Credentials with characters that encodings treat differently: colon, percent, plus, space, ampersand, beyond ASCII."""

from collections.abc import Sequence

from conformance import expect
from conformance.api import Api, Conversation, basic, credentials
from conformance.challenge import parse
from conformance.errors import NotApplicable, Violation
from conformance.model import Edit, Exchange, Request, Severity, Slot, Text
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import API, REFUSED_IN_200, error, line, token, unauthorized, unknown_client

SUBJECT = "basic"
TOLD_APART = ("client:percent", "client:plus")
"""Secrets that mean something else once they are form-decoded: they tell the readings of `basic.encoding` apart."""


def form_encoded(client: str) -> Text:
    """The header with id and secret form-encoded before Base64 (RFC 6749 section 2.3.1)."""
    return basic((Edit("form", (Slot(f"{client}.id"),)),), (Edit("form", (Slot(f"{client}.secret"),)),))


def latin1(client: str) -> Text:
    """The header with the pair encoded as Latin-1 instead of UTF-8, as some clients do (table 3.5)."""
    return basic((Slot(f"{client}.id"),), (Slot(f"{client}.secret"),), encoding="base64_latin1")


def _special_secret(kind: str, clause: str, *encodings: str) -> None:
    ways = {"raw": credentials, "form": form_encoded, "latin-1": latin1}

    @check(
        f"special-secret[{kind}]",
        clause=clause,
        severity=Severity.HIGH,
        title=f"A secret with {kind.replace('-', ' ')} authenticates its client, {' or '.join(encodings)}.",
        right=[*(REFUSED_IN_200 for _ in encodings[1:]), token()],
        wrong=[Differs(len(encodings) - 1, "status", 401)],
    )
    def special_secret(api: Api) -> Conversation[None]:
        slots = api.special_slots(f"client:{kind}")
        seen = []
        for encoding in encodings:
            exchange = yield from api.send(api.login(authorization=ways[encoding](slots)))
            if accepts(exchange):
                return
            seen.append(f"{encoding}: status {expect.answered(exchange).status}")
        raise Violation("a token for the client's credentials in one encoding", ", ".join(seen))


_special_secret("colon", "T-12", "raw", "form")
_special_secret("percent", "T-10", "raw", "form")
_special_secret("plus", "T-10", "raw", "form")
_special_secret("space", "T-10", "raw", "form")
_special_secret("non-ascii", "N-7617-05", "raw", "form", "latin-1")


@check(
    "special-secret-colon-split",
    clause="N-7617-04",
    severity=Severity.CRITICAL,
    right=[REFUSED_IN_200],
    wrong=[Differs(0, "json:access_token", "{token#1}")],
)
def special_secret_colon_split(api: Api) -> Conversation[None]:
    """What follows the second colon of a Basic value is part of the secret: without it nobody is authenticated."""
    slots = api.special_slots("client:colon")
    secret = (Edit("before_last_colon", (Slot(f"{slots}.secret"),)),)
    expect.refused((yield from api.send(api.login(authorization=basic((Slot(f"{slots}.id"),), secret)))))


def of_special_client(exchange: Exchange, api: Api) -> bool:
    """A login with a secret that means something else once it is form-decoded, in one of the two encodings."""
    return exchange.request.operation == "token" and _encoding(exchange.request, api) is not None


def _encoding(request: Request, api: Api) -> str | None:
    for kind in TOLD_APART:
        slots = api.special.get(kind, "")
        for word, header in (("raw", credentials(slots)), ("form", form_encoded(slots))):
            if slots and ("Authorization", header) in request.headers:
                return word
    return None


@check(
    "both-encodings-tried",
    clause="T-10",
    severity=Severity.LOW,
    right=[token(), REFUSED_IN_200],
    wrong=[Differs(1, "status", 500)],
)
def both_encodings_tried(api: Api) -> Conversation[None]:
    """A secret with a percent sign, once as it is and once form-encoded, is accepted or refused without a server error."""
    slots = api.special_slots(TOLD_APART[0])
    for header in (credentials(slots), form_encoded(slots)):
        exchange = yield from api.send(api.login(authorization=header))
        expect.below_500(exchange)


_RAW = API.login(authorization=credentials(API.special[TOLD_APART[0]]))
_FORM = API.login(authorization=form_encoded(API.special[TOLD_APART[0]]))


@rule(
    "basic-encoding",
    clause="T-10",
    severity=Severity.MEDIUM,
    over="run",
    axis="basic.encoding",
    when=of_special_client,
    right=[line(_RAW, token()), line(_FORM, unauthorized(22)), line(_RAW, token("token#2"))],
    wrong=[Differs(2, "status", 401)],
)
def basic_encoding(exchanges: Sequence[Exchange], api: Api) -> str:
    """Id and secret are always taken in the same encoding: as they are, form-encoded, or either way."""
    seen: dict[str, set[bool]] = {"raw": set(), "form": set()}
    for exchange in exchanges:
        seen[_encoding(exchange.request, api) or "raw"].add(accepts(exchange))
    for word, outcomes in seen.items():
        if len(outcomes) > 1:
            statuses = sorted({e.reply.status for e in exchanges if e.reply and _encoding(e.request, api) == word})
            raise Violation(f"{word} credentials always accepted or always refused", f"status {' and '.join(map(str, statuses))}")
    if not seen["raw"] or not seen["form"]:
        raise NotApplicable("both encodings tried with a secret that tells them apart", "one of them was not")
    if not (True in seen["raw"] or True in seen["form"]):
        raise Violation("one of the two encodings accepted", "status of a refusal for both")
    return "both" if True in seen["raw"] and True in seen["form"] else "raw" if True in seen["raw"] else "form"


OCTETS = basic((Slot("client.id"),), (Edit("octets", (Slot("client.secret"),)),))
"""The client's header with every octet of the secret percent-encoded: the same secret to a server that form-decodes it."""


@check(
    "ordinary-secret-encoded",
    clause="T-15",
    severity=Severity.LOW,
    right=[unauthorized(22)],
    wrong=[Differs(0, "status", 500)],
)
def ordinary_secret_encoded(api: Api) -> Conversation[None]:
    """An ordinary secret that comes percent-encoded is refused as another one, or understood; it breaks nothing."""
    expect.below_500((yield from api.send(api.login(authorization=OCTETS))))


_OCTETS = API.login(authorization=OCTETS)


@rule(
    "secret-read-alike",
    clause="T-15",
    severity=Severity.LOW,
    over="run",
    when=lambda exchange, api: of_special_client(exchange, api) or ("Authorization", OCTETS) in exchange.request.headers,
    right=[line(_OCTETS, REFUSED_IN_200), line(_FORM, REFUSED_IN_200)],
    wrong=[Differs(0, "json:access_token", "{token#1}"), Differs(1, "json:access_token", "{token#1}")],
)
def secret_read_alike(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A secret is read as it stands, or form-decoded, whatever characters it has: ordinary and special ones alike."""
    ordinary = [accepts(e) for e in exchanges if ("Authorization", OCTETS) in e.request.headers]
    special = [accepts(e) for e in exchanges if _encoding(e.request, api) == "form"]
    if not ordinary:
        raise NotApplicable("an ordinary secret that was percent-encoded", "none was sent")
    if special and any(ordinary) != any(special):
        decoded, other = ("an ordinary", "a special") if any(ordinary) else ("a special", "an ordinary")
        seen = f"an access_token for {decoded} secret that was form-encoded, and none for {other} one"
        raise Violation("every secret form-decoded, or none", seen)
    if any(ordinary):
        raise NotApplicable("a server that reads secrets as they stand", "this one form-decodes them")
    return tuple(exchanges)


def _of_non_ascii(exchange: Exchange, api: Api) -> bool:
    """A login with a secret beyond ASCII as raw UTF-8, or a challenge that announces UTF-8."""
    return exchange.request.operation == "token" and (is_raw_beyond_ascii(exchange, api) or _announces(exchange))


def is_raw_beyond_ascii(exchange: Exchange, api: Api) -> bool:
    """A login with a secret beyond ASCII, as raw UTF-8."""
    return ("Authorization", credentials(api.special.get("client:non-ascii", ""))) in exchange.request.headers


def _announces(exchange: Exchange) -> bool:
    value = exchange.reply.header("WWW-Authenticate") if exchange.reply else None
    return any("utf-8" in (text.lower() for text in challenge.all("charset")) for challenge in parse(value or ""))


_NON_ASCII = API.login(authorization=credentials(API.special["client:non-ascii"]))


@rule(
    "announced-charset-holds",
    clause="N-7617-07",
    severity=Severity.MEDIUM,
    over="run",
    when=_of_non_ascii,
    right=[
        line(unknown_client(), error(1, status=401, WWW_Authenticate='Basic realm="api", charset="UTF-8"')),
        line(_NON_ASCII, token()),
    ],
    wrong=[Differs(1, "status", 401)],
)
def announced_charset_holds(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A server whose challenge announces UTF-8 takes a secret beyond ASCII as UTF-8."""
    logins = [exchange for exchange in exchanges if is_raw_beyond_ascii(exchange, api)]
    if not logins or not any(_announces(exchange) for exchange in exchanges):
        raise NotApplicable("a challenge that announces UTF-8, and a secret beyond ASCII", "not both were seen")
    for exchange in logins:
        if not accepts(exchange):
            raise Violation("a token for the client's credentials", f"status {expect.answered(exchange).status}", [exchange])
    return tuple(logins)


def _special_password(kind: str, clause: str) -> None:
    @check(
        f"special-password[{kind}]",
        clause=clause,
        severity=Severity.HIGH,
        title=f"A password with {kind.replace('-', ' ')}, form-encoded as UTF-8, logs its user in.",
        right=[token()],
        wrong=[Differs(0, "status", 400)],
    )
    def special_password(api: Api) -> Conversation[None]:
        exchange = yield from api.send(api.login(user=api.special_slots(f"user:{kind}")))
        expect.granted(exchange)


for _kind in ("percent", "plus", "space", "ampersand"):
    _special_password(_kind, "T-07")
_special_password("non-ascii", "N-6749-17")

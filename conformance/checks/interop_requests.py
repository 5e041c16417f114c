"""What real client libraries send in their own ways (tables 3.5 and 3.6 of the ground truth): encodings, spellings, redirects."""

from conformance import expect
from conformance.api import Api, Conversation, bearer, credentials, describe
from conformance.checks.special import is_raw_beyond_ascii, latin1
from conformance.errors import Violation
from conformance.model import Edit, Exchange, Request, Severity, Slot
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import API, LOGIN, OK, line, token

SUBJECT = "basic"


@rule(
    "clients-secret-utf-8",
    clause="I-24",
    severity=Severity.HIGH,
    when=is_raw_beyond_ascii,
    right=[line(API.login(authorization=credentials(API.special["client:non-ascii"])), token())],
    wrong=[Differs(0, "status", 401)],
)
def clients_secret_utf_8(exchange: Exchange, api: Api) -> None:
    """A secret beyond ASCII is accepted as raw UTF-8, as four clients send it."""
    expect.granted(exchange)


@check("clients-secret-latin-1", clause="I-23", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 401)])
def clients_secret_latin_1(api: Api) -> Conversation[None]:
    """A secret beyond ASCII is accepted as raw Latin-1, as three clients send it, among them the commonest of Python."""
    expect.granted((yield from api.send(api.login(authorization=latin1(api.special_slots("client:latin-1"))))))


@check(
    "clients-space-in-password",
    clause="I-26",
    severity=Severity.MEDIUM,
    right=[token(), token("token#2")],
    wrong=[Differs(0, "status", 400), Differs(1, "status", 400)],
)
def clients_space_in_password(api: Api) -> Conversation[None]:
    """A space in the password is understood as %20, as one client writes it, and as +, as all others do."""
    login = api.login(user=api.special_slots("user:space"))
    for encoding in ("percent", "form"):
        exchange = yield from api.send(_written(login, encoding))
        if not accepts(exchange):
            raise Violation("a token for the user's credentials", f"{describe(exchange)}, for a body that is {encoding}-encoded")


def _written(login: Request, encoding: str) -> Request:
    """The same request with its parameters written in one encoding."""
    body: list[str | Slot | Edit] = []
    for name, value in login.form or ():
        body += ["&"] * bool(body) + [*name, "=", Edit(encoding, value)]
    return Request(login.operation, login.method, headers=login.headers, body=tuple(body))


@rule(
    "clients-basic-lower-case",
    clause="I-29",
    severity=Severity.LOW,
    when=lambda exchange, api: ("Authorization", credentials(scheme="basic")) in exchange.request.headers,
    right=[line(API.login(authorization=credentials(scheme="basic")), token())],
    wrong=[Differs(0, "status", 401)],
)
def clients_basic_lower_case(exchange: Exchange, api: Api) -> None:
    """The scheme basic is accepted in lower case; no client that was measured sends it so."""
    expect.granted(exchange)


def logs_out_in_lower_case(exchange: Exchange, api: Api) -> bool:
    """A logout whose header copies the scheme from a token_type in lower case, and is right otherwise."""
    request = exchange.request
    if request.operation != "logout" or len(request.headers) != 1 or request.method != api.contract.operations["logout"].method:
        return False
    value = request.headers[0][1]
    return isinstance(value[-1], Slot) and value == bearer(value[-1], scheme="bearer")


@rule(
    "clients-bearer-lower-case",
    clause="I-30",
    severity=Severity.HIGH,
    subject="logout",
    when=logs_out_in_lower_case,
    right=[line(API.logout(bearer(Slot("token#1"), scheme="bearer")), OK)],
    wrong=[Differs(0, "status", 401)],
)
def clients_bearer_lower_case(exchange: Exchange, api: Api) -> None:
    """The scheme bearer is accepted in lower case, as three clients copy it from token_type."""
    expect.granted(exchange)


@rule(
    "clients-redirected",
    clause="I-33",
    severity=Severity.HIGH,
    subject="token",
    when=lambda exchange, api: (
        exchange.request.operation == "token"
        and not exchange.request.path
        and exchange.request.method == api.contract.operations["token"].method
        and exchange.reply is not None
    ),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "status", 301), Differs(0, "status", 308)],
)
def clients_redirected(exchange: Exchange, api: Api) -> None:
    """The token path answers a POST itself: behind a redirect five clients lose the body, turn POST into GET, or stop."""
    if expect.answered(exchange).status in REDIRECTS:
        raise Violation("an answer of the token path itself", f"status {expect.answered(exchange).status}")


REDIRECTS = (301, 302, 303, 307, 308)

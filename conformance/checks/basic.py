"""Basic authentication at the token endpoint: who is let in, who is not, and with which code."""

from conformance import expect
from conformance.api import Api, Conversation, basic, edited
from conformance.errors import Violation
from conformance.model import Edit, Exchange, Severity, Slot
from conformance.oracle import conditions
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import LOGIN_NO_AUTHORIZATION, REFUSED_IN_200, error, line, token

UNDECODABLE = "OZXhhbXBsZWNsaWVudGlkOmV4YW1wbGVzZWNyZXQ="
"""The page's own example (line 78, D-15): 41 characters, which no rule of Base64 allows."""


@check(
    "token-wrong-secret",
    clause="T-38",
    severity=Severity.CRITICAL,
    right=[error(22, status=401)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "body", "")],
)
def token_wrong_secret(api: Api) -> Conversation[None]:
    """A known client with a wrong secret is refused with code 22 or 1."""
    secret = (Edit("reverse", (Slot("client.secret"),)), "-wrong")
    exchange = yield from api.send(api.login(authorization=basic((Slot("client.id"),), secret)))
    expect.refused_with(exchange, api, "wrong-secret")


@check(
    "token-undecodable-basic",
    clause="T-13",
    severity=Severity.MEDIUM,
    right=[error(6, status=400)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "status", 500)],
)
def token_undecodable_basic(api: Api) -> Conversation[None]:
    """The page's undecodable Basic example is refused with code 6, 22 or 1, and not with a server error."""
    exchange = yield from api.send(api.login(authorization=("Basic ", UNDECODABLE)))
    if exchange.reply is not None and exchange.reply.status >= 500:
        raise Violation("a refusal below 500", f"status {exchange.reply.status}")
    expect.refused_with(exchange, api, "undecodable-basic")


@check(
    "token-basic-scheme-case",
    clause="N-7617-01",
    severity=Severity.MEDIUM,
    right=[token()],
    wrong=[Differs(0, "status", 401)],
)
def token_basic_scheme_case(api: Api) -> Conversation[None]:
    """The scheme `basic` in lower case is accepted like `Basic`."""
    authorization = basic((Slot("client.id"),), (Slot("client.secret"),), scheme="basic")
    exchange = yield from api.send(api.login(authorization=authorization))
    if not accepts(exchange):
        raise Violation("a token", f"status {expect.answered(exchange).status}")


def _near_miss(name: str, op: str, *args: int | str) -> None:
    @check(
        f"secret-near-miss[{name}]",
        clause="S-02",
        severity=Severity.CRITICAL,
        title=f"The client secret with one edit ({name}) authenticates nobody.",
        right=[REFUSED_IN_200],
        wrong=[Differs(0, "json:access_token", "{token#1}")],
    )
    def secret_near_miss(api: Api) -> Conversation[None]:
        exchange = yield from api.send(api.login(authorization=basic((Slot("client.id"),), edited("client.secret", op, *args))))
        expect.refused(exchange)


for _name, _op, _args in (
    ("cut", "drop_last", ()),
    ("extended", "append", ("x",)),
    ("case", "swap_case", (0,)),
    ("last-character", "replace_last", ()),
):
    _near_miss(_name, _op, *_args)


@rule(
    "no-token-without-credentials",
    clause="F-04",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: (
        bool((conditions(exchange.request, api.contract) or set()) - {"scope"}) and exchange.request.operation == "token"
    ),
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "json:access_token", "{token#1}")],
)
def no_token_without_credentials(exchange: Exchange, api: Api) -> None:
    """A token request that lacks a credential, or has a wrong one, yields no access_token."""
    reply = expect.answered(exchange)
    if reply.token() or '"access_token"' in reply.body:
        wrong = ", ".join(sorted(conditions(exchange.request, api.contract) or ()))
        raise Violation("no access_token in the body", f"an access_token in the body of status {reply.status} ({wrong})")

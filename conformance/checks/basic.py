"""Basic authentication at the token endpoint: who is let in, who is not, and with which code."""

from functools import lru_cache

import msgspec

from conformance import expect
from conformance.api import (
    MADE_UP_SECRET,
    PAGE_EXAMPLE,
    UNKNOWN_CLIENT,
    UNKNOWN_TOKEN,
    Api,
    Conversation,
    basic,
    bearer,
    credentials,
    describe,
    edited,
)
from conformance.checks.logout import requires_logout
from conformance.checks.token import wrong_password
from conformance.contract import Contract
from conformance.errors import Violation
from conformance.model import Edit, Exchange, Request, Severity, Slot, Text
from conformance.oracle import ABOUT_BASIC, SCOPES, conditions
from conformance.profile import accepts, row_named
from conformance.registry import Differs, check, rule
from conformance.scripts import API, GRANTED, LOGIN, LOGIN_NO_AUTHORIZATION, OK, REFUSED_IN_200, error, line, token, unauthorized

SUBJECT = "basic"
ID, SECRET = (Slot("client.id"),), (Slot("client.secret"),)


@check(
    "token-wrong-secret",
    clause="T-38",
    severity=Severity.CRITICAL,
    right=[unauthorized(22)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "body", "")],
)
def token_wrong_secret(api: Api) -> Conversation[None]:
    """A known client with a wrong secret is refused with code 22 or 1."""
    exchange = yield from api.send(wrong_secret(api))
    expect.refused_with(exchange, api, "wrong-secret")


def wrong_secret(api: Api) -> Request:
    """The login with a secret that is not even like the right one."""
    return api.login(authorization=basic(ID, (Edit("reverse", SECRET), "-wrong")))


@lru_cache
def half_right(contract: Contract) -> tuple[Request, ...]:
    """The right user with a wrong secret, and the right client with a wrong password."""
    return wrong_secret(Api(contract)), wrong_password(Api(contract))


@rule(
    "client-and-user-validated",
    clause="N-6749-18",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: exchange.request in half_right(api.contract),
    right=[line(request, error(22)) for request in half_right(API.contract)],
    wrong=[GRANTED, Differs(1, "json:access_token", "{token#1}")],
)
def client_and_user_validated(exchange: Exchange, api: Api) -> None:
    """Of the client's and the user's credentials, the right ones of one do not make up for wrong ones of the other."""
    expect.refused(exchange)


@rule(
    "basic-supported",
    clause="N-6749-04",
    severity=Severity.HIGH,
    when=lambda exchange, api: (
        ("Authorization", credentials("client", api.contract.operations["token"].scheme.title())) in exchange.request.headers
        and exchange.request.operation == "token"
        and conditions(exchange.request, api.contract) == frozenset()
    ),
    right=[line(LOGIN, token()), line(API.token_request("client_credentials"), error(21))],
    wrong=[Differs(1, "json:code", 22), Differs(1, "status", 401)],
)
def basic_supported(exchange: Exchange, api: Api) -> None:
    """A client with its own id and secret as Basic is never told that it is not authenticated, whatever grant it asks for."""
    row = None if accepts(exchange) else row_named(exchange, api.profile, api.contract)
    if row is not None and ABOUT_BASIC & set(row.when):
        raise Violation("the client authenticated", f"code {row.code}, {describe(exchange)}")
    if expect.answered(exchange).status == 401:
        raise Violation("another status than 401", describe(exchange))


@check(
    "user-is-no-client",
    clause="F-10",
    severity=Severity.CRITICAL,
    right=[unauthorized(1)],
    wrong=[GRANTED],
)
def user_is_no_client(api: Api) -> Conversation[None]:
    """The user's name and password do not stand in for the client's id and secret as Basic authentication."""
    expect.refused((yield from api.send(api.login(authorization=basic((Slot("user.username"),), (Slot("user.password"),))))))


@check(
    "token-undecodable-basic",
    clause="T-13",
    severity=Severity.MEDIUM,
    axis="basic.undecodable",
    right=[error(6, status=400)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "status", 500)],
)
def token_undecodable_basic(api: Api) -> Conversation[str]:
    """The page's undecodable Basic example is refused with code 6, 22 or 1, and not with a server error."""
    exchange = yield from api.send(api.login(authorization=PAGE_EXAMPLE))
    return f"code-{expect.refused_with(exchange, api, 'undecodable-basic').code}"


@check(
    "token-page-example-client",
    clause="T-17",
    severity=Severity.LOW,
    right=[unauthorized(1)],
    wrong=[Differs(0, "json:code", 6), Differs(0, "status", 500)],
)
def token_page_example_client(api: Api) -> Conversation[None]:
    """The page's decodable Basic example (ClientId:Secret) is a well-formed header of a client that does not exist."""
    exchange = yield from api.send(api.login(authorization=("Basic ", "Q2xpZW50SWQ6U2VjcmV0")))
    expect.refused_with(exchange, api, "unknown-client")


@check(
    "token-basic-scheme-case",
    clause="N-7617-01",
    severity=Severity.MEDIUM,
    right=[token(), token("token#2")],
    wrong=[Differs(0, "status", 401), Differs(1, "status", 400)],
)
def token_basic_scheme_case(api: Api) -> Conversation[None]:
    """The scheme is accepted as `basic` and as `BASIC`."""
    for scheme in ("basic", "BASIC"):
        exchange = yield from api.send(api.login(authorization=credentials(scheme=scheme)))
        expect.granted(exchange)


@check(
    "scheme-in-any-case",
    clause="N-9110-02",
    severity=Severity.MEDIUM,
    right=[token(), OK, token("token#2"), OK],
    wrong=[Differs(2, "status", 401), Differs(3, "status", 401)],
)
def scheme_in_any_case(api: Api) -> Conversation[None]:
    """No spelling of a scheme is a special one: `bASIC` at the token endpoint and `BEARER` at logout are accepted, too."""
    yield from requires_logout(api)
    exchange = yield from api.send(api.login(authorization=credentials(scheme="bASIC")))
    expect.granted(exchange)
    expect.granted((yield from api.send(api.logout(bearer(api.token_of(exchange), scheme="BEARER")))))


@check("token-basic-two-spaces", clause="N-9110-03", severity=Severity.LOW, right=[token()], wrong=[Differs(0, "status", 401)])
def token_basic_two_spaces(api: Api) -> Conversation[None]:
    """Two spaces between scheme and credentials are accepted like one, as the grammar has it."""
    exchange = yield from api.send(api.login(authorization=("Basic  ", *credentials()[1:])))
    expect.granted(exchange)


def _refused(name: str, clause: str, title: str, authorization: Text, condition: str = "", axis: str = "") -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        title=title,
        axis=axis,
        right=[unauthorized(6 if condition != "unknown-client" else 1)],
        wrong=[Differs(0, "json:code", 20), Differs(0, "status", 500), GRANTED],
    )
    def header_is_refused(api: Api) -> Conversation[str]:
        exchange = yield from api.send(api.login(authorization=authorization))
        if condition:
            return f"code-{expect.refused_with(exchange, api, condition).code}"
        expect.refused(exchange)
        row = row_named(exchange, api.profile, api.contract)
        if row is None and api.contract.clauses[clause].layer != "document":
            return ""  # which codes there are is for the page to say, not for this clause
        if row is None or not ABOUT_BASIC & set(row.when):
            seen = "no documented code" if row is None else f"code {row.code}"
            raise Violation("a code about the client: 6, 22 or 1", f"{seen}, status {expect.answered(exchange).status}")
        return f"code-{row.code}"


for _name, _value, _what in (
    ("bearer", bearer(UNKNOWN_TOKEN), "Bearer"),
    ("digest", ('Digest username="harness", realm="api", nonce="n", uri="/", response="0"',), "Digest"),
    ("negotiate", ("Negotiate YIIJvwYGKwYBBQUCoIIJszCCCa",), "Negotiate"),
    ("word", (UNKNOWN_TOKEN,), "no scheme"),
):
    _refused(
        f"token-other-scheme[{_name}]",
        "T-42",
        f"A header with {_what} is refused with code 6 or 22.",
        _value,
        "wrong-scheme",
        "basic.scheme",
    )

_refused(
    "token-no-colon",
    "T-12",
    "Credentials without a colon are refused, as a header, an authentication or a client that is wrong.",
    ("Basic ", "YWJj"),
    "no-colon",
    "basic.no-colon",
)
_refused(
    "token-lone-percent",
    "T-35",
    "A secret with a lone % of an unknown client is refused like any other.",
    basic((UNKNOWN_CLIENT,), ("%zz",)),
    "unknown-client",
)

for _name, _clause, _value, _what in (
    ("scheme-alone", "T-42", ("Basic",), "a scheme without credentials"),
    ("only-colon", "S-14", ("Basic ", "Og=="), "a colon alone"),
    ("empty-id", "S-14", ("Basic ", "OmhhcmtuZXNz"), "an empty id"),
    ("empty-secret", "S-14", ("Basic ", "aGFybmVzczo="), "an empty secret of an unknown client"),
    ("base64url", "T-42", ("Basic ", "aGFybmVzczrDv8O_w78_"), "the alphabet of base64url"),
    ("no-padding", "T-42", ("Basic ", "aGFybmVzczpoYXJuZXNzMQ"), "missing padding"),
    ("inner-space", "T-42", ("Basic ", "aGFybmVz czpoYXJuZXNz"), "a space in the middle"),
    ("trailing-garbage", "T-42", ("Basic ", "aGFybmVzczpoYXJuZXNzMQ==!garbage"), "garbage behind the padding"),
    ("not-utf-8", "T-42", ("Basic ", "aGFybmVzczr/"), "octets that are not UTF-8"),
    ("control-characters", "N-7617-03", ("Basic ", "aGFyABBuZXNzOmhhAXI="), "control characters"),
):
    _refused(f"token-odd-basic[{_name}]", _clause, f"Basic credentials with {_what} are refused with code 6, 22 or 1.", _value)


@check(
    "token-long-authorization",
    clause="T-42",
    severity=Severity.LOW,
    right=[REFUSED_IN_200],
    wrong=[GRANTED, Differs(0, "status", 500)],
)
def token_long_authorization(api: Api) -> Conversation[None]:
    """A header of 9000 characters is refused, and not with a server error."""
    exchange = yield from api.send(api.login(authorization=basic((UNKNOWN_CLIENT,), ("x" * 6700,))))
    expect.refused(exchange)


def _never(name: str, clause: str, title: str, authorization: Text, severity: Severity = Severity.CRITICAL) -> None:
    @check(name, clause=clause, severity=severity, title=title, right=[REFUSED_IN_200], wrong=[GRANTED])
    def nobody_is_authenticated(api: Api) -> Conversation[None]:
        exchange = yield from api.send(api.login(authorization=authorization))
        expect.refused(exchange)


for _name, _clause, _op, _args in (
    ("cut", "S-02", "drop_last", ()),
    ("beheaded", "S-02", "drop_first", ()),
    ("extended", "S-02", "append", ("x",)),
    ("case", "S-02", "swap_case", (0,)),
    ("last-character", "S-02", "replace_last", ()),
    ("first-character", "S-02", "replace_first", ()),
    ("after-eight", "S-02", "replace_after", (8,)),
    ("doubled", "S-02", "double", ()),
    ("space-behind", "S-05", "append", (" ",)),
    ("space-before", "S-05", "prepend", (" ",)),
):
    _title = f"The client secret with one edit ({_name}) authenticates nobody."
    _never(f"secret-near-miss[{_name}]", _clause, _title, basic(ID, edited("client.secret", _op, *_args)))

for _name, _op, _args in (("case", "swap_case", (0,)), ("cut", "drop_last", ()), ("space-behind", "append", (" ",))):
    _title = f"The client id with one edit ({_name}) is no client."
    _never(f"client-id-near-miss[{_name}]", "S-05", _title, basic(edited("client.id", _op, *_args), SECRET))

_never("secret-empty", "S-04", "An empty secret does not authenticate a known client.", basic(ID, ("",)))
_never("secret-behind-nul", "S-13", "A NUL and more behind the client id do not vanish.", basic((*ID, "\0x"), SECRET))
_never(
    "credentials-joined-by-comma",
    "S-12",
    "Two credentials joined by a comma, the right ones first, authenticate nobody.",
    (*credentials(), ", ", *basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,))),
)
_never(
    "credentials-behind-comma",
    "S-12",
    "Two credentials joined by a comma, the right ones last, authenticate nobody.",
    (*basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)), ", ", *credentials()),
)


@check(
    "second-client-wrong-secret",
    clause="S-02",
    severity=Severity.CRITICAL,
    right=[REFUSED_IN_200],
    wrong=[GRANTED],
)
def second_client_wrong_secret(api: Api) -> Conversation[None]:
    """The second client is authenticated by its own secret only."""
    api.requires("second_client")
    header = basic((Slot("second_client.id"),), edited("second_client.secret", "reverse"))
    expect.refused((yield from api.send(api.login(authorization=header))))


def _two_headers(name: str, first: Text, second: Text) -> None:
    @check(
        f"two-authorizations[{name}]",
        clause="S-11",
        severity=Severity.HIGH,
        title=f"Two Authorization fields, {name.replace('-', ' ')}, authenticate nobody.",
        right=[REFUSED_IN_200],
        wrong=[GRANTED],
    )
    def nobody_is_authenticated(api: Api) -> Conversation[None]:
        request = api.login(authorization=first)
        headers = (*request.headers[:1], ("Authorization", second), *request.headers[1:])
        exchange = yield from api.send(msgspec.structs.replace(request, headers=headers))
        expect.refused(exchange)


_two_headers("right-one-first", credentials(), basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)))
_two_headers("wrong-one-first", basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)), credentials())


@check(
    "access-token-is-no-client",
    clause="S-17",
    severity=Severity.HIGH,
    right=[token(), REFUSED_IN_200],
    wrong=[Differs(1, "json:access_token", "{token#2}")],
)
def access_token_is_no_client(api: Api) -> Conversation[None]:
    """An access token in the header does not authenticate a client at the token endpoint."""
    living = yield from api.good_token()
    exchange = yield from api.send(api.login(authorization=bearer(living)))
    expect.refused(exchange)


@rule(
    "no-token-without-credentials",
    clause="F-04",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: (
        bool((conditions(exchange.request, api.contract) or set()) - SCOPES) and exchange.request.operation == "token"
    ),
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "json:access_token", "{token#1}")],
)
def no_token_without_credentials(exchange: Exchange, api: Api) -> None:
    """A token request that lacks a credential, or has a wrong one, yields no access_token."""
    reply = expect.answered(exchange)
    if reply.token() or f'"{api.contract.link.member}"' in reply.body:
        wrong = ", ".join(sorted(conditions(exchange.request, api.contract) or ()))
        raise Violation("no access_token in the body", f"an access_token in the body of status {reply.status} ({wrong})")

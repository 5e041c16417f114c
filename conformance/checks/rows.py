"""The error rows that need a fixture: users and clients with something wrong about them, codes, scopes. One check a condition."""

from conformance import expect
from conformance.api import UNKNOWN_TOKEN, Api, Conversation, describe, edited
from conformance.errors import NotApplicable, NotObservable, Violation
from conformance.model import Exchange, Request, Severity, Slot
from conformance.oracle import grant_of
from conformance.profile import accepts, row_named, told
from conformance.registry import Differs, check, rule
from conformance.scripts import API, REFUSED_IN_200, error, line, token

SUBJECT = "code-2"


def _row(name: str, fixture: str, clause: str, condition: str, code: int, axis: str, title: str, **login: str) -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        axis=axis,
        title=title,
        right=[error(code)],
        wrong=[Differs(0, "json:code", 6), Differs(0, "body", ""), Differs(0, "json:access_token", "{token#1}")],
    )
    def refused_with_its_row(api: Api) -> Conversation[str]:
        api.requires(fixture)
        exchange = yield from api.send(api.login(**login))  # type: ignore[arg-type]
        return f"code-{expect.refused_with(exchange, api, condition).code}"


_row(
    "foreign-user",
    "foreign_user",
    "T-39",
    "foreign-user",
    23,
    "error.foreign-user",
    "A user who is not granted to the client is refused with code 23 or 20.",
    user="foreign_user",
)
_row(
    "grant-denied",
    "client_without_grant",
    "T-37",
    "grant-denied",
    21,
    "error.grant-denied",
    "A client that may not use the password grant is refused with code 21 or 5.",
    client="client_without_grant",
)
_row(
    "unapproved-client",
    "unapproved_client",
    "T-41",
    "unapproved-client",
    5,
    "error.unapproved-client",
    "A client that is not approved is refused with code 5 or 9.",
    client="unapproved_client",
)
_row(
    "broken-client",
    "broken_client",
    "T-48",
    "broken-client",
    16,
    "error.broken-client",
    "A client whose attributes are broken is refused with code 16 or 9.",
    client="broken_client",
)


@check(
    "locked-user",
    clause="S-46",
    severity=Severity.CRITICAL,
    right=[REFUSED_IN_200],
    wrong=[Differs(0, "json:access_token", "{token#1}")],
)
def locked_user(api: Api) -> Conversation[None]:
    """A locked user gets no token."""
    api.requires("locked_user")
    expect.refused((yield from api.send(api.login(user="locked_user"))))


def _code_grant(api: Api) -> str:
    """The grant whose contract needs an authorization code."""
    grants = api.contract.operations["token"].grants
    return next(grant.word for grant in grants if any(s.get("x-slot") == "code.code" for s in grant.parameters.values()))


def _code(api: Api, number: int, redirect: Slot | str | None = None) -> Request:
    """A request with an authorization code of the target file and, unless another is given, its own redirect URI."""
    api.requires("authorization_codes")
    group = f"authorization_codes.{number}"
    value = redirect if isinstance(redirect, str) else (Slot(f"{group}.redirect_uri"),)
    return api.token_request(_code_grant(api), fill={"code": group}, change={"code.redirect_uri": value})


NOT_SERVED = (2, 21)
"""The codes of a server that does not serve a grant, or not to this client."""


def exchanged(api: Api, number: int) -> Conversation[Exchange]:
    """Exchange an authorization code; raises NotObservable if it is refused, for it may have been used before."""
    exchange = yield from api.send(_code(api, number))
    row = row_named(exchange, api.profile, api.contract)
    if not accepts(exchange) and row is not None and row.code in NOT_SERVED:
        raise NotApplicable("a server that serves authorization codes", describe(exchange))
    if not accepts(exchange):
        line_ = "fixtures: {authorization_codes: [{code: …, redirect_uri: …}]} with codes that nobody has used"
        raise NotObservable(f"authorization code {number + 1} was refused ({describe(exchange)}); a code serves once", line_)
    return exchange


@check(
    "code-serves-once",
    clause="S-21",
    severity=Severity.HIGH,
    right=[token(), error(4)],
    wrong=[Differs(1, "json:access_token", "{token#2}")],
)
def code_serves_once(api: Api) -> Conversation[None]:
    """An authorization code yields a token once, and is refused with code 4 from then on."""
    yield from exchanged(api, 0)
    expect.refused((yield from api.send(_code(api, 0))))


@check(
    "code-with-other-redirect",
    clause="T-45",
    severity=Severity.HIGH,
    axis="error.wrong-redirect",
    right=[error(12), token()],
    wrong=[Differs(0, "json:access_token", "{token#2}"), Differs(0, "json:code", 20)],
)
def code_with_other_redirect(api: Api) -> Conversation[str]:
    """An authorization code with another redirect URI is refused with code 12 or 4."""
    exchange = yield from api.send(_code(api, 1, "https://harness.invalid/other"))
    expect.refused(exchange)
    yield from exchanged(api, 2)
    return f"code-{expect.refused_with(exchange, api, 'wrong-redirect').code}"


@check(
    "code-missing",
    clause="S-20",
    severity=Severity.HIGH,
    right=[REFUSED_IN_200, REFUSED_IN_200],
    wrong=[Differs(0, "json:access_token", "{token#2}"), Differs(1, "json:access_token", "{token#2}")],
)
def code_missing(api: Api) -> Conversation[None]:
    """A missing or an empty authorization code yields no token."""
    for value in (None, ""):
        expect.refused((yield from api.send(api.token_request(_code_grant(api), change={"code.code": value}))))


@check(
    "refused-scope",
    clause="T-47",
    severity=Severity.MEDIUM,
    axis="scope",
    right=[error(8)],
    wrong=[Differs(0, "json:code", 20), Differs(0, "status", 500)],
)
def refused_scope(api: Api) -> Conversation[str]:
    """A scope that the client may not have is refused with code 8, or ignored; it is never granted."""
    api.requires("scopes")
    exchange = yield from api.send(api.login(change={"scope-wanted": (Slot("scopes.refused"),)}))
    if accepts(exchange):
        return "ignored"
    expect.refused_with(exchange, api, "refused-scope")
    return "validated"


@check(
    "unknown-scope-not-granted",
    clause="S-23",
    severity=Severity.HIGH,
    right=[error(8)],
    wrong=[Differs(0, "body", token(scope=UNKNOWN_TOKEN).body)],
)
def unknown_scope_not_granted(api: Api) -> Conversation[None]:
    """A scope that nobody knows is not granted."""
    exchange = yield from api.send(api.login(change={"scope-wanted": UNKNOWN_TOKEN}))
    if UNKNOWN_TOKEN in str(told(exchange, api.contract, "scope-granted")):
        raise Violation("a reply without this scope", f"body that grants it: {describe(exchange)}")


@rule(
    "narrowed-scope-is-told",
    clause="N-6749-15",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: exchange.request.operation == "token" and accepts(exchange) and _wants_unknown(exchange, api),
    right=[line(API.login(change={"scope-wanted": UNKNOWN_TOKEN}), token(scope="other"))],
    wrong=[Differs(0, "json:scope", None)],
)
def narrowed_scope_is_told(exchange: Exchange, api: Api) -> None:
    """A reply that grants another scope than was wanted says which."""
    if told(exchange, api.contract, "scope-granted") is None:
        raise Violation("scope in the reply", "scope is missing, though another one was wanted")


def _wants_unknown(exchange: Exchange, api: Api) -> bool:
    name = api.contract.operations["token"].grant().named("scope-wanted")
    return ((name,), (UNKNOWN_TOKEN,)) in (exchange.request.form or ())


@check(
    "granted-scope",
    clause="N-6749-16",
    severity=Severity.LOW,
    right=[token()],
    wrong=[Differs(0, "status", 400)],
)
def granted_scope(api: Api) -> Conversation[None]:
    """A scope that the client may have does not keep it from its token."""
    api.requires("scopes")
    expect.granted((yield from api.send(api.login(change={"scope-wanted": (Slot("scopes.granted"),)}))))


@check(
    "client-credentials-user",
    clause="T-22",
    severity=Severity.LOW,
    axis="grant.user",
    right=[token()],
    wrong=[Differs(0, "status", 500)],
)
def client_credentials_user(api: Api) -> Conversation[str]:
    """A grant for the client itself needs no user, or is refused for the lack of one; it does not fail."""
    alone = [grant.word for grant in api.contract.operations["token"].grants if len(grant.required) == 1]
    exchange = yield from api.send(api.token_request(alone[0]))
    if accepts(exchange):
        return "not-needed"
    expect.refused(exchange)
    with_user = api.token_request(alone[0], change={"user.username": (Slot("user.username"),), "user.password": (Slot("user.password"),)})
    if accepts((yield from api.send(with_user))):
        return "needed"
    raise NotApplicable(f"a client that may use the grant {grant_of(with_user, api.contract)}", describe(exchange))


@check(
    "username-case",
    clause="F-18",
    severity=Severity.LOW,
    axis="username.case",
    right=[error(20)],
    wrong=[Differs(0, "status", 500)],
)
def username_case(api: Api) -> Conversation[str]:
    """A user name in another case is another user, or the same one."""
    exchange = yield from api.send(api.login(change={"user.username": edited("user.username", "swap_case", 0)}))
    if accepts(exchange):
        return "insensitive"
    expect.refused(exchange)
    return "sensitive"

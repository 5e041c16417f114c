"""The token request: required parameters, methods, media types, paths, and how parameters are read."""

from collections.abc import Callable

import msgspec

from conformance import expect
from conformance.api import Api, Conversation, control_login, describe, edited
from conformance.contract import load
from conformance.documented import role_of
from conformance.errors import Inconclusive, Violation
from conformance.model import Edit, Exchange, Request, Severity, Text
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import GRANTED, LOGIN, NOT_ALLOWED, NOT_FOUND, REFUSED_IN_200, error, line, token


def valid_login(exchange: Exchange, api: Api) -> bool:
    """The canonical login with valid credentials, which is also the control."""
    return exchange.request == control_login(api.contract)


@rule(
    "valid-login-yields-token",
    clause="F-11",
    severity=Severity.CRITICAL,
    when=valid_login,
    control=True,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:access_token", None), Differs(0, "body", "")],
)
def valid_login_yields_token(exchange: Exchange, api: Api) -> None:
    """A login with valid credentials is answered with an access token."""
    if accepts(exchange):
        return
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        raise Inconclusive("a token for the credentials of the target file (are they right?)", describe(exchange))
    raise Violation("a JSON body with access_token", f"no access_token as text: {describe(exchange)}")


def _required(name: str, role: str, clause: str) -> None:
    @check(
        f"token-missing-parameter[{name}]",
        clause=clause,
        severity=Severity.CRITICAL,
        title=f"A token request without {name}, or with an empty one, is refused.",
        right=[REFUSED_IN_200, REFUSED_IN_200],
        wrong=[GRANTED, Differs(1, "json:access_token", "{token#1}")],
    )
    def token_missing_parameter(api: Api) -> Conversation[None]:
        for value in (None, ""):
            expect.refused((yield from api.send(api.login(change={role: value}))))


for _name in load().operations["token"].grant().required:
    _schema = load().operations["token"].grant().parameters[_name]
    _required(_name, role_of(_schema), _schema["x-clause"])


@check("token-without-user", clause="F-02", severity=Severity.CRITICAL, right=[REFUSED_IN_200], wrong=[GRANTED])
def token_without_user(api: Api) -> Conversation[None]:
    """A login of the password grant with neither username nor password, by the client alone, is refused."""
    expect.refused((yield from api.send(api.login(change={"user.username": None, "user.password": None}))))


@check(
    "token-by-get",
    clause="T-01",
    severity=Severity.HIGH,
    right=[NOT_ALLOWED],
    wrong=[Differs(0, "body", token().body), Differs(0, "status", 200)],
)
def token_by_get(api: Api) -> Conversation[None]:
    """A GET with the parameters in the query yields no token."""
    login = api.login()
    exchange = yield from api.send(Request(login.operation, api.contract.operations["logout"].method, login.form or (), login.headers[:1]))
    reply = expect.answered(exchange)
    if api.contract.link.member in reply.body or reply.status // 100 == 2:
        raise Violation("a refusal, without access_token in the body", describe(exchange))


@check(
    "token-by-other-method",
    clause="T-01",
    severity=Severity.HIGH,
    right=[NOT_ALLOWED] * 4,
    wrong=[Differs(0, "body", token().body), Differs(2, "body", token().body), Differs(3, "status", 200)],
)
def token_by_other_method(api: Api) -> Conversation[None]:
    """PUT, PATCH, DELETE and HEAD with the parameters of a token request yield no token."""
    login = api.login()
    for method in ("PUT", "PATCH", "DELETE", "HEAD"):
        exchange = yield from api.send(msgspec.structs.replace(login, method=method))
        reply = expect.answered(exchange)
        if api.contract.link.member in reply.body or (method == "HEAD" and reply.status // 100 == 2):
            raise Violation("a refusal, without access_token in the body", describe(exchange))


@check(
    "token-parameters-in-query",
    clause="S-09",
    severity=Severity.HIGH,
    right=[REFUSED_IN_200],
    wrong=[GRANTED],
)
def token_parameters_in_query(api: Api) -> Conversation[None]:
    """The user's credentials in the query of a POST obtain no token."""
    login = api.login()
    expect.refused((yield from api.send(msgspec.structs.replace(login, query=login.form or (), form=()))))


@check("token-extra-parameter", clause="N-6749-11", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def token_extra_parameter(api: Api) -> Conversation[None]:
    """A parameter that the server does not know is ignored."""
    exchange = yield from api.send(api.login(change={"x-harness-unknown": "1"}))
    if not accepts(exchange):
        raise Violation("a token", f"status {expect.answered(exchange).status}")


def _repeated(name: str, role: str, title: str, other: Text | None) -> None:
    @check(
        f"token-repeated-parameter[{name}]",
        clause="N-6749-12",
        severity=Severity.HIGH,
        title=title,
        right=[REFUSED_IN_200],
        wrong=[GRANTED],
    )
    def repeated_parameter_is_refused(api: Api) -> Conversation[None]:
        login = api.login()
        wanted = api.contract.operations["token"].grant().named(role)
        pair = next((key, value) for key, value in login.form or () if key == (wanted,))
        again = (pair[0], pair[1] if other is None else other)
        expect.refused((yield from api.send(msgspec.structs.replace(login, form=(*(login.form or ()), again)))))


_repeated("grant_type", "grant", "A grant_type that stands twice, equal, is refused.", None)
_repeated("username", "user.username", "Two different usernames are refused.", ("harness-other",))


@check("token-empty-scope", clause="N-6749-10", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def token_empty_scope(api: Api) -> Conversation[None]:
    """A scope without a value counts as none."""
    expect.granted((yield from api.send(api.login(change={"scope-wanted": ""}))))


@check("grant-type-case", clause="N-6749-01", severity=Severity.MEDIUM, right=[error(2)], wrong=[GRANTED, Differs(0, "status", 500)])
def grant_type_case(api: Api) -> Conversation[None]:
    """A grant_type in another case is none that the server knows."""
    word = api.contract.operations["token"].grant().word
    expect.refused((yield from api.send(api.login(change={"grant": word.upper()}))))


@check(
    "grant-type-quoted",
    clause="T-34",
    severity=Severity.LOW,
    right=[error(2)],
    wrong=[Differs(0, "status", 500), Differs(0, "json:code", 20)],
)
def grant_type_quoted(api: Api) -> Conversation[None]:
    """A grant_type in typographic quotes, as the page prints it, is refused with code 2."""
    word = api.contract.operations["token"].grants[-1].word
    exchange = yield from api.send(api.login(change={"grant": f"\u2018{word}\u2019"}))
    expect.refused_with(exchange, api, "unknown-grant-type")


BOUNDARY = "harness-boundary"
MEDIA = {"multipart": f"multipart/form-data; boundary={BOUNDARY}", "json": "application/json", "none": ""}


def _as_media(api: Api, name: str, media: str) -> Request:
    """The login with its parameters in another media type."""
    login = api.login()
    headers: tuple[tuple[str, Text], ...] = login.headers[:1] + ((("Content-Type", (media,)),) if media else ())
    parts: list[Text] = []
    for key, value in login.form or ():
        if name == "multipart":
            parts.append((f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="', *key, '"\r\n\r\n', *value, "\r\n"))
        elif name == "json":
            parts.append((", " if parts else "", '"', *key, '": "', Edit("json", value), '"'))
        else:
            parts.append(("&" if parts else "", *key, "=", Edit("form", value)))
    ends = {"multipart": ("", f"--{BOUNDARY}--\r\n"), "json": ("{", "}")}.get(name, ("", ""))
    body: Text = (ends[0], *(piece for part in parts for piece in part), ends[1])
    return msgspec.structs.replace(login, headers=headers, form=None, body=body)


@check(
    "token-media-types",
    clause="T-20",
    severity=Severity.LOW,
    axis="request.media-type",
    right=[error(2), error(2), error(2)],
    wrong=[Differs(0, "status", 500), Differs(2, "status", 500)],
)
def token_media_types(api: Api) -> Conversation[str]:
    """Parameters as multipart, as JSON or without a media type are refused, or understood; they cause no server error."""
    taken = []
    for name, media in MEDIA.items():
        exchange = yield from api.send(_as_media(api, name, media))
        expect.answered(exchange)
        if accepts(exchange):
            taken.append(name)
        else:
            expect.refused(exchange)
    return "any" if set(taken) - {"multipart"} else "multipart" if taken else "form"


@check("token-form-charset", clause="I-28", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def token_form_charset(api: Api) -> Conversation[None]:
    """A charset behind the media type of the form does no harm; Authlib and oauth4webapi send one."""
    login = api.login()
    media = ("Content-Type", (f"{api.contract.operations['token'].media_type};charset=UTF-8",))
    expect.granted((yield from api.send(msgspec.structs.replace(login, headers=(login.headers[0], media)))))


def _path_variant(name: str, change: Callable[[str], str]) -> None:
    @check(
        f"path-variant[{name}]",
        clause="S-34",
        severity=Severity.HIGH,
        title=f"The token path in another spelling ({name.replace('-', ' ')}) does not get round client authentication.",
        right=[NOT_FOUND],
        wrong=[Differs(0, "body", token().body)],
    )
    def variant_needs_a_client(api: Api) -> Conversation[None]:
        login = api.login(authorization=())
        exchange = yield from api.send(msgspec.structs.replace(login, path=change(api.contract.operations["token"].path)))
        if api.contract.link.member in expect.answered(exchange).body:
            raise Violation("no access_token in the body", describe(exchange))


_path_variant("slash-behind", lambda path: path + "/")
_path_variant("doubled-slash", lambda path: "/" + path)
_path_variant("upper-case", str.upper)
_path_variant("parameter-behind", lambda path: path + ";x")


@check(
    "token-other-path",
    clause="F-09",
    severity=Severity.MEDIUM,
    axis="token.path",
    right=[NOT_FOUND, error(6, status=401)],
    wrong=[Differs(0, "status", 500), Differs(0, "body", token().body)],
)
def token_other_path(api: Api) -> Conversation[str]:
    """The path without version, which line 12 names, does not exist, is the same endpoint, or leads to it; without credentials."""
    operation = api.contract.operations["token"]
    bare = api.login(authorization=(), change={role_of(schema): None for schema in operation.grant().parameters.values()})
    other = yield from api.send(msgspec.structs.replace(bare, path=operation.other_path))
    known = yield from api.send(bare)
    reply = expect.answered(other)
    if reply.status >= 500 or api.contract.link.member in reply.body:
        raise Violation("a refusal, or nothing there", f"status {reply.status}, body {reply.body!r}")
    if reply.status in (404, 405, 410):
        return "absent"
    if reply.status // 100 == 3:
        return "redirect"
    return "alias" if reply.status == expect.answered(known).status else "other"


@rule(
    "token-request-not-redirected",
    clause="S-36",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation == "token" and exchange.reply is not None,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Location", "https://elsewhere.example/oauth/v2/token")],
)
def token_request_not_redirected(exchange: Exchange, api: Api) -> None:
    """No token request is sent on to another origin, which would carry secret and password there."""
    location = expect.answered(exchange).header("Location") or ""
    if "//" in location.partition("?")[0]:
        raise Violation("no Location at another origin", f"header Location is {location!r}")


@rule(
    "token-request-without-307",
    clause="N-9700-07",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: exchange.request.operation == "token" and exchange.reply is not None,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "status", 307)],
)
def token_request_without_307(exchange: Exchange, api: Api) -> None:
    """No token request is answered with 307, with which a client sends secret and password again."""
    if expect.answered(exchange).status == 307:
        raise Violation("another status than 307", "status 307")


def wrong_password(api: Api) -> Request:
    """The login with a password that is not even like the right one."""
    return api.login(change={"user.password": (*edited("user.password", "reverse"), "-wrong")})


@check(
    "token-wrong-password",
    clause="T-36",
    severity=Severity.CRITICAL,
    right=[error(20)],
    wrong=[Differs(0, "json:code", 22), Differs(0, "body", "")],
)
def token_wrong_password(api: Api) -> Conversation[None]:
    """A known user with a wrong password is refused with code 20."""
    exchange = yield from api.send(wrong_password(api))
    expect.refused_with(exchange, api, "wrong-password")

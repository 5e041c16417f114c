"""Error replies: documented rows in one shape, messages that fit, statuses, nothing of the server's inside, no secrets."""

import re
from collections.abc import Sequence

import msgspec

from conformance import dialect, expect
from conformance.api import (
    MADE_UP_SECRET,
    UNKNOWN_CLIENT,
    UNKNOWN_TOKEN,
    UNKNOWN_USER,
    Api,
    Conversation,
    basic,
    bearer,
    describe,
    edited,
)
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Reply, Severity
from conformance.oracle import ABOUT_BASIC, breaks_http, conditions, only_fault
from conformance.profile import accepts, error_of, row_named
from conformance.registry import Differs, check, rule
from conformance.scripts import (
    LOGIN,
    LOGIN_NO_AUTHORIZATION,
    LOGIN_NO_GRANT,
    LOGOUT_UNKNOWN,
    error,
    invalid_token,
    line,
    token,
    unauthorized,
    unknown_client,
)

SUBJECT = "code-2"


def of_the_api(exchange: Exchange, api: Api) -> bool:
    """An answer of one of the two operations, to a request that HTTP allows."""
    request = exchange.request
    return request.operation in api.contract.operations and exchange.reply is not None and not request.path and not breaks_http(request)


def documented_request(exchange: Exchange, api: Api) -> bool:
    """A request by the operation's own method, without a query, which is none of the documentation's."""
    return exchange.request.method == api.contract.operations[exchange.request.operation].method and not exchange.request.query


def documented_error(exchange: Exchange, api: Api) -> bool:
    """A refusal of a request that the documentation knows: right method, known fault."""
    return of_the_api(exchange, api) and bool(conditions(exchange.request, api.contract)) and not accepts(exchange)


def has_row(exchange: Exchange, api: Api) -> bool:
    """A refusal whose only fault is one for which the documentation has a row."""
    wrong = conditions(exchange.request, api.contract) or frozenset()
    there = exchange.request.operation != "logout" or api.profile.reading("logout.operation") != "absent"
    rows = api.contract.operations[exchange.request.operation].conditions if there and of_the_api(exchange, api) else {}
    return len(wrong) == 1 and wrong <= set(rows) and not accepts(exchange)


@rule(
    "error-row-documented",
    clause="T-50",
    severity=Severity.HIGH,
    when=has_row,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "json:code", 99), Differs(0, "body", "<html>")],
)
def error_row_documented(exchange: Exchange, api: Api) -> None:
    """An error for which the documentation has a row names a documented row, always in the same place."""
    if row_named(exchange, api.profile, api.contract) is None:
        where = api.profile.dialects[exchange.request.operation].code_path or "any member"
        raise Violation(f"a documented code in {where}", describe(exchange))


@rule(
    "error-code-listed",
    clause="T-55",
    severity=Severity.LOW,
    when=lambda exchange, api: of_the_api(exchange, api) and not accepts(exchange) and _number(exchange, api) is not None,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "json:code", 99)],
)
def error_code_listed(exchange: Exchange, api: Api) -> None:
    """No error has a code that the page does not list."""
    if error_of(exchange, api.profile, api.contract).code is None:
        raise Violation("a code that the page lists", f"code {_number(exchange, api)}")


def _number(exchange: Exchange, api: Api) -> object:
    """What stands where this server writes its codes, if it is a number."""
    path = api.profile.dialects[exchange.request.operation].code_path
    value = dict(dialect.leaves(exchange.reply)).get(path) if exchange.reply and path not in (None, dialect.WHOLE) else None
    return value if re.fullmatch(r"\d{1,7}", str(value)) else None


@rule(
    "errors-one-shape",
    clause="T-50",
    severity=Severity.HIGH,
    axis="errors.shape",
    when=has_row,
    right=[line(LOGIN_NO_AUTHORIZATION, unauthorized(6)), line(LOGIN_NO_GRANT, error(2))],
    wrong=[
        Differs(1, "header:Content-Type", "text/html"),
        Differs(1, "body", '{"ErrorCode": "invalid_request", "Error": "Unsupported grant type"}'),
        Differs(1, "body", "Error code 2 - Missing or invalid grant_type"),
    ],
)
def errors_one_shape(exchange: Exchange, api: Api) -> str:
    """All errors of an operation have one shape: the same media type, with code and text in the same places."""
    reply, written = expect.answered(exchange), api.profile.dialects[exchange.request.operation]
    paths = dict(dialect.leaves(reply))
    media = (reply.header("Content-Type") or "").partition(";")[0].strip().lower()
    if written.media and media != written.media:
        raise Violation(f"errors as {written.media}, like the others", f"header Content-Type is {media!r}")
    for what, path in (("code", written.code_path), ("text", written.text_path)):
        if path is not None and path not in paths:
            raise Violation(f"the {what} in {path}, as in other errors", f"body without it: {describe(exchange)}")
    return dialect.shape_of(written)


@rule(
    "error-code-type",
    clause="T-50",
    severity=Severity.MEDIUM,
    axis="errors.code-type",
    when=has_row,
    right=[line(LOGIN_NO_AUTHORIZATION, unauthorized(6)), line(LOGIN_NO_GRANT, error(2))],
    wrong=[Differs(1, "json:code", "2"), Differs(1, "json:code", "40002")],
)
def error_code_type(exchange: Exchange, api: Api) -> str:
    """The code has one type in all errors of an operation: number, string, composite, or a part of the text."""
    reply, written = expect.answered(exchange), api.profile.dialects[exchange.request.operation]
    value = dict(dialect.leaves(reply)).get(written.code_path or "")
    kind = dialect.code_type(value, reply.status)
    if kind != written.code_type:
        raise Violation(f"the code as {written.code_type}, like the others", f"code is {value!r} ({kind})")
    return kind


@rule(
    "error-message-fits-code",
    clause="T-50",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: has_row(exchange, api) and error_of(exchange, api.profile, api.contract).code is not None,
    right=[line(LOGIN_NO_GRANT, error(2)), line(LOGIN_NO_AUTHORIZATION, unauthorized(6))],
    wrong=[
        Differs(1, "body", '{"code": 6, "message": "Missing or invalid grant_type"}'),
        Differs(0, "body", '{"code": 2, "message": "Invalid client id"}'),
    ],
)
def error_message_fits_code(exchange: Exchange, api: Api) -> None:
    """The message of an error is not the one that the page gives to another code."""
    error, rows = error_of(exchange, api.profile, api.contract), api.contract.operations[exchange.request.operation].rows
    own = max(dialect.likeness(error.text, row.message) for row in rows if row.code == error.code)
    for row in rows:
        if row.code != error.code and dialect.likeness(error.text, row.message) >= dialect.SURE > own:
            raise Violation(
                f"a message for code {error.code}", f"body with code {error.code} and the message of code {row.code}: {error.text!r}"
            )


@rule(
    "error-row-stable",
    clause="T-51",
    severity=Severity.MEDIUM,
    over="run",
    when=has_row,
    right=[line(LOGIN_NO_GRANT, error(2)), line(LOGIN_NO_GRANT, error(2))],
    wrong=[Differs(1, "json:code", 20), Differs(1, "status", 401)],
)
def error_row_stable(exchanges: Sequence[Exchange], api: Api) -> None:
    """The same request with the same fault is answered with the same status and code each time."""
    seen: dict[object, str] = {}
    for exchange in exchanges:
        shown = expect.status_and_code(exchange, api)
        first = seen.setdefault(msgspec.structs.replace(exchange.request, fresh=False), shown)
        if first != shown:
            raise Violation(f"{first}, as before", shown)


@check(
    "same-fault-same-answer",
    clause="T-51",
    severity=Severity.MEDIUM,
    right=[*([error(2)] * 3), *([unauthorized(1)] * 3), *([error(20)] * 3), *([invalid_token()] * 3)],
    wrong=[Differs(1, "json:code", 20), Differs(8, "status", 404), Differs(11, "status", 400)],
)
def same_fault_same_answer(api: Api) -> Conversation[None]:
    """A request with a fault, sent three times, also on a connection of its own, is answered alike each time."""
    refused = 0
    for request in (
        api.login(change={"grant": None}),
        api.login(authorization=basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,))),
        api.login(change={"user.username": UNKNOWN_USER, "user.password": MADE_UP_SECRET}),
        api.logout(bearer(UNKNOWN_TOKEN)),
    ):
        seen = []
        for fresh in (False, True, False):
            exchange = yield from api.send(msgspec.structs.replace(request, fresh=fresh))
            refused += not accepts(exchange)
            seen.append(expect.status_and_code(exchange, api))
        if len(set(seen)) > 1:
            raise Violation("one status and code", ", then ".join(seen))
    if not refused:
        raise NotApplicable("a refusal", "each of these requests is accepted")


def _of_token(exchange: Exchange, api: Api) -> bool:
    return documented_error(exchange, api) and exchange.request.operation == "token"


@rule(
    "error-status-kind",
    clause="T-50",
    severity=Severity.LOW,
    over="run",
    axis="errors.status",
    when=_of_token,
    right=[line(LOGIN_NO_AUTHORIZATION, unauthorized(6)), line(LOGIN_NO_GRANT, error(2))],
    wrong=[Differs(0, "status", 302), Differs(1, "status", 302)],
)
def error_status_kind(exchanges: Sequence[Exchange], api: Api) -> str:
    """The errors of the token endpoint have statuses of errors, or all have 200; none is a redirect."""
    statuses: dict[bool, set[int]] = {True: set(), False: set()}
    for exchange in exchanges:
        status = expect.answered(exchange).status
        if status // 100 == 3:
            raise Violation("status 400, 401, 403 or 200", f"status {status}")
        if status >= 500:
            continue
        about_client = bool((conditions(exchange.request, api.contract) or frozenset()) & ABOUT_BASIC)
        statuses[about_client].add(status)
    every = statuses[True] | statuses[False]
    if every == {200}:
        return "in-200"
    if len(every) == 1:
        return "all-400"
    return "by-kind" if statuses[True] == {401} and statuses[False] <= {400, 403} else "other"


@rule(
    "error-status",
    clause="N-6749-29",
    severity=Severity.MEDIUM,
    when=_of_token,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401)), line(LOGIN_NO_GRANT, error(2))],
    wrong=[Differs(0, "status", 200), Differs(0, "status", 302), Differs(1, "status", 401), Differs(1, "status", 404)],
)
def error_status(exchange: Exchange, api: Api) -> None:
    """An error of the token endpoint has status 400, or 401 or 403 where the client is at fault (5xx is judged on its own)."""
    status = expect.answered(exchange).status
    wrong = conditions(exchange.request, api.contract) or frozenset()
    allowed = (400, 401) if wrong & ABOUT_BASIC else (400, 403) if wrong & CLIENT_MAY_NOT else (400,)
    if status < 500 and status not in allowed:
        raise Violation(f"status {' or '.join(map(str, allowed))}", f"status {status}")


CLIENT_MAY_NOT = {"grant-denied", "unapproved-client", "broken-client", "foreign-user"}
"""Faults for which RFC 9110 section 15.5.4 suggests 403: the credentials are valid and do not suffice."""


def _no_server_error(name: str, operation: str, clause: str, right: Reply) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.HIGH,
        title=f"No {operation} request is answered with a server error (501, and 503 with Retry-After, aside).",
        when=lambda exchange, api: exchange.request.operation == operation and exchange.reply is not None,
        right=[line(LOGIN_NO_AUTHORIZATION if operation == "token" else LOGOUT_UNKNOWN, right)],
        wrong=[Differs(0, "status", 500), Differs(0, "status", 502)],
    )
    def no_server_error(exchange: Exchange, api: Api) -> None:
        reply = expect.answered(exchange)
        documented = reply.status == 501 or (reply.status == 503 and reply.header("Retry-After")) or _is_broken_client(exchange, api)
        if reply.status >= 500 and not documented:
            raise Violation("a status below 500", f"status {reply.status}")


def _is_broken_client(exchange: Exchange, api: Api) -> bool:
    """Row 16 is about the server's own data; for it a status such as 500 is as good as any (ground truth 1.6)."""
    return only_fault("broken-client")(exchange, api) and row_named(exchange, api.profile, api.contract) is not None


_no_server_error("no-server-error", "token", "T-49", unauthorized(6))
_no_server_error("logout-no-server-error", "logout", "L-14", invalid_token())


def client_not_authenticated(exchange: Exchange, api: Api) -> bool:
    """A refused token request whose only fault is an unknown client or a wrong secret."""
    alone = only_fault("unknown-client")(exchange, api) or only_fault("wrong-secret")(exchange, api)
    return alone and not accepts(exchange) and expect.answered(exchange).status < 500


@rule(
    "client-refused-with-401",
    clause="N-6749-31",
    severity=Severity.MEDIUM,
    when=client_not_authenticated,
    right=[line(unknown_client(), unauthorized(1))],
    wrong=[Differs(0, "status", 400), Differs(0, "header:WWW-Authenticate", 'Bearer realm="api"')],
)
def client_refused_with_401(exchange: Exchange, api: Api) -> None:
    """A client that fails to authenticate by Basic is refused with 401 and a Basic challenge."""
    expect.status(exchange, 401)
    expect.header(exchange, "WWW-Authenticate", contains=api.contract.operations["token"].scheme)


@rule(
    "no-browser-needed",
    clause="F-08",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: of_the_api(exchange, api) and documented_request(exchange, api),
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[
        Differs(0, "status", 302),
        Differs(0, "header:Content-Type", "text/html; charset=utf-8"),
        Differs(0, "body", "<!DOCTYPE html><html><body>Log in</body></html>"),
    ],
)
def no_browser_needed(exchange: Exchange, api: Api) -> None:
    """No reply is a redirect or an HTML page: the flow includes no browser."""
    reply = expect.answered(exchange)
    if reply.status in (301, 302, 303, 307, 308):
        raise Violation("no redirect", f"status {reply.status}")
    page = re.match(r"\s*<(?:!doctype html|html)\b", reply.body, re.IGNORECASE)
    if page or (exchange.request.operation == "token" and "text/html" in (reply.header("Content-Type") or "")):
        raise Violation("no HTML page", f"body {reply.body!r}" if page else "header Content-Type is text/html")


@rule(
    "error-text-characters",
    clause="N-6749-32",
    severity=Severity.LOW,
    when=_of_token,
    right=[line(LOGIN_NO_GRANT, error(2))],
    wrong=[Differs(0, "json:message", "Ugyldig på norsk"), Differs(0, "json:message", 'say "please"'), Differs(0, "json:message", "a\\b")],
)
def error_text_characters(exchange: Exchange, api: Api) -> None:
    """The text of an error has only the characters that RFC 6749 allows: no quotes, no backslash, nothing beyond ASCII."""
    text = error_of(exchange, api.profile, api.contract).text
    if api.profile.dialects["token"].text_path != dialect.WHOLE and not ALLOWED_TEXT.fullmatch(text):
        raise Violation("printable ASCII without quotes and backslash", f"message is {text!r}")


ALLOWED_TEXT = re.compile(r"[\x20\x21\x23-\x5b\x5d-\x7e]*")


@rule(
    "date-header",
    clause="N-9110-21",
    severity=Severity.LOW,
    when=lambda exchange, api: of_the_api(exchange, api) and expect.answered(exchange).status < 500,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Date", None)],
)
def date_header(exchange: Exchange, api: Api) -> None:
    """A reply has a Date."""
    if expect.answered(exchange).header("Date") is None:
        raise Violation("a header Date", "header Date is missing")


@check(
    "user-errors-alike",
    clause="S-45",
    severity=Severity.LOW,
    right=[error(20), error(20)],
    wrong=[Differs(1, "json:message", "Wrong."), Differs(1, "status", 403)],
)
def user_errors_alike(api: Api) -> Conversation[None]:
    """An unknown user and a wrong password are answered with the same status, code and text."""
    seen = []
    for change in ({"user.username": UNKNOWN_USER, "user.password": MADE_UP_SECRET}, {"user.password": edited("user.password", "reverse")}):
        exchange = yield from api.send(api.login(change=change))
        found = error_of(exchange, api.profile, api.contract)
        row = row_named(exchange, api.profile, api.contract)
        if accepts(exchange) or row is None or "unknown-user" not in row.when:
            raise NotApplicable("both refused with the row for wrong credentials", describe(exchange))
        seen.append(f"status {expect.answered(exchange).status}, code {found.code}, message {found.text!r}")
    if seen[0] != seen[1]:
        raise Violation(f"{seen[0]} for both", f"{seen[1]} for a wrong password")

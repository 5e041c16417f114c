"""Error replies: documented rows, challenges, no server errors, no secrets, nothing of the server's inside."""

import re

from conformance import expect
from conformance.api import Api, describe
from conformance.errors import NotObservable, Violation
from conformance.model import Exchange, Severity
from conformance.oracle import conditions, only_fault
from conformance.profile import accepts, row_named
from conformance.registry import Differs, rule
from conformance.scripts import LOGIN, LOGIN_NO_AUTHORIZATION, error, invalid_token, line, logout, token, unknown_client


def of_the_api(exchange: Exchange, api: Api) -> bool:
    """An answer of one of the two operations."""
    return exchange.request.operation in api.contract.operations and exchange.reply is not None


def documented_error(exchange: Exchange, api: Api) -> bool:
    """A refusal of a request that the documentation knows: right method, known fault."""
    return of_the_api(exchange, api) and bool(conditions(exchange.request, api.contract)) and not accepts(exchange)


@rule(
    "error-row-documented",
    clause="T-50",
    severity=Severity.HIGH,
    when=documented_error,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "json:code", 99), Differs(0, "body", "<html>")],
)
def error_row_documented(exchange: Exchange, api: Api) -> None:
    """An error reply names one of the documented rows, always in the same place."""
    if row_named(exchange, api.profile, api.contract) is None:
        where = api.profile.dialects[exchange.request.operation].code_path or "any member"
        raise Violation(f"a documented code in {where}", describe(exchange))


@rule(
    "error-status",
    clause="N-6749-29",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: documented_error(exchange, api) and exchange.request.operation == "token",
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "status", 200), Differs(0, "status", 302)],
)
def error_status(exchange: Exchange, api: Api) -> None:
    """An error of the token endpoint has a 4xx status (5xx is judged on its own)."""
    status = expect.answered(exchange).status
    if status < 400:
        raise Violation("a 4xx status", f"status {status}")


@rule(
    "no-server-error",
    clause="T-49",
    severity=Severity.HIGH,
    when=of_the_api,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "status", 500), Differs(0, "status", 502)],
)
def no_server_error(exchange: Exchange, api: Api) -> None:
    """No request is answered with a server error (503 with Retry-After aside)."""
    reply = expect.answered(exchange)
    if reply.status >= 500 and not (reply.status == 503 and reply.header("Retry-After")):
        raise Violation("a status below 500", f"status {reply.status}")


@rule(
    "challenge-on-401",
    clause="N-9110-01",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: of_the_api(exchange, api) and exchange.reply is not None and exchange.reply.status == 401,
    right=[line(logout(), invalid_token())],
    wrong=[Differs(0, "header:WWW-Authenticate", None), Differs(0, "header:WWW-Authenticate", "")],
)
def challenge_on_401(exchange: Exchange, api: Api) -> None:
    """A 401 carries a challenge."""
    if not (expect.answered(exchange).header("WWW-Authenticate") or "").strip():
        raise Violation("a header WWW-Authenticate", "header WWW-Authenticate is missing")


def client_not_authenticated(exchange: Exchange, api: Api) -> bool:
    """A refused token request whose only fault is an unknown client or a wrong secret."""
    alone = only_fault("unknown-client")(exchange, api) or only_fault("wrong-secret")(exchange, api)
    return alone and not accepts(exchange)


@rule(
    "client-refused-with-401",
    clause="N-6749-31",
    severity=Severity.MEDIUM,
    when=client_not_authenticated,
    right=[line(unknown_client(), error(1, status=401, WWW_Authenticate='Basic realm="api"'))],
    wrong=[Differs(0, "status", 400), Differs(0, "header:WWW-Authenticate", 'Bearer realm="api"')],
)
def client_refused_with_401(exchange: Exchange, api: Api) -> None:
    """A client that fails to authenticate by Basic is refused with 401 and a Basic challenge."""
    expect.status(exchange, 401)
    expect.header(exchange, "WWW-Authenticate", contains="Basic")


@rule(
    "no-secret-echoed",
    clause="S-01",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: exchange.reply is not None,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "echoes", ("user.password",)), Differs(0, "echoes", ("token#2",))],
)
def no_secret_echoed(exchange: Exchange, api: Api) -> None:
    """No reply repeats a secret, a password or another token."""
    reply = expect.answered(exchange)
    if reply.echoes:
        raise Violation("no secret in body or headers", f"echoes of {', '.join(reply.echoes)}")
    if api.profile.indistinct_secrets:
        names = ", ".join(api.profile.indistinct_secrets)
        raise NotObservable(f"{names}: too short or too common to tell an echo from prose", "use a generated secret in the test account")


@rule(
    "no-inside-shown",
    clause="S-03",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: of_the_api(exchange, api) and not accepts(exchange),
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "body", 'Traceback (most recent call last):\n  File "/srv/app.py", line 3')],
)
def no_inside_shown(exchange: Exchange, api: Api) -> None:
    """An error reply shows no stack trace, file path or SQL."""
    match = re.search(r"Traceback \(most|\bat [\w.$]+\([\w]+\.java:\d+\)|File \"/|SQLSTATE|ORA-\d{5}", expect.answered(exchange).body)
    if match:
        raise Violation("a body without the server's inside", f"body with {match[0]!r}")


@rule(
    "no-browser-needed",
    clause="F-08",
    severity=Severity.MEDIUM,
    when=of_the_api,
    right=[line(LOGIN_NO_AUTHORIZATION, error(6, status=401))],
    wrong=[Differs(0, "status", 302), Differs(0, "header:Content-Type", "text/html; charset=utf-8")],
)
def no_browser_needed(exchange: Exchange, api: Api) -> None:
    """No reply is a redirect or an HTML page: the flow includes no browser."""
    reply = expect.answered(exchange)
    if reply.status // 100 == 3:
        raise Violation("no redirect", f"status {reply.status}")
    if exchange.request.operation == "token" and "text/html" in (reply.header("Content-Type") or ""):
        raise Violation("no HTML page", "header Content-Type is text/html")

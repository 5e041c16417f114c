"""What replies disclose, and to whom: secrets, the server's inside, private members, cookies, foreign web origins."""

import re

import msgspec

from conformance import dialect, expect
from conformance.api import Api, Conversation
from conformance.checks.errors import of_the_api
from conformance.errors import NotObservable, Violation
from conformance.model import Exchange, Severity
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import LOGIN, LOGIN_NO_AUTHORIZATION, error, line, token


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
    wrong=[
        Differs(0, "body", 'Traceback (most recent call last):\n  File "/srv/app.py", line 3'),
        Differs(0, "body", "java.lang.NullPointerException at com.acme.Auth.check(Auth.java:17)"),
        Differs(0, "body", "SELECT * FROM clients WHERE id = 'x'"),
    ],
)
def no_inside_shown(exchange: Exchange, api: Api) -> None:
    """An error reply shows no stack trace, file path or SQL."""
    match = INSIDE.search(expect.answered(exchange).body)
    if match:
        raise Violation("a body without the server's inside", f"body with {match[0]!r}")


INSIDE = re.compile(
    r"Traceback \(most|\bat [\w.$]+\([\w]+\.java:\d+\)|\b[a-z]+\.[a-z.]+\.[A-Z]\w+(?:Exception|Error)\b|File \"/|\bSQLSTATE|ORA-\d{5}"
    r"|\bSELECT .{1,80}\bFROM\b|(?:/usr|/srv|/var|/opt|/home)/[\w./-]{3,}|\b[A-Z]:\\\\\w+|\bat [\w.<>]+ \(/?[\w./-]+:\d+:\d+\)"
)
"""Stack traces of Python, Java and Node, database errors and queries, paths of files."""


@rule(
    "no-foreign-origin",
    clause="S-35",
    severity=Severity.HIGH,
    when=of_the_api,
    right=[line(LOGIN, token())],
    wrong=[
        Differs(0, "header:Access-Control-Allow-Origin", "*"),
        Differs(0, "header:Access-Control-Allow-Origin", "https://harness.invalid"),
    ],
)
def no_foreign_origin(exchange: Exchange, api: Api) -> None:
    """No reply lets any web origin, or one that nobody registered, read it."""
    origin = expect.answered(exchange).header("Access-Control-Allow-Origin") or ""
    if origin in ("*", FOREIGN_ORIGIN):
        raise Violation("no foreign origin", f"header Access-Control-Allow-Origin is {origin!r}")


FOREIGN_ORIGIN = "https://harness.invalid"


@check(
    "request-from-foreign-origin",
    clause="S-35",
    severity=Severity.HIGH,
    right=[token()],
    wrong=[Differs(0, "header:Access-Control-Allow-Origin", FOREIGN_ORIGIN)],
)
def request_from_foreign_origin(api: Api) -> Conversation[None]:
    """A request that names a foreign web origin is not answered with leave to read the reply."""
    login = api.login()
    exchange = yield from api.send(msgspec.structs.replace(login, headers=(*login.headers, ("Origin", (FOREIGN_ORIGIN,)))))
    no_foreign_origin(exchange, api)


@rule(
    "no-private-members",
    clause="S-31",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation == "token" and accepts(exchange),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:developer.email", "dev@example.com"), Differs(0, "json:client_secret", "x")],
)
def no_private_members(exchange: Exchange, api: Api) -> None:
    """A token reply has no member for a secret or for somebody's address."""
    for name, _ in dialect.leaves(expect.answered(exchange)):
        if re.search(r"e-?mail|secret|passw", name, re.IGNORECASE):
            raise Violation("no such member", f"{name} is a member of the reply")


@rule(
    "no-cookie",
    clause="S-30",
    severity=Severity.MEDIUM,
    when=of_the_api,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Set-Cookie", "session={token#1}; Path=/")],
)
def no_cookie(exchange: Exchange, api: Api) -> None:
    """No cookie carries a token."""
    cookie = expect.answered(exchange).header("Set-Cookie") or ""
    if "{token#" in cookie or "{refresh#" in cookie:
        raise Violation("no token in a cookie", "header Set-Cookie carries a token")

"""Code 2, which has three documented meanings: can a client tell them apart?"""

from collections.abc import Sequence

from conformance.api import Api
from conformance.dialect import likeness
from conformance.errors import Ambiguous, Violation
from conformance.model import Exchange, Request, Severity
from conformance.oracle import conditions
from conformance.profile import error_of, row_named
from conformance.registry import Differs, Line, rule
from conformance.scripts import LOGIN, LOGIN_NO_GRANT, LOGOUT_UNKNOWN, error, invalid_token, line

SUBJECT = "code-2"
CODE = 2
GRANT = {"no-grant-type", "unknown-grant-type"}
TOKEN = {"unknown-token"}


def is_code_2(exchange: Exchange, api: Api) -> bool:
    """A code 2 for one of the two reasons that can be provoked."""
    wrong = conditions(exchange.request, api.contract)
    provoked = wrong is not None and bool(wrong) and (wrong <= GRANT or wrong <= TOKEN)
    row = row_named(exchange, api.profile, api.contract) if provoked else None
    return row is not None and row.code == CODE


@rule(
    "code-2-meanings",
    clause="L-14",
    severity=Severity.MEDIUM,
    over="run",
    axis="code-2",
    when=is_code_2,
    right=[line(LOGIN_NO_GRANT, error(2)), line(LOGOUT_UNKNOWN, invalid_token())],
    wrong=[Differs(0, "status", 500), Differs(1, "status", 503)],
)
def code_2_meanings(exchanges: Sequence[Exchange], api: Api) -> str | None:
    """A client can tell code 2 for a bad grant_type from code 2 for an invalid token, and both from an internal error."""
    grant = [e for e in exchanges if e.request.operation == "token" and e.reply]
    token = [e for e in exchanges if e.request.operation == "logout" and e.reply]
    for exchange in (*grant, *token):
        if exchange.reply and exchange.reply.status >= 500:
            raise Violation("a status below 500 for a fault of the client", f"status {exchange.reply.status} with code 2", [exchange])
    if not grant or not token:
        return None
    statuses = [{e.reply.status for e in group if e.reply} for group in (grant, token)]
    if not statuses[0] & statuses[1]:
        return "status"
    texts = [{error_of(e, api.profile, api.contract).text for e in group} for group in (grant, token)]
    if all(left and right and likeness(left, right) < 0.9 for left in texts[0] for right in texts[1]):
        return "message"
    shown = f"status {min(statuses[0] & statuses[1])} and message {min(texts[0] | texts[1])!r} for both"
    raise Ambiguous("status or message tells the meanings of code 2 apart; the reading is 'endpoint'", shown)


def _own_meaning(name: str, clause: str, operation: str, right: Line, title: str) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        title=title,
        when=lambda exchange, api: is_code_2(exchange, api) and exchange.request.operation == operation,
        right=[right],
        wrong=[Differs(0, "body", '{"code": 2, "message": "Internal Server Error"}')],
    )
    def code_2_says_what_it_means(exchange: Exchange, api: Api) -> None:
        rows = api.contract.operations[operation].rows
        text = error_of(exchange, api.profile, api.contract).text
        # At logout the message of the token endpoint is a reading of code 2 (D-05); at the token endpoint that of logout is none.
        foreign = [row for row in api.contract.operations["logout"].rows if operation == "token" and row.code == CODE]
        internal = [row for row in (*rows, *foreign) if row.code == CODE and ("internal" in row.when or row in foreign)]
        others = [row for row in rows if row.code == CODE and "internal" not in row.when]
        best = max((likeness(text, row.message) for row in others), default=0.0)
        for row in internal:
            if likeness(text, row.message) >= 0.85 > best:
                raise Violation(f"a message other than {row.message!r}", f"body with the message {text!r}")


_own_meaning(
    "code-2-at-token",
    "T-34",
    "token",
    line(LOGIN_NO_GRANT, error(2)),
    "Code 2 for a bad grant_type does not claim to be an internal error, or an invalid token.",
)
_own_meaning(
    "code-2-at-logout",
    "L-12",
    "logout",
    line(LOGOUT_UNKNOWN, invalid_token()),
    "Code 2 for an invalid token does not claim to be an internal error.",
)


def broke(exchange: Exchange, operation: str) -> bool:
    """An answer of this operation that says that something broke inside."""
    return exchange.request.operation == operation and exchange.reply is not None and exchange.reply.status in (500, 502, 504)


def _internal_row(name: str, clause: str, operation: str, request: Request) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.LOW,
        title=f"A server error of the {operation} endpoint is code 2, Internal Server Error, in the shape of the other errors.",
        when=lambda exchange, api: (
            broke(exchange, operation) and conditions(exchange.request, api.contract) != frozenset({"broken-client"})
        ),
        right=[line(request, error(2, "Internal Server Error", 500))],
        wrong=[Differs(0, "json:code", 6), Differs(0, "body", "<h1>Oops</h1>")],
    )
    def server_error_is_code_2(exchange: Exchange, api: Api) -> None:
        row, error = row_named(exchange, api.profile, api.contract), error_of(exchange, api.profile, api.contract)
        if row is None or row.code != CODE:
            body = exchange.reply.body if exchange.reply else ""
            raise Violation("code 2, Internal Server Error", f"code {error.code} in the body {body!r}")


_internal_row("internal-error-at-token", "T-49", "token", LOGIN)
_internal_row("internal-error-at-logout", "L-14", "logout", LOGOUT_UNKNOWN)

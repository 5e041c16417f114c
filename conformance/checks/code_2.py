"""Code 2, which has three documented meanings: can a client tell them apart?"""

from collections.abc import Sequence

from conformance.api import Api
from conformance.dialect import likeness
from conformance.errors import Ambiguous, Violation
from conformance.model import Exchange, Severity
from conformance.oracle import conditions
from conformance.profile import error_of, row_named
from conformance.registry import Differs, rule
from conformance.scripts import LOGIN_NO_GRANT, LOGOUT_UNKNOWN, error, invalid_token, line

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
            raise Violation("a status below 500 for a fault of the client", f"status {exchange.reply.status} with code 2")
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

"""Expectations on exchanges: each raises a Violation whose `actual` names the field that is wrong."""

from collections.abc import Sequence

from conformance.api import Api, describe
from conformance.documented import ErrorRow
from conformance.errors import Violation
from conformance.model import Exchange, Reply
from conformance.profile import accepts, error_of, row_named


def answered(exchange: Exchange) -> Reply:
    """The reply of an exchange that is known to have one."""
    if exchange.reply is None:
        raise Violation("an answer", describe(exchange))
    return exchange.reply


def status_and_code(exchange: Exchange, api: Api) -> str:
    """How an error is told from others: `status 400 and code 2`."""
    return f"status {answered(exchange).status} and code {error_of(exchange, api.profile, api.contract).code}"


def granted(exchange: Exchange) -> None:
    """The server did what was asked."""
    if not accepts(exchange):
        what = "a token" if exchange.request.operation == "token" else "status 200"
        raise Violation(what, describe(exchange))


def below_500(exchange: Exchange) -> None:
    """The request was answered, and not with a server error."""
    if answered(exchange).status >= 500:
        raise Violation("an answer below 500", describe(exchange))


def refused(exchange: Exchange, *, broken: bool = False) -> None:
    """The request was not granted, and (unless `broken` is allowed) its answer is none of a server that broke."""
    reply = answered(exchange)
    if accepts(exchange) or (exchange.request.operation == "token" and reply.token()):
        raise Violation("a refusal", f"status {reply.status}" + (" with an access_token" if reply.token() else ""))
    if reply.status >= 500 and not broken:
        raise Violation("a refusal below 500", f"status {reply.status}")


def refused_with(exchange: Exchange, api: Api, condition: str) -> ErrorRow:
    """The request was refused with one of the rows for this condition: the one that this server has shown, if it has; returns it."""
    rows = api.profile.allowed(api.contract.operations[exchange.request.operation], condition)
    refused(exchange, broken=condition == "broken-client")
    row, error = row_named(exchange, api.profile, api.contract), error_of(exchange, api.profile, api.contract)
    if row is None or row not in rows:
        seen = f"code {error.code}" if error.code is not None else "no documented code"
        raise Violation(f"a refusal with {spelled(rows)}", f"{seen}, {describe(exchange)}")
    return row


def not_refused_otherwise(exchange: Exchange, api: Api, condition: str) -> None:
    """The request was refused, and not with a documented row for something else; for clauses that say nothing of codes."""
    refused(exchange)
    row = row_named(exchange, api.profile, api.contract)
    rows = api.profile.allowed(api.contract.operations[exchange.request.operation], condition)
    if row is not None and row not in rows:
        raise Violation(f"a refusal with {spelled(rows)}", f"code {row.code}, {describe(exchange)}")


def spelled(rows: Sequence[ErrorRow]) -> str:
    """Rows as a reader would say them: `code 6 (Missing or bad Authorization header)`."""
    return " or ".join(f"code {row.code} ({row.message})" for row in rows)


def status(exchange: Exchange, *allowed: int) -> None:
    """The reply's status is one of these."""
    seen = answered(exchange).status
    if seen not in allowed:
        raise Violation(f"status {' or '.join(map(str, allowed))}", f"status {seen}")


def header(exchange: Exchange, name: str, *, contains: str) -> None:
    """The reply has the header field and its value contains a text, case aside."""
    value = answered(exchange).header(name)
    if value is None or contains.lower() not in value.lower():
        raise Violation(f"header {name} with {contains}", f"header {name} is {'missing' if value is None else repr(value)}")

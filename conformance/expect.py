"""Expectations on exchanges: each raises a Violation whose `actual` names the field that is wrong."""

from collections.abc import Sequence

from conformance.api import Api, describe
from conformance.errors import Violation
from conformance.model import Exchange, Reply
from conformance.profile import accepts, error_of, row_named


def answered(exchange: Exchange) -> Reply:
    """The reply of an exchange that is known to have one."""
    if exchange.reply is None:
        raise Violation("an answer", describe(exchange))
    return exchange.reply


def refused(exchange: Exchange) -> None:
    """The request was not granted."""
    if accepts(exchange):
        raise Violation(
            "a refusal", f"status {answered(exchange).status}" + (" with an access_token" if answered(exchange).token() else "")
        )


def refused_with(exchange: Exchange, api: Api, condition: str) -> None:
    """The request was refused with one of the rows that the contract lists for this condition."""
    rows = api.contract.operations[exchange.request.operation].conditions()[condition]
    refused(exchange)
    row, error = row_named(exchange, api.profile, api.contract), error_of(exchange, api.profile, api.contract)
    if row not in rows:
        seen = f"code {error.code}" if error.code is not None else "no documented code"
        raise Violation(f"a refusal with {spelled(rows)}", f"{seen}, {describe(exchange)}")


def spelled(rows: Sequence[object]) -> str:
    """Rows as a reader would say them: `code 6 (Missing or bad Authorization header)`."""
    return " or ".join(f"code {getattr(row, 'code', '?')} ({getattr(row, 'message', '?')})" for row in rows)


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

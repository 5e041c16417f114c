"""The profile: how this server behaves where the documentation leaves a choice. Made once by the survey, then never changed."""

from typing import Any, Literal

import msgspec

from conformance.contract import Contract
from conformance.dialect import Dialect, ReadError, read, row_of
from conformance.documented import ErrorRow, Operation
from conformance.model import Exchange
from conformance.strictjson import members


class Profile(msgspec.Struct, frozen=True, tag="profile"):
    """Facts about the target, each with the exchanges that show it (`evidence`: fact → ids).

    `readings`: axis → reading, for those that the survey settles. `rows`: `operation/condition` → clause of the error row
    that this server answers with. `liveness`: what tells whether a token lives. `issue_lag_s`: how long to wait before a new
    token is known everywhere. `order`: several faults in one request, such as `no-authorization+no-grant-type` → the one that
    this server answers.
    """

    dialects: dict[str, Dialect] = {}
    readings: dict[str, str] = {}
    rows: dict[str, str] = {}
    liveness: Literal["resource", "logout", "none"] = "none"
    liveness_reason: str = ""
    indistinct_secrets: tuple[str, ...] = ()
    revocation_budget_s: float = 0
    issue_lag_s: float = 0
    order: dict[str, str] = {}
    evidence: dict[str, tuple[int, ...]] = {}

    def reading(self, axis: str) -> str:
        """The reading of an axis that the survey saw, or `unknown`."""
        return self.readings.get(axis, "unknown")

    def allowed(self, operation: Operation, condition: str) -> tuple[ErrorRow, ...]:
        """The rows that may answer a condition: those of the documentation, narrowed to the one that this server has chosen."""
        rows = operation.conditions.get(condition, ())
        chosen = self.rows.get(f"{operation.name}/{condition}")
        return tuple(row for row in rows if row.clause == chosen) or rows


def error_of(exchange: Exchange, profile: Profile, contract: Contract) -> ReadError:
    """What the reply says of the error, in this server's dialect."""
    rows = contract.operations[exchange.request.operation].rows
    dialect = profile.dialects.get(exchange.request.operation, Dialect())
    return read(exchange.reply, dialect, frozenset(row.code for row in rows)) if exchange.reply else ReadError(None, "")


def row_named(exchange: Exchange, profile: Profile, contract: Contract) -> ErrorRow | None:
    """The documented row that the reply names, if it names one."""
    if exchange.reply is None or exchange.request.operation not in contract.operations:
        return None
    rows = contract.operations[exchange.request.operation].rows
    return row_of(exchange.reply, profile.dialects.get(exchange.request.operation, Dialect()), rows)


def told(exchange: Exchange, contract: Contract, role: str) -> Any:
    """The value of the token reply's member with this role, or None."""
    return members(exchange.reply).get(contract.member(role))


def accepts(exchange: Exchange) -> bool:
    """Whether the server did what was asked: a 2xx status and, for a token request, a token."""
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        return False
    return exchange.request.operation != "token" or exchange.reply.token() is not None

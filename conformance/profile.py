"""The profile: how this server behaves where the documentation leaves a choice. Made once by the survey, then never changed."""

import msgspec

from conformance.contract import Contract, ErrorRow
from conformance.dialect import Dialect, ReadError, read, row_of
from conformance.model import Exchange


class Profile(msgspec.Struct, frozen=True, tag="profile"):
    """Facts about the target, each with the exchanges that show it (`evidence`: field → ids)."""

    dialects: dict[str, Dialect] = {}
    issue_policy: str = "unknown"
    logout_scope: str = "unknown"
    dead_token_logout: str = "unknown"
    liveness: str = "none"
    liveness_reason: str = ""
    indistinct_secrets: tuple[str, ...] = ()
    revocation_budget_s: float = 0
    evidence: dict[str, tuple[int, ...]] = {}


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


def accepts(exchange: Exchange) -> bool:
    """Whether the server did what was asked: a 2xx status and, for a token request, a token."""
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        return False
    return exchange.request.operation != "token" or exchange.reply.token() is not None

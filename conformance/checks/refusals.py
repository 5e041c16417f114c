"""Refusals: a request with a single fault is answered with one of the rows that the contract lists for that fault. One table."""

from collections.abc import Sequence

from conformance import expect
from conformance.api import Api
from conformance.model import Exchange, Reply, Request, Severity
from conformance.oracle import only_fault
from conformance.registry import Differs, rule
from conformance.scripts import API, LOGIN_NO_AUTHORIZATION, LOGIN_NO_GRANT, LOGOUT_BARE, error, line, unknown_client

UNAUTHORIZED = error(6, status=401)
UNKNOWN_GRANT = API.login(change={"grant_type": "nonsense"})
UNKNOWN_USER = API.login(change={"username": "nobody", "password": "nothing"})

Row = tuple[str, str, str, Severity, str, str, Request, Reply, tuple[Differs, ...]]
REFUSALS: Sequence[Row] = (
    # id, condition, clause, severity, subject, title, a request in this condition, a right reply, and what makes it wrong
    (
        "token-without-authorization",
        "no-authorization",
        "T-42",
        Severity.CRITICAL,
        "basic",
        "A token request without Authorization is refused with code 6.",
        LOGIN_NO_AUTHORIZATION,
        UNAUTHORIZED,
        (Differs(0, "json:code", 22), Differs(0, "body", "")),
    ),
    (
        "token-unknown-client",
        "unknown-client",
        "T-35",
        Severity.CRITICAL,
        "basic",
        "A client id that does not exist is refused with code 1 or 22.",
        unknown_client(),
        error(1, status=401),
        (Differs(0, "json:code", 20), Differs(0, "body", "<html>")),
    ),
    (
        "token-missing-grant-type",
        "no-grant-type",
        "T-34",
        Severity.HIGH,
        "token",
        "A token request without grant_type is refused with code 2.",
        LOGIN_NO_GRANT,
        error(2),
        (Differs(0, "json:code", 20), Differs(0, "body", "")),
    ),
    (
        "token-unknown-grant-type",
        "unknown-grant-type",
        "T-34",
        Severity.HIGH,
        "token",
        "A grant_type that nobody knows is refused with code 2.",
        UNKNOWN_GRANT,
        error(2),
        (Differs(0, "json:code", 20), Differs(0, "body", "")),
    ),
    (
        "token-unknown-user",
        "unknown-user",
        "T-36",
        Severity.CRITICAL,
        "token",
        "A user that does not exist is refused with code 20.",
        UNKNOWN_USER,
        error(20),
        (Differs(0, "json:code", 22), Differs(0, "body", "")),
    ),
    (
        "logout-without-authorization",
        "no-authorization",
        "L-08",
        Severity.HIGH,
        "logout",
        "A logout without Authorization is refused with code 6.",
        LOGOUT_BARE,
        UNAUTHORIZED,
        (Differs(0, "json:code", 2), Differs(0, "status", 200)),
    ),
)


def _refusal(row: Row) -> None:
    name, condition, clause, severity, subject, title, request, reply, wrong = row

    @rule(
        name,
        clause=clause,
        severity=severity,
        subject=subject,
        title=title,
        when=only_fault(condition, request.operation),
        right=[line(request, reply)],
        wrong=wrong,
    )
    def refused_with_its_row(exchange: Exchange, api: Api) -> None:
        expect.refused_with(exchange, api, condition)


for _row in REFUSALS:
    _refusal(_row)

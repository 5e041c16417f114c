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

Row = tuple[str, str, str, str, str, Request, Reply, int]
REFUSALS: Sequence[Row] = (
    # id, condition, clause, subject, title, a request in this condition, a right reply, a code that is wrong here
    (
        "token-without-authorization",
        "no-authorization",
        "T-42",
        "basic",
        "A token request without Authorization is refused with code 6.",
        LOGIN_NO_AUTHORIZATION,
        UNAUTHORIZED,
        22,
    ),
    (
        "token-unknown-client",
        "unknown-client",
        "T-35",
        "basic",
        "A client id that does not exist is refused with code 1 or 22.",
        unknown_client(),
        error(1, status=401),
        20,
    ),
    (
        "token-missing-grant-type",
        "no-grant-type",
        "T-34",
        "token",
        "A token request without grant_type is refused with code 2.",
        LOGIN_NO_GRANT,
        error(2),
        20,
    ),
    (
        "token-unknown-grant-type",
        "unknown-grant-type",
        "T-34",
        "token",
        "A grant_type that nobody knows is refused with code 2.",
        UNKNOWN_GRANT,
        error(2),
        20,
    ),
    (
        "token-unknown-user",
        "unknown-user",
        "T-36",
        "token",
        "A user that does not exist is refused with code 20.",
        UNKNOWN_USER,
        error(20),
        22,
    ),
    (
        "logout-without-authorization",
        "no-authorization",
        "L-08",
        "logout",
        "A logout without Authorization is refused with code 6.",
        LOGOUT_BARE,
        UNAUTHORIZED,
        2,
    ),
)


def _refusal(row: Row) -> None:
    name, condition, clause, subject, title, request, reply, wrong_code = row

    @rule(
        name,
        clause=clause,
        severity=Severity.CRITICAL,
        subject=subject,
        title=title,
        when=only_fault(condition, request.operation),
        right=[line(request, reply)],
        wrong=[Differs(0, "json:code", wrong_code), Differs(0, "body", "")],
    )
    def refused_with_its_row(exchange: Exchange, api: Api) -> None:
        expect.refused_with(exchange, api, condition)


for _row in REFUSALS:
    _refusal(_row)

"""Refusals: a request with a single fault is answered with one of the rows that the contract lists for that fault. One table."""

from collections.abc import Sequence

import msgspec

from conformance import expect
from conformance.api import Api, basic, describe
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Reply, Request, Severity, Slot
from conformance.oracle import conditions, grant_of, has_the_stars, only_fault
from conformance.profile import accepts, row_named
from conformance.registry import Differs, rule
from conformance.scripts import (
    API,
    LOGIN_NO_AUTHORIZATION,
    LOGIN_NO_GRANT,
    LOGOUT_BARE,
    bad_header,
    error,
    line,
    unauthorized,
    unknown_client,
)

UNKNOWN_GRANT = API.login(change={"grant": "nonsense"})
UNKNOWN_USER = API.login(change={"user.username": "nobody", "user.password": "nothing"})
UNKNOWN_CODE = API.token_request("authorization_code", change={"code.code": "nonsense"})
UNKNOWN_REFRESH = API.token_request("refresh_token", change={"refresh": "nonsense"})
WRONG_SECRET = API.login(authorization=basic((Slot("client.id"),), ("nonsense",)))
MALFORMED = API.logout(('Bearer "a b"',))
OTHER_CODE, NO_BODY = Differs(0, "json:code", 20), Differs(0, "body", "")


class Refusal(msgspec.Struct, frozen=True):
    """One row of the table: the claim, the condition it is about, and a request in that condition with a right reply."""

    id: str
    condition: str
    clause: str
    severity: Severity
    subject: str
    title: str
    request: Request
    reply: Reply
    wrong: Sequence[Differs] = (OTHER_CODE, NO_BODY)
    axis: str = ""


REFUSALS = (
    Refusal(
        "token-without-authorization",
        "no-authorization",
        "T-42",
        Severity.CRITICAL,
        "basic",
        "A token request without Authorization is refused with code 6.",
        LOGIN_NO_AUTHORIZATION,
        unauthorized(6),
        (Differs(0, "json:code", 22), NO_BODY),
    ),
    Refusal(
        "token-unknown-client",
        "unknown-client",
        "T-35",
        Severity.CRITICAL,
        "basic",
        "A client id that does not exist is refused with code 1 or 22.",
        unknown_client(),
        unauthorized(1),
        (OTHER_CODE, Differs(0, "body", "<html>")),
    ),
    Refusal(
        "token-missing-grant-type",
        "no-grant-type",
        "T-34",
        Severity.HIGH,
        "token",
        "A token request without grant_type is refused with code 2.",
        LOGIN_NO_GRANT,
        error(2),
    ),
    Refusal(
        "token-unknown-grant-type",
        "unknown-grant-type",
        "T-34",
        Severity.HIGH,
        "token",
        "A grant_type that nobody knows is refused with code 2.",
        UNKNOWN_GRANT,
        error(2),
    ),
    Refusal(
        "token-unknown-user",
        "unknown-user",
        "T-36",
        Severity.CRITICAL,
        "token",
        "A user that does not exist is refused with code 20.",
        UNKNOWN_USER,
        error(20),
        (Differs(0, "json:code", 22), NO_BODY),
    ),
    Refusal(
        "logout-without-authorization",
        "no-authorization",
        "L-08",
        Severity.HIGH,
        "logout",
        "A logout without Authorization is refused with code 6.",
        LOGOUT_BARE,
        bad_header(),
        (Differs(0, "json:code", 2), Differs(0, "status", 200)),
    ),
    Refusal(
        "logout-malformed-token",
        "malformed-token",
        "L-13",
        Severity.MEDIUM,
        "logout",
        "`Bearer` with what can be no token is refused, always with code 6 or always with code 2.",
        MALFORMED,
        bad_header(),
        (OTHER_CODE, Differs(0, "status", 200)),
        "logout.malformed",
    ),
)


def _refusal(row: Refusal) -> None:
    @rule(
        row.id,
        clause=row.clause,
        severity=row.severity,
        subject=row.subject,
        title=row.title,
        axis=row.axis,
        when=only_fault(row.condition, row.request.operation),
        right=[line(row.request, row.reply)],
        wrong=row.wrong,
    )
    def refused_with_its_row(exchange: Exchange, api: Api) -> str:
        return f"code-{expect.refused_with(exchange, api, row.condition).code}"


for _row in REFUSALS:
    _refusal(_row)


def _undocumented_grant(name: str, clause: str, condition: str, code: int, title: str, request: Request) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        subject="token",
        title=title,
        when=only_fault(condition),
        right=[line(request, error(code))],
        wrong=[OTHER_CODE, NO_BODY],
    )
    def refused_where_the_grant_is_served(exchange: Exchange, api: Api) -> None:
        row = expect.refused_with(exchange, api, condition)
        if row.code != code:
            raise NotApplicable("a server that serves this grant", f"it answers with code {row.code}")


_undocumented_grant(
    "token-unknown-code",
    "T-40",
    "unknown-code",
    4,
    "An invented authorization code is refused with code 4, where the grant is served.",
    UNKNOWN_CODE,
)
_undocumented_grant(
    "token-unknown-refresh-token",
    "T-43",
    "unknown-refresh-token",
    7,
    "An invented refresh token is refused with code 7, where the grant is served.",
    UNKNOWN_REFRESH,
)


@rule(
    "other-grants",
    clause="T-19",
    severity=Severity.MEDIUM,
    subject="token",
    over="run",
    axis="grant.other",
    when=lambda exchange, api: (
        grant_of(exchange.request, api.contract) in {grant.word for grant in api.contract.operations["token"].grants[1:]}
        and conditions(exchange.request, api.contract) in ({"unknown-code"}, {"unknown-refresh-token"}, frozenset())
        and (has_the_stars(exchange.request, api.contract) or accepts(exchange))
    ),
    right=[line(UNKNOWN_CODE, error(4)), line(UNKNOWN_REFRESH, error(7))],
    wrong=[Differs(0, "body", ""), Differs(1, "json:code", 22)],
)
def other_grants(exchanges: Sequence[Exchange], api: Api) -> str:
    """The other grants that the page names are served, or refused as unknown (code 2) or not permitted (code 21)."""
    codes: set[int] = set()
    for exchange in exchanges:
        if not accepts(exchange) and expect.answered(exchange).status < 500:
            row = row_named(exchange, api.profile, api.contract)
            if row is None or row.code in (1, 6, 22):
                seen = f"code {row.code}" if row else "no documented code"
                raise Violation("a token, or a code about the grant", f"{seen}, {describe(exchange)}")
            codes.add(row.code)
    served = any(accepts(exchange) for exchange in exchanges) or bool(codes - {2, 21})
    return "served" if served else "code-2" if 2 in codes else "code-21"


def about_client(exchange: Exchange, api: Api) -> bool:
    """A request whose only fault is an unknown client or a wrong secret."""
    return only_fault("unknown-client")(exchange, api) or only_fault("wrong-secret")(exchange, api)


@rule(
    "client-errors",
    clause="T-38",
    severity=Severity.HIGH,
    subject="code-2",
    over="run",
    axis="client.errors",
    when=lambda exchange, api: about_client(exchange, api) and not accepts(exchange) and expect.answered(exchange).status < 500,
    right=[line(unknown_client(), unauthorized(1)), line(WRONG_SECRET, unauthorized(1))],
    wrong=[Differs(0, "json:code", 22)],
)
def client_errors(exchanges: Sequence[Exchange], api: Api) -> str:
    """Code 1 stands for an unknown id and 22 for a wrong secret, or one of them for both; never the other way round."""
    codes: dict[str, set[int]] = {"unknown-client": set(), "wrong-secret": set()}
    for exchange in exchanges:
        (condition,) = conditions(exchange.request, api.contract) or ("",)
        row = row_named(exchange, api.profile, api.contract)
        codes[condition] |= {row.code} & {1, 22} if row is not None else set()
    if not all(codes.values()):
        raise NotApplicable("an unknown client and a wrong secret, each refused with code 1 or 22", "one of them was not seen")
    if codes == {"unknown-client": {22}, "wrong-secret": {1}}:
        raise Violation("code 1 for an unknown id, code 22 for a wrong secret", "code 22 for an unknown id, code 1 for a wrong secret")
    if codes["unknown-client"] == codes["wrong-secret"]:
        return f"code-{min(codes['wrong-secret'])}"
    return "separate"


@rule(
    "missing-user-row",
    clause="T-56",
    severity=Severity.LOW,
    subject="token",
    axis="error.no-user",
    when=lambda exchange, api: any(only_fault(name)(exchange, api) for name in ("no-username", "no-password")) and not accepts(exchange),
    right=[line(API.login(change={"user.username": None}), error(20)), line(API.login(change={"user.password": None}), error(20))],
    wrong=[Differs(1, "json:code", 9)],
)
def missing_user_row(exchange: Exchange, api: Api) -> str:
    """A missing username and a missing password, which have no row of their own, are always answered with the same code."""
    row = row_named(exchange, api.profile, api.contract)
    return f"code-{row.code}" if row is not None and row.code in (2, 9, 20) else "other"

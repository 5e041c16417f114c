"""What the documentation allows, held against every exchange of the run, whoever made it: the oracle's verdict as rules."""

from collections.abc import Sequence

import msgspec

from conformance import expect
from conformance.api import PAGE_EXAMPLE, UNKNOWN_TOKEN, Api, Conversation, basic, bearer, control_login, describe, edited
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Reply, Request, Severity, Slot
from conformance.oracle import allowed, code_unserved, conditions, only_fault, together
from conformance.precedence import combined
from conformance.profile import accepts, row_named
from conformance.registry import Differs, check, rule
from conformance.scripts import (
    API,
    bad_header,
    error,
    line,
    token,
    unauthorized,
)

SUBJECT = "code-2"
TWO_FAULTS = API.login(authorization=(), change={"grant": None})


def row_allowed(exchange: Exchange, api: Api) -> None:
    """A refusal names one of the rows that the oracle allows; whether there may be success is for other clauses to say."""
    rows = allowed(exchange.request, api.profile, api.contract).rows
    row = row_named(exchange, api.profile, api.contract)
    if rows is not None and row not in rows:
        seen = f"code {row.code}" if row is not None else "no documented code"
        raise Violation(f"a refusal with {expect.spelled(rows)}", f"{seen}, {describe(exchange)}")


def refusal(exchange: Exchange) -> bool:
    """A refusal by a server that did not break."""
    return not accepts(exchange) and expect.answered(exchange).status < 500


def _row_of(condition: str, clause: str, request: Request, reply: Reply, subject: str = SUBJECT) -> None:
    """A request with this single fault, whoever made it, is refused with a row for it; success breaks F-04, or L-13 at logout."""
    of = request.operation

    @rule(
        f"row-for-{condition}" if of == "token" else f"logout-row-for-{condition}",
        clause=clause,
        severity=Severity.MEDIUM,
        subject=subject,
        title=f"Every {of} request whose only fault is {condition.replace('-', ' ')} is refused with a row for it.",
        when=lambda exchange, api: (
            only_fault(condition, of)(exchange, api) and (refusal(exchange) or (of == "logout" and accepts(exchange)))
        ),
        right=[line(request, reply)],
        wrong=[Differs(0, "json:code", 7), Differs(0, "body", "")],
    )
    def fault_has_its_row(exchange: Exchange, api: Api) -> None:
        if condition == "no-code" and code_unserved(api.contract.operations[of], api.profile):
            raise NotApplicable("a grant of codes that the server serves", describe(exchange))
        expect.refused(exchange)
        row_allowed(exchange, api)


_code = API.contract.operations["token"].grants[-2].word
_row_of("wrong-scheme", "T-42", API.login(authorization=bearer(UNKNOWN_TOKEN)), unauthorized(6), "basic")
_row_of("undecodable-basic", "T-13", API.login(authorization=PAGE_EXAMPLE), unauthorized(6), "basic")
_row_of("no-colon", "T-12", API.login(authorization=("Basic ", "YWJj")), unauthorized(6), "basic")
_row_of("wrong-secret", "T-38", API.login(authorization=basic((Slot("client.id"),), ("nonsense",))), unauthorized(22), "basic")
_row_of("wrong-password", "T-36", API.login(change={"user.password": edited("user.password", "reverse")}), error(20))
_row_of("foreign-user", "T-39", API.login(user="foreign_user"), error(23))
_row_of("grant-denied", "T-37", API.login(client="client_without_grant"), error(21))
_row_of("unapproved-client", "T-41", API.login(client="unapproved_client"), error(5))
_row_of("no-code", "T-40", API.token_request(_code, change={"code.code": None}), error(4))
_row_of("scope", "T-47", API.login(change={"scope-wanted": UNKNOWN_TOKEN}), error(8))
_row_of("wrong-scheme", "L-13", API.logout(("Token ", UNKNOWN_TOKEN)), bad_header(), "logout")
_row_of("empty-token", "L-13", API.logout(("Bearer",)), bad_header(), "logout")


@rule(
    "valid-request-yields-token",
    clause="F-04",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: (
        allowed(exchange.request, api.profile, api.contract).success == "required" and exchange.request != control_login(api.contract)
    ),
    right=[line(API.login(user="second_user"), token())],
    wrong=[Differs(0, "status", 400), Differs(0, "json:access_token", None)],
)
def valid_request_yields_token(exchange: Exchange, api: Api) -> None:
    """Every login of another client or user with credentials that are right yields a token."""
    if not accepts(exchange):
        missing = "" if expect.answered(exchange).token() else "no access_token, "
        raise Violation("a token", f"{missing}{describe(exchange)}")


def several_faults(exchange: Exchange, api: Api) -> bool:
    """A refused token request with more than one fault."""
    return len(conditions(exchange.request, api.contract) or ()) > 1 and refusal(exchange)


@rule(
    "combined-faults-have-a-row",
    clause="T-50",
    severity=Severity.MEDIUM,
    over="run",
    when=lambda exchange, api: (
        bool(conditions(exchange.request, api.contract)) and exchange.request.operation == "token" and refusal(exchange)
    ),
    right=[line(TWO_FAULTS, unauthorized(6))],
    wrong=[Differs(0, "json:code", 20), Differs(0, "body", "")],
)
def combined_faults_have_a_row(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A request with several faults is refused with a row for one of them, or as one of them is when it is alone."""
    alone: dict[str, set[str]] = {}
    several = [exchange for exchange in exchanges if several_faults(exchange, api)]
    for exchange in exchanges:
        (first, *others) = conditions(exchange.request, api.contract) or ("",)
        if not others:
            alone.setdefault(first, set()).add(_shown(exchange, api))
    for exchange in several:
        wrong = conditions(exchange.request, api.contract) or frozenset()
        if not any(_shown(exchange, api) in alone.get(condition, ()) for condition in wrong):
            row_allowed(exchange, api)
    if not several:
        raise NotApplicable("a refused request with several faults", "none was seen")
    return tuple(several)


def _shown(exchange: Exchange, api: Api) -> str:
    """The row that a refusal names, or that it names none."""
    row = row_named(exchange, api.profile, api.contract)
    return row.clause if row is not None else "none"


@rule(
    "combined-faults-stable",
    clause="T-51",
    severity=Severity.MEDIUM,
    over="run",
    when=several_faults,
    right=[line(TWO_FAULTS, unauthorized(6)), line(TWO_FAULTS, unauthorized(6))],
    wrong=[Differs(1, "json:code", 2), Differs(1, "status", 400)],
)
def combined_faults_stable(exchanges: Sequence[Exchange], api: Api) -> None:
    """A request with several faults is answered alike each time, and the same faults always with the same row."""
    answers: dict[Request, str] = {}
    rows: dict[str, str] = {}
    for exchange in exchanges:
        wrong = together(conditions(exchange.request, api.contract) or frozenset())
        seen = expect.status_and_code(exchange, api)
        first = answers.setdefault(msgspec.structs.replace(exchange.request, fresh=False), seen)
        if first != seen:
            raise Violation(f"{first}, as before", seen, [exchange])
        row = row_named(exchange, api.profile, api.contract)
        if row is not None and allowed(exchange.request, api.profile, api.contract).rows is not None:
            before = rows.setdefault(wrong, f"code {row.code}")
            if before != f"code {row.code}":
                raise Violation(f"{before} for {wrong}, as before", f"code {row.code}", [exchange])


@check(
    "combined-faults-again",
    clause="T-51",
    severity=Severity.MEDIUM,
    right=[
        unauthorized(6),
        unauthorized(6),
        unauthorized(6),
        unauthorized(6),
        *([unauthorized(1)] * 4),
        *([error(2)] * 2),
        *([error(20)] * 2),
    ],
    wrong=[Differs(1, "json:code", 2), Differs(11, "json:code", 8), Differs(0, "status", 400)],
)
def combined_faults_again(api: Api) -> Conversation[None]:
    """A request with two faults, sent twice more on connections of their own, is answered alike each time."""
    refused = 0
    for request in combined(api):
        seen = []
        for _ in range(2):
            exchange = yield from api.send(msgspec.structs.replace(request, fresh=True))
            refused += not accepts(exchange)
            seen.append(expect.status_and_code(exchange, api))
        if len(set(seen)) > 1:
            raise Violation(f"{seen[0]}, as before", seen[1])
    if not refused:
        raise NotApplicable("a refusal", "each of these requests is accepted")

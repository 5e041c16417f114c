"""Requests with two faults each, and which of the two a server answers: the page fixes no order, so this is a fact of the profile."""

from collections.abc import Iterator, Sequence

from conformance.api import MADE_UP_SECRET, PAGE_EXAMPLE, UNKNOWN_CLIENT, UNKNOWN_TOKEN, UNKNOWN_USER, Api, basic
from conformance.contract import Contract
from conformance.documented import ErrorRow
from conformance.model import Exchange, Request
from conformance.oracle import conditions, rows_for, together
from conformance.profile import Profile, accepts, row_named


def combined(api: Api) -> tuple[Request, ...]:
    """Token requests with two faults (ground truth 1.6), none of which costs an account anything."""
    nobody = basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,))
    stranger = {"user.username": UNKNOWN_USER, "user.password": MADE_UP_SECRET}
    return (
        api.login(authorization=(), change={"grant": None}),
        api.login(authorization=PAGE_EXAMPLE, change={"grant": "harness-unknown"}),
        api.login(authorization=nobody, change={"grant": "harness-unknown"}),
        api.login(authorization=nobody, change=stranger),
        api.login(change={"grant": "harness-unknown", **stranger}),
        api.login(change={"scope-wanted": UNKNOWN_TOKEN, **stranger}),
    )


def answered(exchange: Exchange, row: ErrorRow | None, profile: Profile, contract: Contract) -> str:
    """The only fault of the request that this row may answer; empty if there is none, or more than one."""
    operation = contract.operations[exchange.request.operation]
    wrong = conditions(exchange.request, contract) or frozenset()
    found = [condition for condition in sorted(wrong) if row in rows_for(condition, operation, profile)]
    return found[0] if len(found) == 1 else ""


def order_seen(exchanges: Sequence[Exchange], profile: Profile, contract: Contract) -> Iterator[tuple[str, str]]:
    """Each combination of faults, as `together` names it, with the fault that was answered."""
    for exchange in exchanges:
        wrong = conditions(exchange.request, contract) or frozenset()
        if len(wrong) > 1 and not accepts(exchange):
            first = answered(exchange, row_named(exchange, profile, contract), profile, contract)
            if first:
                yield together(wrong), first

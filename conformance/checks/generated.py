"""Generated traffic: each check plays the values that a strategy draws; the rules judge what comes of it."""

from conformance import expect, generate
from conformance.api import Api, Conversation, Send, Sleep, bearer
from conformance.errors import NotApplicable
from conformance.model import Exchange, Severity, Slot
from conformance.profile import accepts
from conformance.registry import Differs, check
from conformance.scripts import ALIVE, DEAD, OK, error, token

LONGEST_BUDGET_S = 2


@check(
    "lifecycle-programs",
    clause="T-03",
    severity=Severity.HIGH,
    draws=generate.programs,
    sample=[["issue"], ["use", 0], ["logout", 0], ["use", 0]],
    right=[token(), ALIVE, OK, DEAD],
    wrong=[Differs(0, "status", 500), Differs(2, "status", 500)],
)
def lifecycle_programs(api: Api, program: list[list[str | int]]) -> Conversation[None]:
    """In any order of issue, use and logout, every request is answered and none with a server error."""
    api.requires_liveness()
    budget = api.profile.revocation_budget_s
    if api.profile.issue_lag_s:
        raise NotApplicable("tokens that are known at once, for every program to wait for none", f"it takes {api.profile.issue_lag_s:g} s")
    if budget > LONGEST_BUDGET_S:
        raise NotApplicable(f"a revocation budget of at most {LONGEST_BUDGET_S} s, for every program to wait for it", f"it is {budget:g} s")
    tokens: list[Slot] = []
    for name, *which in program:
        if name == "issue":
            exchange: Exchange = yield Send(api.login())
            slot = exchange.reply.token(api.contract.presented) if exchange.reply else None
            tokens += [Slot(slot)] if slot else []
        elif tokens:
            chosen = tokens[int(which[0]) % len(tokens)]
            exchange = yield Send(api.logout(bearer(chosen)) if name == "logout" else api.use(chosen))
            yield Sleep(budget if name == "logout" else 0)
        else:
            continue
        expect.below_500(exchange)


@check(
    "schemathesis-requests",
    clause="T-49",
    severity=Severity.HIGH,
    draws=generate.schemathesis_cases,
    sample=generate.Case("token", "POST", valid_credentials=False, form=(("grant_type", "password"),)),
    right=[error(20)],
    wrong=[Differs(0, "status", 500)],
)
def schemathesis_requests(api: Api, case: generate.Case) -> Conversation[bool]:
    """Requests that schemathesis generates from the contract are answered, and none with a server error."""
    exchange: Exchange = yield Send(generate.request_of(case, api))
    expect.below_500(exchange)
    return accepts(exchange)

"""Generated traffic: each check plays the values that a strategy draws; the rules judge what comes of it."""

from collections.abc import Sequence

from conformance import expect, generate
from conformance.api import Api, Conversation, Send, Sleep, bearer
from conformance.checks.carriers import NOT_IMPLEMENTED
from conformance.checks.expires_in import short_token
from conformance.checks.refresh import REFRESH, refresh_request
from conformance.errors import NotApplicable, Violation
from conformance.history import AFTER_S
from conformance.model import Exchange, Request, Severity, Slot
from conformance.profile import accepts
from conformance.registry import Differs, check
from conformance.scripts import ALIVE, DEAD, OK, error, invalid_token, token

LONGEST_BUDGET_S = 2
Step = list[str | int]
"""One step of a program: its name and, where it chooses a token or another account, a number."""


@check(
    "lifecycle-programs",
    clause="T-03",
    severity=Severity.HIGH,
    draws=generate.programs,
    sample=[["issue"], ["use", 0], ["logout", 0], ["again", 0], ["use", 0]],
    right=[token(), ALIVE, OK, DEAD, DEAD],
    wrong=[Differs(0, "status", 500), Differs(2, "status", 500), Differs(3, "status", 502)],
)
def lifecycle_programs(api: Api, program: list[Step]) -> Conversation[None]:
    """In any order of login, use, refresh and logout, by several users and clients, no request fails."""
    api.requires_liveness()
    budget = api.profile.revocation_budget_s
    if api.profile.issue_lag_s:
        raise NotApplicable("tokens that are known at once, for every program to wait for none", f"it takes {api.profile.issue_lag_s:g} s")
    if budget > LONGEST_BUDGET_S:
        raise NotApplicable(f"a revocation budget of at most {LONGEST_BUDGET_S} s, for every program to wait for it", f"it is {budget:g} s")
    yield from Played(api).steps(program)


class Played:
    """A lifecycle program under way: the tokens so far, what renews them, which were logged out and, if asked, refused."""

    def __init__(self, api: Api, client: str = "client") -> None:
        self.api, self.client = api, client
        self.tokens: list[Slot] = []
        self.refreshes: dict[Slot, tuple[Slot, str]] = {}
        self.out: list[Slot] = []
        self.refused: set[Slot] | None = None

    def steps(self, program: Sequence[Step]) -> Conversation[None]:
        """Play the steps; one for which there is no token, no fixture or no refresh token is left out."""
        for name, *which in program:
            place = int(which[0]) if which else 0
            exchange: Exchange | None = yield from self.step(name, place)
            if exchange is not None and self.refused is None:
                expect.below_500(exchange)

    def step(self, name: str | int, place: int) -> Conversation[Exchange | None]:
        """Play one step; None if it is left out."""
        if name == "issue":
            return (yield from self.issued(self.api.login(client=self.client), self.client))
        if name == "other":
            fixture = ("second_user", "second_client")[place]
            user, client = (fixture, self.client) if place == 0 else ("user", fixture)
            return (yield from self.issued(self.api.login(user=user, client=client), client)) if fixture in self.api.fixtures else None
        among = self.out if name == "again" else self.tokens
        if not among:
            return None
        chosen = among[max(0, len(among) - 1 - place)]
        if name == "refresh":
            if chosen not in self.refreshes:
                return None
            renewing, client = self.refreshes[chosen]
            return (yield from self.issued(refresh_request(self.api, renewing, client), client))
        exchange: Exchange = yield Send(self.api.use(chosen) if name == "use" else self.api.logout(bearer(chosen)))
        if name == "use" and self.refused is not None:
            if not self.api.tells_alive(exchange):
                self.refused.add(chosen)
            elif chosen in self.refused:
                raise Violation("a token refused that was refused before", f"status {expect.answered(exchange).status} for it")
        if name != "use":
            self.out += [chosen] if accepts(exchange) else []
            yield from self.api.settled()
        return exchange

    def issued(self, request: Request, client: str) -> Conversation[Exchange]:
        """Send a client's token request and keep what it yields."""
        exchange: Exchange = yield Send(request)
        for kind in (self.api.contract.presented, REFRESH) if exchange.reply else ():
            slot = exchange.reply.token(kind) if exchange.reply else None
            if slot is not None and kind == REFRESH:
                self.refreshes[self.tokens[-1]] = Slot(slot), client
            elif slot is not None:
                self.tokens.append(Slot(slot))
        return exchange


EXPIRING: tuple[tuple[list[Step], list[Step]], ...] = (
    ([["issue"]], [["use", 0], ["issue"], ["use", 1], ["logout", 1], ["use", 1]]),
    ([["issue"], ["refresh", 0]], [["use", 0], ["refresh", 0], ["use", 1]]),
    ([["issue"], ["logout", 0]], [["use", 0], ["issue"], ["logout", 1], ["use", 1]]),
)
"""Programs in two parts, between which their tokens expire: all wait at once, for a wait costs seconds."""


@check(
    "expired-token-stays-dead",
    clause="S-47",
    severity=Severity.HIGH,
    right=[
        *(token(f"token#{number}", expires_in=2) for number in (1, 2)),
        *(token(f"token#{number}", f"refresh#{number}", expires_in=2) for number in (3, 4)),
        *(token("token#5", expires_in=2), OK),
        *(DEAD, token("token#6", expires_in=2), DEAD, invalid_token(), DEAD),
        *(DEAD, token("token#8", expires_in=2), DEAD),
        *(DEAD, token("token#7", expires_in=2), invalid_token(), DEAD),
    ],
    wrong=[Differs(8, "status", 200), Differs(10, "status", 200), Differs(17, "status", 200)],
)
def expired_token_stays_dead(api: Api) -> Conversation[None]:
    """A token that was refused after its end stays refused, whatever login, refresh or logout comes later."""
    api.requires_liveness()
    _, _, life = yield from short_token(api)
    played = [(Played(api, "short_lived_client"), before, after) for before, after in EXPIRING]
    for one, before, _ in played:
        one.refused = set()
        yield from one.steps(before)
    yield Sleep(life + 2 * AFTER_S)
    for one, _, after in played:
        yield from one.steps(after)


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
    """Requests that schemathesis makes of the contract, at every boundary and by chance, are answered below 500."""
    token_ = (yield from api.good_token()) if case.operation == "logout" and case.authorized else None
    exchange: Exchange = yield Send(generate.request_of(case, api, token_))
    if case.method == api.contract.operations[case.operation].method or expect.answered(exchange).status != NOT_IMPLEMENTED:
        expect.below_500(exchange)
    return accepts(exchange)

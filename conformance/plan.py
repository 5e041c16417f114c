"""What a run would send, without sending it: every conversation played against its own right script. The dry run."""

from collections import Counter
from collections.abc import Callable, Generator, Mapping, Sequence
from typing import Any

import msgspec

from conformance import edits, oracle, scripts, search
from conformance.api import Api, Effect, Sleep, Together
from conformance.contract import Contract
from conformance.errors import NotObservable, Verdict
from conformance.model import Exchange, Reply, Request
from conformance.registry import Claim
from conformance.risk import CLASSES, Budgets, class_of
from conformance.survey import opening, survey
from conformance.target import Risk, Target

SHORT = "short_lived_client."
"""The slots of the client whose tokens expire while a claim waits."""

SURVEY, CONTROL = "survey", "control"


class Planned(msgspec.Struct, frozen=True):
    """A request that would be sent, by whom (a claim, `survey` or `control`), and whether it would bring a token."""

    by: str
    request: Request
    issues: bool


class Plan(msgspec.Struct, frozen=True):
    """What a run would send, in the order of the checks.

    `waits`: claims that wait for a token to expire. `missing`: claim → what it lacks to be observed, a fixture or a budget.
    """

    requests: tuple[Planned, ...]
    waits: frozenset[str] = frozenset()
    missing: dict[str, NotObservable] = {}

    def classes(self, contract: Contract) -> Counter[str]:
        """Class of risk → how many requests."""
        return Counter(class_of(one.request, contract, waits=one.by in self.waits) for one in self.requests)

    @property
    def tokens(self) -> int:
        """How many tokens would be issued."""
        return sum(one.issues for one in self.requests)

    def within(self, risk: Risk, contract: Contract) -> "Plan":
        """What is left of the plan under these budgets: a claim ends at the first request that a budget forbids, a run in its survey."""
        budgets, kept, stopped = Budgets(risk, contract), [], dict(self.missing)
        for planned in self.requests:
            if planned.by in stopped and planned.by not in self.missing:
                continue
            try:
                budgets.spend(planned.request)
            except NotObservable as verdict:
                stopped[planned.by] = verdict
                if planned.by == SURVEY:
                    break
            else:
                kept.append(planned)
        return msgspec.structs.replace(self, requests=tuple(kept), missing=stopped)


class Miniature:
    """A server in miniature that does as the page says, for conversations without a script: the survey, controls, generated values."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._live: set[str] = set()
        self._issued = 0

    def answer(self, request: Request) -> Reply:
        """A token, `OK!`, or the first row that the page has for what is wrong."""
        wrong = oracle.conditions(request, self._contract)
        token = oracle.token_presented(request)
        if request.operation == "resource":
            return scripts.ALIVE if token in self._live else scripts.DEAD
        if request.operation == "logout":
            if token not in self._live:
                return scripts.bad_header() if wrong == frozenset({"no-authorization"}) else scripts.invalid_token()
            self._live.discard(token or "")
            return scripts.OK
        if not wrong:  # nothing is wrong, or nobody can tell: then a token may be issued
            self._issued += 1
            self._live.add(f"token#{self._issued}")
            return scripts.token(f"token#{self._issued}", f"refresh#{self._issued}")
        rows = self._contract.operations["token"].rows
        return scripts.error(next((row.code for row in rows if set(row.when) & (wrong or set())), 2))


def plan(
    contract: Contract, target: Target, claims: Sequence[Claim], seed: int = 0, replay: Mapping[str, Sequence[Any]] | None = None
) -> Plan:
    """The requests of a whole run of these claims with this target's fixtures, whatever its budgets; nothing is sent.

    A check is played against its `right=` script, generated values (after those of `replay`) against a server in miniature. A
    server that follows another reading may be asked less; one that fails, or is slow to know its tokens, may be asked more.
    """
    checks = [claim for claim in claims if claim.kind == "check"]
    stage = _Stage(contract)
    api = msgspec.structs.replace(opening(contract, target), wire=True)
    stage.play(survey(api), SURVEY, Miniature(contract).answer)
    liveness = scripts.PROFILE if "resource" in api.fixtures else msgspec.structs.replace(scripts.PROFILE, liveness="logout")
    profile = msgspec.structs.replace(liveness, revocation_budget_s=target.revocation_budget_s)
    api = msgspec.structs.replace(api, profile=profile)
    for number, claim in enumerate(checks):
        if number == len(checks) // 2:
            stage.play(api.good_token(), CONTROL, Miniature(contract).answer)
        if claim.draws is not None:
            stage.search(claim, api, seed, (replay or {}).get(claim.id, ()))
        else:
            stage.perform(claim, api)
    stage.play(api.good_token(), CONTROL, Miniature(contract).answer)
    return Plan(tuple(stage.requests), frozenset(stage.waits), stage.missing)


class _Stage:
    """Where conversations are played; it keeps what they would have sent."""

    def __init__(self, contract: Contract) -> None:
        self.requests: list[Planned] = []
        self.waits: set[str] = set()
        self.missing: dict[str, NotObservable] = {}
        self._contract = contract

    def perform(self, claim: Claim, api: Api) -> None:
        """Play a check against its script; where that leads nowhere, as without a resource, against the server in miniature too."""
        began, left, beyond = len(self.requests), [line.reply for line in claim.right], Miniature(self._contract)
        if self.play(claim.play(api), claim.id, lambda request: left.pop(0) if left else beyond.answer(request)):
            return
        scripted, self.requests = self.requests[began:], self.requests[:began]
        self.play(claim.play(api), claim.id, Miniature(self._contract).answer)
        if len(scripted) > len(self.requests) - began:
            self.requests[began:] = scripted

    def play(self, conversation: Generator[Effect, Any, Any], by: str, answer: Callable[[Request], Reply]) -> bool:
        """Play a conversation; returns whether it came to its end without a verdict, or lacks what the target file could give."""
        short = False

        def exchange(request: Request) -> Exchange:
            nonlocal short
            reply = answer(request)
            number = len(self.requests) + 1
            self.requests.append(Planned(by, request, reply.token(self._contract.presented) is not None))
            short = short or any(slot.startswith(SHORT) for slot in edits.mentioned(request))
            return Exchange(number, by, request, number * 0.1, number * 0.1 + 0.01, reply)

        try:
            effect = next(conversation)
            while True:
                if isinstance(effect, Sleep):
                    if short and effect.seconds > 0:
                        self.waits.add(by)
                    effect = conversation.send(None)
                elif isinstance(effect, Together):
                    effect = conversation.send(tuple(exchange(request) for request in effect.requests))
                else:
                    effect = conversation.send(exchange(effect.request))
        except StopIteration:
            return True
        except NotObservable as verdict:
            self.missing[by] = verdict
            return True
        except Verdict:
            return False

    def search(self, claim: Claim, api: Api, seed: int, replay: Sequence[Any]) -> None:
        """Play the values of `replay` and those that the claim's strategy draws with this seed."""

        def play(value: Any) -> None:
            if claim.id not in self.missing:
                self.play(claim.play(api, value), claim.id, Miniature(self._contract).answer)

        for value in replay:
            play(value)
        assert claim.draws is not None
        search.search(claim.draws(api, seed), play, seed)


def rendered(demand: Plan, target: Target, claims: Sequence[Claim], contract: Contract) -> str:
    """The plan for people: requests by class of risk, tokens, failed logins, what budgets and fixtures keep from being observed."""
    left = demand.within(target.risk, contract)
    wanted, sent = demand.classes(contract), left.classes(contract)
    lines = [f"{target.name}: a run of {len(claims)} claims would send at most {len(left.requests)} requests; nothing was sent"]
    lines += [f"  {name}  {sent[name]:>5}  {what}" for name, what in CLASSES.items()]
    lines.append(f"  {left.tokens} tokens issued")
    for name, budget in (("R3", "wrong_secrets"), ("R4", "wrong_passwords")):
        limit = getattr(target.risk, budget)
        allowed = "no budget is set" if limit is None else f"{limit} may be spent"
        wants = f"; all claims want {wanted[name]}" if wanted[name] > sent[name] else ""
        lines.append(f"  {sent[name]} failed logins of {budget.replace('_', ' ')} ({allowed}{wants})")
    shrinking = f"{search.SHRINK_BUDGET} values each, to find a smaller one"
    lines.append(f"  more, if generated values fail ({shrinking}) or new tokens are not known at once")
    if left.missing:
        lines.append(f"{len(left.missing)} claims would not be observed:")
        lines += [f"  {name:<40} {verdict.expected}; {verdict.actual}" for name, verdict in left.missing.items()]
    asked = Counter(planned.by for planned in left.requests)
    lines.append("Claims, with the requests of each; rules judge the requests of all:")
    lines += [f"  {c.kind:<5} {c.clause:<11} {c.id:<40} {asked[c.id] or '':>5}  {c.title}" for c in claims]
    return "\n".join(lines)

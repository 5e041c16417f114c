"""Campaigns: the values of a generated claim are played, the rules judge what came of it, and the smallest value that fails is kept."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from conformance.api import Api
from conformance.driver import Driver
from conformance.errors import Inconclusive, Verdict, Violation
from conformance.model import Exchange
from conformance.registry import Claim
from conformance.rules import judge_rule
from conformance.search import search

HARDLY = 50
"""One in so many is hardly any: a campaign of which fewer were accepted, or fewer refused, tried too little."""


class Campaigns:
    """The campaigns of one run. `examples`: rule → the smallest value, as JSON, whose traffic breaks it."""

    def __init__(self, driver: Driver, exchanges: list[Exchange], api: Api, seed: int) -> None:
        self.driver, self.exchanges, self.api, self.seed = driver, exchanges, api, seed
        self.examples: dict[str, Any] = {}
        self._broken: set[str] = set()

    def play(self, claim: Claim, rules: Sequence[Claim], replay: Sequence[Any] = ()) -> tuple[str, str, str]:
        """Play replayed and drawn values; returns expected, actual and the smallest failing value as JSON, all empty if none failed.

        The rules judge all traffic of the campaign at once; only for those that it breaks is the smallest such value searched.
        Rules that were broken before are left out: what they say is known, and nothing is to be found out by shrinking.
        """
        culprits: dict[int, str] = {}
        earlier = tuple(self.exchanges)

        def playing(judges: Sequence[Claim]) -> Callable[[Any], None]:
            """Plays a value; raises the violation of the claim itself, or of one of these rules."""

            def play(value: Any) -> None:
                start = len(self.exchanges)
                self.driver.play(claim.play(self.api, value), claim.id)
                for rule in judges:
                    violation = self._violation(rule, self.exchanges[start:])
                    if violation is not None:
                        culprits[id(violation)] = rule.id
                        raise violation

            return play

        def failed(violation: Violation, value: Any) -> tuple[str, str, str] | None:
            """What the claim says if it is its own violation; a rule's example is kept for the rule."""
            culprit = culprits.get(id(violation))
            if culprit is None:
                return violation.expected, violation.actual, json.dumps(msgspec.to_builtins(value))
            self.examples[culprit] = msgspec.to_builtins(value)
            return None

        for value in replay:
            try:
                playing(rules)(value)
            except Violation as violation:
                if (own := failed(violation, value)) is not None:
                    return own
        assert claim.draws is not None
        strategy = claim.draws(self.api, self.seed)
        result = search(strategy, playing(()), self.seed)
        played = self.exchanges[len(earlier) :]
        broken = [] if result.violation else [rule for rule in rules if self._breaks(rule, earlier, played)]
        if broken:
            self._broken |= {rule.id for rule in broken}
            result = search(strategy, playing(broken), self.seed)
        if result.violation is not None:
            return failed(result.violation, result.failing) or ("", "", "")
        accepted = sum(1 for e in played if e.reply is not None and e.reply.status // 100 == 2)
        hardly = min(accepted, len(played) - accepted) * HARDLY < len(played)
        if hardly and not broken and not any(self._violation(rule, earlier) for rule in rules):
            raise Inconclusive("some requests accepted and some refused", f"{accepted} of {len(played)} accepted: this tried too little")
        return "", "", ""

    def _breaks(self, rule: Claim, earlier: Sequence[Exchange], played: Sequence[Exchange]) -> bool:
        """Whether the campaign broke a rule that held before it."""
        return rule.id not in self._broken and self._violation(rule, played) is not None and self._violation(rule, earlier) is None

    def _violation(self, rule: Claim, exchanges: Sequence[Exchange]) -> Violation | None:
        try:
            judge_rule(rule, exchanges, self.api)
        except Violation as violation:
            return violation
        except Verdict:
            return None
        return None

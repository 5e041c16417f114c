"""Campaigns: the values of a generated claim are played, the rules judge each play, and the smallest value that fails is kept."""

import json
from collections.abc import Sequence
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

        Rules that were broken before are left out: what they say is known, and nothing is to be found out by shrinking.
        """
        culprits: dict[int, str] = {}
        earlier = tuple(self.exchanges)
        settled: dict[str, bool] = dict.fromkeys(self._broken, True)

        def is_settled(rule: Claim) -> bool:
            """Whether the rule was broken before the campaign began, which is only asked where it matters."""
            if rule.id not in settled:
                settled[rule.id] = self._violation(rule, earlier) is not None
            return settled[rule.id]

        def play(value: Any) -> None:
            start = len(self.exchanges)
            self.driver.play(claim.play(self.api, value), claim.id)
            for rule in rules:
                violation = self._violation(rule, self.exchanges[start:])
                if violation is not None and not is_settled(rule):
                    culprits[id(violation)] = rule.id
                    raise violation

        def failed(violation: Violation, value: Any) -> tuple[str, str, str] | None:
            """What the claim says if it is its own violation; a rule's example is kept for the rule."""
            culprit = culprits.get(id(violation))
            if culprit is None:
                return violation.expected, violation.actual, json.dumps(msgspec.to_builtins(value))
            self._broken.add(culprit)
            self.examples[culprit] = msgspec.to_builtins(value)
            return None

        for value in replay:
            try:
                play(value)
            except Violation as violation:
                if (own := failed(violation, value)) is not None:
                    return own
        assert claim.draws is not None
        result = search(claim.draws(self.api, self.seed), play, self.seed)
        if result.violation is not None:
            return failed(result.violation, result.failing) or ("", "", "")
        played = self.exchanges[len(earlier) :]
        accepted = sum(1 for e in played if e.reply is not None and e.reply.status // 100 == 2)
        if min(accepted, len(played) - accepted) * HARDLY < len(played) and not any(map(is_settled, rules)):
            raise Inconclusive("some requests accepted and some refused", f"{accepted} of {len(played)} accepted: this tried too little")
        return "", "", ""

    def _violation(self, rule: Claim, exchanges: Sequence[Exchange]) -> Violation | None:
        try:
            judge_rule(rule, exchanges, self.api)
        except Violation as violation:
            return violation
        except Verdict:
            return None
        return None

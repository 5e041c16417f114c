"""The search of a campaign: plays what a strategy draws, and shrinks the first value that fails within a budget of requests.

Hypothesis is imported when it is needed: it takes longer to load than a small run.
"""

import contextlib
from collections.abc import Callable
from typing import Any

import msgspec

from conformance.errors import Violation

EXAMPLES = 25
"""How many values a campaign plays."""

SHRINK_BUDGET = 60
"""How many values a campaign may play after the first failure, to find a smaller one."""


class Drawn(msgspec.Struct, frozen=True):
    """What a campaign plays: values of a table first, none of which is shrunk, then what the strategy draws."""

    first: tuple[Any, ...]
    strategy: Any


class Search(msgspec.Struct):
    """What a campaign found: how many values were played, and the smallest that failed with why."""

    played: int = 0
    failing: Any = None
    violation: Violation | None = None


def search(strategy: Any, play: Callable[[Any], None], seed: int, examples: int = EXAMPLES) -> Search:
    """Play values from the strategy until one raises Violation, then shrink it within SHRINK_BUDGET.

    What `play` raises besides Violation ends the search and passes through. The same seed draws the same values.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    result = Search()
    first, strategy = (strategy.first, strategy.strategy) if isinstance(strategy, Drawn) else ((), strategy)
    for value in first:
        result.played += 1
        try:
            play(value)
        except Violation as violation:
            result.failing, result.violation = value, violation
            return result
    known: dict[bytes, Violation | None] = {}
    stopped: list[BaseException] = []

    def attempt(value: Any) -> None:
        key = msgspec.json.encode(value)
        if stopped or (key not in known and result.violation is not None and result.played >= budget[0]):
            return
        if key not in known:
            result.played += 1
            known[key] = None
            try:
                play(value)
            except Violation as violation:
                known[key] = violation
                if result.violation is None:
                    budget[0] = result.played + SHRINK_BUDGET
            except Exception as problem:
                stopped.append(problem)
                return
        seen = known[key]
        if seen is not None:
            if result.failing is None or len(key) <= len(msgspec.json.encode(result.failing)):
                result.failing, result.violation = value, seen
            raise seen

    budget = [0]
    quiet = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    explore: Any = quiet(given(strategy)(attempt))  # type: ignore[no-untyped-call]
    with contextlib.suppress(Violation):
        seeded(seed)(explore)()
    if stopped:
        raise stopped[0]
    return result

"""A correct server under a hundred random combinations of readings: three and more together, as no covering array of pairs has them."""

import random

import pytest

from conformance import selftest
from conformance.reference.readings import READINGS
from tests.test_readings import DEMANDED, IMPOSSIBLE, red, undecided

COMBINATIONS = 100


def combination(seed: int) -> dict[str, str]:
    """A reading for each axis, drawn until no two of them exclude each other."""
    draw = random.Random(seed)
    while True:
        row = {axis: draw.choice(words) for axis, words in READINGS.items()}
        if not any(pair <= set(row.items()) for pair in IMPOSSIBLE):
            return row


def test_combinations_differ() -> None:
    """No combination is drawn twice, and every reading is drawn."""
    rows = [combination(seed) for seed in range(COMBINATIONS)]
    assert len({tuple(row.items()) for row in rows}) == COMBINATIONS
    assert {pair for row in rows for pair in row.items()} == {(axis, word) for axis, words in READINGS.items() for word in words}


@pytest.mark.parametrize("seed", range(COMBINATIONS))
def test_random_readings_are_legal(seed: int) -> None:
    """Whatever a server reads into the page, nothing in the document layer breaks, and nothing is left undecided."""
    row = combination(seed)
    findings = selftest.play(readings=row)
    broken = [f"{f.check}: {f.actual}" for f in findings if f.layer == "document" and f.outcome == "fail"]
    assert (broken, undecided(findings)) == ([], set()), row
    assert red(findings) <= set().union(*(DEMANDED.get(pair, set()) for pair in row.items())), row

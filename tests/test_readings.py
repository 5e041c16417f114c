"""A correct server under every reading of the documentation: each one, every pair in a covering array, and what a reading hides."""

import html
import io
import itertools
import json
from collections.abc import Mapping

import pytest
from rich.console import Console

from conformance import contract, selftest
from conformance.model import Finding
from conformance.reference.readings import READINGS
from conformance.render import FILES
from conformance.render.text import render_text

DEMANDED = {
    ("expires_in.type", "string"): {"expires-in-number", "clients-expires-in-string"},
    ("token_type", "absent"): {"token-type-present", "clients-token-type-missing"},
    ("token_type", "lower-case"): {"clients-token-type-case"},
    ("errors.status", "all-400"): {"client-refused-with-401"},
    ("errors.status", "in-200"): {"client-refused-with-401", "error-status", "clients-error-in-200"},
    ("errors.status", "other"): {"error-status"},
    ("code-2", "message"): {"logout-invalid-token-401"},
    ("code-2", "endpoint"): {"logout-invalid-token-401"},
    ("logout.body", "unlabelled"): {"content-has-type"},
    ("client.in-body", "accepted"): {"client-only-in-header"},
    **{("errors.shape", shape): {"clients-error-named"} for shape in ("members", "gateway", "nested", "list", "text", "xml")},
}
"""What a legal reading of the page costs in the other layers: the claims that fail or warn, and no others."""

IMPOSSIBLE = [{("code-2", "endpoint"), ("errors.shape", "rfc")}, {("code-2", "endpoint"), ("errors.code-type", "none")}]
"""Readings that exclude each other: without codes, only the message can tell the meanings of code 2 apart."""

SINGLE = [(axis, word) for axis, words in READINGS.items() for word in words]


def red(findings: tuple[Finding, ...]) -> set[str]:
    """The claims that fail or warn."""
    return {finding.check for finding in findings if finding.outcome in ("fail", "warn")}


def undecided(findings: tuple[Finding, ...]) -> set[str]:
    """The claims that could not be decided."""
    return {finding.check for finding in findings if finding.outcome in ("inconclusive", "error", "not-observable")}


def covering(axes: Mapping[str, tuple[str, ...]]) -> list[dict[str, str]]:
    """Rows of readings such that every possible pair of readings of two axes stands in some row; greedy and deterministic."""
    needed = {
        ((left, x), (right, y))
        for left, right in itertools.combinations(axes, 2)
        for x in axes[left]
        for y in axes[right]
        if {(left, x), (right, y)} not in IMPOSSIBLE
    }
    rows = []
    while needed:
        row = dict(min(needed))
        for axis in axes:
            if axis not in row:
                possible = [w for w in axes[axis] if not any({(axis, w), pair} in IMPOSSIBLE for pair in row.items())]
                gain = {w: sum((pair, (axis, w)) in needed or ((axis, w), pair) in needed for pair in row.items()) for w in possible}
                row[axis] = max(possible, key=lambda word, gain=gain: gain[word])  # type: ignore[misc]
        rows.append({axis: row[axis] for axis in axes})
        needed -= set(itertools.combinations(rows[-1].items(), 2))
    return rows


def test_every_reading_of_the_server_is_in_the_contract() -> None:
    """What the reference server can be switched to are the readings of interpretations.yaml, all of them."""
    axes = {name: set(axis.readings) for name, axis in contract.load().axes.items() if axis.about == "server"}
    assert {name: set(words) for name, words in READINGS.items()} == axes


def test_every_axis_is_detected_and_named() -> None:
    """One run sees the reading of every axis that is about the server, and every report names all of them in words."""
    record = selftest.record()
    assert record.footer is not None
    seen = record.footer.interpretations
    assert {name: axis.reading for name, axis in seen.items()} == {name: words[0] for name, words in READINGS.items()}
    text = io.StringIO()
    render_text(record, Console(file=text, width=200))
    page, document = html.unescape(FILES["report.html"](record)), json.loads(FILES["run.json"](record))["interpretations"]
    for name, axis in seen.items():
        assert axis.says == contract.load().axes[name].readings[axis.reading].says
        assert axis.says in page, name
        assert name in text.getvalue()
        assert (document[name]["reading"], document[name]["says"]) == (axis.reading, axis.says)


@pytest.mark.parametrize(("axis", "word"), SINGLE)
def test_reading_is_legal_and_named(axis: str, word: str) -> None:
    """A server that follows one reading fails nothing in the document layer, and the report names the reading."""
    record = selftest.record(readings={axis: word})
    assert record.footer is not None
    verdict = "incomplete" if (axis, word) == ("logout.operation", "absent") else "conformant"
    assert (record.verdict, undecided(record.findings)) == (verdict, set())
    assert red(record.findings) == DEMANDED.get((axis, word), set())
    assert record.footer.interpretations[axis].reading == word
    hidden = contract.load().axes[axis].readings[word].hides
    claimed = [f for f in record.findings if f.clause in hidden and not f.reading]
    assert {finding.outcome.value for finding in claimed} <= {"not-applicable"}


@pytest.mark.parametrize("row", covering(READINGS), ids=lambda row: ",".join(w for a, w in row.items() if w != READINGS[a][0])[:60])
def test_readings_together_are_legal(row: dict[str, str]) -> None:
    """Any two readings together break nothing in the document layer, and leave nothing undecided."""
    findings = selftest.play(readings=row)
    assert not [f.check for f in findings if f.layer == "document" and f.outcome == "fail"]
    assert undecided(findings) == set()
    allowed = set().union(*(DEMANDED.get(pair, set()) for pair in row.items()))
    assert red(findings) <= allowed

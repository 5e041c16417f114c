"""Outcomes to verdicts, gate and exit code: the tables of the design, row by row."""

import msgspec
import pytest

from conformance.model import Finding, Outcome
from conformance.verdict import judge, worst_first

SEED = Finding("c", "check", "T-01", "document", "MUST", "high", "basic", "A claim.", Outcome.PASS, evidence=1)


def finding(outcome: str, layer: str = "document", subject: str = "basic", check: str = "c") -> Finding:
    """A finding with this outcome."""
    return msgspec.structs.replace(SEED, outcome=Outcome(outcome), layer=layer, subject=subject, check=check)


ROWS = [
    (["pass"], False, 0),
    (["pass", "not-applicable"], False, 0),
    (["pass", "not-observable"], False, 0),
    (["ambiguous"], False, 0),
    (["warn"], False, 0),
    (["warn"], True, 1),
    (["pass", "inconclusive"], False, 3),
    (["pass", "fail"], False, 1),
    (["inconclusive", "fail"], False, 1),
    (["error", "fail"], False, 1),
    (["pass", "error"], False, 3),
    (["not-applicable"], False, 3),
    (["not-observable"], True, 3),
    ([], False, 3),
]


@pytest.mark.parametrize(("outcomes", "strict", "code"), ROWS)
def test_exit_code(outcomes: list[str], strict: bool, code: int) -> None:
    """Each outcome in a gated layer leads to its exit code; 1 goes before 3, and no evidence is no pass."""
    findings = [finding(outcome) for outcome in outcomes]
    assert judge(findings, ["document"], strict=strict, require=[]).exit_code == code


def test_layer_outside_the_gate_breaks_nothing() -> None:
    """A failure in another layer is reported and does not count."""
    judged = judge([finding("pass"), finding("fail", "rfc")], ["document"], strict=True, require=[])
    assert (judged.exit_code, judged.layers["rfc"].verdict) == (0, "nonconformant")
    assert judge([finding("pass"), finding("inconclusive", "rfc")], ["document"], strict=True, require=[]).exit_code == 0


def test_required_subject_without_conclusion_is_incomplete() -> None:
    """A required subject needs one conclusive finding, in any layer."""
    judged = judge([finding("pass"), finding("not-observable", subject="logout")], ["document"], strict=False, require=["basic", "logout"])
    assert (judged.exit_code, judged.unmet) == (3, ("required subject 'logout' has no conclusive finding",))


def test_harness_error_in_any_layer_is_incomplete() -> None:
    """What broke in the harness is never a green."""
    assert judge([finding("pass"), finding("error", "security")], ["document"], strict=False, require=[]).exit_code == 3


def test_outcomes_are_ranked_as_listed() -> None:
    """The worst outcome comes first."""
    shuffled = [finding(outcome, check=outcome) for outcome in ("pass", "error", "warn", "fail", "ambiguous")]
    assert [f.check for f in worst_first(shuffled)] == ["error", "fail", "warn", "ambiguous", "pass"]

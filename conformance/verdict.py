"""From findings to verdicts, gate and exit code: the tables of the design, as pure functions."""

from collections import Counter
from collections.abc import Sequence

import msgspec

from conformance.model import LAYERS, Finding, Outcome

VERDICT_CODES = {"conformant": 0, "nonconformant": 1, "incomplete": 3}
"""The exit code of a run that came to its end."""


class LayerVerdict(msgspec.Struct, frozen=True):
    """One layer: its verdict, whether the gate stands on it, and its findings by outcome."""

    verdict: str
    gated: bool
    counts: dict[str, int]


class Judgement(msgspec.Struct, frozen=True):
    """The whole run: verdict and exit code, layers, counts, and why it is incomplete if it is."""

    verdict: str
    exit_code: int
    layers: dict[str, LayerVerdict]
    counts: dict[str, int]
    unmet: tuple[str, ...] = ()


def judge(findings: Sequence[Finding], gate: Sequence[str], *, strict: bool, require: Sequence[str], cut_short: str = "") -> Judgement:
    """Layers, gate and exit code. `require` names subjects that need a conclusive finding; `cut_short` why the run ended early."""
    layers = {}
    for layer in LAYERS:
        mine = [finding for finding in findings if finding.layer == layer]
        layers[layer] = LayerVerdict(_verdict(mine, strict=strict), layer in gate, _counts(mine))
    conclusive = {finding.subject for finding in findings if finding.outcome.conclusive}
    unmet = [cut_short] if cut_short else []
    unmet += [f"required subject {subject!r} has no conclusive finding" for subject in require if subject not in conclusive]
    gated = [layers[layer].verdict for layer in gate]
    if any(finding.outcome is Outcome.ERROR for finding in findings):
        unmet.append("the harness broke; see the findings with outcome error")
    unmet += [f"layer {layer} could not be decided" for layer in gate if layers[layer].verdict == "incomplete"]
    verdict = "nonconformant" if "nonconformant" in gated else "incomplete" if unmet else "conformant"
    return Judgement(verdict, VERDICT_CODES[verdict], layers, _counts(findings), tuple(unmet))


def _counts(findings: Sequence[Finding]) -> dict[str, int]:
    counted = Counter(finding.outcome.value for finding in findings)
    return {outcome.value: counted[outcome.value] for outcome in Outcome}


def _verdict(findings: Sequence[Finding], *, strict: bool) -> str:
    """A layer is decided by its worst finding; without any conclusive one it is incomplete: no evidence, no pass."""
    seen = {finding.outcome for finding in findings}
    if Outcome.FAIL in seen or (strict and Outcome.WARN in seen):
        return "nonconformant"
    if seen & {Outcome.INCONCLUSIVE, Outcome.ERROR} or not any(outcome.conclusive for outcome in seen):
        return "incomplete"
    return "conformant"


def worst_first(findings: Sequence[Finding]) -> list[Finding]:
    """Findings by rank of outcome, severity and id: what a reader needs first comes first."""
    severities = ("critical", "high", "medium", "low")
    return sorted(findings, key=lambda f: (-f.outcome.rank, severities.index(f.severity), LAYERS.index(f.layer), f.check))

"""The proof: the suite against every fault of the reference server, in process, on virtual time. Yields the kill matrix."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor

import msgspec

from conformance import checks, contract, embedded
from conformance.driver import VirtualClock
from conformance.model import Finding, Outcome
from conformance.reference.faults import FAULTS
from conformance.session import Options, Session
from conformance.transport import InProcess

RED = (Outcome.FAIL, Outcome.WARN)
NARROW = 3
"""A claim counts as killed by a fault that turns at most this many clauses red."""


class Row(msgspec.Struct, frozen=True):
    """What one fault (or none) did: clause → worst outcome, and the claims that turned red."""

    outcomes: dict[str, str]
    red_claims: tuple[str, ...]


def play(fault: str | None = None, readings: Mapping[str, str] | None = None, seed: int = 0) -> tuple[Finding, ...]:
    """The findings of one whole run against the reference server, in process."""
    spec = contract.load()
    clock = VirtualClock()
    server = embedded.server(fault, readings, clock.now)
    target = embedded.target("http://127.0.0.1")
    transport = InProcess(embedded.in_process(server))
    session = Session(spec, target, Options(seed=seed), kind="embedded", transport=transport, clock=clock)
    return session.conduct(checks.load(spec)).findings


def row(fault: str | None = None) -> Row:
    """One row of the kill matrix."""
    findings = play(fault)
    outcomes: dict[str, Outcome] = {}
    for finding in findings:
        worst = outcomes.get(finding.clause, Outcome.PASS)
        outcomes[finding.clause] = max(worst, finding.outcome, key=lambda outcome: outcome.rank)
    red = tuple(sorted(finding.check for finding in findings if finding.outcome in (*RED, Outcome.ERROR)))
    return Row({clause: outcome.value for clause, outcome in sorted(outcomes.items())}, red)


def matrix(progress: Callable[[str], None] = lambda name: None, workers: int = 2) -> dict[str, Row]:
    """Fault → row, with the clean run under the empty name."""
    names: Sequence[str | None] = (None, *FAULTS)
    rows: dict[str, Row] = {}
    with ProcessPoolExecutor(workers) as pool:
        for name, result in zip(names, pool.map(row, names), strict=True):
            rows[name or ""] = result
            progress(name or "no fault")
    return rows


def lock(rows: Mapping[str, Row]) -> dict[str, dict[str, str]]:
    """What is committed and reviewed: per fault, the clauses whose outcome differs from the clean run."""
    clean = rows[""].outcomes
    return {
        name: {clause: outcome for clause, outcome in row.outcomes.items() if outcome != clean[clause]}
        for name, row in rows.items()
        if name
    }


def faults_in(rows: Mapping[str, Row]) -> Iterator[str]:
    """Every way in which the matrix breaks its promises; none means that the proof holds."""
    clean = rows[""].outcomes
    for clause, outcome in clean.items():
        if outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
            yield f"clean run: {clause} is {outcome}"
    killed: set[str] = set()
    for name, fault in FAULTS.items():
        seen = rows[name].outcomes
        red = {clause for clause, outcome in seen.items() if outcome in RED and outcome != clean[clause]}
        for clause, outcome in fault.breaks.items():
            if seen.get(clause) != outcome:
                yield f"{name}: {clause} should be {outcome} and is {seen.get(clause)}"
        for clause in sorted(red - set(fault.breaks) - set(fault.also)):
            yield f"{name}: {clause} is {seen[clause]}, which the fault does not declare"
        layers = {contract.load().clauses[clause].layer for clause in fault.breaks}
        for clause in sorted(red):
            if "document" not in layers and contract.load().clauses[clause].layer == "document":
                yield f"{name}: {clause} breaks the document layer, which the fault does not declare"
        for clause, outcome in seen.items():
            if outcome == Outcome.ERROR:
                yield f"{name}: {clause} is error: the harness broke"
            if outcome in (Outcome.PASS, Outcome.AMBIGUOUS) and outcome != clean[clause]:
                yield f"{name}: {clause} is {outcome}, better than in the clean run"
        if len(red) <= NARROW:
            killed |= set(rows[name].red_claims)
    for claim in checks.load(contract.load()):
        if claim.id not in killed:
            yield f"{claim.id}: no fault with at most {NARROW} red clauses turns it red"

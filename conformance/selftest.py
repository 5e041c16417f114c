"""The proof: the suite against every fault of the reference server. Yields the kill matrix.

Faults of the server are played in process, on virtual time; faults of the wire over sockets, with the claims that see them.
"""

import random
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from conformance import checks, contract, embedded
from conformance.contract import Contract
from conformance.driver import VirtualClock
from conformance.model import Finding, Outcome
from conformance.record import Record
from conformance.reference.faults import FAULTS, WIRE_FAULTS, Fault
from conformance.registry import Claim
from conformance.session import Options, Session
from conformance.transport import InProcess

RED = (Outcome.FAIL, Outcome.WARN)
NARROW = 3
"""A claim counts as killed by a fault that turns at most this many clauses of its layer red: one defect is seen in every layer."""


WIRE_DEADLINE_S = 2
"""How long a fault of the wire may leave a request without an answer."""


class Row(msgspec.Struct, frozen=True):
    """What one fault (or none) did: clause → worst outcome, the claims that turned red, and what broke in the harness or the server."""

    outcomes: dict[str, str]
    red_claims: tuple[str, ...]
    crash: str = ""


def play(fault: str | None = None, readings: Mapping[str, str] | None = None, seed: int = 0, order: int = 0) -> tuple[Finding, ...]:
    """The findings of one whole run against the reference server, in process."""
    return record(fault, readings, seed, order).findings


def record(fault: str | None = None, readings: Mapping[str, str] | None = None, seed: int = 0, order: int = 0) -> Record:
    """The record of one whole run against the reference server, in process; every `order` but 0 is another order of the claims."""
    spec = contract.load()
    clock = VirtualClock()
    server = embedded.server(fault, readings, clock.now)
    target = embedded.target("http://127.0.0.1", readings=readings)
    transport = InProcess(embedded.in_process(server))
    session = Session(spec, target, Options(seed=seed), kind="embedded", transport=transport, clock=clock)
    claims = list(checks.load(spec))
    if order:
        random.Random(order).shuffle(claims)
    return session.conduct(claims)


def wire_play(fault: str | None = None) -> tuple[Finding, ...]:
    """The findings of the claims of the wire and of all rules, over sockets."""
    spec = contract.load()
    claims = [claim for claim in checks.load(spec) if claim.kind == "rule" or of_the_wire(claim)]
    with embedded.over_sockets(fault, WIRE_DEADLINE_S) as target:
        return Session(spec, target, Options(), kind="embedded").conduct(claims).findings


def of_the_wire(claim: Claim) -> bool:
    """Whether a claim is about what only shows over sockets."""
    return claim.subject == "wire"


def row(fault: str | None = None) -> Row:
    """One row of the kill matrix."""
    return _row(play, fault)


def wire_row(fault: str | None = None) -> Row:
    """One row of the kill matrix of the wire."""
    return _row(wire_play, fault)


def _row(play: Callable[[str | None], tuple[Finding, ...]], fault: str | None) -> Row:
    try:
        findings = play(fault)
    except Exception as problem:
        frame = traceback.extract_tb(problem.__traceback__)[-1]
        return Row({}, (), f"{type(problem).__name__} at {Path(frame.filename).name}:{frame.lineno}: {problem}")
    outcomes: dict[str, Outcome] = {}
    for finding in findings:
        worst = outcomes.get(finding.clause, Outcome.PASS)
        outcomes[finding.clause] = max(worst, finding.outcome, key=lambda outcome: outcome.rank)
    red = tuple(sorted(finding.check for finding in findings if finding.outcome in (*RED, Outcome.ERROR)))
    return Row({clause: outcome.value for clause, outcome in sorted(outcomes.items())}, red)


def matrix(progress: Callable[[str], None] = lambda name: None) -> dict[str, Row]:
    """Fault of the server → row, with the clean run under the empty name."""
    return _matrix(row, FAULTS, progress, "no fault")


def wire_matrix(progress: Callable[[str], None] = lambda name: None) -> dict[str, Row]:
    """Fault of the wire → row, with the clean run under the empty name."""
    return _matrix(wire_row, WIRE_FAULTS, progress, "no fault of the wire")


def _matrix(play: Callable[[str | None], Row], faults: Mapping[str, Fault], progress: Callable[[str], None], none: str) -> dict[str, Row]:
    names: Sequence[str | None] = (None, *faults)
    rows: dict[str, Row] = {}
    with ProcessPoolExecutor(2) as pool:
        for name, result in zip(names, pool.map(play, names), strict=True):
            rows[name or ""] = result
            progress(name or none)
    return rows


def lock(rows: Mapping[str, Row], wire: Mapping[str, Row]) -> dict[str, Any]:
    """What is committed and reviewed: the claims, what the contract says, and per fault the clauses that differ from the clean run."""
    spec = contract.load()
    register = {"claims": claims_in(spec), "contract": list(facts_of(spec)), "untested": untested_in(spec)}
    return register | {"faults": _differences(rows), "wire": _differences(wire)}


def _differences(rows: Mapping[str, Row]) -> dict[str, dict[str, str]]:
    clean = rows[""].outcomes
    return {
        name: {clause: outcome for clause, outcome in row.outcomes.items() if outcome != clean.get(clause)}
        for name, row in rows.items()
        if name
    }


def claims_in(spec: Contract) -> dict[str, str]:
    """Claim → its clause and title, so that none goes or changes unseen."""
    return {claim.id: f"{claim.clause} {claim.severity.value}: {claim.title}" for claim in checks.load(spec)}


def untested_in(spec: Contract) -> dict[str, str]:
    """Clause without claim → the reason from the closed list, so that no clause is left out unseen."""
    return {name: clause.untested for name, clause in spec.clauses.items() if clause.untested}


PROSE = ("description", "summary", "info", "servers")


def facts_of(spec: Contract) -> Iterator[str]:
    """What the contract says, prose aside, a line each, so that no line of it changes unseen."""
    yield from _leaves(spec.api.data, "")
    for name, axis in spec.axes.items():
        hidden = [f"{word} hides {' '.join(reading.hides)}" for word, reading in axis.readings.items() if reading.hides]
        yield "; ".join([f"axis {name} ({axis.scope}): {', '.join(axis.readings)} {axis.condition}".rstrip(), *hidden])
    for name, clause in spec.clauses.items():
        yield f"clause {name} ({clause.layer}): {clause.level} for the {clause.binds}"


def _leaves(node: Any, at: str) -> Iterator[str]:
    if isinstance(node, dict):
        for key, child in node.items():
            if key not in PROSE:
                yield from _leaves(child, f"{at} {key}".lstrip())
    elif isinstance(node, list) and any(isinstance(child, dict) for child in node):
        for index, child in enumerate(node):
            yield from _leaves(child, f"{at} {index}")
    else:
        yield f"{at}: {node}"


def faults_in(rows: Mapping[str, Row], wire: Mapping[str, Row]) -> Iterator[str]:
    """Every way in which the two matrices break their promises; none means that the proof holds."""
    claims, clauses = checks.load(contract.load()), contract.load().clauses
    layer_of = {claim.id: clauses[claim.clause].layer for claim in claims}
    for claim in claims:
        if of_the_wire(claim) and wire[""].outcomes.get(claim.clause) != Outcome.PASS:
            yield f"clean run over sockets: {claim.clause} is {wire[''].outcomes.get(claim.clause)} and not pass"
    killed: set[str] = set()
    for faults, played in ((FAULTS, rows), (WIRE_FAULTS, wire)):
        clean = played[""].outcomes
        for clause, outcome in clean.items():
            if outcome not in (Outcome.PASS, Outcome.NOT_APPLICABLE):
                yield f"clean run: {clause} is {outcome}"
        for name, fault in faults.items():
            if played[name].crash:
                yield f"{name}: the run broke: {played[name].crash}"
                continue
            red = {clause for clause, outcome in played[name].outcomes.items() if outcome in RED and outcome != clean[clause]}
            yield from (f"{name}: {problem}" for problem in _problems_of(fault, played[name].outcomes, red, clean))
            crowded = {layer for layer, many in Counter(clauses[clause].layer for clause in red).items() if many > NARROW}
            killed |= {claim for claim in played[name].red_claims if layer_of[claim] not in crowded}
    for claim in claims:
        if claim.id not in killed:
            yield f"{claim.id}: no fault with at most {NARROW} red clauses of its layer turns it red"


def _problems_of(fault: Fault, seen: Mapping[str, str], red: set[str], clean: Mapping[str, str]) -> Iterator[str]:
    """Where a fault is not caught as it declares, or reaches further."""
    for clause, outcome in fault.breaks.items():
        if seen.get(clause) != outcome:
            yield f"{clause} should be {outcome} and is {seen.get(clause)}"
    for clause in sorted(red - set(fault.breaks) - set(fault.also)):
        yield f"{clause} is {seen[clause]}, which the fault does not declare"
    for clause in sorted(set(fault.also) - red):
        yield f"{clause} is declared as a further red clause and is {seen.get(clause)}"
    clauses = contract.load().clauses
    if "document" not in {clauses[clause].layer for clause in fault.breaks}:
        for clause in sorted(red):
            if clauses[clause].layer == "document":
                yield f"{clause} breaks the document layer, which the fault does not declare"
    for clause, outcome in seen.items():
        if outcome == Outcome.ERROR:
            yield f"{clause} is error: the harness broke"
        if outcome in (Outcome.PASS, Outcome.AMBIGUOUS) and clean[clause] not in (outcome, Outcome.NOT_APPLICABLE):
            yield f"{clause} is {outcome}, better than in the clean run"

"""Mutants of token-api.yaml: each is the contract with one constraint deleted or changed, judged by what notices it first."""

import copy
import shutil
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Set
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal
from unittest import mock

import msgspec
import yaml

from conformance import checks, contract, embedded, selftest, yamlfile
from conformance.contract import Contract
from conformance.driver import VirtualClock
from conformance.errors import ConformanceError, ContractError
from conformance.reference.faults import FAULTS
from conformance.session import Options, Session
from conformance.transport import InProcess

AT_MOST = 3
"""How many faults of the nearest clause are played for a mutant."""

OTHERS = {
    "clause": ("T-03", "T-02"),
    "x-clause": ("T-03", "T-02"),
    "type": ("string", "integer"),
    "type item": ("boolean", ""),
    "when item": ("internal", "scope"),
    "$ref": ("#/components/schemas/RefreshTokenGrant", "#/components/schemas/PasswordGrant"),
}
"""Keyword → what stands for its value in a mutant, and what does where it is that already."""

OPENAPI = contract.directory()
PARSED = {name: yamlfile.load(OPENAPI / name, ContractError) for name in contract.FILES}
Place = tuple[str | int, ...]
Witness = Literal["load", "claims", "clean run", "fault", "lock", "nothing"]
Change = Literal["delete", "change", "widen", "narrow"]


class Mutant(msgspec.Struct, frozen=True):
    """One change of the contract: where, and the new value there; `delete` takes the place out instead."""

    at: Place
    how: Change
    value: Any = None

    @property
    def kind(self) -> str:
        """Part of the contract, change and keyword: `reply delete required item`."""
        return f"{_part(self.at)} {self.how} {_keyword(self.at)}"

    def applied(self) -> Any:
        """The content of token-api.yaml with this change."""
        data = copy.deepcopy(PARSED["token-api.yaml"].data)
        node = data
        for step in self.at[:-1]:
            node = node[step]
        if self.how == "delete":
            del node[self.at[-1]]
        else:
            node[self.at[-1]] = self.value
        return data

    @property
    def clause(self) -> str:
        """The clause that stands nearest to the place, on the way to it; empty if none does."""
        node, found = PARSED["token-api.yaml"].data, ""
        for step in self.at:
            node = node[step]
            named = node.get("x-clause", node.get("clause", "")) if isinstance(node, dict) else ""
            if isinstance(named, dict):
                named = named.get(self.at[-1], next(iter(named.values())))
            found = named or found
        return str(found)


class Seen(msgspec.Struct, frozen=True):
    """What the unchanged contract gives: the inventory of claims, claim → outcome of the clean run, and the locked facts."""

    claims: dict[str, str]
    outcomes: dict[str, str]
    facts: tuple[str, ...]


class Judgement(msgspec.Struct, frozen=True):
    """What noticed a mutant first, and what it said."""

    mutant: Mutant
    by: Witness
    said: str = ""


def sample(at_most: int) -> list[Mutant]:
    """At most so many mutants of each kind, spread evenly over its places."""
    kinds: dict[str, list[Mutant]] = defaultdict(list)
    for mutant in _mutants(PARSED["token-api.yaml"].data, ()):
        kinds[mutant.kind].append(mutant)
    return [found[index * len(found) // n] for found in kinds.values() for n in [min(at_most, len(found))] for index in range(n)]


def _mutants(node: Any, at: Place) -> Iterator[Mutant]:
    for key, child in list(node.items() if isinstance(node, dict) else enumerate(node)):
        if key in selftest.PROSE:
            continue
        here = (*at, key)
        yield Mutant(here, "delete")
        if isinstance(child, (dict, list)):
            yield from _mutants(child, here)
        else:
            yield from (Mutant(here, how, value) for how, value in _others(here, child))


def _others(at: Place, value: Any) -> Iterator[tuple[Change, Any]]:
    """Further values of which most may stand in the place as well."""
    keyword = _keyword(at)
    if keyword == "pattern":
        yield from (("widen", ".*"), ("narrow", "^never$"))
    elif isinstance(value, bool):
        yield "change", not value
    elif isinstance(value, int):
        yield "change", value + 1
    elif keyword == "message":
        yield "change", "Invalid client id" if value != "Invalid client id" else "Invalid RedirectURI"
    else:
        first, second = OTHERS.get(keyword, (f"{value}x", ""))
        yield "change", first if value != first else second


_NAMED = {"paths", "properties", "headers", "responses", "content", "schemas", "securitySchemes", "links", "parameters", "x-clause"}


def _keyword(at: Place) -> str:
    """The keyword of the place: the parent's for an item of a list and for what bears a free name."""
    above = str(at[-2]) if len(at) > 1 else ""
    if above == "x-clause":
        return "x-clause"
    return f"{above} item" if isinstance(at[-1], int) or above in _NAMED else str(at[-1])


def _part(at: Place) -> str:
    if "x-errors" in at:
        return "row"
    if "responses" in at or "Token" in at:
        return "reply"
    return "request" if "requestBody" in at or at[:2] == ("components", "schemas") else "operation"


def unchanged() -> Seen:
    """What the contract gives as it stands."""
    spec = contract.load()
    return Seen(selftest.claims_in(spec), _outcomes(spec), tuple(selftest.facts_of(spec)))


def judged(mutant: Mutant, base: Seen) -> Judgement:
    """What notices the mutant first. Claims are declared once per process, so each mutant needs a new one."""
    if "conformance.scripts" in sys.modules:
        raise RuntimeError("claims were declared in this process already; they would be those of another contract")
    with tempfile.TemporaryDirectory() as name, _contract_in(Path(name), mutant.applied()):
        return Judgement(mutant, *_noticed(mutant, base))


def declared_by(fault: str) -> bool:
    """Whether a fault is caught as it declares, under the contract as it stands."""
    return _caught(contract.load(), fault)


@contextmanager
def _contract_in(folder: Path, data: Any) -> Iterator[None]:
    """The package reads its contract from the folder, with this content; the other two files are not parsed again."""
    for name in contract.FILES[1:]:
        shutil.copy(OPENAPI / name, folder)
    (folder / contract.FILES[0]).write_text(yaml.safe_dump(data, sort_keys=False), encoding="utf-8")
    parse = yamlfile.load

    def load(path: Path, error: type[ConformanceError]) -> yamlfile.YamlFile:
        return parse(path, error) if path.name == contract.FILES[0] else PARSED[path.name]

    with mock.patch.object(contract, "directory", return_value=folder), mock.patch.object(yamlfile, "load", load):
        yield


def _noticed(mutant: Mutant, base: Seen) -> tuple[Witness, str]:
    try:
        spec = contract.load()
        claims = selftest.claims_in(spec)
    except Exception as problem:
        return "load", f"{type(problem).__name__}: {problem}"
    if claims != base.claims:
        return "claims", " ".join(sorted(name for name in {*claims, *base.claims} if claims.get(name) != base.claims.get(name)))
    try:
        outcomes = _outcomes(spec)
    except Exception as problem:
        return "clean run", f"{type(problem).__name__}: {problem}"
    if outcomes != base.outcomes:
        return "clean run", " ".join(sorted(name for name in base.outcomes if outcomes.get(name) != base.outcomes[name]))
    for fault in _faults_of(mutant.clause)[:AT_MOST]:
        if not _caught(spec, fault):
            return "fault", fault
    return ("lock", mutant.clause) if tuple(selftest.facts_of(spec)) != base.facts else ("nothing", mutant.clause)


def _faults_of(clause: str) -> list[str]:
    """The faults that break the clause, those that break the fewest clauses first."""
    return sorted((name for name, fault in FAULTS.items() if clause in fault.breaks), key=lambda name: len(FAULTS[name].breaks))


def _caught(spec: Contract, fault: str) -> bool:
    breaks = FAULTS[fault].breaks
    try:
        seen = {(clause, outcome) for _, clause, outcome in _play(spec, fault, breaks.keys())}
    except Exception:
        return False
    return seen.issuperset(breaks.items())


def _outcomes(spec: Contract) -> dict[str, str]:
    return {claim: f"{clause} {outcome}" for claim, clause, outcome in _play(spec)}


def _play(spec: Contract, fault: str | None = None, clauses: Set[str] | None = None) -> list[tuple[str, str, str]]:
    """Claim, clause and outcome of a run in process: all checks, and the rules (of these clauses).

    Campaigns are left out: they cost as much as all other claims together.
    """
    clock = VirtualClock()
    transport = InProcess(embedded.in_process(embedded.server(fault, None, clock.now)))
    session = Session(spec, embedded.target("http://127.0.0.1"), Options(), kind="embedded", transport=transport, clock=clock)
    played = [
        claim
        for claim in checks.load(spec)
        if claim.draws is None and (clauses is None or claim.kind == "check" or claim.clause in clauses)
    ]
    return [(finding.check, finding.clause, finding.outcome.value) for finding in session.conduct(played).findings]

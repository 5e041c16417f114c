"""The register keeps its word: no clause without claim or reason, no unknown id, no level that its words contradict."""

import json
import re
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from pathlib import Path

import msgspec
import pytest

from conformance import checks, contract, registry, selftest
from conformance.contract import UNTESTED
from conformance.documented import Clause
from conformance.errors import ContractError
from conformance.model import Level
from conformance.reference.faults import FAULTS

SPEC = contract.load()
CLAUSES = SPEC.clauses
CLAIMED = {claim.clause for claim in checks.load(SPEC)}
LOCKED = json.loads((Path(__file__).parent.parent / "kill-matrix.json").read_text(encoding="utf-8"))

KEYWORDS = {
    "MUST NOT": "MUST NOT",
    "SHALL NOT": "MUST NOT",
    "MUST": "MUST",
    "SHALL": "MUST",
    "REQUIRED": "MUST",
    "SHOULD NOT": "SHOULD NOT",
    "NOT RECOMMENDED": "SHOULD NOT",
    "SHOULD": "SHOULD",
    "RECOMMENDED": "SHOULD",
    "MAY": "MAY",
    "OPTIONAL": "MAY",
}
"""The words of RFC 2119 and the level that each means; a clause with several has that of the strictest, which stand first."""

OTHERWISE = {
    "N-6749-05": ("MAY", "what is not recommended is the client's sending; that the server takes it is optional"),
    "N-6749-39": ("MUST", "one sentence with two bounds, of which the quote's MUST is the one that can be seen"),
}
"""The clauses whose level is not that of the strictest word in their quote, each with the reason."""

WORDLESS = {
    Level.SHOULD: "F-07 F-27 L-07 L-16 L-17 L-18 L-19 L-20 L-22 T-04 T-15 T-24 T-52 T-54 T-55 T-56 N-9110-05 N-9110-12 N-9110-18 N-9700-02"
    " N-9700-03 N-9700-04 N-9700-05 N-9700-10 S-10 S-16 S-45 I-04 I-05 I-12 I-14 I-22 I-23 I-29 I-34",
    Level.MAY: "F-16 F-18 F-19 F-23 L-04 T-05 T-14 T-21 N-9111-02 N-9700-09 N-9457-01",
    Level.MUST_NOT: "N-6749-32 N-9111-01",
    Level.SHOULD_NOT: "N-9110-15 N-9205-01",
}
"""The levels of the clauses whose quote has no keyword, because the page never writes one or the RFC's stands in another sentence.

A plain statement that is not listed here is a MUST.
"""


def unexplained(clauses: Mapping[str, Clause], claimed: AbstractSet[str]) -> Iterator[str]:
    """The clauses that have neither claim nor reason, or both, or a reason that does not fit whom they bind."""
    for name, clause in clauses.items():
        if name not in claimed and not clause.untested and not clause.deviation:
            yield f"{name} ({clause.level}) has neither claim nor reason"
        if name in claimed and clause.untested:
            yield f"{name} has a claim and a reason"
        if clause.untested and clause.untested not in UNTESTED:
            yield f"{name}: {clause.untested!r} is not one of {', '.join(UNTESTED)}"
        fits = {"binds": ("client",), "page error": ("page",), "needs the operator": ("operator",)}.get(clause.untested, (clause.binds,))
        if clause.binds not in fits:
            yield f"{name} binds the {clause.binds} and is untested because {clause.untested!r}"


def word_of(quote: str) -> str:
    """The level that the strictest keyword in a quote means; empty if it has none."""
    found = re.findall(rf"\b({'|'.join(KEYWORDS)})\b", quote)
    order = list(KEYWORDS)
    return KEYWORDS[min(found, key=order.index)] if found else ""


def misplaced(clauses: Mapping[str, Clause]) -> Iterator[str]:
    """The clauses whose level is not the one that their words, or the tables above, give them."""
    listed = {name: level.value for level, names in WORDLESS.items() for name in names.split()}
    for name, clause in clauses.items():
        word = word_of(clause.quote)
        want = OTHERWISE[name][0] if name in OTHERWISE else word or listed.get(name, Level.MUST.value)
        if clause.level != want:
            yield f"{name} is {clause.level} and its words say {want}"
        if word and (name in listed or (name in OTHERWISE and OTHERWISE[name][0] == word)):
            yield f"{name} has the keyword {word} and stands in a table of those that need one"


def changed(name: str, **fields: object) -> dict[str, Clause]:
    """The register with one clause changed."""
    return CLAUSES | {name: msgspec.structs.replace(CLAUSES[name], **fields)}


def test_every_clause_has_a_claim_or_a_reason() -> None:
    """Each clause has a claim, or a reason from the closed list that fits whom it binds, or is a deviation of the page."""
    assert list(unexplained(CLAUSES, CLAIMED)) == []


def test_clause_without_claim_or_reason_is_caught() -> None:
    """A MUST that loses its claim, a reason in free words, one that does not fit, and one beside a claim are named."""
    assert list(unexplained(CLAUSES, CLAIMED - {"L-02"})) == ["L-02 (MUST) has neither claim nor reason"]
    assert list(unexplained(changed("F-13", untested=""), CLAIMED)) == ["F-13 (MUST) has neither claim nor reason"]
    assert list(unexplained(changed("F-13", untested="too hard"), CLAIMED)) == [f"F-13: 'too hard' is not one of {', '.join(UNTESTED)}"]
    assert list(unexplained(changed("F-13", untested="page error"), CLAIMED)) == [
        "F-13 binds the client and is untested because 'page error'"
    ]
    assert "L-02 has a claim and a reason" in list(unexplained(changed("L-02", untested="needs the operator"), CLAIMED))


def test_levels_are_those_of_the_words() -> None:
    """A clause has the level of the keyword in its quote; where there is none, that of a committed table."""
    assert list(misplaced(CLAUSES)) == []


def test_level_that_differs_from_the_keyword_is_caught() -> None:
    """A level that the quote contradicts is named, and so is one that the table does not give to a quote without keyword."""
    assert word_of(CLAUSES["N-6749-11"].quote) == "MUST"
    assert list(misplaced(changed("N-6749-11", level=Level.SHOULD))) == ["N-6749-11 is SHOULD and its words say MUST"]
    assert list(misplaced(changed("L-02", level=Level.MAY))) == ["L-02 is MAY and its words say MUST"]
    assert list(misplaced(changed("L-07", level=Level.MUST))) == ["L-07 is MUST and its words say SHOULD"]
    quoted = changed("L-02", quote="The server SHOULD NOT keep the token; it MAY tell so.")
    assert list(misplaced(quoted)) == ["L-02 is MUST and its words say SHOULD NOT"]


def test_unknown_clause_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """A claim with a clause that is not in the register, one that binds somebody else, and one with an unknown axis are refused by name."""
    claim = registry._claims["token-no-store"]
    for field, value, message in (
        ("clause", "T-99", "token-no-store: unknown clause 'T-99'"),
        ("clause", "F-13", "token-no-store: clause F-13 does not bind the server"),
        ("axis", "logout.taste", "token-no-store: unknown interpretation 'logout.taste'"),
    ):
        monkeypatch.setitem(registry._claims, claim.id, msgspec.structs.replace(claim, **{field: value}))
        with pytest.raises(ContractError, match=message):
            registry.declared(SPEC)


def test_faults_name_clauses_of_the_register() -> None:
    """What a fault breaks is a clause that binds the server, with the outcome that its level allows."""
    for fault in FAULTS.values():
        for clause in (*fault.breaks, *fault.also):
            assert CLAUSES[clause].binds == "server", (fault.name, clause)
        for clause, outcome in fault.breaks.items():
            assert outcome == ("fail" if CLAUSES[clause].level.mandatory else "warn"), fault.name


def test_reasons_are_a_lock() -> None:
    """The ids that carry a reason why they are not tested stand in the committed matrix, so that none is added unseen."""
    assert LOCKED["untested"] == selftest.untested_in(SPEC)
    assert selftest.untested_in(SPEC)["F-13"] == "binds"

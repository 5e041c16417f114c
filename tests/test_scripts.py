"""Every claim is proven both ways by its scripts: right= passes, each wrong= fails at the field that differs."""

from collections.abc import Sequence

import pytest

from conformance import checks, contract, registry
from conformance.api import Send, Sleep, Together
from conformance.errors import Violation
from conformance.model import Exchange
from conformance.registry import Claim, Differs, Line
from conformance.rules import judge_rule
from conformance.scripts import API, LOGIN

CLAIMS = checks.load(contract.load())


def play(claim: Claim, script: Sequence[Line]) -> None:
    """Feed a script to a claim as if it were a server."""
    lines = list(script)
    if claim.kind == "rule":
        times = range(len(lines))
        exchanges = [Exchange(i + 1, "script", lines[i].request or LOGIN, i * 9.0, i * 9.0 + 1, lines[i].reply) for i in times]
        _, evidence = judge_rule(claim, exchanges, API)
        assert evidence, "the right script gives the rule nothing to judge"
        return
    conversation = claim.play(API, claim.sample) if claim.draws is not None else claim.play(API)
    number = 0

    def answer(request: object) -> Exchange:
        nonlocal number
        number += 1
        return Exchange(number, claim.id, request, number * 0.1, number * 0.1 + 0.01, lines.pop(0).reply)  # type: ignore[arg-type]

    try:
        effect = next(conversation)
        while True:
            if isinstance(effect, Send):
                effect = conversation.send(answer(effect.request))
            elif isinstance(effect, Together):
                effect = conversation.send(tuple(answer(request) for request in effect.requests))
            else:
                assert isinstance(effect, Sleep)
                effect = conversation.send(None)
    except StopIteration:
        assert not lines, "the script is longer than the conversation"


@pytest.mark.parametrize("claim", CLAIMS, ids=lambda claim: claim.id)
def test_right_script_passes(claim: Claim) -> None:
    """A claim holds for its right script."""
    play(claim, claim.right)


WRONG = [(claim, differs) for claim in CLAIMS for differs in claim.wrong]


@pytest.mark.parametrize(("claim", "differs"), WRONG, ids=[f"{claim.id}-{differs.field}-{differs.value}" for claim, differs in WRONG])
def test_wrong_script_fails_at_its_field(claim: Claim, differs: Differs) -> None:
    """One changed field of one reply makes the claim fail, and `actual` names that field."""
    with pytest.raises(Violation) as caught:
        play(claim, differs.apply(claim.right))
    field = differs.field.partition(":")[2] or differs.field
    assert field.lower() in caught.value.actual.lower()


def test_declaration_refuses_what_cannot_be_proven() -> None:
    """A claim without wrong=, without title, or with an id that is taken is refused by name."""
    from conformance.errors import ContractError
    from conformance.model import Severity

    def never(exchange: Exchange, api: object) -> None:
        pass

    for keywords in ({"name": "untitled"}, {"name": "Not-Kebab"}, {"name": "token-no-store"}):
        name = keywords["name"]
        with pytest.raises(ContractError, match=name):
            registry.rule(name, clause="T-01", severity=Severity.LOW, when=lambda e, a: True, right=[], wrong=[Differs(0, "status", 1)])(
                never
            )

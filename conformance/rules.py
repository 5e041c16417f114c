"""Judges one rule over exchanges: each of its kind, or all together, with the reading that it saw and its evidence."""

from collections.abc import Sequence

from conformance.api import Api
from conformance.errors import Verdict, Violation
from conformance.model import Exchange, Outcome
from conformance.oracle import grant_of
from conformance.registry import Claim


def judge_rule(rule: Claim, exchanges: Sequence[Exchange], api: Api) -> tuple[str, Sequence[Exchange]]:
    """The reading and the evidence of a rule that holds; a Verdict it raises carries the exchanges concerned as `evidence`."""
    assert rule.when is not None
    mine = [exchange for exchange in exchanges if exchange.reply is not None and rule.when(exchange, api)]
    if not mine:
        return "", ()
    scope = api.contract.axes[rule.axis].scope if rule.axis in api.contract.axes else "run"
    readings: dict[str, dict[str, Exchange]] = {}
    undecided: Verdict | None = None
    evidence: Sequence[Exchange] = mine
    for group in [mine] if rule.over == "run" else [[exchange] for exchange in mine]:
        try:
            seen = rule.play(group if rule.over == "run" else group[0], api)
        except Verdict as verdict:
            verdict.evidence = verdict.evidence or group
            if verdict.outcome is Outcome.FAIL:
                raise
            undecided = verdict if undecided is None or verdict.outcome.rank > undecided.outcome.rank else undecided
            continue
        if isinstance(seen, str):
            readings.setdefault(_scope_of(group[0], scope, api), {}).setdefault(seen, group[0])
        elif isinstance(seen, tuple):
            evidence = seen
    if undecided is not None:
        raise undecided
    for place, seen_there in readings.items():
        if len(seen_there) > 1:
            violation = Violation(f"one reading within the {scope}", f"{rule.axis} is {' and '.join(sorted(seen_there))} {place}".rstrip())
            violation.evidence = list(seen_there.values())
            raise violation
    return _joined({place: next(iter(seen_there)) for place, seen_there in readings.items()}), evidence


def _scope_of(exchange: Exchange, scope: str, api: Api) -> str:
    """Where a reading must not vary: everywhere, or within one operation or grant."""
    if scope == "operation":
        return f"({exchange.request.operation})"
    return f"({grant_of(exchange.request, api.contract)})" if scope == "grant" else ""


def _joined(readings: dict[str, str]) -> str:
    """One reading, or one for each place where they differ: `number (token), string (logout)`."""
    words = set(readings.values())
    return next(iter(words), "") if len(words) < 2 else ", ".join(f"{word} {place}" for place, word in sorted(readings.items()))

"""The time between a logout and the token's death: measured, named, and held against the declared budget."""

import pytest

from conformance import checks, contract
from conformance.model import Finding
from conformance.reference.messages import Token
from conformance.reference.server import Server
from tests.in_process import run_of

CLAIMS = {claim.id: claim for claim in checks.load(contract.load())}


class Lagging(Server):
    """A server on which a token lives on for 0.7 seconds after its logout."""

    def end(self, token: Token) -> None:
        super().end(token)
        token.dead_at = self.now() + 0.7


class Flapping(Server):
    """A server of two replicas, one of which learns of a logout three seconds later; they answer by turns."""

    looks = 0

    def ended(self, token: Token) -> bool:
        if token.dead_at is None:
            return False
        self.looks += 1
        return self.looks % 2 == 1 or self.now() >= token.dead_at + 3


def findings(kind: type[Server], budget: float) -> dict[str, Finding]:
    """What the claims about lag make of such a server under a declared budget."""
    record = run_of(kind, {}, budget).conduct([CLAIMS[name] for name in ("revocation-lag", "dead-token-stays-dead")])
    return {finding.check: finding for finding in record.findings}


LAGS = [
    (Server, 0, "pass", "none", "immediate: first refused 0.00 s after logout"),
    (Server, 2, "pass", "none", "immediate: first refused 0.00 s after logout"),
    (Lagging, 2, "pass", "within-budget", "within the budget of 2 s: last accepted 0.50 s, first refused 1.00 s after logout"),
    (Lagging, 0.5, "fail", "", "beyond the budget: status 200 for it, last accepted 0.50 s, first refused 1.00 s after logout"),
    (Lagging, 0, "fail", "", "beyond the budget: status 200 for it, last accepted 0.50 s, first refused 1.50 s after logout"),
]


@pytest.mark.parametrize(("kind", "budget", "outcome", "reading", "measured"), LAGS)
def test_lag_is_measured_and_judged(kind: type[Server], budget: float, outcome: str, reading: str, measured: str) -> None:
    """The last success and the first refusal stand in the finding, with the class that they make."""
    found = findings(kind, budget)
    lag = found["revocation-lag"]
    assert (lag.outcome.value, lag.reading, lag.actual) == (outcome, reading, measured)
    assert found["dead-token-stays-dead"].outcome == "pass"


def test_token_that_comes_back_is_red_whatever_the_budget() -> None:
    """Alive again after a refusal is no lag."""
    found = findings(Flapping, 60)
    assert found["revocation-lag"].outcome == "fail"
    assert found["revocation-lag"].actual.startswith("flapping: status 200")
    assert found["dead-token-stays-dead"].outcome == "fail"

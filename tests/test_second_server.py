"""The harness against a second correct server, of which it knows nothing: legal variants are green, planted faults red."""

import json
from functools import cache
from pathlib import Path

import msgspec
import pytest
import yaml

from conformance import checks, contract
from conformance.driver import VirtualClock
from conformance.record import Record
from conformance.session import Options, Session
from conformance.target import Target
from conformance.transport import InProcess
from tests import second_http
from tests.second_accounts import FIRST, VARIANTS, target
from tests.second_faults import FAULTS
from tests.second_server import Server
from tests.test_command import conformance

COSTS = {
    "nested": {
        "client-only-in-header", "client-refused-with-401", "clients-error-named", "clients-expires-in-string", "clients-token-type-case",
        "clients-secret-latin-1", "clients-secret-utf-8", "expires-in-number", "logout-invalid-token-401",
    },
    "list": {
        "clients-error-named", "clients-reason-in-challenge", "clients-token-type-missing", "error-status", "token-type-present",
    },
    "xml": {"clients-error-in-200", "clients-error-named", "client-refused-with-401", "error-status"},
    "words": {"clients-reason-in-challenge", "content-has-type", "logout-invalid-token-401"},
    "number": {"clients-reason-in-challenge", "clients-token-type-case", "logout-invalid-token-401"},
    "plain": {"clients-error-named", "clients-reason-in-challenge"},
    "members": {"clients-error-named", "clients-reason-in-challenge"},
    "gateway": {"clients-error-named", "clients-reason-in-challenge"},
}  # fmt: skip
"""What each variant costs in the other layers: the claims that fail or warn, none of them of the document."""

OF_OTHER_GRANTS = {"grant.user", "error.wrong-redirect", "refresh.rotation", "refresh.after-logout"}
OF_LOGOUT = {axis for axis in FIRST if axis.startswith("logout.")} - {"logout.operation"}
HIDDEN = {
    "nested": {"logout.scope"},
    "list": OF_OTHER_GRANTS | {"logout.scope", "logout.revoked-token"},
    "xml": OF_OTHER_GRANTS | {"code-2"},
    "plain": OF_LOGOUT | {"code-2", "refresh.after-logout", "revocation.lag"},
}
"""The axes of which a client hardly sees the reading, unless a drawn program does: others hide it, as no logout hides what it does."""


def play(server: type[Server], variant: str, subjects: frozenset[str] = frozenset()) -> Record:
    """A run in process, on virtual time. With `subjects`: their checks alone, without generated ones, and every rule."""
    spec, clock, readings = contract.load(), VirtualClock(), VARIANTS[variant]
    transport = InProcess(second_http.respond(server(readings, clock.now)))
    aim = msgspec.convert(target("http://127.0.0.1", readings), Target)
    session = Session(spec, aim, Options(), kind="real", transport=transport, clock=clock)
    every = checks.load(spec)
    return session.conduct([c for c in every if not subjects or (c.draws is None and (c.kind == "rule" or c.subject in subjects))])


@cache
def clean(variant: str, subjects: frozenset[str]) -> frozenset[str]:
    """What is red without a fault."""
    return red(play(Server, variant, subjects))


def red(record: Record) -> frozenset[str]:
    """The claims that fail or warn."""
    return frozenset(finding.check for finding in record.findings if finding.outcome in ("fail", "warn"))


def assert_legal(record: Record, variant: str) -> None:
    """The run is conformant and complete, names the readings, and is red for nothing but what the variant costs."""
    assert record.verdict == "conformant"
    assert [(f.check, f.actual) for f in record.findings if f.layer == "document" and f.outcome in ("fail", "warn")] == []
    assert [(f.check, f.actual) for f in record.findings if f.outcome in ("inconclusive", "error", "not-observable")] == []
    assert red(record) == COSTS[variant]
    assert record.footer is not None
    readings = FIRST | VARIANTS[variant]
    seen = {axis: named.reading for axis, named in record.footer.interpretations.items()}
    told = {axis for axis, word in seen.items() if word or axis not in HIDDEN.get(variant, ())}
    assert {axis: seen[axis] for axis in told} == {axis: readings[axis] for axis in told}


def test_the_variants_follow_every_reading() -> None:
    """Each reading of each axis is followed by a variant in which a client can see it."""
    followed = {(axis, (FIRST | VARIANTS[name])[axis]) for name in VARIANTS for axis in set(FIRST) - HIDDEN.get(name, set())}
    axes = contract.load().axes
    assert {(name, word) for name, axis in axes.items() if axis.about == "server" for word in axis.readings} == followed


@pytest.mark.parametrize("variant", VARIANTS)
def test_variant_is_legal_and_its_readings_are_named(variant: str) -> None:
    """A server that nobody fitted to the harness is found conformant under any readings."""
    assert_legal(play(Server, variant), variant)


def test_second_server_over_sockets(tmp_path: Path) -> None:
    """The command finds the same over real HTTP, in real time."""
    with second_http.serving(Server(VARIANTS["nested"])) as base_url:
        (tmp_path / "target.yaml").write_text(yaml.safe_dump(target(base_url, VARIANTS["nested"]), allow_unicode=True), encoding="utf-8")
        done = conformance("run", "--target", tmp_path / "target.yaml", "--out", tmp_path / "r")
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    run = json.loads((tmp_path / "r" / "run.json").read_text(encoding="utf-8"))
    assert {finding["check"] for finding in run["findings"] if finding["outcome"] in ("fail", "warn")} == COSTS["nested"]
    assert [f for f in run["findings"] if f["outcome"] in ("inconclusive", "error", "not-observable")] == []


class NamesTheClient(Server):
    """A legal server whose refusals name the client id that they were sent."""

    named = ""

    def known(self, pairs: list[tuple[str, str]]) -> str:
        self.named = pairs[0][0]
        return super().known(pairs)

    def shaped(self, status: int, number: int, word: str, text: str) -> tuple[str, str]:
        return super().shaped(status, number, word, f"{text} (client {self.named})")


def test_client_id_is_no_secret() -> None:
    """A reply may repeat a client id, also an altered one."""
    assert "no-secret-echoed" not in red(play(NamesTheClient, "members", frozenset({"basic"})))


@pytest.mark.parametrize("name", FAULTS)
def test_planted_fault_is_found(name: str) -> None:
    """A fault turns its clauses red, and no claim that has nothing to do with it."""
    fault = FAULTS[name]
    found = [f for f in play(fault.server, fault.variant, fault.subjects).findings if f.check not in clean(fault.variant, fault.subjects)]
    broken = {finding.clause for finding in found if finding.outcome in ("fail", "warn")}
    assert [sorted(fault.breaks - broken), sorted(broken - fault.breaks - fault.also)] == [[], []]
    assert [(f.check, f.actual) for f in found if f.outcome == "error"] == []

"""The dry run says what a run sends, by class of risk: held against what real runs sent, to the reference and to others."""

import subprocess
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import pytest

from conformance import checks, contract, embedded, selftest
from conformance.api import UNKNOWN_TOKEN, basic, bearer, edited
from conformance.driver import VirtualClock
from conformance.model import Exchange, Outcome, Request, Slot
from conformance.plan import Plan, plan
from conformance.record import Record
from conformance.risk import CLASSES, class_of
from conformance.scripts import API, LOGIN, LOGIN_NO_AUTHORIZATION, LOGOUT_BARE, LOGOUT_UNKNOWN, logout, unknown_client, use
from conformance.session import Options, Session
from conformance.target import Fixtures, Risk, Target
from conformance.transport import InProcess
from tests import servers

SPEC = contract.load()
CLAIMS = checks.load(SPEC)
QUICK = [claim for claim in CLAIMS if claim.draws is None]
FULL = embedded.target("http://127.0.0.1")
BARE = msgspec.structs.replace(FULL, fixtures=Fixtures(), risk=Risk())

REQUESTS = [
    ("R1", LOGIN_NO_AUTHORIZATION),
    ("R0", LOGOUT_BARE),
    ("R0", LOGOUT_UNKNOWN),
    ("R1", LOGIN),
    ("R1", API.login(change={"user.username": "nobody", "user.password": "nothing"})),
    ("R1", unknown_client()),
    ("R0", unknown_client(change={"user.username": "nobody", "user.password": "nothing"})),
    ("R1", use()),
    ("R1", API.login(authorization=bearer(Slot("token#1")))),
    ("R2", logout()),
    ("R2", API.logout(None, query=((("t",), (Slot("token#1"),)),))),
    ("R0", API.logout(bearer(UNKNOWN_TOKEN))),
    ("R3", API.login(authorization=basic((Slot("client.id"),), edited("client.secret", "drop_last")))),
    ("R3", API.login(authorization=basic((Slot("client.id"),), ("wrong",)))),
    ("R4", API.login(change={"user.password": edited("user.password", "drop_last")})),
    ("R4", API.login(change={"user.password": "wrong"})),
    ("R5", API.login(user="second_user")),
    ("R5", API.login(client="second_client")),
]


@pytest.mark.parametrize(("name", "request_"), REQUESTS)
def test_request_has_its_class(name: str, request_: Request) -> None:
    """A request has the class of the worst that it can cost; one of a claim that waits has R6, unless it fails a login."""
    assert class_of(request_, SPEC) == name
    assert class_of(request_, SPEC, waits=True) == (name if name in ("R3", "R4") else "R6")


def sent_by_run(target: Target, readings: Mapping[str, str] | None = None) -> Record:
    """A run of all claims but the generated ones against the reference server, as this target."""
    clock = VirtualClock()
    transport = InProcess(embedded.in_process(embedded.server(None, readings, clock.now)))
    return Session(SPEC, target, Options(), kind="embedded", transport=transport, clock=clock).conduct(QUICK)


def by_claim(would: Plan, sent: Sequence[Exchange]) -> dict[str, Counter[str]]:
    """Who sent it → class of risk → how many requests."""
    found: dict[str, Counter[str]] = {}
    for exchange in sent:
        found.setdefault(exchange.by, Counter())[class_of(exchange.request, SPEC, waits=exchange.by in would.waits)] += 1
    return found


def planned(would: Plan) -> dict[str, Counter[str]]:
    """The same of a plan."""
    return by_claim(would, [Exchange(0, one.by, one.request, 0, 0) for one in would.requests])


def holds(foretold: Mapping[str, Counter[str]], sent: Mapping[str, Counter[str]]) -> bool:
    """Whether no claim sent more than was foretold, and nearly all exactly that.

    Some claims stop early, as a reading of the server or a transport that is no socket has it.
    """
    exact = sum(sent.get(name) == row for name, row in foretold.items())
    return all(row <= foretold.get(name, Counter()) for name, row in sent.items()) and exact >= 0.9 * len(foretold)


def tokens(of: Sequence[tuple[str, bool]]) -> dict[str, Counter[str]]:
    """Who sent it → how many tokens it brought."""
    found: dict[str, Counter[str]] = {}
    for by, issued in of:
        found.setdefault(by, Counter())["token"] += issued
    return found


def test_whole_run_is_foretold() -> None:
    """Of a whole run with generated traffic the requests of each claim are foretold by class, and the tokens."""
    would, run = plan(SPEC, FULL, CLAIMS), selftest.record()
    assert holds(planned(would), by_claim(would, run.exchanges))
    issued = tokens([(one.by, one.issues) for one in would.requests])
    assert holds(issued, tokens([(e.by, e.reply is not None and e.reply.token() is not None) for e in run.exchanges]))
    assert set(would.classes(SPEC)) == set(CLASSES)
    assert would.missing == {}


def test_run_without_fixtures_is_foretold() -> None:
    """Without fixtures, where logout tells who lives, each claim's requests are foretold, and which claims lack a fixture."""
    would, run = plan(SPEC, BARE, QUICK), sent_by_run(BARE)
    assert holds(planned(would), by_claim(would, run.exchanges))
    lacking = {
        f.check for f in run.findings if f.kind == "check" and f.outcome is Outcome.NOT_OBSERVABLE and f.actual.startswith("fixtures:")
    }
    assert set(would.missing) == lacking


@pytest.mark.parametrize("target", [FULL, BARE], ids=["full", "bare"])
@pytest.mark.parametrize("reading", ["issue.policy=same", "logout.scope=user"])
def test_other_readings_send_no_more(target: Target, reading: str) -> None:
    """A server that follows another reading is sent at most what was foretold, in every class."""
    axis, _, word = reading.partition("=")
    would, run = plan(SPEC, target, QUICK), sent_by_run(target, {axis: word})
    assert sum(by_claim(would, run.exchanges).values(), Counter()) <= would.classes(SPEC)


def test_budgets_are_foretold() -> None:
    """Under budgets the failed logins stay within them, and the claims that are stopped are those that the run cannot observe."""
    target = msgspec.structs.replace(FULL, risk=Risk(wrong_passwords=0, wrong_secrets=3))
    demand = plan(SPEC, target, QUICK)
    would, run = demand.within(target.risk, SPEC), sent_by_run(target)
    assert (demand.classes(SPEC)["R4"] > 0, would.classes(SPEC)["R4"], would.classes(SPEC)["R3"]) == (True, 0, 3)
    assert all(by_claim(would, run.exchanges).get(name, Counter()) <= row for name, row in planned(would).items())
    stopped = {name: (verdict.expected, verdict.actual) for name, verdict in would.missing.items()}
    assert stopped == {f.check: (f.expected, f.actual) for f in run.findings if f.expected.startswith("the budget of")}
    assert ("the budget of wrong_secrets is used up", "risk: {wrong_secrets: 4}") in stopped.values()
    few = demand.within(Risk(requests=5), SPEC)
    assert ({one.by for one in few.requests}, len(few.requests), set(few.missing)) == ({"survey"}, 5, {"survey"})


def test_command_sends_nothing_and_says_what_it_would(tmp_path: Path) -> None:
    """The command prints each class with its number, the failed logins with their budgets, and leaves the server alone."""

    class Silent(servers.Foreign):
        def parse_request(self) -> bool:
            raise AssertionError("a dry run sent something")

    command = [sys.executable, "-W", "error", "-c", "from conformance.cli import main; main()", "run", "--dry-run"]
    with servers.serving(Silent, tmp_path, more="risk: {wrong_passwords: 0, wrong_secrets: 1}") as target:
        arguments = ["--target", str(target), "--select", "*near-miss*"]
        done = subprocess.run([*command, *arguments], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert "requests; nothing was sent" in lines[0]
    assert [line.split()[0] for line in lines[1:8]] == list(CLASSES)
    assert [line for line in lines if line.startswith("  1 failed logins of wrong secrets (1 may be spent; all claims want ")]
    assert "  password-near-miss[case]                 the budget of wrong_passwords is used up; risk: {wrong_passwords: 1}" in lines
    assert [path.name for path in tmp_path.iterdir()] == ["target.yaml"]


def test_replayed_examples_are_foretold() -> None:
    """Values that are to be replayed are played before the drawn ones, and counted."""
    claims = [claim for claim in CLAIMS if claim.id == "lifecycle-programs"]
    value = [["issue"], ["logout", 0], ["use", 0]]
    alone, more = plan(SPEC, FULL, claims), plan(SPEC, FULL, claims, replay={"lifecycle-programs": [value, value]})
    assert more.classes(SPEC) - alone.classes(SPEC) == {"R1": 4, "R2": 2}

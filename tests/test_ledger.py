"""Failed logins are counted on disk: runs count together, at once and one after the other, and the file holds no name."""

import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conformance import checks, contract, target
from conformance.errors import UsageError
from conformance.ledger import WINDOW_S, Ledger, state_folder
from conformance.model import Exchange, Finding
from conformance.risk import class_of
from conformance.session import Options, Session, selected
from tests import servers

SPEC = contract.load()
CLAIMS = selected(checks.load(SPEC), "*-near-miss*")
ACCOUNT = ("api.test", "an-application", "api42")
COMMAND = [sys.executable, "-W", "error", "-c", "from conformance.cli import main; main()", "run", "--select", "secret-near-miss*"]


def test_window_and_accounts(tmp_path: Path) -> None:
    """A failed login counts for a day, for its own account and kind, also when the clock is set back."""
    time = [1e9]
    ledger = Ledger(tmp_path, ACCOUNT, lambda: time[0])
    assert [ledger.take("wrong_secrets", 2) for _ in range(3)] == [True, True, False]
    assert (ledger.spent("wrong_secrets"), ledger.spent("wrong_passwords")) == (2, 0)
    for other in (("other.test", *ACCOUNT[1:]), (*ACCOUNT[:2], "api43"), ("api.test", "another", "api42")):
        assert Ledger(tmp_path, other, lambda: time[0]).spent("wrong_secrets") == 0
    time[0] -= 9 * WINDOW_S
    assert ledger.spent("wrong_secrets") == 2
    time[0] = 1e9 + WINDOW_S
    assert (ledger.spent("wrong_secrets"), ledger.take("wrong_secrets", 1)) == (0, True)


def test_file_holds_no_name_and_is_private(tmp_path: Path) -> None:
    """Neither host nor client nor user stands in the file, only its owner can read it, and salts differ."""
    files = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        ledger = Ledger(folder, ACCOUNT)
        assert ledger.take("wrong_passwords", 1)
        assert stat.S_IMODE(ledger.path.stat().st_mode) == 0o600
        files.append(ledger.path.read_text())
        assert not [name for name in ACCOUNT if name in files[-1]]
    assert files[0].partition("wrong_passwords")[0] != files[1].partition("wrong_passwords")[0]


def test_runs_at_the_same_time_count_together(tmp_path: Path) -> None:
    """Of many who take at once, exactly as many get through as the budget allows."""

    def take(number: int) -> list[bool]:
        ledger = Ledger(tmp_path, ACCOUNT)
        return [ledger.take("wrong_secrets", 7) for _ in range(4)]

    with ThreadPoolExecutor(8) as pool:
        assert sum(taken for row in pool.map(take, range(8)) for taken in row) == 7
    assert Ledger(tmp_path, ACCOUNT).spent("wrong_secrets") == 7


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b'{"salt": "x", "accounts": {"a": {"wrong_secrets": 3}}}', b'{"salt": "x", "more": 1}', b"\xff"]
)
def test_damaged_file_is_an_error(tmp_path: Path, content: bytes) -> None:
    """A file that is damaged counts neither as empty nor as full: the message names it and says what to do."""
    ledger = Ledger(tmp_path, ACCOUNT)
    ledger.path.write_bytes(content)
    message = r"failed-logins.json: what earlier runs spent .* cannot be read: .*; delete the file if"
    with pytest.raises(UsageError, match=message):
        ledger.spent("wrong_secrets")
    with pytest.raises(UsageError, match=message):
        ledger.take("wrong_secrets", 1)
    assert ledger.path.read_bytes() == content


def test_folder_that_cannot_be_used(tmp_path: Path) -> None:
    """Where nothing can be written, nothing is spent."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="XDG_STATE_HOME"):
        Ledger(tmp_path / "file" / "folder", ACCOUNT).take("wrong_secrets", 1)


def test_state_folder() -> None:
    """XDG_STATE_HOME counts if it is absolute."""
    assert state_folder({"XDG_STATE_HOME": "/var/state"}) == Path("/var/state/oauth-conformance")
    assert state_folder({"XDG_STATE_HOME": "state"}) == state_folder({}) == Path.home() / ".local/state/oauth-conformance"


def failed(exchanges: Sequence[Exchange]) -> tuple[int, int]:
    """How many wrong secrets and wrong passwords were sent."""
    classes = Counter(class_of(exchange.request, SPEC) for exchange in exchanges)
    return classes["R3"], classes["R4"]


def run(path: Path) -> tuple[tuple[int, int], list[Finding]]:
    """What a run of the near misses sent, and what it could not observe for want of a budget."""
    record = Session(SPEC, target.load(path, SPEC), Options(), kind="real").conduct(CLAIMS)
    return failed(record.exchanges), [finding for finding in record.findings if "budget" in finding.expected]


def test_repeated_runs_count(tmp_path: Path) -> None:
    """A second run on the same account has what the first one left, and says so with the line to raise."""
    with servers.serving(servers.Foreign, tmp_path, f"{servers.RESOURCE}\nrisk: {{wrong_secrets: 2, wrong_passwords: 1}}") as path:
        assert run(path)[0] == (2, 1)
        sent, stopped = run(path)
        assert sent == (0, 0)
        assert {(one.expected, one.actual) for one in stopped} == {
            ("the budget of wrong_secrets is used up (2 of it by earlier runs within 24 hours)", "risk: {wrong_secrets: 3}"),
            ("the budget of wrong_passwords is used up (1 of it by earlier runs within 24 hours)", "risk: {wrong_passwords: 2}"),
        }
        path.write_text(path.read_text().replace("wrong_secrets: 2", "wrong_secrets: 3"))
        assert run(path)[0] == (1, 0)
        dry = subprocess.run([*COMMAND, "--dry-run", "--target", str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
        assert "0 failed logins of wrong secrets (0 may be spent; all claims want " in dry.stdout


def test_loopback_is_unlimited_unless_the_file_says_otherwise(tmp_path: Path) -> None:
    """Without a budget in the target file nothing is limited, and nothing is kept."""
    with servers.serving(servers.Foreign, tmp_path) as path:
        assert min(run(path)[0]) > 2
    assert not state_folder().exists()


def test_damaged_file_ends_a_run_before_it_sends(tmp_path: Path) -> None:
    """The command ends with exit code 2 and the file's name, and sends nothing."""
    state_folder().mkdir(parents=True)
    (state_folder() / "failed-logins.json").write_text("{")

    class Silent(servers.Foreign):
        def parse_request(self) -> bool:
            raise AssertionError("something was sent")

    with servers.serving(Silent, tmp_path, more="risk: {wrong_secrets: 1}") as path:
        done = subprocess.run([*COMMAND, "--target", str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "failed-logins.json: what earlier runs spent of the budgets cannot be read" in done.stderr

"""The command as users run it: a process of its own, real servers, exit codes, messages, artefacts."""

import base64
import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote, quote_plus

import pytest

from conformance.redact import Redactor
from conformance.reference.faults import FAULTS
from tests import servers

ARTEFACTS = {"run.ndjson", "run.json", "report.html", "junit.xml"}


def conformance(*args: object, cwd: Path | None = None, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run the console script's entry point in a process of its own."""
    code = "from conformance.cli import main; main()"
    command = [sys.executable, "-W", "error", "-c", code, *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=cwd, env=os.environ | environ, check=False)


def verdict(out: Path) -> str:
    """The verdict in run.json."""
    return str(json.loads((out / "run.json").read_text(encoding="utf-8"))["verdict"])


def test_default_run_ends_with_verdict_and_report(tmp_path: Path) -> None:
    """Without a target, the embedded server is tested, which is said first; verdict and report are named last."""
    done = conformance("run", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "")
    assert lines[0].startswith("This run tested the embedded reference server")
    assert re.fullmatch(r"Artefacts scanned: none of \d{3} secrets found in 4 files", lines[-4])
    assert lines[-2:] == ["Verdict: conformant (embedded reference server, gate document)", "Report: reports/report.html"]
    assert {path.name for path in (tmp_path / "reports").iterdir()} == ARTEFACTS
    assert [path.name for path in tmp_path.iterdir()] == ["reports"]


def test_every_layer_of_the_reference_is_conformant(tmp_path: Path) -> None:
    """The reference server breaks no gate."""
    assert conformance("run", "--gate", "document,rfc,security", "--strict", "--out", tmp_path / "r").returncode == 0


def test_foreign_server_is_conformant_in_the_document(tmp_path: Path) -> None:
    """A legal server in another dialect passes the document layer; where it breaks an RFC, it is named for that and nothing else."""
    with servers.serving(servers.Foreign, tmp_path) as target:
        assert conformance("run", "--target", target, "--out", tmp_path / "r").returncode == 0
        done = conformance("run", "--target", target, "--out", tmp_path / "r", "--gate", "rfc")
    assert done.returncode == 1
    findings = json.loads((tmp_path / "r" / "run.json").read_text())["findings"]
    assert {f["check"] for f in findings if f["outcome"] == "fail" and f["layer"] == "rfc"} == {
        "error-status",
        "expires-in-number",
        "head-is-implemented",
        "token-basic-two-spaces",
        "token-reply-header-pragma",
        "wire-chunked-body",
        "wire-host-missing",
        "wire-host-twice",
        "wire-space-before-colon",
    }


def test_server_without_logout_is_incomplete(tmp_path: Path) -> None:
    """A server without logout, which "optional operation" may mean, breaks nothing and passes no claim about logout: incomplete."""
    with servers.serving(servers.WithoutLogout, tmp_path) as target:
        done = conformance("run", "--target", target, "--out", tmp_path / "r")
    document = json.loads((tmp_path / "r" / "run.json").read_text())
    assert (done.returncode, document["verdict"]) == (3, "incomplete")
    assert "required subject 'logout' has no conclusive finding" in done.stdout
    assert document["interpretations"]["logout.operation"]["reading"] == "absent"
    assert {f["outcome"] for f in document["findings"] if f["subject"] == "logout"} <= {"not-applicable", "not-observable"}
    assert not [f["check"] for f in document["findings"] if f["layer"] == "document" and f["outcome"] == "fail"]


def test_pinned_reading_is_held(tmp_path: Path) -> None:
    """A reading other than the pinned one fails."""
    more = servers.RESOURCE + "\nexpect: {expires_in.type: integer}"
    with servers.serving(servers.Foreign, tmp_path, more) as target:
        assert conformance("run", "--target", target, "--out", tmp_path / "r", "--select", "expires-in-type").returncode == 1
    (finding,) = json.loads((tmp_path / "r" / "run.json").read_text())["findings"]
    assert (finding["outcome"], finding["actual"]) == ("fail", "expires_in.type is string")


WHOLE = [
    (servers.ACCEPTS, 1, "nonconformant"),
    (servers.REFUSES, 3, "incomplete"),
    (servers.EMPTY, 1, "nonconformant"),
    (servers.HTML, 1, "nonconformant"),
    (servers.BROKEN, 3, "incomplete"),
    (servers.stopping_after(0), 3, "incomplete"),
    (servers.stopping_after(40), 3, "incomplete"),
    (servers.stopping_after(150), 3, "incomplete"),
]
REFUSALS = re.compile(r"without|unknown|wrong|near-miss|missing|undecodable|wrong-scheme|in-query|needs-token")


@pytest.mark.parametrize(("server", "code", "word"), WHOLE)
def test_server_that_is_wrong_as_a_whole(tmp_path: Path, server: type[servers.Foreign], code: int, word: str) -> None:
    """The exit code is right; against a server that refuses or accepts everything, no refusal claim passes."""
    with servers.serving(server, tmp_path) as target:
        done = conformance("run", "--target", target, "--out", tmp_path / "r")
    assert (done.returncode, done.stderr, verdict(tmp_path / "r")) == (code, "", word)
    if server.__name__ == "Always":
        findings = json.loads((tmp_path / "r" / "run.json").read_text())["findings"]
        assert not [f["check"] for f in findings if f["outcome"] == "pass" and REFUSALS.search(f["check"]) and f["layer"] == "document"]


def test_nobody_listens(tmp_path: Path) -> None:
    """A server that was stopped before the run makes it incomplete."""
    with servers.serving(servers.Foreign, tmp_path) as target:
        pass
    done = conformance("run", "--target", target, "--out", tmp_path / "r")
    assert (done.returncode, done.stderr) == (3, "")
    assert "refused" in done.stdout


USAGE = [
    (("run", "--target", ""), "no file is named"),
    (("run", "--target", "nowhere.yaml"), "nowhere.yaml: cannot be read"),
    (("run", "--select", "nothing-*"), "no claim matches 'nothing-*'"),
    (("run", "--gate", "documents"), "unknown layer 'documents'"),
    (("run", "--gate", ","), "no layer is named"),
    (("run", "--examples", "nowhere"), "nowhere is not a folder"),
    (("run", "--seed", "-1"), "-1"),
    (("run", "--out", "/proc/nowhere"), "/proc/nowhere cannot be written"),
    (("run", "--out", "/dev/null"), "/dev/null cannot be written"),
    (("serve", "--fault", "nonsense"), "unknown fault 'nonsense'"),
    (("serve", "--interpretation", "x"), "AXIS=READING"),
    (("serve", "--interpretation", "code-2=x"), "unknown reading 'x'"),
    (("explain", "nonsense"), "nothing is called 'nonsense'"),
    (("launch",), "launch"),
]


@pytest.mark.parametrize(("args", "message"), USAGE)
def test_usage_error(tmp_path: Path, args: tuple[str, ...], message: str) -> None:
    """A usage error is exit 2 with one message and no traceback."""
    done = conformance(*args, cwd=tmp_path)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_empty_variable_as_target_is_an_error(tmp_path: Path) -> None:
    """`--target "$UNSET"` must not test the embedded server in place of the user's."""
    done = conformance("run", "--target", " ", cwd=tmp_path)
    assert done.returncode == 2
    assert not (tmp_path / "reports").exists()


def test_older_artefacts_are_replaced_at_once(tmp_path: Path) -> None:
    """A run that is killed leaves no older green behind; what it found is on disk."""
    out = tmp_path / "r"
    assert conformance("run", "--out", out).returncode == 0
    with servers.serving(servers.Foreign, tmp_path) as target:
        text = target.read_text() + "risk: {min_interval_ms: 100}\n"
        target.write_text(text)
        code = "from conformance.cli import main; main()"
        process = subprocess.Popen([sys.executable, "-c", code, "run", "--target", str(target), "--out", str(out)])
        deadline = time.monotonic() + 30
        while (out / "run.ndjson").read_bytes().count(b'"exchange"') < 3 or b"embedded" in (out / "run.ndjson").read_bytes():
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert verdict(out) == "incomplete"
    assert conformance("report", out).returncode == 3
    assert "cut short" in (out / "report.html").read_text()


def test_interrupt_is_130_and_renders(tmp_path: Path) -> None:
    """Ctrl-C ends with 130; the artefacts say incomplete and hold what was found."""
    out = tmp_path / "r"
    with servers.serving(servers.Foreign, tmp_path) as target:
        target.write_text(target.read_text() + "risk: {min_interval_ms: 100}\n")
        code = "from conformance.cli import main; main()"
        process = subprocess.Popen([sys.executable, "-c", code, "run", "--target", str(target), "--out", str(out)], stderr=subprocess.PIPE)
        while not (out / "run.ndjson").exists() or (out / "run.ndjson").read_bytes().count(b'"exchange"') < 3:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 130
    assert b"Traceback" not in errors
    assert verdict(out) == "incomplete"
    assert len(json.loads((out / "run.json").read_text())["exchanges"]) >= 3


def test_examples_are_replayed(tmp_path: Path) -> None:
    """A shrunk example of one run is replayed by the next."""
    folder = tmp_path / "examples"
    folder.mkdir()
    (folder / "lifecycle-programs.json").write_text('[["issue"], ["logout", 0], ["use", 0]]')
    done = conformance("run", "--select", "lifecycle-programs", "--examples", folder, "--out", tmp_path / "r")
    assert done.returncode == 0
    (folder / "lifecycle-programs.json").write_text("{")
    assert conformance("run", "--examples", folder, "--out", tmp_path / "r").returncode == 2


def test_dry_run_sends_nothing(tmp_path: Path) -> None:
    """A dry run lists the claims and leaves no artefact."""
    done = conformance("run", "--dry-run", "--target", _dead_target(tmp_path), cwd=tmp_path)
    assert done.returncode == 0
    assert "nothing was sent" in done.stdout
    assert not (tmp_path / "reports").exists()


def test_without_resource_logout_tells_who_lives(tmp_path: Path) -> None:
    """Without fixtures.resource, a refused logout tells that a token is dead; repeated use is not observable and names the line to add."""
    with servers.serving(servers.Foreign, tmp_path, more="") as target:
        done = conformance("run", "--target", target, "--out", tmp_path / "r")
    assert done.returncode == 0, done.stdout
    findings = {f["check"]: f for f in json.loads((tmp_path / "r" / "run.json").read_text())["findings"]}
    assert findings["logged-out-token-stays-dead"]["outcome"] == "pass"
    assert findings["life-dead-after-logout"]["outcome"] == "pass"
    assert findings["token-reused-at-once"]["outcome"] == "not-observable"
    assert "fixtures: {resource" in done.stdout


def test_budgets_are_kept(tmp_path: Path) -> None:
    """A budget that is used up makes claims not observable; no more requests are sent than it allows."""
    documents = []
    for risk in ("wrong_secrets: 0", "requests: 60"):
        with servers.serving(servers.Foreign, tmp_path, f"{servers.RESOURCE}\nrisk: {{{risk}}}") as target:
            conformance("run", "--target", target, "--out", tmp_path / "r")
        documents.append(json.loads((tmp_path / "r" / "run.json").read_text()))
    findings = {f["check"]: f for f in documents[0]["findings"]}
    assert findings["token-wrong-secret"]["outcome"] == "not-observable"
    assert findings["token-wrong-secret"]["actual"] == "risk: {wrong_secrets: 1}"
    assert len(documents[1]["exchanges"]) <= 60


@pytest.mark.parametrize("word", ["secret", "token", "pw", "password"])
def test_common_word_as_secret_breaks_no_verdict(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, word: str) -> None:
    """A password that is a word of the protocol is no reason for a red; its echo is not observable."""
    monkeypatch.setitem(servers.SECRETS, "SECRET", word)
    monkeypatch.setitem(servers.SECRETS, "PASSWORD", word)
    with servers.serving(servers.Foreign, tmp_path) as target:
        done = conformance("run", "--target", target, "--out", tmp_path / "r", "--gate", "document,security")
    findings = {f["check"]: f["outcome"] for f in json.loads((tmp_path / "r" / "run.json").read_text())["findings"]}
    assert done.returncode == 0, done.stdout
    assert findings["no-secret-echoed"] == "not-observable"


def _dead_target(folder: Path) -> Path:
    with servers.serving(servers.Foreign, folder) as target:
        return target


def test_output_honours_no_color_and_narrow_terminals(tmp_path: Path) -> None:
    """No escape sequences in a pipe; long lines are left to the terminal."""
    done = conformance("run", "--out", tmp_path / "r", NO_COLOR="1", COLUMNS="40")
    assert "\x1b" not in done.stdout
    assert done.stdout.splitlines()[-2].startswith("Verdict: conformant")


@pytest.mark.parametrize("what", ["checks", "rules", "clauses", "faults", "interpretations"])
def test_list_and_explain(what: str) -> None:
    """Everything that is listed can be explained."""
    rows = json.loads(conformance("list", what, "--json").stdout)
    assert rows
    assert conformance("list", what).stdout.count("\n") == len(rows)
    name = next(iter(rows))
    assert name in conformance("explain", name).stdout


SAMPLE = [*sorted(FAULTS)[::24], "wire-errors-close-unannounced"]


@pytest.mark.parametrize("fault", SAMPLE)
def test_fault_from_outside(tmp_path: Path, fault: str) -> None:
    """`serve --fault` in one process and `run --target` in another: the fault's clauses are red, and a failure in its layer is exit 1."""
    listed = json.loads(conformance("list", "faults", "--json").stdout)[fault]
    code = "from conformance.cli import main; main()"
    server = subprocess.Popen([sys.executable, "-u", "-c", code, "serve", "--fault", fault], stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    try:
        text = "".join(iter(server.stdout.readline, "# serving; Ctrl-C ends it\n"))
        target = tmp_path / "target.yaml"
        target.write_text(text)
        done = conformance("run", "--target", target, "--gate", listed["layer"], "--out", tmp_path / "r")
    finally:
        server.kill()
        server.wait()
        server.stdout.close()
    findings = json.loads((tmp_path / "r" / "run.json").read_text())["findings"]
    red = {finding["clause"]: finding["outcome"] for finding in findings if finding["outcome"] in ("fail", "warn")}
    assert {clause: red.get(clause) for clause in listed["breaks"]} == listed["breaks"]
    assert set(red) <= set(listed["breaks"]) | set(listed["also"])
    gated = [finding for finding in findings if finding["outcome"] == "fail" and finding["layer"] == listed["layer"]]
    assert done.returncode == (1 if gated else 0)


def spellings(value: str) -> set[str]:
    """A secret in the encodings in which it could leak."""
    octets = value.encode()
    return {
        value,
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        base64.b64encode(octets).decode(),
        octets.hex(),
        value[::-1],
    }


class Echo(servers.Foreign):
    """A server whose errors repeat what they were sent."""

    def error(self, status: int, code: int, text: str) -> None:
        sent = self.headers.get("Authorization") or ""
        pair = base64.b64decode(sent.removeprefix("Basic ")).decode("utf-8", "replace") if sent.startswith("Basic ") else sent
        self.answer(status, {"code": code, "message": text, "sent": sent, "pair": pair}, ("X-Sent", sent))


def leaks(folder: Path, *outputs: str) -> set[str]:
    """The secrets of the foreign server's account that any artefact holds, in any spelling."""
    texts = [*outputs, *(path.read_text(encoding="utf-8", errors="replace") for path in folder.rglob("*") if path.is_file())]
    pair = f"app-one:{servers.SECRETS['SECRET']}"
    found = {name for name, value in servers.SECRETS.items() for s in spellings(value) if any(s in text for text in texts)}
    found |= {"pair" for s in spellings(pair) if any(s in text for text in texts)}
    tokens = re.compile(r"[0-9a-f]{32}==")
    return found | {"token" for text in texts if tokens.search(text)}


def test_no_secret_in_any_artefact(tmp_path: Path) -> None:
    """Nothing that a run writes or prints holds a secret or a token, though the server repeats them all."""
    out = tmp_path / "r"
    with servers.serving(Echo, tmp_path) as target:
        done = conformance("run", "--target", target, "--out", out, "-v", "--gate", "document,rfc,security")
    assert done.returncode == 1
    echoed = [f for f in json.loads((out / "run.json").read_text())["findings"] if f["check"] == "no-secret-echoed"]
    assert echoed[0]["outcome"] == "fail"
    assert leaks(out, done.stdout, done.stderr) == set()


def test_the_scan_turns_red_without_redaction(tmp_path: Path) -> None:
    """The same scan finds the secrets when the redactor is switched off."""
    from conformance import checks, contract
    from conformance import target as targets
    from conformance.session import Options, Session, render_files

    out = tmp_path / "r"
    out.mkdir()
    with servers.serving(Echo, tmp_path) as path:
        spec = contract.load()
        target = targets.load(path, spec)
        session = Session(spec, target, Options(), kind="real", redactor=Redactor(enabled=False))
        render_files(session.conduct([claim for claim in checks.load(spec) if claim.draws is None]), out)
    assert leaks(out) >= {"SECRET", "pair"}


def test_artefacts_that_hold_a_secret_are_withheld(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A run that finds a secret in its artefacts says which, not where to read it; neither files nor terminal keep it."""
    from conformance import checks, cli, contract
    from conformance import target as targets
    from conformance.record import read
    from conformance.session import Options, Session

    out = tmp_path / "r"
    with servers.serving(Echo, tmp_path) as path:
        spec = contract.load()
        session = Session(spec, targets.load(path, spec), Options(), kind="real", out=out, redactor=Redactor(enabled=False))
        code = cli._report(session, [claim for claim in checks.load(spec) if claim.id == "no-secret-echoed"], out, verbose=True)
    printed = capsys.readouterr()
    assert code == 3
    assert "SECRETS FOUND: run.ndjson held client.secret" in printed.err
    assert printed.out == ""
    assert leaks(out, printed.out, printed.err) == set()
    assert read(out).footer is None

"""The repository keeps its own promises: the wheel, the README, the direction of imports, the kill matrix."""

import json
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml

from conformance import contract, selftest
from conformance.model import Outcome
from conformance.reference.faults import FAULTS, WIRE_FAULTS
from conformance.verdict import VERDICT_CODES
from tests import lint_names

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")


def block(name: str) -> str:
    """The code block of the README behind a marker."""
    found = re.search(rf"<!-- {name} -->\n```\w+\n(.*?)```", README, re.DOTALL)
    assert found, name
    return found[1]


def test_wheel_carries_the_contract(tmp_path: Path) -> None:
    """The built wheel holds openapi/, the schemas, the template and the type marker, and no tests."""
    subprocess.run([sys.executable, "-m", "build", "--wheel", "--outdir", str(tmp_path), str(ROOT)], check=True, capture_output=True)
    (wheel,) = tmp_path.glob("*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    for name in ("openapi/token-api.yaml", "openapi/clauses.yaml", "openapi/interpretations.yaml", "py.typed"):
        assert f"conformance/{name}" in names
    assert {"conformance/schemas/record.schema.json", "conformance/render/templates/page.html.j2"} <= names
    assert not [name for name in names if name.startswith("tests")]


def test_readme_tables_are_those_of_the_code() -> None:
    """The README lists every outcome and every exit code, in order."""
    outcomes = re.findall(r"^\| `([a-z-]+)` \| [^|]+ \|$", README.partition("| outcome |")[2], re.MULTILINE)
    assert outcomes == [outcome.value for outcome in Outcome]
    codes = re.findall(r"^\| (\d+) \|", README.partition("| exit code |")[2], re.MULTILINE)
    assert [int(code) for code in codes] == [*sorted({0, 2, *VERDICT_CODES.values()}), 130]


def test_readme_target_file_is_accepted(tmp_path: Path) -> None:
    """The target file of the README is valid as it stands."""
    from conformance import target

    path = tmp_path / "target.yaml"
    path.write_text(block("target"))
    environ = {name: f"value-{name}" for name in ("CLIENT_ID", "CLIENT_SECRET", "API_USER", "API_PASSWORD")}
    assert target.load(path, contract.load(), environ).name == yaml.safe_load(block("target"))["name"]


def test_ci_runs_the_test_command_of_the_readme() -> None:
    """.ci/run takes the test command from the README, and the command names the tests session."""
    assert "<!-- tests -->" in (ROOT / ".ci" / "run").read_text()
    assert "nox -s tests" in block("tests")


def test_architecture_is_short() -> None:
    """ARCHITECTURE.md has at most sixty lines."""
    assert len((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").splitlines()) <= 60


def test_no_file_of_the_package_is_oversized() -> None:
    """A file that one person can know: the faults and the claims are tables, the rest stays short."""
    for path in (ROOT / "conformance").rglob("*.py"):
        lines = len(path.read_text(encoding="utf-8").splitlines())
        assert lines <= (800 if path.parent.name == "faults" else 400), path
        assert path.read_text(encoding="utf-8").startswith('"""'), path


BREACHES = [
    ("conformance/checks/basic.py", "from conformance import driver  # noqa"),
    ("conformance/reference/server.py", "from conformance import model  # noqa"),
    ("conformance/render/text.py", "from conformance import runner  # noqa"),
    ("conformance/model.py", "from conformance import contract  # noqa"),
]


@pytest.mark.parametrize(("file", "line"), BREACHES)
def test_import_breach_is_caught(tmp_path: Path, file: str, line: str) -> None:
    """A deliberate import against the direction makes the linter object; without it, it does not."""
    for name in ("conformance", "openapi"):
        shutil.copytree(ROOT / name, tmp_path / name)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as c; c()", "--no-cache"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 0
    with (tmp_path / file).open("a", encoding="utf-8") as source:
        source.write(line + "\n")
    assert subprocess.run(command, cwd=tmp_path, capture_output=True, check=False).returncode == 1


def test_name_of_the_contract_in_the_code_is_caught(tmp_path: Path) -> None:
    """A parameter's name in the body of a check makes the lint object; names in scripts, and roles, do not."""
    assert lint_names.breaches(ROOT / "conformance") == []
    (tmp_path / "checks").mkdir()
    source = 'RIGHT = "username"\n\n\n@check(right="username")\ndef f() -> str:\n    """username"""\n    return {}\n'
    (tmp_path / "checks" / "x.py").write_text(source.format('"user.username"'))
    assert lint_names.breaches(tmp_path) == []
    (tmp_path / "checks" / "x.py").write_text(source.format('"username"'))
    assert [text.partition(" is a name")[0].rpartition(":")[2] for text in lint_names.breaches(tmp_path)] == [" 'username'"]


def test_kill_matrix_lists_every_fault() -> None:
    """The committed matrix has a row for each fault, none empty, and knows every claim and every line of the contract."""
    matrix = json.loads((ROOT / "kill-matrix.json").read_text())
    assert (set(matrix["faults"]), set(matrix["wire"])) == (set(FAULTS), set(WIRE_FAULTS))
    assert all(matrix["faults"].values())
    assert all(matrix["wire"].values())
    assert matrix["claims"] == selftest.claims_in(contract.load())
    assert matrix["contract"] == list(selftest.facts_of(contract.load()))


def row(outcomes: dict[str, str], red: tuple[str, ...] = ()) -> selftest.Row:
    """A row of the matrix."""
    return selftest.Row(outcomes, red)


def test_selftest_objects() -> None:
    """The proof names a fault that is not caught, one that reaches too far, and a claim that nothing kills."""
    rows = {"": row({"T-42": "pass", "L-02": "pass"})} | {name: row({"T-42": "pass", "L-02": "pass"}) for name in FAULTS}
    rows["missing-header-is-code22"] = row({"T-42": "pass", "L-02": "fail"}, ("life-dead-after-logout",))
    wire = {name: row({"I-36": "pass", "I-35": "fail"}) for name in ("", *WIRE_FAULTS)}
    wire["wire-farewell-length-short"] = row({"I-36": "fail", "I-35": "fail"}, ("wire-length",))
    problems = list(selftest.faults_in(rows, wire))
    assert "missing-header-is-code22: T-42 should be fail and is pass" in problems
    assert "missing-header-is-code22: L-02 is fail, which the fault does not declare" in problems
    assert any(problem.startswith("token-no-store: no fault") for problem in problems)
    assert not any(problem.startswith(("life-dead-after-logout: no fault", "wire-length: no fault")) for problem in problems)
    assert any(problem.startswith("wire-length-to-the-end: no fault") for problem in problems)
    assert "clean run over sockets: I-35 is fail and not pass" in problems
    assert "wire-more-after-the-end: I-36 should be fail and is pass" in problems


def test_selftest_shows_rate_and_time_left(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal, each step of the proof is a plain line with its number, the rate so far and the time that is left."""
    from conformance.cli import _paced

    with _paced(2) as step:
        step("no fault")
        step("missing-header-is-code22")
    first, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"\[1/2\] no fault, \d+ a minute, \d+ s left", first)
    assert re.fullmatch(r"\[2/2\] missing-header-is-code22, \d+ a minute, 0 s left", last)

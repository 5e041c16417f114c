"""The pytest plugin in a pytest process of its own: off by default, selectable, with the outcomes of the command."""

import subprocess
import sys
from pathlib import Path

from junitparser import JUnitXml

from tests import servers


def pytest_run(folder: Path, *args: object) -> subprocess.CompletedProcess[str]:
    """Run pytest in a folder of its own."""
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True, cwd=folder, timeout=120, check=False)


def test_plugin_is_off_by_default(tmp_path: Path) -> None:
    """Without the option, pytest collects nothing of ours."""
    assert pytest_run(tmp_path, "-q").returncode == 5


def test_selection_runs_only_what_matches(tmp_path: Path) -> None:
    """`-k logout` runs the logout claims, rules last, and they pass on a legal server."""
    with servers.serving(servers.Foreign, tmp_path) as target:
        done = pytest_run(tmp_path, "-k", "logout", "-v", "--conformance-target", target)
    assert done.returncode == 0, done.stdout
    names = [line.split("::")[1].split(" ")[0] for line in done.stdout.splitlines() if "::" in line and "[" in line]
    assert all("logout" in name or "logged" in name for name in names)
    assert names.index("logout-valid-token") < names.index("life-dead-after-logout")


def test_outcomes_are_those_of_the_command(tmp_path: Path) -> None:
    """An ungated failure is an expected failure, a gated one fails, a missing fixture is a skip."""
    report = tmp_path / "j.xml"
    with servers.serving(servers.Foreign, tmp_path) as target:
        done = pytest_run(tmp_path, "--conformance-target", target, f"--junitxml={report}")
        assert done.returncode == 0, done.stdout
        suite = next(iter(JUnitXml.fromfile(str(report))))
        assert (suite.failures, suite.errors) == (0, 0)
        assert suite.skipped > 1
        gated = pytest_run(tmp_path, "-q", "--conformance-target", target, "--conformance-gate", "rfc", "-k", "expires-in-number")
    assert gated.returncode == 1
    assert "Numerical values" not in gated.stdout
    assert "N-6749-23" in gated.stdout
    assert servers.SECRETS["SECRET"] not in done.stdout + gated.stdout


def test_undecided_is_an_error(tmp_path: Path) -> None:
    """Against a server that refuses everything, nothing passes."""
    with servers.serving(servers.REFUSES, tmp_path) as target:
        done = pytest_run(tmp_path, "-q", "--conformance-target", target)
    assert done.returncode == 1
    assert " passed" not in done.stdout.splitlines()[-1]


def test_run_that_decides_too_little_is_an_error(tmp_path: Path) -> None:
    """A required subject without a conclusive finding is an error of the last item; a selection is held to nothing."""
    with servers.serving(servers.WithoutLogout, tmp_path) as target:
        done = pytest_run(tmp_path, "-q", "--conformance-target", target)
        some = pytest_run(tmp_path, "-q", "--conformance-target", target, "-k", "expires-in-type or complete", "-rs")
    assert done.returncode == 1
    assert "ERROR conformance::the-run-is-complete" in done.stdout
    assert some.returncode == 0
    assert "not all claims were run" in some.stdout


def test_bad_target_file_is_a_usage_error(tmp_path: Path) -> None:
    """A target file that is wrong ends pytest with its message."""
    done = pytest_run(tmp_path, "--conformance-target", "nowhere.yaml")
    assert done.returncode == 4
    assert "nowhere.yaml: cannot be read" in done.stderr + done.stdout

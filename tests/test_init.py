"""`conformance init`: what it writes loads, holds no secret and shows every fixture; it asks on a terminal and overwrites nothing."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
import yaml

from conformance import contract, init, target
from conformance.errors import UsageError

SPEC = contract.load()
ANSWERS = init.Answers("http://127.0.0.1:8080")
COMMAND = [sys.executable, "-W", "error", "-c", "from conformance.cli import main; main()", "init"]


def uncommented(text: str) -> str:
    """The file with every comment line that holds a key taken as one."""
    return "".join(f"{line.removeprefix('# ')}\n" for line in text.splitlines() if not line.startswith(("# Each", "# Options")))


@pytest.mark.parametrize("answers", [ANSWERS, msgspec.structs.replace(ANSWERS, resource="/me", name='a "name": x', client_id="app # 1")])
def test_what_is_written_loads_and_all_that_it_offers_too(tmp_path: Path, answers: init.Answers) -> None:
    """The file loads as it stands; with every comment line uncommented it has every fixture and option, and loads as well."""
    path = tmp_path / "target.yaml"
    needed = init.write(path, answers, SPEC)
    loaded = target.load(path, SPEC, {name: f"value of {name}" for name in needed})
    assert (loaded.base_url, loaded.name, loaded.client.secret) == (answers.base_url, answers.name or "127.0.0.1", "value of CLIENT_SECRET")
    assert list(loaded.present()) == (["resource"] if answers.resource else [])
    path.write_text(uncommented(path.read_text()))
    assert set(yaml.safe_load(path.read_text())) == {field.name for field in msgspec.structs.fields(target.Target)}
    environ = {name: f"value of {name}" for name in init.variables(path.read_text())}
    assert set(target.load(path, SPEC, environ).present()) == {field.name for field in msgspec.structs.fields(target.Fixtures)}


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    """An existing file stays as it is unless --force is given; a refused answer leaves nothing behind."""
    path = tmp_path / "target.yaml"
    path.write_text("mine")
    with pytest.raises(UsageError, match="--force replaces it"):
        init.write(path, ANSWERS, SPEC)
    with pytest.raises(UsageError, match=r"target.yaml:2: base_url: 'api.example.com' is not a loopback host"):
        init.write(path, init.Answers("https://api.example.com"), SPEC, force=True)
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("target.yaml", "mine")]
    init.write(path, ANSWERS, SPEC, force=True)
    assert path.read_text().startswith("name:")


def test_a_secret_given_for_a_name_is_not_repeated(tmp_path: Path) -> None:
    """Whoever gives the secret in place of the variable's name is told so, without the secret."""
    for answers in (init.Answers("http://[::1]", client_secret_env="Hunter-2"), init.Answers("http://[::1]", password_env="Hunter-2")):
        with pytest.raises(UsageError, match="give the name of an environment variable") as caught:
            init.write(tmp_path / "t.yaml", answers, SPEC)
        assert "Hunter" not in str(caught.value)


def test_secret_file_must_be_there_and_private(tmp_path: Path) -> None:
    """The secret's file is named, never read into the target file, and must be readable by its owner only."""
    path, answers = tmp_path / "t.yaml", init.Answers("http://localhost:1", secret_file="secret")
    with pytest.raises(UsageError, match="umask 077"):
        init.write(path, answers, SPEC)
    (tmp_path / "secret").write_text("Hunter-2\n")
    (tmp_path / "secret").chmod(0o644)
    with pytest.raises(UsageError, match="chmod 600 secret"):
        init.write(path, answers, SPEC)
    (tmp_path / "secret").chmod(0o600)
    assert init.write(path, answers, SPEC) == ("CLIENT_ID", "API_USER", "API_PASSWORD")
    assert "Hunter" not in path.read_text()


def test_command_without_terminal_takes_options_only(tmp_path: Path) -> None:
    """Without a terminal nothing is asked: a missing address ends with exit code 2; with it the file is written."""
    done = subprocess.run(COMMAND, capture_output=True, text=True, cwd=tmp_path, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--base-url" in done.stderr
    options = ["--base-url", "http://127.0.0.1:1", "--username", "api1"]
    done = subprocess.run([*COMMAND, *options], capture_output=True, text=True, cwd=tmp_path, stdin=subprocess.DEVNULL, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert "Set CLIENT_ID, CLIENT_SECRET, API_PASSWORD in the environment" in done.stdout
    assert yaml.safe_load((tmp_path / "target.yaml").read_text())["user"]["username"] == "api1"


def test_command_asks_on_a_terminal(tmp_path: Path) -> None:
    """On a terminal every question is asked that no option answers, and an empty answer takes the default."""
    ours, theirs = pty.openpty()
    os.write(ours, b"http://localhost:9\n\nAPP_SECRET\n\n\n/me\n")
    command = [*COMMAND, "--client-id", "app"]
    done = subprocess.run(command, stdin=theirs, capture_output=True, text=True, cwd=tmp_path, timeout=60, check=False)
    os.close(ours)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (0, "")
    written = yaml.safe_load((tmp_path / "target.yaml").read_text())
    assert (written["name"], written["client"]) == ("localhost", {"id": "app", "secret": "${APP_SECRET}"})
    assert written["user"] == {"username": "${API_USER}", "password": "${API_PASSWORD}"}
    assert written["fixtures"]["resource"]["path"] == "/me"


def test_dialogue_takes_a_file_for_the_secret() -> None:
    """An answer that is a path means the file with the secret; questions that an option answers are not asked."""
    asked: list[str] = []

    def ask(question: str, default: str) -> str:
        asked.append(question)
        return "./secret" if "secret" in question else default

    answers = init.dialogue({"base_url": "http://localhost:1", "resource": "/me"}, ask)
    assert (answers.secret_file, answers.name, answers.password_env) == ("./secret", "localhost", "API_PASSWORD")
    assert len(asked) == len(init.QUESTIONS) - 2

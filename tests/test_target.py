"""The target file: each kind of mistake ends in a message with file, line, key and remedy, and never with a secret."""

from pathlib import Path

import pytest

from conformance import contract, target
from conformance.errors import TargetError

GOOD = """\
name: staging
base_url: http://127.0.0.1:8080
client: {id: app, secret: Secret-4711}
user: {username: api1, password: Pass-4711}
risk:
  requests: 500
"""

MISTAKES = [
    ("client: {id", "clinet: {id", r"t.yaml:3: unknown key 'clinet'; the nearest known key is 'client'"),
    ("  requests: 500", "  request: 500", r"t.yaml:6: unknown key 'risk.request'; the nearest known key is 'requests'"),
    ("  requests: 500", "  requests: many", r"t.yaml:6: risk.requests: expected `int"),
    ("  requests: 500", "  requests: -1", r"t.yaml:6: risk.requests: -1 must not be negative"),
    ("name: staging\n", "", r"t.yaml:1: missing key 'name'"),
    (", password: Pass-4711", "", r"t.yaml:4: missing key 'user.password'"),
    ("id: app", "id: 4711", r"t.yaml:3: client.id: expected `str`, got `int`; put quotes around it"),
    ("id: app", 'id: "app "', r"t.yaml:3: client.id: has a control character or white space"),
    ("id: app", 'id: ""', r"t.yaml:3: client.id: is empty"),
    (", secret: Secret-4711", "", r"t.yaml:3: client: give either 'secret' or 'secret_file'"),
    (", secret: Secret-4711", ", secret_file: nowhere", r"t.yaml:3: client.secret_file: cannot be read: No such file"),
    ("http://127.0.0.1:8080", "https://api.example.com", r"t.yaml:2: base_url: 'api.example.com' is not a loopback host; until"),
    ("http://127.0.0.1:8080", "127.0.0.1:8080", r"t.yaml:2: base_url: must be a URL"),
    ("http://127.0.0.1:8080", "http://127.0.0.1:99999", r"t.yaml:2: base_url: must be a URL"),
    ("http://127.0.0.1:8080", "http://a:b@127.0.0.1", r"t.yaml:2: base_url: must hold no user name"),
    ("http://127.0.0.1:8080", "http://127.0.0.1/?x=1", r"t.yaml:2: base_url: must have no query"),
    ("risk:", "expect: {expires_in.typ: integer}\nrisk:", r"t.yaml:5: .*unknown interpretation; the nearest known is 'expires_in.type'"),
    ("risk:", "expect: {expires_in.type: float}\nrisk:", r"t.yaml:5: .*unknown reading 'float'; one of integer, string"),
    ("risk:", "require: [baisc]\nrisk:", r"t.yaml:5: .*unknown subject 'baisc'"),
    ("risk:", "paths: {token: oauth}\nrisk:", r"t.yaml:5: paths.token: 'oauth' must begin with '/'"),
    ("risk:", "deadline_s: 0\nrisk:", r"t.yaml:5: deadline_s: 0.* must be more than 0"),
    ("risk:", "fixtures: {resource: {pth: /}}\nrisk:", r"t.yaml:5: unknown key 'fixtures.resource.pth'; the nearest known key is 'path'"),
    ("Secret-4711", '"${NOT_SET}"', r"t.yaml:3: client.secret: the environment variable 'NOT_SET' is not set"),
    ("name: staging", "name: staging\nname: again", r"t.yaml:2: duplicate key 'name'"),
    ("name: staging", "name: [", r"t.yaml:\d+: not valid YAML"),
    ("name: staging", "name: &a staging\nproxy: *a", r"t.yaml:\d+: YAML aliases are not accepted"),
    ("risk:", "risk: !!python/object/apply:os.system [x]\nrisks:", r"t.yaml:\d+: "),
    ("name: staging", 'name: ""', r"t.yaml:1: name: is empty"),
    ("client: {id: app, secret: Secret-4711}", "client: app", r"t.yaml:3: client: expected `object`, got `str`"),
    ("risk:", "headers: {authorization: x}\nrisk:", r"t.yaml:5: headers.authorization: is set by the harness"),
    ("risk:", "fixtures: {resource: {path: /, dead: [200]}}\nrisk:", r"t.yaml:5: fixtures.resource: alive and dead"),
    ("risk:", "headers: {'a b': c}\nrisk:", r"t.yaml:5: headers.a b: is not a header field"),
]


def write(folder: Path, text: str) -> Path:
    """A target file with this text."""
    path = folder / "t.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(("old", "new", "message"), MISTAKES, ids=[new or f"no {old}" for old, new, _ in MISTAKES])
def test_mistake_is_explained(tmp_path: Path, old: str, new: str, message: str) -> None:
    """The message names file, line, key and what to do; it holds no secret."""
    with pytest.raises(TargetError, match=message) as caught:
        target.load(write(tmp_path, GOOD.replace(old, new, 1)), contract.load())
    assert "4711" not in str(caught.value).replace("'4711'", "")


def test_good_file_is_read_with_variables(tmp_path: Path) -> None:
    """`${VAR}` is replaced, defaults are filled in."""
    path = write(tmp_path, GOOD.replace("Secret-4711", '"${S}"'))
    loaded = target.load(path, contract.load(), {"S": "from: the #environment"})
    assert (loaded.client.secret, loaded.paths.logout) == ("from: the #environment", "/oauth/v2/logout")


def test_secret_file_must_be_private(tmp_path: Path) -> None:
    """A secret file that others can read is refused; a private one is read without its line break."""
    secret = tmp_path / "secret"
    secret.write_text("Secret-4711\n")
    path = write(tmp_path, GOOD.replace("secret: Secret-4711", "secret_file: secret"))
    secret.chmod(0o644)
    with pytest.raises(TargetError, match="chmod 600"):
        target.load(path, contract.load())
    secret.chmod(0o600)
    assert target.load(path, contract.load()).client.secret == "Secret-4711"


@pytest.mark.parametrize("content", [b"", b"- a\n", b"\xff\xfe", b"x: " + b"[" * 5000])
def test_no_target_file_at_all(tmp_path: Path, content: bytes) -> None:
    """What is no target file is refused with its name."""
    path = tmp_path / "t.yaml"
    path.write_bytes(content)
    with pytest.raises(TargetError, match=r"t\.yaml"):
        target.load(path, contract.load())


@pytest.mark.parametrize(
    ("host", "loopback"), [("127.0.0.1", True), ("::1", True), ("localhost", True), ("10.0.0.1", False), ("127.0.0.1.nip.io", False)]
)
def test_loopback_is_told_by_name(host: str, loopback: bool) -> None:
    """Only what surely stays on the machine counts as loopback."""
    assert target.is_loopback(host) is loopback

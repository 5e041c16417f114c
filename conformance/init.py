"""What `conformance init` writes: a target file that loads, holds no secret, and shows every fixture that can be added to it."""

import contextlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
import yaml

from conformance import target as targets
from conformance.contract import Contract
from conformance.errors import TargetError, UsageError


class Answers(msgspec.Struct, frozen=True):
    """What the user said. `client_id` and `username` are values or `${VAR}`; secrets are named, never given.

    The client's secret comes from the environment variable `client_secret_env`, or from `secret_file` where that is not empty.
    """

    base_url: str
    name: str = ""
    client_id: str = "${CLIENT_ID}"
    client_secret_env: str = "CLIENT_SECRET"
    secret_file: str = ""
    username: str = "${API_USER}"
    password_env: str = "API_PASSWORD"
    resource: str = ""


FIXTURES: dict[str, tuple[str, str]] = {
    "resource": ("{method: GET, path: /me, alive: [200], dead: [401, 403]}", "tells whether a token lives, without ending it"),
    "second_user": ('{username: "${SECOND_USER}", password: "${SECOND_PASSWORD}"}', "the client may act for this user too"),
    "foreign_user": ('{username: "${FOREIGN_USER}", password: "${FOREIGN_PASSWORD}"}', "exists, but is not granted to this client"),
    "locked_user": ('{username: "${LOCKED_USER}", password: "${LOCKED_PASSWORD}"}', "exists, but may not log in"),
    "second_client": ('{id: "${SECOND_CLIENT_ID}", secret: "${SECOND_CLIENT_SECRET}"}', "valid, may act for `user`"),
    "client_without_grant": ('{id: "${GRANTLESS_ID}", secret: "${GRANTLESS_SECRET}"}', "valid, may not use the password grant"),
    "unapproved_client": ('{id: "${UNAPPROVED_ID}", secret: "${UNAPPROVED_SECRET}"}', "not approved yet, or revoked"),
    "broken_client": ('{id: "${BROKEN_ID}", secret: "${BROKEN_SECRET}"}', "its attributes are invalid"),
    "short_lived_client": ('{id: "${SHORT_ID}", secret: "${SHORT_SECRET}", lifetime: 2}', "its tokens die within seconds"),
    "special_clients": ('[{id: "${SPECIAL_ID}", secret: "${SPECIAL_SECRET}"}]', "a secret with : % + space & or beyond ASCII"),
    "special_users": ('[{username: "${SPECIAL_USER}", password: "${SPECIAL_PASSWORD}"}]', "a password of the same kind"),
    "authorization_codes": ('[{code: "${AUTH_CODE}", redirect_uri: "https://client.example/back"}]', "obtained by hand; serves once"),
    "scopes": ("{granted: read, refused: admin}", "one that the client may have, and one that it may not"),
}
"""Fixture → how its line looks, and what the operator lends with it."""

OPTIONS: dict[str, tuple[str, str]] = {
    "risk": ("{wrong_passwords: 0, wrong_secrets: 1, requests: 500, min_interval_ms: 1000}", "what a run may spend"),
    "headers": ('{X-Api-Key: "${API_KEY}"}', "sent with every request"),
    "tls": ("{ca_file: ca.pem, client_cert: client.pem}", "the authority to trust; certificate and key for the gateway"),
    "proxy": ("http://127.0.0.1:3128", "proxies of the environment are ignored"),
    "deadline_s": ("30", "one exchange, in all"),
    "revocation_budget_s": ("0", "how long after a logout a token may still be accepted"),
    "expect": ("{expires_in.type: integer}", "pins a reading; `conformance list interpretations`"),
    "require": ("[basic, expires_in, code-2, logout]", "subjects without which a run is incomplete"),
}
"""Option → an example of its line, and what it is for."""


def text_of(answers: Answers, contract: Contract) -> str:
    """The target file, with whatever else may stand in it as comments; without `# ` every comment line of a key is valid, too."""
    secret = f"secret_file: {_quoted(answers.secret_file)}" if answers.secret_file else f'secret: "${{{answers.client_secret_env}}}"'
    lines = [
        (f"name: {_quoted(answers.name or urlsplit(answers.base_url).hostname or 'target')}", "label in reports"),
        (f"base_url: {_quoted(answers.base_url)}", "scheme, host and port; a path before the paths of the operations, if there is one"),
        (f"client: {{id: {_quoted(answers.client_id)}, {secret}}}", "the application"),
        (f'user: {{username: {_quoted(answers.username)}, password: "${{{answers.password_env}}}"}}', "the machine user"),
        ("", ""),
        ("# Each fixture unlocks claims. To add one, take the `# ` away, from `fixtures:` too.", ""),
    ]
    fixtures = dict(FIXTURES)
    if answers.resource:
        _, what = fixtures.pop("resource")
        resource = f"  resource: {{method: GET, path: {_quoted(answers.resource)}, alive: [200], dead: [401, 403]}}"
        lines += [("fixtures:", ""), (resource, what)]
    else:
        lines.append(("# fixtures:", ""))
    lines += [(f"#   {name}: {value}", what) for name, (value, what) in fixtures.items()]
    paths = ", ".join(f"{name}: {operation.path}" for name, operation in contract.operations.items())
    lines += [("", ""), ("# Options, with their defaults or an example.", ""), (f"# paths: {{{paths}}}", "where the operations are")]
    lines += [(f"# {name}: {value}", what) for name, (value, what) in OPTIONS.items()]
    width = max(len(line) for line, note in lines if note)
    return "".join(f"{line:<{width}} # {note}\n" if note else f"{line}\n" for line, note in lines)


def _quoted(value: str) -> str:
    """A text as YAML writes it in double quotes; JSON's spelling is one of YAML's."""
    return msgspec.json.encode(value).decode()


def write(path: Path, answers: Answers, contract: Contract, *, force: bool = False) -> tuple[str, ...]:
    """Write the target file and return the names of the environment variables that it needs.

    Nothing is written unless `target.load` accepts the text; raises UsageError, which never repeats what could be a secret.
    """
    for option, name in (("--client-secret-env", answers.client_secret_env), ("--password-env", answers.password_env)):
        if not is_variable(name):
            raise UsageError(f"{option}: give the name of an environment variable, such as CLIENT_SECRET, not the secret itself")
    if path.exists() and not force:
        raise UsageError(f"--target: {path} exists; --force replaces it, another name keeps it")
    if answers.secret_file and not (path.parent / answers.secret_file).exists():
        raise UsageError(
            "--secret-file: there is no such file; make one that only you can read, (umask 077; cat > FILE), and type the secret"
        )
    text = text_of(answers, contract)
    used = variables(text)
    for name in used:
        if not is_variable(name):
            raise UsageError(f"${{{name}}}: {name!r} is not the name of an environment variable")
    trial = path.with_name(f".{path.name}.new")
    try:
        trial.write_text(text, encoding="utf-8")
        targets.load(trial, contract, {name: f"stands-for-{name}" for name in used})
        trial.replace(path)
    except OSError as problem:
        raise UsageError(f"--target: {path} cannot be written: {problem.strerror}") from None
    except TargetError as problem:
        raise UsageError(f"nothing was written: {str(problem).replace(str(trial), str(path))}") from None
    finally:
        with contextlib.suppress(OSError):
            trial.unlink(missing_ok=True)
    return used


def variables(text: str) -> tuple[str, ...]:
    """What a target file takes from the environment, in the order of the file."""
    return tuple(dict.fromkeys(re.findall(r"\$\{([^}]*)\}", msgspec.json.encode(yaml.safe_load(text)).decode())))


def is_variable(name: str) -> bool:
    """Whether this is the name of an environment variable."""
    return re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", name) is not None


QUESTIONS: dict[str, tuple[str, str]] = {
    "base_url": ("Where is the server", "http://127.0.0.1:8080"),
    "name": ("What is it called in reports", ""),
    "client_id": ("The application's id, or ${VARIABLE}", "${CLIENT_ID}"),
    "client_secret_env": ("Its secret: name of an environment variable, or a file (./client-secret)", "CLIENT_SECRET"),
    "username": ("The machine user's name, or ${VARIABLE}", "${API_USER}"),
    "password_env": ("Its password: name of an environment variable", "API_PASSWORD"),
    "resource": ("Path of a protected resource, such as /me, or empty", ""),
}


def dialogue(given: Mapping[str, str], ask: Callable[[str, str], str]) -> Answers:
    """Ask what was not given as an option; `ask` takes a question and its default. Ask for no secret: they stay where they are."""
    said = dict(given)
    for key, (question, default) in QUESTIONS.items():
        if key in said or (key == "client_secret_env" and "secret_file" in said):
            continue
        answer = ask(question, urlsplit(said["base_url"]).hostname or default if key == "name" else default).strip()
        if key == "client_secret_env" and answer.startswith(("/", "./", "../")):
            said["secret_file"] = answer
        else:
            said[key] = answer
    return Answers(**said)

"""The target file: what to test, with which credentials, and how carefully. Validation names key, line and the nearest known key."""

import difflib
import ipaddress
import os
import re
import stat
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec

from conformance import yamlfile
from conformance.contract import Contract
from conformance.errors import TargetError
from conformance.schemas import schema_of

SUBJECTS = ("basic", "expires_in", "code-2", "logout")


SPECIAL: dict[str, Callable[[str], bool]] = {
    "colon": lambda value: ":" in value,
    "percent": lambda value: "%" in value,
    "plus": lambda value: "+" in value,
    "space": lambda value: " " in value,
    "ampersand": lambda value: "&" in value,
    "non-ascii": lambda value: not value.isascii(),
    "beyond-bmp": lambda value: any(ord(char) > BMP for char in value),
    "latin-1": lambda value: not value.isascii() and max(value) <= "\xff",
}
"""What a secret or password may hold that encodings treat differently."""

BMP = 0xFFFF
"""The last character that three octets of UTF-8 can hold."""


class _Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    pass


class Client(_Strict, frozen=True):
    """An application: `secret`, or `secret_file` (mode 600) that holds it."""

    id: str
    secret: str = ""
    secret_file: str = ""
    lifetime: int | None = None


class User(_Strict, frozen=True):
    """A machine user."""

    username: str
    password: str


class Paths(_Strict, frozen=True):
    """Where the two operations are; empty means where the contract says."""

    token: str = ""
    logout: str = ""


class Resource(_Strict, frozen=True):
    """A protected resource that tells whether a token lives, without ending it."""

    path: str
    method: str = "GET"
    alive: tuple[int, ...] = (200,)
    dead: tuple[int, ...] = (401, 403)


class Code(_Strict, frozen=True):
    """An authorization code that the operator obtained."""

    code: str
    redirect_uri: str = ""


class Scopes(_Strict, frozen=True):
    """A scope that the client may have and one that it may not."""

    granted: str = ""
    refused: str = ""


class Fixtures(_Strict, frozen=True):
    """What the operator can lend; each unlocks claims."""

    second_user: User | None = None
    foreign_user: User | None = None
    locked_user: User | None = None
    second_client: Client | None = None
    client_without_grant: Client | None = None
    unapproved_client: Client | None = None
    broken_client: Client | None = None
    short_lived_client: Client | None = None
    special_clients: tuple[Client, ...] = ()
    special_users: tuple[User, ...] = ()
    authorization_codes: tuple[Code, ...] = ()
    scopes: Scopes | None = None
    resource: Resource | None = None


class Risk(_Strict, frozen=True):
    """What the run may spend. None: unlimited on loopback."""

    wrong_passwords: int | None = None
    wrong_secrets: int | None = None
    requests: int | None = None
    min_interval_ms: int = 0
    workers: Literal[1] = 1


class Tls(_Strict, frozen=True):
    """Files for TLS: the authority to trust, and a client certificate with its key in one file."""

    ca_file: str | None = None
    client_cert: str | None = None


class Target(_Strict, frozen=True):
    """A server under test."""

    name: str
    base_url: str
    client: Client
    user: User
    paths: Paths = Paths()
    fixtures: Fixtures = Fixtures()
    risk: Risk = Risk()
    headers: dict[str, str] = {}
    tls: Tls = Tls()
    proxy: str | None = None
    deadline_s: float = 30
    revocation_budget_s: float = 0
    expect: dict[str, str] = {}
    require: tuple[str, ...] = SUBJECTS

    def slots(self) -> dict[str, str]:
        """Slot name → value, for everything that a request may name."""
        found: dict[str, str] = {}
        for name, value in _walk(msgspec.to_builtins(self), ""):
            if name.split(".")[-1] in ("id", "secret", "username", "password", "code", "redirect_uri", "granted", "refused"):
                found[name.removeprefix("fixtures.")] = value
        return found

    def present(self) -> Iterator[str]:
        """The names of the fixtures that the target has."""
        for field in msgspec.structs.fields(self.fixtures):
            if getattr(self.fixtures, field.name):
                yield field.name

    def special_credentials(self) -> Iterator[tuple[str, str]]:
        """What is special about each of the special credentials, such as `client:colon`, with its slots; the first of a kind counts."""
        seen: set[str] = set()
        groups = {"client": [c.secret for c in self.fixtures.special_clients], "user": [u.password for u in self.fixtures.special_users]}
        for who, values in groups.items():
            for number, value in enumerate(values):
                for kind, holds in SPECIAL.items():
                    if holds(value) and f"{who}:{kind}" not in seen:
                        seen.add(f"{who}:{kind}")
                        yield f"{who}:{kind}", f"special_{who}s.{number}"

    def secrets(self) -> dict[str, str]:
        """Slot name → value, for what may reach no artefact."""
        kinds = ("secret", "password", "code")
        found = {name: value for name, value in self.slots().items() if name.split(".")[-1] in kinds}
        found |= {f"headers.{name}": value for name, value in self.headers.items() if len(value) >= 8}
        return found


def _walk(node: Any, at: str) -> Iterator[tuple[str, str]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _walk(value, f"{at}.{key}" if at else str(key))
    elif isinstance(node, list | tuple):
        for index, value in enumerate(node):
            yield from _walk(value, f"{at}.{index}")
    elif isinstance(node, str):
        yield at, node


def load(path: Path, contract: Contract, environ: Mapping[str, str] = os.environ) -> Target:
    """Read, substitute `${VAR}`, validate; raises TargetError with key, line and remedy, and never with a secret."""
    target, problems = examine(path, contract, environ)
    if target is None or problems:
        raise problems[0]
    return target


def examine(path: Path, contract: Contract, environ: Mapping[str, str] = os.environ) -> tuple[Target | None, list[TargetError]]:
    """The target, if the file has the form of one, and everything that is wrong with it."""
    problems: list[TargetError] = []
    try:
        file = yamlfile.load(path, TargetError)
        if not isinstance(file.data, dict):
            raise TargetError(f"{path}:1: a mapping is expected that begins with 'name:' and 'base_url:'; see README.md")
        _refuse_unknown(file, file.data, Target, ())
        data = _substitute(file, file.data, (), environ, problems)
        if problems:
            return None, problems
        target = msgspec.convert(data, Target)
    except msgspec.ValidationError as problem:
        return None, [_translated(file, str(problem))]
    except TargetError as problem:
        return None, [problem]
    documented = {name: operation.path for name, operation in contract.operations.items()}
    paths = Paths(target.paths.token or documented["token"], target.paths.logout or documented["logout"])
    target = msgspec.structs.replace(target, paths=paths)
    problems = [TargetError(f"{path}:{file.line(key)}: {_dotted(key)}: {message}") for key, message in _mistakes(target, contract)]
    try:
        return _with_secret_files(file, target), problems
    except TargetError as problem:
        return target, [*problems, problem]


_VARIABLE = re.compile(r"\$\{([^}]*)\}")


def _substitute(file: yamlfile.YamlFile, node: Any, at: tuple[Any, ...], environ: Mapping[str, str], problems: list[TargetError]) -> Any:
    def value_of(match: re.Match[str]) -> str:
        if match[1] not in environ:
            problems.append(TargetError(f"{file.path}:{file.line(at)}: {_dotted(at)}: the environment variable {match[1]!r} is not set"))
        return environ.get(match[1], "")

    if isinstance(node, dict):
        return {key: _substitute(file, value, (*at, key), environ, problems) for key, value in node.items()}
    if isinstance(node, list):
        return [_substitute(file, value, (*at, index), environ, problems) for index, value in enumerate(node)]
    return _VARIABLE.sub(value_of, node) if isinstance(node, str) else node


def _dotted(at: tuple[Any, ...]) -> str:
    return ".".join(map(str, at))


def _refuse_unknown(file: yamlfile.YamlFile, node: Any, kind: Any, at: tuple[Any, ...]) -> None:
    kinds = [k for k in getattr(kind, "__args__", (kind,)) if hasattr(k, "__struct_fields__")]
    if isinstance(node, list) and kinds:
        for index, item in enumerate(node):
            _refuse_unknown(file, item, kinds[0], (*at, index))
    if not isinstance(node, dict) or not kinds:
        return
    fields = {field.name: field.type for field in msgspec.structs.fields(kinds[0])}
    for key, value in node.items():
        if key not in fields:
            near = difflib.get_close_matches(str(key), fields, n=1, cutoff=0)
            hint = f"the nearest known key is {near[0]!r}" if near else f"known keys: {', '.join(fields)}"
            raise TargetError(f"{file.path}:{file.line((*at, key))}: unknown key {_dotted((*at, key))!r}; {hint}")
        _refuse_unknown(file, value, fields[key], (*at, key))


def _translated(file: yamlfile.YamlFile, problem: str) -> TargetError:
    message, _, place = problem.partition(" - at `$")
    at = tuple(int(step) if step.isdigit() else step for step in re.findall(r"[^.\[\]`]+", place))
    missing = re.match(r"Object missing required field `(\w+)`", message)
    if missing:
        return TargetError(f"{file.path}:{file.line(at)}: missing key {_dotted((*at, missing[1]))!r}")
    hint = "; put quotes around it" if message.startswith("Expected `str`") else ""
    return TargetError(f"{file.path}:{file.line(at)}: {_dotted(at)}: {message[0].lower() + message[1:]}{hint}")


_OWN_HEADERS = ("authorization", "host", "content-length", "content-type", "transfer-encoding", "connection", "accept-encoding")


def _mistakes(target: Target, contract: Contract) -> Iterator[tuple[tuple[Any, ...], str]]:
    yield from _url_mistakes(target)
    if not target.name.strip():
        yield ("name",), "is empty; it labels the target in reports"
    for name, value in target.slots().items():
        at = _key(name)
        last = name.split(".")[-1]
        if not value and not (last == "secret" and _secret_file(target, name)) and last not in ("redirect_uri", "granted", "refused"):
            yield at, "is empty"
        if last in ("id", "username") and re.search(r"[\x00-\x1f\x7f]|^\s|\s$", value):
            yield at, "has a control character or white space at an end; was it copied over a line break?"
    if target.client.secret and target.client.secret == target.user.password and target.client.id == target.user.username:
        yield ("user",), "client and user are the same pair; the client is the application, the user is the machine user"
    for key, path in (("token", target.paths.token), ("logout", target.paths.logout)):
        if path and not path.startswith("/"):
            yield ("paths", key), f"{path!r} must begin with '/'"
    resource = target.fixtures.resource
    if resource and not resource.path.startswith("/"):
        yield ("fixtures", "resource", "path"), f"{resource.path!r} must begin with '/'"
    if resource and (not resource.alive or not resource.dead or set(resource.alive) & set(resource.dead)):
        yield ("fixtures", "resource"), "alive and dead need a status each, and none in common"
    yield from _option_mistakes(target)
    yield from _pin_mistakes(target, contract)


def _option_mistakes(target: Target) -> Iterator[tuple[tuple[Any, ...], str]]:
    for header, value in target.headers.items():
        if not re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+", header) or re.search(r"[\r\n\0]", value):
            yield ("headers", header), "is not a header field"
        elif header.lower() in _OWN_HEADERS:
            yield ("headers", header), "is set by the harness in each request"
    if target.deadline_s <= 0:
        yield ("deadline_s",), f"{target.deadline_s} must be more than 0 seconds"
    if target.revocation_budget_s < 0:
        yield ("revocation_budget_s",), f"{target.revocation_budget_s} must not be negative"
    for field in ("wrong_passwords", "wrong_secrets", "requests", "min_interval_ms"):
        if (getattr(target.risk, field) or 0) < 0:
            yield ("risk", field), f"{getattr(target.risk, field)} must not be negative"


def _url_mistakes(target: Target) -> Iterator[tuple[tuple[Any, ...], str]]:
    for key, url in (("base_url", target.base_url), *((("proxy", target.proxy),) if target.proxy is not None else ())):
        try:
            parts = urlsplit(url)
            valid = parts.scheme in ("http", "https") and parts.hostname and (parts.port is None or parts.port > 0)
        except ValueError:
            valid, parts = False, urlsplit("")
        if not valid or re.search(r"[\s\x00-\x1f]", url):
            yield (key,), "must be a URL such as https://api.example.com"
        elif parts.username or parts.password:
            yield (key,), "must hold no user name or password"
        elif parts.query or parts.fragment:
            yield (key,), "must have no query or fragment"
        elif not is_loopback(parts.hostname or ""):
            yield (
                (key,),
                (
                    f"{parts.hostname!r} is not a loopback host; until budgets, locks and clean-up for live accounts are"
                    " complete, only 127.0.0.0/8, ::1 and localhost are tested"
                ),
            )


def _pin_mistakes(target: Target, contract: Contract) -> Iterator[tuple[tuple[Any, ...], str]]:
    axes = {name: axis for name, axis in contract.axes.items() if axis.about == "server"}
    for name, word in target.expect.items():
        if name not in axes:
            near = difflib.get_close_matches(name, axes, n=1, cutoff=0)
            yield ("expect", name), f"unknown interpretation; the nearest known is {near[0]!r}"
        elif word not in axes[name].readings:
            yield ("expect", name), f"unknown reading {word!r}; one of {', '.join(axes[name].readings)}"
    for index, subject in enumerate(target.require):
        if subject not in SUBJECTS:
            yield ("require", index), f"unknown subject {subject!r}; one of {', '.join(SUBJECTS)}"


def is_loopback(host: str) -> bool:
    """Whether traffic to this host stays on the machine, by its name alone."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _key(slot: str) -> tuple[Any, ...]:
    steps = [int(step) if step.isdigit() else step for step in slot.split(".")]
    return (*steps,) if steps[0] in ("client", "user") else ("fixtures", *steps)


def _secret_file(target: Target, slot: str) -> str:
    return target.client.secret_file if slot == "client.secret" else ""


def _with_secret_files(file: yamlfile.YamlFile, target: Target) -> Target:
    """The client's secret from its file, where one is named; the file must be readable by its owner only."""
    client, at = target.client, f"{file.path}:{file.line(('client', 'secret_file'))}: client.secret_file"
    if bool(client.secret) == bool(client.secret_file):
        raise TargetError(f"{file.path}:{file.line(('client',))}: client: give either 'secret' or 'secret_file'")
    if not client.secret_file:
        return target
    path = (file.path.parent / client.secret_file).resolve()
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & 0o077:
            raise TargetError(f"{at}: must be a regular file that only its owner can read: chmod 600 {client.secret_file}")
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as problem:
        raise TargetError(f"{at}: cannot be read: {getattr(problem, 'strerror', None) or 'not UTF-8'}") from None
    if not secret:
        raise TargetError(f"{at}: is empty")
    return msgspec.structs.replace(target, client=msgspec.structs.replace(client, secret=secret, secret_file=""))


def file_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a target file, for editors."""
    return schema_of(Target, "A target file")

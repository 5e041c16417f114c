"""What `conformance doctor` does: asks as little of the network as a diagnosis needs, and says what to mend. At most one login."""

import contextlib
import os
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import msgspec

from conformance import diagnoses, yamlfile
from conformance import target as targets
from conformance.api import Api, Conversation, Send
from conformance.contract import Contract
from conformance.diagnoses import HINT, STOPS, UNTESTED, Diagnosis, Facts
from conformance.driver import Driver, RealClock
from conformance.errors import TargetError, Verdict
from conformance.model import Exchange, Request
from conformance.profile import accepts
from conformance.session import transport_to
from conformance.target import Target
from conformance.transport import SocketTransport, TransportFailure, Wire

SECOND_LOOK_S = 5.0
"""How long a port may take to say what it speaks."""


MISTAKABLE = ("tls", "protocol", "closed", "reset", "timeout")
"""The failures that a port shows when it is spoken to in the wrong one of HTTP and TLS."""


class Report(msgspec.Struct, frozen=True):
    """What the doctor found, worst first, and what it spent. `login`: not tried, refused, or accepted."""

    target: str
    exit_code: int
    diagnoses: tuple[Diagnosis, ...]
    without_credentials: int = 0
    login: str = "not tried"


def examine(path: Path, contract: Contract, environ: Mapping[str, str] = os.environ, now: Callable[[], float] = time.time) -> Report:
    """Everything that stands in a run's way. The network is asked only if the file is right; the login is the last thing tried."""
    target, problems = targets.examine(path, contract, environ)
    if target is None or problems:
        found = [_of_the_file(path, problem) for problem in problems]
        facts = Facts(target, contract, environ) if target is not None else None
        texts = [diagnosis for probe in diagnoses.TEXTS for diagnosis in probe(facts)] if facts else []
        stops = [*found, *(diagnosis for diagnosis in texts if diagnosis.level == STOPS)]
        return Report(target.name if target else str(path), 2, tuple(stops))
    try:
        driver = Driver(target, contract, transport_to(target), RealClock())
    except TargetError as problem:
        return Report(target.name, 2, (Diagnosis(STOPS, "tls", str(problem).removeprefix("tls: "), "correct the file's name or content"),))
    with contextlib.closing(driver):
        facts = Facts(target, contract, environ, _written(path, target), path.stat().st_mode)
        facts = _asked(facts, driver, now)
        if not _stands_in_the_way(facts):
            facts = msgspec.structs.replace(facts, login=_sent(driver, Api(contract).login()))
        found = [
            msgspec.structs.replace(one, what=_shown(one.what, driver), next=_shown(one.next, driver)) for one in diagnoses.diagnosed(facts)
        ]
    tried = "not tried" if facts.login is None else "accepted" if accepts(facts.login) else "refused"
    levels = {one.level for one in found}
    code = 2 if STOPS in levels else 3 if UNTESTED in levels else 0
    return Report(target.name, code, tuple(found), len(facts.bare), tried)


def _shown(text: str, driver: Driver) -> str:
    """A text without secrets, cut, and without characters that a terminal would take for commands."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in driver.redactor.message(text))


def _of_the_file(path: Path, problem: TargetError) -> Diagnosis:
    """A mistake that the loader found; its message says what is wrong and how to mend it."""
    text = str(problem).removeprefix(str(path))
    line = re.match(r":(\d+): ", text)
    unset = re.search(r"environment variable '([^']*)'", text)
    remedy = f"export {unset[1]}=…, or name a variable that is set" if unset else "mend the line; `conformance init` shows the form"
    return Diagnosis(STOPS, f"{path.name}:{line[1]}" if line else path.name, text[line.end() :] if line else text.lstrip(": "), remedy)


def _written(path: Path, target: Target) -> tuple[str, ...]:
    """The secrets whose values stand in the target file itself."""
    lines = str(yamlfile.load(path, TargetError).data)
    return tuple(name for name, value in target.secrets().items() if repr(value) in lines)


def _asked(facts: Facts, driver: Driver, now: Callable[[], float]) -> Facts:
    """What the network says without any credentials: the host's address, then one request to each place."""
    target = facts.target
    via = urlsplit(target.proxy or target.base_url)
    no_address = why_no_address(via.hostname or "")
    if no_address or any(one.level == STOPS for one in diagnoses.diagnosed(facts)):
        return msgspec.structs.replace(facts, no_address=no_address)
    bare: dict[str, Exchange] = {}
    wall = 0.0
    for name, request in _without_credentials(facts.contract, target):
        bare[name] = _sent(driver, request)
        wall = wall or now()
        if bare[name].failure:
            speaks = (
                ""
                if target.proxy or not (bare[name].failure or "").startswith(MISTAKABLE)
                else what_speaks(target.base_url, min(SECOND_LOOK_S, target.deadline_s))
            )
            return msgspec.structs.replace(facts, bare=bare, wall=wall, speaks=speaks)
    return msgspec.structs.replace(facts, bare=bare, wall=wall)


def _stands_in_the_way(facts: Facts) -> bool:
    return any(one.level != HINT for one in diagnoses.diagnosed(facts))


def _without_credentials(contract: Contract, target: Target) -> Iterator[tuple[str, Request]]:
    """A login with nothing in it but its kind, a logout and a look at the resource without a token."""
    api = Api(contract)
    yield "token", api.login(authorization=(), change={"user.username": None, "user.password": None})
    yield "logout", api.logout(None)
    if target.fixtures.resource:
        yield "resource", Request("resource", target.fixtures.resource.method)


def _sent(driver: Driver, request: Request) -> Exchange:
    """The exchange; a budget of the target file that forbids it counts as a failure with its name."""

    def conversation() -> Conversation[Exchange]:
        exchange: Exchange = yield Send(request)
        return exchange

    try:
        return driver.play(conversation(), "doctor")
    except Verdict as verdict:
        return Exchange(0, "doctor", request, 0, 0, failure=f"risk: {verdict}")


def why_no_address(host: str) -> str:
    """What the resolver says of a name that it does not know; empty for one that it does."""
    try:
        socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as problem:
        return getattr(problem, "strerror", None) or "it is no name of a host"
    return ""


def what_speaks(base_url: str, deadline_s: float) -> Literal["", "http", "https"]:
    """`http` or `https` if the port speaks the one that base_url does not say; else empty. Sends no credentials."""
    parts = urlsplit(base_url)
    if parts.scheme == "http":
        context = ssl.create_default_context()
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # nothing is sent over it; only its answer counts
        with contextlib.suppress(OSError):
            connection = socket.create_connection((parts.hostname or "", parts.port or 80), timeout=deadline_s)
            with connection, context.wrap_socket(connection, server_hostname=parts.hostname):
                return "https"
        return ""
    plain = f"http://{parts.netloc if parts.port else f'{parts.netloc}:443'}"
    with contextlib.suppress(TransportFailure):
        SocketTransport(plain, deadline_s=deadline_s).exchange(Wire("HEAD", "/", (("Host", parts.netloc),), b""), fresh=True)
        return "http"
    return ""


def rendered(report: Report, path: Path) -> str:
    """The report for people: a diagnosis with its remedy in two lines, aligned, worst first."""
    width = max((len(one.where) for one in report.diagnoses), default=0)
    lines = [f"{report.target}: {report.without_credentials} requests without credentials, login {report.login}"]
    for one in report.diagnoses:
        lines += [f"{one.level:<8}  {one.where:<{width}}  {one.what}", f"{'':<8}  {'':<{width}}  → {one.next}"]
    if report.exit_code == 0:
        lines.append(f"Nothing stands in the way: conformance run --target {path}")
    else:
        count = sum(one.level != HINT for one in report.diagnoses)
        lines.append(f"{count} {'thing stands' if count == 1 else 'things stand'} in the way of a run")
    if report.login == "accepted":
        lines.append("The token of the login is left to expire; nothing was logged out.")
    return "\n".join(lines)

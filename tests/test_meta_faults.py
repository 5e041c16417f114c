"""Servers that are wrong as a whole: the exit code says so, and no claim that demands a refusal passes."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec
import pytest

from conformance import checks, contract, embedded
from conformance.driver import VirtualClock
from conformance.record import Record
from conformance.registry import demands_refusal
from conformance.session import Options, Session
from conformance.transport import InProcess, RawReply, Respond, SocketTransport, Transport, TransportFailure, Wire

SPEC = contract.load()
CLAIMS = checks.load(SPEC)
REFUSALS = {claim.id for claim in CLAIMS if demands_refusal(claim)}
CONTROLS = {claim.id for claim in CLAIMS if claim.control}
JSON = ("Content-Type", "application/json")
TEXT = ("Content-Type", "text/plain")
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))
TOKEN = {"access_token": "abcdefghijkl0123456789", "expires_in": 60, "token_type": "Bearer"}


def conducted(transport: Transport, clock: VirtualClock | None = None) -> Record:
    """The record of a whole run over this transport, as of a real target."""
    session = Session(SPEC, embedded.target("http://127.0.0.1"), Options(), kind="real", transport=transport, clock=clock or VirtualClock())
    return session.conduct(CLAIMS)


def passed(record: Record) -> set[str]:
    """The claims that hold."""
    return {finding.check for finding in record.findings if finding.outcome in ("pass", "ambiguous")}


def always(status: int, body: str, *headers: tuple[str, str]) -> Respond:
    """A server with one answer."""
    return lambda method, target, sent, content: (status, headers, body.encode())


def ever_new() -> Respond:
    """A server that answers every request with another token."""
    seen: list[str] = []

    def respond(
        method: str, target: str, sent: tuple[tuple[str, str], ...], content: bytes
    ) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        seen.append(target)
        return 200, (JSON, *NO_STORE), json.dumps(TOKEN | {"access_token": f"abcdefghijkl{len(seen):010d}"}).encode()

    return respond


WHOLE: dict[str, tuple[Respond, str, int]] = {
    "refuses": (always(401, '{"code": 6, "message": "Missing or bad Authorization header"}', JSON), "incomplete", 3),
    "accepts": (always(200, json.dumps(TOKEN), JSON, *NO_STORE), "nonconformant", 1),
    "accepts-anew": (ever_new(), "nonconformant", 1),
    "empty": (always(200, ""), "nonconformant", 1),
    "empty-object": (always(200, "{}", JSON), "nonconformant", 1),
    "ok": (always(200, "OK!", TEXT), "nonconformant", 1),
    "html": (always(200, "<html><body>Welcome</body></html>", ("Content-Type", "text/html")), "nonconformant", 1),
    "no-content": (always(204, ""), "nonconformant", 1),
    "broken": (always(500, "oops", TEXT), "incomplete", 3),
    "unavailable": (always(503, "", ("Retry-After", "60")), "incomplete", 3),
    "limited": (always(429, "", ("Retry-After", "60")), "incomplete", 3),
    "redirects": (always(302, "", ("Location", "https://elsewhere.example/login")), "incomplete", 3),
    "another-api": (always(404, '{"error": "Not Found", "path": "/oauth/v2/token"}', JSON), "incomplete", 3),
}
"""Name → a server with one answer, the verdict and the exit code of a run against it."""


@pytest.mark.parametrize("name", WHOLE)
def test_server_with_one_answer(name: str) -> None:
    """The verdict is right, nothing breaks, and what passes are claims about the one answer, none that demands a refusal."""
    respond, verdict, code = WHOLE[name]
    record = conducted(InProcess(respond))
    assert record.footer is not None
    assert (record.verdict, record.footer.exit_code) == (verdict, code)
    assert record.counts["error"] == 0
    assert passed(record) & REFUSALS == set()
    if len(record.exchanges) == 1:
        assert passed(record) <= CONTROLS
        assert {finding.outcome for finding in record.findings if finding.check not in CONTROLS} == {"inconclusive"}


def beside_the_reference(path: str, respond: Respond) -> Callable[[VirtualClock], Respond]:
    """The reference server, except that one operation has one answer."""

    def build(clock: VirtualClock) -> Respond:
        reference = embedded.in_process(embedded.server(None, None, clock.now))
        return lambda method, target, sent, content: (respond if target.startswith(path) else reference)(method, target, sent, content)

    return build


OPERATION: dict[str, tuple[str, Respond]] = {
    "logout-refuses": ("/oauth/v2/logout", always(401, '{"code": 2, "message": "Invalid access token"}', JSON)),
    "logout-refuses-headers": ("/oauth/v2/logout", always(401, '{"code": 6, "message": "Missing or bad Authorization header"}', JSON)),
    "logout-accepts": ("/oauth/v2/logout", always(200, "OK!", TEXT, *NO_STORE)),
    "token-accepts": ("/oauth/v2/token", ever_new()),
}
"""Name → one operation of the reference server that has a single answer."""


@pytest.mark.parametrize("name", OPERATION)
def test_operation_with_one_answer(name: str) -> None:
    """One operation that refuses, or accepts, everything breaks the document, and no claim passes that demands a refusal of it."""
    path, respond = OPERATION[name]
    clock = VirtualClock()
    record = conducted(InProcess(beside_the_reference(path, respond)(clock)), clock)
    assert record.verdict == "nonconformant"
    assert record.counts["error"] == 0
    operation = "token" if path.endswith("token") else "logout"
    asked = {exchange.id for exchange in record.exchanges if exchange.request.operation == operation}
    about = {finding.check for finding in record.findings if finding.exchanges and set(finding.exchanges[-1:]) <= asked}
    assert passed(record) & REFUSALS & about == set()


def test_what_demands_a_refusal() -> None:
    """Claims of every subject demand a refusal; one that is content with either answer does not."""
    subjects = {claim.subject for claim in CLAIMS if claim.id in REFUSALS}
    assert {"basic", "token", "logout", "expires_in"} <= subjects
    assert {"secret-near-miss[cut]", "logout-raw-token", "life-dead-after-logout", "token-by-get"} <= REFUSALS
    assert not {"username-case", "refused-scope", "token-status"} & REFUSALS


class Silent(InProcess):
    """A transport to a server that answers a number of requests and no more of them; waiting costs virtual time."""

    def __init__(self, clock: VirtualClock, answers: int) -> None:
        super().__init__(embedded.in_process(embedded.server(None, None, clock.now)))
        self.clock, self.answers = clock, answers

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        self.answers -= 1
        if self.answers < 0:
            self.clock.sleep(30)
            raise TransportFailure("timeout", "no answer within 30 s")
        return super().exchange(wire, fresh=fresh)


@pytest.mark.parametrize("answers", [0, 1, 20, 25, 60, 200])
def test_server_that_falls_silent(answers: int) -> None:
    """Whenever a server stops answering, the run is incomplete, and what passed stands on traffic between two good logins."""
    clock = VirtualClock()
    record = conducted(Silent(clock, answers), clock)
    assert record.footer is not None
    assert (record.verdict, record.footer.exit_code) == ("incomplete", 3)
    assert record.counts["error"] == record.counts["fail"] == 0
    lost = {exchange.id for exchange in record.exchanges if exchange.reply is None}
    checked = [finding for finding in record.findings if finding.check in passed(record) & REFUSALS]
    assert not [finding.check for finding in checked if set(finding.exchanges) & lost]


@contextmanager
def listening(answer: Callable[[socket.socket], None]) -> Iterator[str]:
    """A real socket whose every connection is handed to `answer`; yields its base URL."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        taken: list[socket.socket] = []

        def serve() -> None:
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                taken.append(connection)
                answer(connection)

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in taken:
                connection.close()


def hangs(connection: socket.socket) -> None:
    """Never answer."""


def dribbles(connection: socket.socket) -> None:
    """Begin an answer and never end it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{")


def resets(connection: socket.socket) -> None:
    """Take the connection down with a reset."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
    connection.close()


def hangs_up(connection: socket.socket) -> None:
    """Read the request and close without a word."""
    connection.recv(1 << 16)
    connection.close()


def babbles(connection: socket.socket) -> None:
    """Answer in no protocol that anybody knows."""
    connection.recv(1 << 16)
    connection.sendall(b"\x00\x01\x02 hello\r\n\r\n")
    connection.close()


SOCKETS: dict[Callable[[socket.socket], None], str] = {
    hangs: "timeout",
    dribbles: "timeout",
    resets: "reset",
    hangs_up: "closed",
    babbles: "protocol",
}


@pytest.mark.parametrize("answer", SOCKETS, ids=lambda answer: answer.__name__)
def test_connection_that_yields_no_answer(answer: Callable[[socket.socket], None]) -> None:
    """Over a real socket: the run is incomplete, says what happened to the connection, and passes nothing."""
    with listening(answer) as base_url:
        target = msgspec.structs.replace(embedded.target(base_url), deadline_s=0.2)
        session = Session(SPEC, target, Options(), kind="real", transport=SocketTransport(base_url, deadline_s=0.2))
        record = session.conduct(CLAIMS)
    assert record.footer is not None
    assert (record.verdict, record.footer.exit_code) == ("incomplete", 3)
    assert passed(record) == set()
    assert SOCKETS[answer] in (record.exchanges[0].failure or "")
    assert SOCKETS[answer] in record.unmet[0]

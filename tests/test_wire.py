"""The claims of the wire over real connections: the matrix of its faults, both clean servers, and where there is no wire."""

import json
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from conformance import checks, contract, embedded, selftest
from conformance.reference import wire
from conformance.reference.faults import FAULTS
from conformance.reference.messages import Answer, Headers
from conformance.reference.wire import Head, Peer
from conformance.session import Options, Session
from conformance.target import Target
from conformance.transport import InProcess, SocketTransport, Transport, Wire

LOCK = json.loads((Path(__file__).parent.parent / "kill-matrix.json").read_text())["wire"]
CLAIMS = [claim for claim in checks.load(contract.load()) if selftest.of_the_wire(claim)]


def outcomes(target: Target, transport: Transport | None = None) -> dict[str, str]:
    """What became of the claims of the wire against a target."""
    findings = Session(contract.load(), target, Options(), kind="embedded", transport=transport).conduct(CLAIMS).findings
    return {finding.check: finding.outcome.value for finding in findings}


def test_matrix_of_the_wire_is_the_committed_one() -> None:
    """Every fault of the wire is caught as it declares, and as the lock says; on the clean server every claim passes."""
    rows = selftest.wire_matrix()
    problems = selftest.faults_in(dict.fromkeys(("", *FAULTS), selftest.Row({}, ())), rows)
    assert not [problem for problem in problems if problem.startswith(("wire-", "clean run"))]
    assert selftest.lock({"": rows[""]}, rows)["wire"] == LOCK


def test_uvicorn_passes_every_claim_of_the_wire() -> None:
    """The embedded server, which uvicorn carries, passes them all, with evidence."""
    with embedded.over_http(embedded.server()) as target:
        assert outcomes(target) == {claim.id: "pass" for claim in CLAIMS}


def test_without_a_wire_no_claim_of_it_passes() -> None:
    """In process, whatever only shows on the wire does not apply; that no reply is compressed is seen there, too."""
    found = outcomes(embedded.target("http://127.0.0.1"), InProcess(embedded.in_process(embedded.server())))
    assert found.pop("wire-not-compressed") == "pass"
    assert set(found.values()) == {"not-applicable"}


class OldFashioned(Peer):
    """A legal server that closes each connection, as it announces, reads no body of unknown length and knows no expectations."""

    def turn(self) -> tuple[bytes, bool]:
        head = self.head()
        body = self.body(head)
        answer = self.answer(head, body)
        if head.says("transfer-encoding", "chunked"):
            answer = Answer(411, self.server.reference.date())
        if head.says("expect", "100-continue"):
            answer = Answer(417, self.server.reference.date())
        if len(head.values("host")) != 1 or any(name != name.strip() for name, _ in head.fields):
            answer = Answer(400, self.server.reference.date())
        data, _ = self.replied(answer, content=head.method != "HEAD", closes=True)
        return data, True

    def proceed(self) -> None:
        """No interim answer."""


def test_legal_server_of_another_kind_is_not_blamed() -> None:
    """A server that keeps no connection open and refuses what it may refuse breaks nothing."""
    with wire.running(embedded.server(), OldFashioned) as base_url:
        found = outcomes(embedded.target(base_url))
    assert {check for check, outcome in found.items() if outcome != "pass"} == {"wire-replies-in-turn", "wire-chunked-body"}
    assert {found["wire-replies-in-turn"], found["wire-chunked-body"]} == {"not-applicable"}


class Ancient(Peer):
    """A server of HTTP/1.0, which knows neither Host nor chunks nor expectations and closes each connection."""

    def turn(self) -> tuple[bytes, bool]:
        head = self.head()
        length = next(iter(head.values("content-length")), "0")
        data, _ = self.replied(self.answer(head, self.rfile.read(int(length))), content=head.method != "HEAD", closes=False)
        return data.replace(b"HTTP/1.1", b"HTTP/1.0", 1), True


def test_server_of_http_1_0_is_not_blamed() -> None:
    """What RFC 9112 demands of HTTP/1.1 does not apply to an older server, and nothing else is held against it."""
    with wire.running(embedded.server(), Ancient) as base_url:
        found = outcomes(embedded.target(base_url))
    assert not {check for check, outcome in found.items() if outcome not in ("pass", "not-applicable")}
    assert {found[f"wire-{name}"] for name in ("host-missing", "host-twice", "space-before-colon", "chunked-body")} == {"not-applicable"}
    assert found["wire-expect-continue"] == "pass"


class Short(Peer):
    """Every JSON reply announces one byte less than it has."""

    def length(self, answer: Answer) -> Headers:
        return (("content-length", str(len(answer.body) - answer.body.endswith(b"}"))),)


def test_wrong_length_is_told_even_where_no_login_succeeds() -> None:
    """That every reply is cut off is said of its length, although nothing else can be tested."""
    with wire.running(embedded.server(), Short) as base_url:
        found = outcomes(embedded.target(base_url))
    assert found.pop("wire-length") == "fail"
    assert set(found.values()) == {"inconclusive"}


class MixedUp(Peer):
    """On every connection each request gets the reply to the one before it."""

    before: Answer | None = None

    def answer(self, head: Head, body: bytes) -> Answer:
        before, self.before = self.before, super().answer(head, body)
        return before or self.before


def test_server_that_mixes_up_everything_passes_nothing() -> None:
    """Where no reply can be trusted the run is incomplete."""
    with wire.running(embedded.server(), MixedUp) as base_url:
        session = Session(contract.load(), embedded.target(base_url), Options(gate=("security",)), kind="embedded")
        record = session.conduct(checks.load(contract.load()))
    assert record.verdict == "incomplete"
    assert not [f.check for f in record.findings if f.outcome == "pass" and f.kind == "check"]


class _Scripted(socketserver.BaseRequestHandler):
    script: tuple[tuple[bytes, bytes], ...] = ()

    def handle(self) -> None:
        received = b""
        for awaited, answer in self.script:
            while awaited not in received:
                data = self.request.recv(65536)
                if not data:
                    return
                received += data
            received = received.partition(awaited)[2] if awaited else received
            self.request.sendall(answer)


@contextmanager
def scripted(*script: tuple[bytes, bytes]) -> Iterator[SocketTransport]:
    """A server that sends each answer once it has received what stands before it; yields a transport to it."""
    handler = type("Handler", (_Scripted,), {"script": script})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        transport = SocketTransport(f"http://127.0.0.1:{server.server_address[1]}", deadline_s=5)
        try:
            yield transport
        finally:
            transport.close()
            server.shutdown()


ASKING = Wire("POST", "/", (("Host", "x"), ("Expect", "100-continue"), ("Content-Length", "4")), b"body")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def test_body_is_held_back_until_it_is_asked_for() -> None:
    """With Expect, the body follows the 100; a server that never asks gets it all the same, and one that refuses does not."""
    with scripted((b"\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"), (b"body", OK)) as transport:
        assert transport.exchange(ASKING, fresh=False).kept
    with scripted((b"body", OK)) as transport:
        assert transport.exchange(ASKING, fresh=False).body == b"OK"
    with scripted((b"\r\n\r\n", OK), (b"body", b"never")) as transport:
        assert not transport.exchange(ASKING, fresh=False).kept


def test_bytes_behind_the_end_are_counted() -> None:
    """What comes with a reply beyond its length is a surplus, and on a connection that closes all that comes until then."""
    with scripted((b"\r\n\r\n", OK + b"!")) as transport:
        reply = transport.exchange(Wire("GET", "/", (("Host", "x"),), b""), fresh=False)
        assert (reply.surplus, reply.kept, reply.body) == (1, False, b"OK")
    closing = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    with scripted((b"\r\n\r\n", closing), (b"", b"more")) as transport:
        assert transport.exchange(Wire("GET", "/", (("Host", "x"), ("Connection", "close")), b""), fresh=True).surplus == 4


def test_connections_are_numbered() -> None:
    """Replies over the same connection have the same number; without a connection to the server itself it is 0."""
    get = Wire("GET", "/", (("Host", "x"),), b"")
    with scripted((b"\r\n\r\n", OK), (b"\r\n\r\n", OK)) as transport:
        first = transport.exchange(get, fresh=False)
        other = transport.exchange(get, fresh=True)
        again = transport.exchange(get, fresh=False)
    assert (first.connection, other.connection, again.connection) == (1, 2, 1)
    assert (first.kept, other.kept) == (True, False)

"""Several requests together: really at the same time on sockets, within the budgets, and spaced from what follows."""

import http.server
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest

from conformance import checks, contract, embedded, target
from conformance.api import Api, Conversation, Send, Together
from conformance.driver import Driver, VirtualClock
from conformance.errors import NotObservable
from conformance.model import Exchange
from conformance.session import Options, Session
from conformance.target import Risk
from conformance.transport import InProcess, SocketTransport
from tests.servers import Foreign, serving

SPEC = contract.load()
API = Api(SPEC)


class Meeting(http.server.BaseHTTPRequestHandler):
    """Answers 200 to the requests that wait for each other, and 504 to one that waits in vain."""

    protocol_version = "HTTP/1.1"
    met: threading.Barrier
    seen: list[str]

    def log_message(self, *args: Any) -> None:
        """Nothing is logged."""

    def do_GET(self) -> None:
        self.seen.append(self.path)
        try:
            self.met.wait(timeout=5)
            status = 200
        except threading.BrokenBarrierError:
            status = 504
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()


@contextmanager
def meeting(parties: int) -> Iterator[str]:
    """A server that answers only when so many requests have come; yields its address."""
    handler = type("Bound", (Meeting,), {"met": threading.Barrier(parties), "seen": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def all_of(effect: Together) -> Conversation[tuple[Exchange, ...]]:
    """A conversation of one effect."""
    exchanges: tuple[Exchange, ...] = yield effect
    return exchanges


@pytest.mark.parametrize(("requests", "at_once"), [(3, 0), (6, 3)])
def test_requests_are_under_way_at_the_same_time(requests: int, at_once: int) -> None:
    """A server that answers nobody before three have come answers all, and the exchanges come back in their order."""
    with meeting(3) as address:
        transport = SocketTransport(address, deadline_s=10)
        driver = Driver(embedded.target(address), SPEC, transport, VirtualClock())
        exchanges = driver.play(all_of(Together((API.logout(None),) * requests, at_once)), "test")
        driver.close()
    assert [exchange.reply.status for exchange in exchanges if exchange.reply] == [200] * requests
    assert [exchange.id for exchange in exchanges] == list(range(1, requests + 1))


def test_interval_is_kept_around_those_that_go_together() -> None:
    """Three requests go at once, and what follows waits three intervals; nothing goes beyond the budget of requests."""
    clock, times = VirtualClock(), list[float]()

    def respond(*call: object) -> tuple[int, tuple[tuple[str, str], ...], bytes]:
        times.append(clock.now())
        return 200, (), b""

    slow = msgspec.structs.replace(embedded.target("http://127.0.0.1"), risk=Risk(requests=5, min_interval_ms=1000))
    driver = Driver(slow, SPEC, InProcess(respond), clock)

    def conversation() -> Conversation[None]:
        yield Send(API.logout(None))
        yield Together((API.logout(None),) * 3)
        yield Send(API.logout(None))

    driver.play(conversation(), "test")
    assert [moment - times[0] for moment in times] == [0, 1, 1, 1, 4]
    with pytest.raises(NotObservable, match="budget of requests"):
        driver.play(all_of(Together((API.logout(None),) * 2)), "test")
    assert len(times) == 5


class LateLogout(Foreign):
    """A server on which a logout takes effect long after its answer."""

    def answer(self, status: int, body: object, *headers: tuple[str, str]) -> None:
        if self.path.startswith("/v9/out") and status == 200:
            self.live.add(str(self.bearer()))
        super().answer(status, body, *headers)


class SharedLogin(Foreign):
    """A server on which two logins at the same time, each on a connection of its own, get the same token."""

    pair = threading.Barrier(2, timeout=20)
    value = ""
    connections = 0

    def setup(self) -> None:
        SharedLogin.connections += 1
        self.alone = SharedLogin.connections == 1
        super().setup()

    def answer(self, status: int, body: object, *headers: tuple[str, str]) -> None:
        if isinstance(body, dict) and "access_token" in body and not self.alone:
            if self.pair.wait() == 0:
                SharedLogin.value = uuid.uuid4().hex
            self.pair.wait()
            self.live.add(SharedLogin.value)
            body["access_token"] = SharedLogin.value
        self.alone = True
        super().answer(status, body, *headers)


RACES = [
    (Foreign, set()),
    (LateLogout, {"logout-against-use", "life-dead-after-logout", "logouts-at-once"}),
    (SharedLogin, {"logins-at-once", "token-handed-out-once"}),
]


@pytest.mark.parametrize(("handler", "red"), RACES)
def test_race_is_seen_over_sockets(handler: type[Foreign], red: set[str], tmp_path: Path) -> None:
    """What goes wrong only when requests meet is seen on a real server with threads, and a correct one passes."""
    names = {"logins-at-once", "logouts-at-once", "logout-against-use", "token-handed-out-once", "life-dead-after-logout"}
    claims = [claim for claim in checks.load(SPEC) if claim.id in names]
    with serving(handler, tmp_path) as path:
        record = Session(SPEC, target.load(path, SPEC), Options(), kind="real").conduct(claims)
    assert {finding.check for finding in record.findings if finding.outcome == "fail"} == red
    assert {finding.outcome.value for finding in record.findings if finding.check not in red} <= {"pass"}

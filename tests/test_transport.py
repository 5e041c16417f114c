"""The transport on real sockets: every way in which an answer can fail ends in time, by its name, and nothing is sent twice."""

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from conformance.transport import MAX_BODY, SocketTransport, TransportFailure, Wire

GET = Wire("GET", "/", (("Host", "x"),), b"")
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


@contextmanager
def peer(*scripts: Callable[[socket.socket], None]) -> Iterator[tuple[str, list[bytes]]]:
    """A server that plays one script per connection; yields its URL and what it received."""
    listener = socket.create_server(("127.0.0.1", 0))
    received: list[bytes] = []

    def serve() -> None:
        for script in scripts:
            with contextlib.suppress(OSError):
                connection, _ = listener.accept()
                with connection:
                    connection.settimeout(5)
                    received.append(connection.recv(65536))
                    script(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", received
    finally:
        listener.close()


def sending(data: bytes) -> Callable[[socket.socket], None]:
    """Send these bytes and close."""
    return lambda connection: connection.sendall(data)


def slowly(connection: socket.socket) -> None:
    """One byte every now and then, for longer than any deadline here."""
    for byte in OK * 3:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def endless(connection: socket.socket) -> None:
    """A body without end."""
    connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while True:
        connection.sendall(b"x" * 65536)


def silent(connection: socket.socket) -> None:
    """No answer."""
    connection.recv(1)


FAILURES = [
    ("closed", sending(b"")),
    ("cut-short", sending(b"HTTP/1.1 200 OK\r\nContent-Length: 20\r\n\r\nOK")),
    ("cut-short", sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nOK\r\n")),
    ("protocol", sending(b"SMTP ready\r\n\r\n")),
    ("protocol", sending(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nOK")),
    ("protocol", sending(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")),
    ("protocol", sending(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000)),
    ("timeout", silent),
    ("timeout", slowly),
    ("too-large", endless),
]


@pytest.mark.parametrize(("kind", "script"), FAILURES)
def test_failure_has_its_name(kind: str, script: Callable[[socket.socket], None]) -> None:
    """A failure is told by its kind, after one request only."""
    with peer(script, sending(OK)) as (url, received):
        with pytest.raises(TransportFailure) as caught:
            SocketTransport(url, deadline_s=0.5).exchange(GET, fresh=True)
        assert caught.value.kind == kind
        assert len(received) == 1


def test_refused_connection() -> None:
    """Where nobody listens, the failure is refused."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(TransportFailure) as caught:
        SocketTransport(f"http://127.0.0.1:{port}", deadline_s=1).exchange(GET, fresh=True)
    assert caught.value.kind == "refused"


def test_interim_replies_are_passed_over() -> None:
    """The final reply counts, whatever 1xx come first."""
    with peer(sending(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK)) as (url, _):
        assert SocketTransport(url, deadline_s=1).exchange(GET, fresh=True).status == 200


def test_connection_is_reused_unless_fresh_or_closed() -> None:
    """One connection serves several requests; a fresh request, or a closed connection, takes a new one."""

    def twice(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.recv(65536)
        connection.sendall(OK)

    with peer(twice, sending(OK), sending(OK)) as (url, received):
        transport = SocketTransport(url, deadline_s=2)
        for _ in range(2):
            assert transport.exchange(GET, fresh=False).body == b"OK"
        time.sleep(0.05)
        assert transport.exchange(GET, fresh=False).body == b"OK"
        assert transport.exchange(GET, fresh=True).body == b"OK"
        transport.close()
        assert len(received) == 3


def test_bytes_are_written_as_given() -> None:
    """What no HTTP library would build is sent as it is."""
    odd = Wire("GET", "/", (("Host", "x"), ("Host", "y"), ("Authorization", "Bearer "), ("X", "a\tb\x01")), b"")
    with peer(sending(OK)) as (url, received):
        SocketTransport(url, deadline_s=1).exchange(odd, fresh=True)
        assert received == [b"GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\nAuthorization: Bearer \r\nX: a\tb\x01\r\n\r\n"]


def test_proxy_is_used_only_when_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment's proxy is ignored; a configured one gets the absolute form."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with peer(sending(OK), sending(OK)) as (url, received):
        SocketTransport(url, deadline_s=1).exchange(GET, fresh=True)
        SocketTransport("http://api.test:8080", deadline_s=1, proxy=url).exchange(GET, fresh=True)
        assert [data.split(b" ")[1] for data in received] == [b"/", b"http://api.test:8080/"]


def test_cap_is_a_mebibyte() -> None:
    """A body of exactly the cap is read."""
    with peer(sending(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % MAX_BODY + b"x" * MAX_BODY)) as (url, _):
        assert len(SocketTransport(url, deadline_s=5).exchange(GET, fresh=True).body) == MAX_BODY

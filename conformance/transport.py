"""Bytes out, bytes in: one HTTP/1.1 exchange over a socket, with a total deadline and a byte cap. Nothing is ever sent twice.

h11 parses replies; requests are written as given, so that requests no HTTP library would build can be sent too.
No redirects, cookies, caches, netrc, environment proxies or retries exist here.
"""

import contextlib
import select
import socket
import ssl
import time
from collections.abc import Callable
from typing import Protocol
from urllib.parse import urlsplit

import h11
import msgspec

from conformance.errors import TargetError

MAX_BODY = 1 << 20
MAX_HEADERS = 1 << 16


class Wire(msgspec.Struct, frozen=True):
    """A request as it is written: header names and values are octets as text (Latin-1)."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def encode(self) -> bytes:
        """The request as HTTP/1.1 bytes."""
        lines = [f"{self.method} {self.target} HTTP/1.1", *(f"{name}: {value}" for name, value in self.headers)]
        return "\r\n".join([*lines, "", ""]).encode("latin-1") + self.body


class RawReply(msgspec.Struct, frozen=True):
    """A reply as it was read."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


class TransportFailure(Exception):
    """No reply: `kind` is one of refused, dns, tls, timeout, closed, reset, protocol, too-large."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class Transport(Protocol):
    """What the driver needs of a transport. `concurrent`: several exchanges can be under way at once."""

    concurrent: bool

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        """Send once, read once; raises TransportFailure."""

    def close(self) -> None:
        """Give up what is open."""


Respond = Callable[[str, str, tuple[tuple[str, str], ...], bytes], tuple[int, tuple[tuple[str, str], ...], bytes]]


class InProcess:
    """A transport to a function in this process; it refuses what an HTTP/1.1 server's parser refuses."""

    concurrent = False

    def __init__(self, respond: Respond) -> None:
        self._respond = respond

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        """Hand the request over as a server would see it: names in lower case, values stripped."""
        parser = h11.Connection(h11.SERVER)
        parser.receive_data(wire.encode())
        try:
            request = parser.next_event()
        except h11.RemoteProtocolError:
            return RawReply(400, "Bad Request", (("content-type", "text/plain"),), b"Invalid HTTP request received.")
        if not isinstance(request, h11.Request):
            return RawReply(400, "Bad Request", (("content-type", "text/plain"),), b"Invalid HTTP request received.")
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in request.headers)
        status, fields, body = self._respond(request.method.decode(), request.target.decode("latin-1"), headers, wire.body)
        return RawReply(status, "", fields, b"" if wire.method == "HEAD" else body)

    def close(self) -> None:
        """Nothing is open."""


class SocketTransport:
    """A transport to a real server. One connection is kept for reuse; `fresh` uses one of its own."""

    concurrent = True

    def __init__(
        self,
        base_url: str,
        *,
        deadline_s: float,
        ca_file: str | None = None,
        client_cert: str | None = None,
        proxy: str | None = None,
    ) -> None:
        parts, via = urlsplit(base_url), urlsplit(proxy) if proxy else None
        self._host, self._tls = parts.hostname or "", parts.scheme == "https"
        self._port = parts.port or (443 if self._tls else 80)
        self._proxy = (via.hostname or "", via.port or 80) if via else None
        self._absolute = f"http://{parts.netloc}" if via and not self._tls else ""
        self._deadline_s = deadline_s
        self._kept: socket.socket | None = None
        self._context = _context(ca_file, client_cert) if self._tls else None

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        """Send once, read once, all within the deadline."""
        ends = time.monotonic() + self._deadline_s
        try:
            connection = self._connect(ends) if fresh else self._take() or self._connect(ends)
        except TimeoutError:
            raise TransportFailure("timeout", "connecting") from None
        except socket.gaierror as problem:
            raise TransportFailure("dns", str(problem)) from None
        except ssl.SSLError as problem:
            raise TransportFailure("tls", getattr(problem, "verify_message", "") or problem.reason or str(problem)) from None
        except OSError as problem:
            raise TransportFailure("refused", problem.strerror or str(problem)) from None
        keep = False
        try:
            reply, keep = _converse(connection, msgspec.structs.replace(wire, target=self._absolute + wire.target), ends)
            return reply
        except TimeoutError:
            raise TransportFailure("timeout", f"no whole reply within {self._deadline_s:g} s") from None
        except ConnectionError as problem:
            raise TransportFailure("reset", problem.strerror or str(problem)) from None
        except OSError as problem:
            raise TransportFailure("closed", problem.strerror or str(problem)) from None
        finally:
            if keep and not fresh and self._kept is None:
                self._kept = connection
            else:
                connection.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _take(self) -> socket.socket | None:
        """The kept connection, unless the server has closed it or sent what nobody asked for."""
        kept, self._kept = self._kept, None
        if kept is not None and select.select([kept], [], [], 0)[0]:
            kept.close()
            return None
        return kept

    def _connect(self, ends: float) -> socket.socket:
        connection = socket.create_connection(self._proxy or (self._host, self._port), timeout=_left(ends))
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self._context is None:
                return connection
            if self._proxy:
                host = f"{self._host}:{self._port}"
                reply, _ = _converse(connection, Wire("CONNECT", host, (("Host", host),), b""), ends)
                if reply.status // 100 != 2:
                    raise OSError(f"the proxy answered CONNECT with {reply.status}")
            connection.settimeout(_left(ends))
            return self._context.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise


def _context(ca_file: str | None, client_cert: str | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca_file)
        if client_cert:
            context.load_cert_chain(client_cert)
    except (OSError, ssl.SSLError) as problem:
        raise TargetError(f"tls: {ca_file or client_cert}: {problem.strerror or problem}") from None
    return context


def _left(ends: float) -> float:
    left = ends - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


def _converse(connection: socket.socket, wire: Wire, ends: float) -> tuple[RawReply, bool]:
    """Write the request and read the final reply; the second value says whether the connection can be used again."""
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADERS)
    # h11 is told of a stand-in request, so that it parses the reply to this method; our own bytes are sent.
    parser.send(h11.Request(method=wire.method, target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    connection.settimeout(_left(ends))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a reply may stand in the buffer all the same
        connection.sendall(wire.encode())
    head: h11.Response | None = None
    body = bytearray()
    try:
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                connection.settimeout(_left(ends))
                parser.receive_data(connection.recv(1 << 16))
            elif isinstance(event, h11.Response):
                head = event
            elif isinstance(event, h11.Data):
                body += event.data
                if len(body) > MAX_BODY:
                    raise TransportFailure("too-large", f"more than {MAX_BODY} bytes of body")
            elif event is h11.PAUSED or isinstance(event, h11.EndOfMessage):
                break
            elif isinstance(event, h11.ConnectionClosed):
                raise TransportFailure("closed", "the server closed the connection without an answer")
    except h11.RemoteProtocolError as problem:
        if head is None and parser.their_state is not h11.MUST_CLOSE and "ConnectionClosed" in str(problem):
            raise TransportFailure("closed", "the server closed the connection without an answer") from None
        raise TransportFailure("protocol", str(problem)) from None
    if head is None:
        raise TransportFailure("protocol", "no final reply")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items())
    reply = RawReply(head.status_code, bytes(head.reason).decode("latin-1"), headers, bytes(body))
    keep = parser.our_state is h11.DONE and parser.their_state is h11.DONE and not parser.trailing_data[0]
    return reply, keep

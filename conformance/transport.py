"""Bytes out, bytes in: one HTTP/1.1 exchange over a socket, with a total deadline and a byte cap. Nothing is ever sent twice.

h11 parses replies; requests are written as given, so that requests no HTTP library would build can be sent too.
No redirects, cookies, caches, netrc, environment proxies or retries exist here.
"""

import contextlib
import itertools
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
PATIENCE_S = 1.0
"""How long a body is held back for a 100 (Continue), as curl does, and a connection may stay open that was announced as closed."""


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

    def says(self, name: str, word: str) -> bool:
        """Whether a header field has this value, case aside."""
        return any(key.lower() == name and value.lower() == word for key, value in self.headers)


class RawReply(msgspec.Struct, frozen=True):
    """A reply as it was read. The rest is as in `model.Reply`."""

    status: int
    reason: str
    headers: tuple[tuple[str, str], ...]
    body: bytes
    connection: int = 0
    kept: bool = False
    surplus: int = 0
    version: str = "1.1"


class TransportFailure(Exception):
    """No reply: `kind` is one of refused, dns, tls, timeout, closed, reset, protocol, cut-short, too-large."""

    def __init__(self, kind: str, detail: str = "") -> None:
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind


class Transport(Protocol):
    """What the driver needs of a transport.

    `concurrent`: several exchanges can be under way at once; `wire`: they go over connections to the server itself.
    """

    concurrent: bool
    wire: bool

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        """Send once, read once; raises TransportFailure."""

    def close(self) -> None:
        """Give up what is open."""


Respond = Callable[[str, str, tuple[tuple[str, str], ...], bytes], tuple[int, tuple[tuple[str, str], ...], bytes]]


class InProcess:
    """A transport to a function in this process; it refuses what an HTTP/1.1 server's parser refuses."""

    concurrent = False
    wire = False

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
        self.wire = not self._absolute
        self._deadline_s = deadline_s
        self._kept: tuple[socket.socket, int] | None = None
        self._numbers = itertools.count(1)
        self._context = _context(ca_file, client_cert) if self._tls else None

    def exchange(self, wire: Wire, *, fresh: bool) -> RawReply:
        """Send once, read once, all within the deadline."""
        ends = time.monotonic() + self._deadline_s
        try:
            connection, number = (None if fresh else self._take()) or (self._connect(ends), next(self._numbers))
        except TimeoutError:
            raise TransportFailure("timeout", "connecting") from None
        except socket.gaierror as problem:
            raise TransportFailure("dns", str(problem)) from None
        except ssl.SSLError as problem:
            raise TransportFailure("tls", getattr(problem, "verify_message", "") or problem.reason or str(problem)) from None
        except OSError as problem:
            raise TransportFailure("refused", problem.strerror or str(problem)) from None
        kept = False
        try:
            reply, reusable = _converse(connection, msgspec.structs.replace(wire, target=self._absolute + wire.target), ends)
            kept = reusable and not fresh
            return msgspec.structs.replace(reply, connection=number if self.wire else 0, kept=kept)
        except TimeoutError:
            raise TransportFailure("timeout", f"no whole reply within {self._deadline_s:g} s") from None
        except ConnectionError as problem:
            raise TransportFailure("reset", problem.strerror or str(problem)) from None
        except OSError as problem:
            raise TransportFailure("closed", problem.strerror or str(problem)) from None
        finally:
            if kept:
                self._kept = connection, number
            else:
                connection.close()

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept[0].close()
            self._kept = None

    def _take(self) -> tuple[socket.socket, int] | None:
        """The kept connection with its number, unless the server has closed it or sent what nobody asked for."""
        kept, self._kept = self._kept, None
        if kept is not None and select.select([kept[0]], [], [], 0)[0]:
            kept[0].close()
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


def _write(connection: socket.socket, octets: bytes, ends: float) -> None:
    connection.settimeout(_left(ends))
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):  # a reply may stand in the buffer all the same
        connection.sendall(octets)


def _read(connection: socket.socket, ends: float) -> bytes:
    """What has come, or nothing at the end; raises TimeoutError."""
    connection.settimeout(_left(ends))
    return connection.recv(1 << 16)


def _rest(connection: socket.socket, ends: float) -> int:
    """How many bytes come before a connection that is announced as closed does close."""
    count = 0
    with contextlib.suppress(OSError):
        while count < MAX_BODY and (data := _read(connection, min(ends, time.monotonic() + PATIENCE_S))):
            count += len(data)
    return count


def _converse(connection: socket.socket, wire: Wire, ends: float) -> tuple[RawReply, bool]:
    """Write the request and read the final reply; the second value says whether the connection can be used again.

    A body that is announced by `Expect: 100-continue` is held back until the server asks for it, or for PATIENCE_S.
    """
    parser = h11.Connection(h11.CLIENT, max_incomplete_event_size=MAX_HEADERS)
    # h11 is told of a stand-in request, so that it parses the reply to this method; our own bytes are sent.
    parser.send(h11.Request(method=wire.method, target="/", headers=[("Host", "x")]))
    parser.send(h11.EndOfMessage())
    unsent = wire.body if wire.says("expect", "100-continue") else b""
    _write(connection, wire.encode().removesuffix(unsent), ends)
    head: h11.Response | None = None
    body = bytearray()
    data = b""
    try:
        while True:
            event = parser.next_event()
            if event is h11.NEED_DATA:
                try:
                    data = _read(connection, min(ends, time.monotonic() + PATIENCE_S) if unsent else ends)
                except TimeoutError:
                    _write(connection, unsent, ends)
                    unsent = b""
                else:
                    parser.receive_data(data)
            elif isinstance(event, h11.InformationalResponse) and event.status_code == CONTINUE:
                _write(connection, unsent, ends)
                unsent = b""
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
        raise _broken(problem, parser, head, ended=not data) from None
    if head is None:
        raise TransportFailure("protocol", "no final reply")
    headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in head.headers.raw_items())
    surplus = len(parser.trailing_data[0])
    if wire.says("connection", "close") and parser.their_state is h11.MUST_CLOSE:
        surplus += _rest(connection, ends)
    version = head.http_version.decode("ascii")
    reply = RawReply(head.status_code, bytes(head.reason).decode("latin-1"), headers, bytes(body), surplus=surplus, version=version)
    return reply, not unsent and not surplus and parser.our_state is h11.DONE and parser.their_state is h11.DONE


CONTINUE = 100


def _broken(problem: h11.RemoteProtocolError, parser: h11.Connection, head: h11.Response | None, *, ended: bool) -> TransportFailure:
    """What a reply is that cannot be read; `ended`: the server has closed the connection."""
    if head is not None and ended:
        return TransportFailure("cut-short", str(problem))
    if head is None and parser.their_state is not h11.MUST_CLOSE and "ConnectionClosed" in str(problem):
        return TransportFailure("closed", "the server closed the connection without an answer")
    return TransportFailure("protocol", str(problem))

"""The reference server on sockets that it reads and writes itself: HTTP/1.1 by hand, so that a fault of the wire can be served."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus

from conformance.reference.messages import Answer, Call, Headers
from conformance.reference.server import Server

MAX_LINE = 1 << 16
MAX_BODY = 1 << 20
BLANK = (b"\r\n", b"\n")


class Malformed(Exception):
    """A request that is answered with 400, after which the connection is closed."""


class Gone(Exception):
    """The connection ends without a further answer."""


@dataclass(frozen=True)
class Head:
    """The request line and the fields of a request, their names as they were written, a space before the colon included."""

    method: str
    target: str
    fields: Headers

    def values(self, name: str) -> list[str]:
        """The values of all field lines with this name."""
        return [value for key, value in self.fields if key.lower() == name]

    def says(self, name: str, word: str) -> bool:
        """Whether a field has this value, case aside."""
        return word in [value.lower() for value in self.values(name)]


class Peer(socketserver.StreamRequestHandler):
    """Carries the server over one connection; methods are the seams at which a fault of the wire differs."""

    disable_nagle_algorithm = True
    server: "Listener"

    def handle(self) -> None:
        """Answer one request after the other until the client or an answer closes the connection."""
        with contextlib.suppress(Gone, OSError):
            while True:
                data, closes = self.turn()
                # The end goes out together with the last bytes, so that a client that has them knows of it.
                self.connection.sendall(data, getattr(socket, "MSG_MORE", 0) if closes else 0)
                if closes:
                    self.connection.shutdown(socket.SHUT_WR)
                    return

    def turn(self) -> tuple[bytes, bool]:
        """Read one request; returns the answer as bytes, and whether the connection closes behind it. Raises Gone."""
        try:
            head = self.head()
            body = self.body(head)
            self.check(head)
            answer, content = self.answer(head, body), head.method != "HEAD"
            closes = head.says("connection", "close")
        except Malformed as problem:
            fields = (("content-type", "text/plain"), *self.server.reference.date())
            answer, content, closes = Answer(400, fields, str(problem).encode()), True, True
        return self.replied(answer, content=content, closes=closes)

    def replied(self, answer: Answer, *, content: bool, closes: bool) -> tuple[bytes, bool]:
        """The answer as bytes, and whether the connection closes, which the answer announces."""
        fields = (*answer.headers, *self.length(answer), *((("connection", "close"),) if closes else ()))
        lines = [f"HTTP/1.1 {answer.status} {HTTPStatus(answer.status).phrase}", *(f"{name}: {value}" for name, value in fields), "", ""]
        return "\r\n".join(lines).encode("latin-1") + (answer.body if content else b""), closes

    def length(self, answer: Answer) -> Headers:
        """The announcement of the length."""
        return (("content-length", str(len(answer.body))),)

    def head(self) -> Head:
        """The head of the next request; raises Gone where there is none, and Malformed."""
        lines = []
        while (line := self.rfile.readline(MAX_LINE)) not in BLANK:
            if not line.endswith(b"\n"):
                raise Gone
            lines.append(line.decode("latin-1").rstrip("\r\n"))
        method, _, rest = lines[0].partition(" ") if lines else ("", "", "")
        target, _, version = rest.partition(" ")
        if version != "HTTP/1.1":
            raise Malformed("a request begins with its method, its target and HTTP/1.1")
        parts = [line.partition(":") for line in lines[1:]]
        return Head(method, target, tuple((name, value.strip(" \t")) for name, _, value in parts))

    def check(self, head: Head) -> None:
        """Raise Malformed unless names are well-formed and there is one Host (RFC 9112 sections 3.2 and 5.1)."""
        self.check_names(head)
        self.check_host(head)

    def check_names(self, head: Head) -> None:
        """Raise Malformed for a space before a colon."""
        if any(not name or name.strip(" \t") != name for name, _ in head.fields):
            raise Malformed("no space stands before a colon")

    def check_host(self, head: Head) -> None:
        """Raise Malformed unless there is one Host."""
        if len(head.values("host")) != 1:
            raise Malformed("a request has one Host")

    def body(self, head: Head) -> bytes:
        """The body of a request, after asking for it where the client waits for that; raises Gone and Malformed."""
        if head.says("expect", "100-continue"):
            self.proceed()
        if head.says("transfer-encoding", "chunked"):
            return self.chunks()
        length = next(iter(head.values("content-length")), "0")
        if not (length.isascii() and length.isdecimal()) or int(length) > MAX_BODY:
            raise Malformed("the length of a body is a number up to a mebibyte")
        return self.rfile.read(int(length))

    def proceed(self) -> None:
        """Ask for the body (RFC 9110 section 10.1.1)."""
        self.connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")

    def chunks(self) -> bytes:
        """A body in chunks (RFC 9112 section 7.1), without the trailers; raises Malformed."""
        body = b""
        while size := self.size(len(body)):
            body += self.rfile.read(size)
            if self.rfile.readline(MAX_LINE) not in BLANK:
                raise Malformed("a chunk is as long as it says")
        while self.rfile.readline(MAX_LINE) not in (*BLANK, b""):
            pass
        return body

    def size(self, so_far: int) -> int:
        """The size of the next chunk; raises Malformed."""
        digits = self.rfile.readline(MAX_LINE).partition(b";")[0].strip()
        if not digits or digits.strip(b"0123456789abcdefABCDEF") or so_far + int(digits, 16) > MAX_BODY:
            raise Malformed("a chunk begins with its size")
        return int(digits, 16)

    def answer(self, head: Head, body: bytes) -> Answer:
        """What the server answers."""
        path, _, query = head.target.partition("?")
        with self.server.lock:
            return self.server.reference.respond(Call(head.method, path, query, self.seen(head.fields), body))

    def seen(self, fields: Headers) -> Headers:
        """The fields as the server sees them: names are compared without regard to case (RFC 9110 section 5.1)."""
        return tuple((name.lower(), value) for name, value in fields)


class Listener(socketserver.ThreadingTCPServer):
    """Accepts connections on loopback and serves each in a thread; raises OSError if the port cannot be had."""

    allow_reuse_address = True
    daemon_threads = True
    block_on_close = False

    def __init__(self, reference: Server, peer: type[Peer] = Peer, port: int = 0) -> None:
        self.reference = reference
        self.lock = threading.Lock()
        super().__init__(("127.0.0.1", port), peer)

    @property
    def base_url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running(reference: Server, peer: type[Peer] = Peer) -> Iterator[str]:
    """Serve on a free loopback port in a thread; yields the base URL."""
    with Listener(reference, peer) as listener:
        thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            yield listener.base_url
        finally:
            listener.shutdown()
            thread.join()

"""The reference server over real HTTP/1.1 with keep-alive: uvicorn carries the bytes, the server answers."""

import socket
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from conformance.reference.messages import Call
from conformance.reference.server import Server

MAX_BODY = 1 << 20


def app(server: Server) -> Callable[..., Awaitable[None]]:
    """The server as an ASGI application; one request is answered at a time."""
    lock = threading.Lock()

    async def serve(scope: Any, receive: Any, send: Any) -> None:
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body") or len(body) > MAX_BODY:
                break
        headers = tuple((name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"])
        call = Call(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, body)
        with lock:
            answer = server.respond(call)
        fields = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers]
        if answer.status != 204:
            fields.append((b"content-length", str(len(answer.body)).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": fields})
        await send({"type": "http.response.body", "body": b"" if scope["method"] == "HEAD" else answer.body})

    return serve


def config(server: Server) -> uvicorn.Config:
    """How uvicorn is to run it."""
    return uvicorn.Config(
        app(server), log_level="critical", access_log=False, lifespan="off", http="h11", ws="none", server_header=False, date_header=False
    )


def listen(port: int = 0) -> socket.socket:
    """A listening socket on loopback; raises OSError if the port cannot be had.

    Its protocol is named, for asyncio only then switches off Nagle's algorithm, which would delay every answer.
    """
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener


class Carrier:
    """uvicorn with the server on a loopback port; raises OSError if the port cannot be had."""

    def __init__(self, server: Server, port: int = 0) -> None:
        self._uvicorn = uvicorn.Server(config(server))
        self._listener = listen(port)
        self.base_url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def serve_forever(self) -> None:
        """Serve until a signal comes."""
        self._uvicorn.run(sockets=[self._listener])


@contextmanager
def running(server: Server) -> Iterator[str]:
    """Serve on a free loopback port in a thread; yields the base URL."""
    carrier = uvicorn.Server(config(server))
    listener = listen()
    thread = threading.Thread(target=carrier.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    while not carrier.started:
        if not thread.is_alive():
            raise OSError("the embedded server could not be started on a loopback port")
        time.sleep(0.005)
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        carrier.should_exit = True
        thread.join(timeout=5)
        listener.close()

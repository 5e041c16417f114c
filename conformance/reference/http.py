"""The reference server over real HTTP/1.1 with keep-alive: uvicorn carries the bytes, the server answers."""

import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn

from conformance.reference.server import Call, Server

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


def config(server: Server, host: str = "127.0.0.1", port: int = 0) -> uvicorn.Config:
    """How uvicorn is to run it."""
    return uvicorn.Config(
        app(server), host, port, log_level="critical", access_log=False, lifespan="off", http="h11", ws="none", server_header=False
    )


@contextmanager
def running(server: Server) -> Iterator[str]:
    """Serve on a free loopback port in a thread; yields the base URL."""
    carrier = uvicorn.Server(config(server))
    thread = threading.Thread(target=carrier.run, daemon=True)
    thread.start()
    while not carrier.started:
        if not thread.is_alive():
            raise OSError("the embedded server could not be started on a loopback port")
        time.sleep(0.005)
    port = carrier.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        carrier.should_exit = True
        thread.join(timeout=5)

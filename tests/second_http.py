"""The second server as a function in this process, and on a loopback socket by Werkzeug."""

import contextlib
import threading
from collections.abc import Callable, Iterator
from email.errors import MissingHeaderBodySeparatorDefect
from io import BytesIO
from typing import Any, Literal
from urllib.parse import unquote_to_bytes

from werkzeug.serving import WSGIRequestHandler, make_server
from werkzeug.wrappers import Request

from tests.second_server import Server

Fields = tuple[tuple[str, str], ...]


def respond(server: Server) -> Callable[[str, str, Fields, bytes], tuple[int, Fields, bytes]]:
    """The server as a function from a request to a reply."""

    def answer(method: str, address: str, headers: Fields, body: bytes) -> tuple[int, Fields, bytes]:
        path, _, query = address.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method, "SCRIPT_NAME": "", "PATH_INFO": unquote_to_bytes(path).decode("latin-1"), "QUERY_STRING": query,
            "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "80", "SERVER_PROTOCOL": "HTTP/1.1", "wsgi.url_scheme": "http",
            "wsgi.input": BytesIO(body), "CONTENT_LENGTH": str(len(body)),
        }  # fmt: skip
        for name, value in headers:
            key = name.upper().replace("-", "_")
            key = key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"
            environ[key] = f"{environ[key]},{value}" if key in environ and key.startswith("HTTP_") else value
        chunks, status, fields = server.answer(Request(environ)).get_wsgi_response(environ)
        return int(status[:3]), tuple(fields), b"".join(chunks)

    return answer


class Handler(WSGIRequestHandler):
    """HTTP/1.1 by Werkzeug; it logs nothing and is strict about what RFC 9112 refuses."""

    def log(self, type: Literal["error", "info", "warning"] | str, message: str, *args: object) -> None:  # noqa: A002
        """Nothing is logged."""

    def parse_request(self) -> bool:
        if not super().parse_request():
            return False
        broken = any(isinstance(defect, MissingHeaderBodySeparatorDefect) for defect in self.headers.defects)
        if broken or len(self.headers.get_all("Host") or ()) != 1:
            self.send_error(400)
            return False
        return True


@contextlib.contextmanager
def serving(server: Server) -> Iterator[str]:
    """Serve on a free loopback port; yields the base URL."""
    listener = make_server("127.0.0.1", 0, Request.application(server.answer), threaded=True, request_handler=Handler)
    thread = threading.Thread(target=listener.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.port}"
    finally:
        listener.shutdown()
        thread.join()
        listener.server_close()

"""Servers on real sockets to run the harness against: one that nobody here wrote, and several that misbehave as a whole."""

import http.server
import json
import threading
import uuid
from base64 import b64decode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

SECRETS = {"SECRET": "s3cr3t:With%Colon", "PASSWORD": "Pass-w0rd+Plus"}

TARGET = """\
name: {name}
base_url: http://127.0.0.1:{port}
client: {{id: app-one, secret: "{SECRET}"}}
user: {{username: api42, password: "{PASSWORD}"}}
paths: {{token: /v9/tok, logout: /v9/out}}
deadline_s: 5
{more}
"""

RESOURCE = "fixtures: {resource: {path: /v9/me, alive: [200], dead: [403]}}"


class Foreign(http.server.BaseHTTPRequestHandler):
    """A legal server in another style: XML-ish header case, nested errors with string codes, grant checked before client."""

    protocol_version = "HTTP/1.1"
    wbufsize = -1
    live: set[str]

    def log_message(self, *args: Any) -> None:
        """Nothing is logged."""

    def answer(self, status: int, body: object, *headers: tuple[str, str]) -> None:
        data = body.encode() if isinstance(body, str) else json.dumps(body, indent=2).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("CONTENT-LENGTH", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def error(self, status: int, code: int, text: str) -> None:
        body = {"ts": 17, "errors": [{"id": str(uuid.uuid4()), "errCode": f"E-{code:02d}", "text": f"[{code}] {text}"}]}
        self.answer(status, body, ("CONTENT-TYPE", "application/vnd.x+json"), ("WWW-AUTHENTICATE", 'Basic realm="x"'))

    def bearer(self) -> str | None:
        scheme, _, token = self.authorization().partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None

    def authorization(self) -> str:
        """The Authorization field, which is none where there are two."""
        fields = self.headers.get_all("Authorization") or []
        return fields[0] if len(fields) == 1 else ""

    def do_GET(self) -> None:
        if self.path.startswith("/v9/tok"):
            self.answer(405, "no", ("Allow", "POST"))
            return
        token = self.bearer()
        if self.path.startswith("/v9/me"):
            self.answer(200 if token in self.live else 403, {})
        elif not token:
            self.error(400, 6, "Missing or bad Authorization header")
        elif token not in self.live:
            self.error(403, 2, "Invalid access token")
        else:
            self.live.discard(token)
            self.answer(200, '"OK!"', ("CONTENT-TYPE", "application/json"))

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode())
        if form.get("grant_type") != ["password"]:
            self.error(400, 2, "Missing or invalid grant_type")
            return
        scheme, _, pair = self.authorization().partition(" ")
        try:
            client, colon, secret = b64decode(pair, validate=True).decode().partition(":")
        except ValueError:
            client, colon, secret = "", "", ""
        if scheme.lower() != "basic" or not colon:
            self.error(401, 6, "Missing or bad Authorization header")
        elif (client, secret) != ("app-one", SECRETS["SECRET"]):
            self.error(401, 22, "Basic Authentication failed, bad username or password.")
        elif form.get("username") != ["api42"] or form.get("password") != [SECRETS["PASSWORD"]]:
            self.error(403, 20, "Invalid resource owner credentials")
        else:
            token = uuid.uuid4().hex + "=="
            self.live.add(token)
            body = {"scope": "all", "access_token": token, "expires_in": "1799", "token_type": "bearer", "issued_at": "17"}
            self.answer(200, body, ("CACHE-CONTROL", "private, NO-STORE"), ("CONTENT-TYPE", "application/json;charset=UTF-8"))


def always(status: int, body: str, media: str = "application/json", *headers: tuple[str, str]) -> type[Foreign]:
    """A server that answers everything alike."""

    class Always(Foreign):
        def do_GET(self) -> None:
            self.answer(status, body, ("Content-Type", media), *headers)

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.do_GET()

    return Always


ACCEPTS = always(200, '{"access_token": "abcdefghijkl0123456789", "expires_in": 60, "token_type": "Bearer"}')
REFUSES = always(401, '{"code": 6, "message": "Missing or bad Authorization header"}')
EMPTY = always(200, "")
HTML = always(200, "<html><body>Welcome</body></html>", "text/html")
BROKEN = always(500, "oops")


@contextmanager
def serving(handler: type[Foreign], folder: Path, more: str = RESOURCE, name: str = "foreign") -> Iterator[Path]:
    """Serve on a free port; yields the path of a target file for it."""
    bound = type("Bound", (handler,), {"live": set()})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), bound)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    path = folder / "target.yaml"
    path.write_text(TARGET.format(name=name, port=server.server_address[1], more=more, **SECRETS), encoding="utf-8")
    try:
        yield path
    finally:
        server.shutdown()
        server.server_close()


def stopping_after(requests: int) -> type[Foreign]:
    """A server that closes every connection without an answer after so many requests."""

    class Stopping(Foreign):
        seen = 0
        lock = threading.Lock()

        def _dies(self) -> bool:
            with self.lock:
                Stopping.seen += 1
                self.close_connection = Stopping.seen > requests
                return self.close_connection

        def do_GET(self) -> None:
            if not self._dies():
                super().do_GET()

        def do_POST(self) -> None:
            if not self._dies():
                super().do_POST()

    return Stopping


class WithoutLogout(Foreign):
    """A legal server that has no logout, which the page calls optional."""

    def do_GET(self) -> None:
        if self.path.startswith("/v9/out"):
            self.answer(404, "nothing here", ("Content-Type", "text/plain"))
        else:
            super().do_GET()

    def do_POST(self) -> None:
        if self.path.startswith("/v9/out"):
            self.rfile.read(int(self.headers.get("Content-Length") or 0))
            self.answer(404, "nothing here", ("Content-Type", "text/plain"))
        else:
            super().do_POST()

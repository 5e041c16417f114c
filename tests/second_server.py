"""A second correct server, written from the documentation alone: on Werkzeug, with other errors and tokens, under any readings.

It shares nothing with conformance/reference, so that the two cannot share a misunderstanding.
"""

import base64
import binascii
import hmac
import json
import re
import secrets
import threading
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from werkzeug.http import http_date
from werkzeug.wrappers import Request, Response

from tests.second_accounts import CLIENTS, CODES, FIRST, GRANTS, OTHER_STATUSES, ROWS, SCOPE, USERS

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
PARAMETERS = {"grant_type", "username", "password", "scope", "code", "redirect_uri", "refresh_token", "client_id", "client_secret"}
LAG_S, CAP = 0.3, 4
TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")


@dataclass
class Token:
    """An access token that was issued."""

    client: str
    user: str | None
    scope: str
    ends: float
    refresh: str | None = None
    revoked: bool = False


class Refused(Exception):
    """A request that is refused with a row of the page; `error` is the word of RFC 6750 at logout."""

    def __init__(self, code: int, *, logout: bool = False, error: str = "", status: int = 0) -> None:
        super().__init__(code)
        self.code, self.logout, self.error, self.status = code, logout, error, status


class Server:
    """The API under the readings of one variant. Not a WSGI server itself: `respond` is a function, `serving` a socket."""

    def __init__(self, readings: Mapping[str, str], now: Callable[[], float] = time.monotonic) -> None:
        self.readings, self.now, self.lock = FIRST | dict(readings), now, threading.Lock()
        self.tokens: dict[str, Token] = {}
        self.refreshes: dict[str, Token] = {}
        self.spent: set[str] = set()
        self.issued = 0
        self.key = secrets.token_bytes(32)

    def reads(self, axis: str, *words: str) -> bool:
        """Whether this server follows one of these readings."""
        return self.readings[axis] in words

    def code(self, axis: str) -> int:
        return int(self.readings[axis].removeprefix("code-"))

    def answer(self, request: Request) -> Response:
        with self.lock:
            try:
                response = self.route(request)
            except Refused as refused:
                response = self.refusal(refused)
        response.headers.setdefault("Date", http_date())
        return response

    def route(self, request: Request) -> Response:
        if request.method not in METHODS:
            return Response("not implemented", 501, mimetype="text/plain")
        paths: dict[str, Callable[[Request], Response]] = {"/oauth/v2/token": self.token, "/accounts/me": self.resource}
        if self.reads("logout.operation", "present"):
            paths["/oauth/v2/logout"] = self.logout_by_method
        if not self.reads("token.path", "absent"):
            paths["/oauth/token"] = self.token if self.reads("token.path", "alias") else self.older_token
        found = paths.get(request.path)
        return found(request) if found else Response("nothing is here", 404, mimetype="text/plain")

    def older_token(self, _: Request) -> Response:
        moved = self.reads("token.path", "redirect")
        return Response(status=301, headers={"Location": "/oauth/v2/token"}) if moved else Response("no passwords at version 1", 400)

    # The token endpoint

    def token(self, request: Request) -> Response:
        if request.method != "POST":
            return not_allowed("POST")
        form = self.form(request)
        client_id = self.authenticated(request, form)
        client = CLIENTS[client_id]
        if client.state != "ok":
            raise Refused(self.code(f"error.{client.state}-client"))
        grant = form.get("grant_type", "")
        if grant not in GRANTS:
            raise Refused(2)
        if grant != "password" and not self.reads("grant.other", "served"):
            raise Refused(self.code("grant.other"))
        if grant not in client.grants:
            raise Refused(self.code("error.grant-denied"))
        user = self.user_of(form, needed=grant == "password" or self.reads("grant.user", "needed"))
        scope = self.scope_of(form)
        if grant == "authorization_code":
            self.redeem(form)
            return self.issue(client_id, user or "api4790000001", scope)
        if grant == "refresh_token":
            return self.refresh(form, client_id)
        return self.issue(client_id, user if grant == "password" else None, scope)

    def form(self, request: Request) -> dict[str, str]:
        """The parameters that have a value. A repeated one, or one in the query, is refused."""
        raw = request.get_data()
        if request.mimetype == "application/x-www-form-urlencoded":
            text = raw.decode("utf-8", "surrogateescape")
            pairs = parse_qsl(text, keep_blank_values=True, errors="surrogateescape")
        elif request.mimetype == "multipart/form-data" and self.reads("request.media-type", "multipart", "any"):
            pairs = list(request.form.items(multi=True))
        elif request.mimetype == "application/json" and self.reads("request.media-type", "any"):
            pairs = json_pairs(raw)
        else:
            raise Refused(2, status=415)
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names) or PARAMETERS & set(request.args):
            raise Refused(2)
        return {name: value for name, value in pairs if value}

    def authenticated(self, request: Request, form: Mapping[str, str]) -> str:
        """The id of the client that proved who it is."""
        header = request.headers.get("Authorization", "")
        if not header:
            if not self.reads("client.in-body", "accepted") or not {"client_id", "client_secret"} <= set(form):
                raise Refused(6)
            return self.known([(form["client_id"], form["client_secret"])])
        scheme, _, encoded = header.partition(" ")
        if scheme.lower() != "basic":
            raise Refused(self.code("basic.scheme"))
        client_id = self.known(self.pairs(encoded.strip(" ")))
        if "client_secret" in form or form.get("client_id", client_id) != client_id:
            raise Refused(9)
        return client_id

    def pairs(self, encoded: str) -> list[tuple[str, str]]:
        """What the Basic value may mean: one pair, or two where raw and form-encoded ones are taken."""
        try:
            octets = base64.b64decode(encoded, validate=True)
            if len(encoded) % 4 or len(encoded.rstrip("=")) % 4 == 1:
                raise binascii.Error("no length of Base64")
        except ValueError:
            raise Refused(self.code("basic.undecodable")) from None
        name, colon, secret = decoded(octets).partition(":")
        if not colon:
            raise Refused(self.code("basic.no-colon"))
        raw, form = (name, secret), (unquote_plus(name), unquote_plus(secret))
        return {"raw": [raw], "form": [form], "both": [raw, form]}[self.readings["basic.encoding"]]

    def known(self, pairs: list[tuple[str, str]]) -> str:
        for client_id, secret in pairs:
            if client_id in CLIENTS and secret == CLIENTS[client_id].secret:
                return client_id
        if self.reads("client.errors", "separate"):
            raise Refused(22 if any(client_id in CLIENTS for client_id, _ in pairs) else 1)
        raise Refused(self.code("client.errors"))

    def user_of(self, form: Mapping[str, str], *, needed: bool) -> str | None:
        """The user whose credentials stand in the form."""
        if not {"username", "password"} <= set(form):
            if not needed:
                return None
            raise Refused(5 if self.reads("error.no-user", "other") else self.code("error.no-user"))
        fold = str.casefold if self.reads("username.case", "insensitive") else str
        name = next((name for name in USERS if fold(name) == fold(form["username"])), "")
        if not name or form["password"] != USERS[name].password or USERS[name].locked:
            raise Refused(20)
        if not USERS[name].ours:
            raise Refused(self.code("error.foreign-user"))
        return name

    def scope_of(self, form: Mapping[str, str]) -> str:
        if form.get("scope", SCOPE) != SCOPE and self.reads("scope", "validated"):
            raise Refused(8)
        return SCOPE

    def redeem(self, form: Mapping[str, str]) -> None:
        code = form.get("code", "")
        if code not in CODES or code in self.spent:
            raise Refused(4)
        if form.get("redirect_uri") != CODES[code]:
            raise Refused(self.code("error.wrong-redirect"))
        self.spent.add(code)

    def refresh(self, form: Mapping[str, str], client_id: str) -> Response:
        held = self.refreshes.get(form.get("refresh_token", ""))
        if held is None or held.client != client_id:
            raise Refused(7)
        if self.reads("refresh.rotation", "old-dies"):
            del self.refreshes[form["refresh_token"]]
        return self.issue(client_id, held.user, held.scope, again=False)

    def issue(self, client_id: str, user: str | None, scope: str, *, again: bool = True) -> Response:
        """A reply with a token; where the policy is `same` and `again` allows it, with the one that lives already."""
        now = self.now()
        mine = {value: held for value, held in self.tokens.items() if (held.client, held.user) == (client_id, user) and held.ends > now}
        for value, held in reversed(mine.items()):
            if again and self.reads("issue.policy", "same") and not held.revoked and held.ends - now >= 1:
                return self.granted(value, held, int(held.ends - now))
        self.issued += 1
        life = CLIENTS[client_id].life - (
            self.issued % 3 if self.reads("expires_in.value", "varies") and CLIENTS[client_id].life > 9 else 0
        )
        refresh = self.fresh_value() if user and not self.reads("refresh_token", "absent") else None
        token = Token(client_id, user, scope, now + life, refresh)
        value = self.fresh_value()
        self.tokens[value] = token
        if refresh:
            self.refreshes[refresh] = token
        for held in list(mine.values())[: max(0, len(mine) - self.kept() + 1)]:
            held.ends, held.revoked = now, True
        return self.granted(value, token, int(life))

    def kept(self) -> int:
        """How many tokens of a client and user live at once."""
        return {"revokes": 1, "capped": CAP}.get(self.readings["issue.policy"], 1_000_000)

    def granted(self, value: str, token: Token, life: int) -> Response:
        body: dict[str, Any] = {"scope": token.scope, "access_token": value, "expires_in": self.lifetime(life), "issued_by": "second"}
        if not self.reads("token_type", "absent"):
            body["token_type"] = {"lower-case": "bearer", "capitalised": "Bearer"}[self.readings["token_type"]]
        if token.refresh:
            body["refresh_token"] = token.refresh
        headers = {"Cache-Control": "no-store, private", "Pragma": "no-cache"}
        return Response(json.dumps(body), headers=headers, content_type="application/json;charset=UTF-8")

    def lifetime(self, life: int) -> int | str:
        return str(life) if self.reads("expires_in.type", "string") else life

    def fresh_value(self) -> str:
        """A value that nobody can guess, in the format of the variant: word, two UUIDs, or three parts like a JWT."""
        if self.reads("token.format", "word"):
            return secrets.token_hex(24)
        if self.reads("token.format", "base64url"):
            return f"{uuid.uuid4()}_{uuid.uuid4()}"
        head = part(json.dumps({"alg": "HS256", "typ": "at+jwt"}).encode())
        claims = part(json.dumps({"jti": secrets.token_urlsafe(24)}).encode())
        return f"{head}.{claims}.{part(hmac.digest(self.key, f'{head}.{claims}'.encode(), 'sha256'))}"

    # Logout and the resource

    def logout_by_method(self, request: Request) -> Response:
        methods = ["GET", "OPTIONS", *(["POST"] if self.reads("logout.post", "accepted") else [])]
        methods += [] if self.reads("logout.head", "refused") else ["HEAD"]
        if request.method == "OPTIONS":
            return Response(status=204, headers={"Allow": ", ".join(methods)})
        return self.logout(request) if request.method in methods else not_allowed(", ".join(methods))

    def logout(self, request: Request) -> Response:
        header = request.headers.get("Authorization", "")
        if not header and self.reads("logout.browser", "redirect") and "post_logout_redirect_uri" in request.args:
            return Response(status=302, headers={"Location": "/signed-out", "Cache-Control": "no-store"})
        if self.reads("logout.doubled-prefix", "tolerated"):
            header = header.removeprefix("Authorization: ")
        value = presented(header)
        if value is None:
            raise Refused(6, logout=True, error="invalid_request" if header else "")
        if not TOKEN68.fullmatch(value):
            raise Refused(self.code("logout.malformed") if value else 6, logout=True, error="invalid_request")
        if "access_token" in request.args:
            raise Refused(6, logout=True, error="invalid_request")
        self.end(value, request.method)
        return self.ok()

    def end(self, value: str, method: str) -> None:
        """End a token; raises Refused if it is dead and this server says so."""
        token = self.tokens.get(value)
        state = "dead" if token is None else "revoked" if token.revoked else "expired" if token.ends <= self.now() else "living"
        if token is None or state != "living":
            if self.reads(f"logout.{state}-token", "accepted"):
                return
            raise Refused(2, logout=True, error="invalid_token")
        if method == "HEAD" and self.reads("logout.head", "harmless"):
            return
        for held in self.ended_with(token):
            held.ends = min(held.ends, self.now() + (LAG_S if self.reads("revocation.lag", "within-budget") else 0))
            held.revoked = True
            if held.refresh and self.reads("refresh.after-logout", "dies"):
                self.refreshes.pop(held.refresh, None)

    def ended_with(self, token: Token) -> list[Token]:
        """The tokens that a logout of this one ends."""
        if self.reads("logout.scope", "token"):
            return [token]
        return [held for held in self.tokens.values() if (held.client, held.user) == (token.client, token.user)]

    def ok(self) -> Response:
        body = '"OK!"' if self.reads("logout.body", "json") else "OK!"
        media = {"text": "text/plain", "html": "text/html"}.get(self.readings["logout.body"], "application/json")
        response = Response(body, headers={"Cache-Control": "no-store"}, content_type=media)
        if self.reads("logout.body", "unlabelled"):
            del response.headers["Content-Type"]
        return response

    def resource(self, request: Request) -> Response:
        if request.method not in ("GET", "HEAD"):
            return not_allowed("GET, HEAD")
        value = presented(request.headers.get("Authorization", ""))
        if value is None or not self.opens(value):
            error = "" if value is None else ', error="invalid_token"'
            return Response(status=401, headers={"WWW-Authenticate": f'Bearer realm="accounts"{error}'})
        return Response('{"subscriptions": 3}', headers={"Cache-Control": "no-store"}, content_type="application/json")

    def opens(self, value: str) -> bool:
        token = self.tokens.get(value)
        return token is not None and token.user is not None and self.now() < token.ends

    # Errors

    def refusal(self, refused: Refused) -> Response:
        word, text = ROWS[refused.code]
        if refused.logout and refused.code == 2:
            text = "Invalid access token"
        if refused.code == 2 and self.reads("code-2", "endpoint"):
            text = "The request is not valid"
        status = self.status(refused)
        media, body = self.shaped(status, refused.code, refused.error or word, text)
        headers = {"Cache-Control": "no-store"}
        if refused.logout:
            headers["WWW-Authenticate"] = 'Bearer realm="second"' + (f', error="{refused.error}"' if refused.error else "")
        elif status == 401:
            headers["WWW-Authenticate"] = 'Basic realm="second"'
        return Response(body, status, headers, content_type=media)

    def status(self, refused: Refused) -> int:
        if refused.logout:
            alike = refused.code == 2 and not self.reads("code-2", "status")
            return 400 if alike or refused.error == "invalid_request" else 401
        if self.reads("errors.status", "all-400", "in-200"):
            return 400 if self.reads("errors.status", "all-400") else 200
        if self.reads("errors.status", "other"):
            return OTHER_STATUSES.get(refused.code, 400)
        return 401 if refused.code in (1, 22, 6) else refused.status or 400

    def shaped(self, status: int, number: int, word: str, text: str) -> tuple[str, str]:
        code: Any = {"number": number, "string": str(number), "composite": int(f"{status}{number:02d}")}.get(
            self.readings["errors.code-type"]
        )
        shape = self.readings["errors.shape"]
        if shape == "text":
            return "text/plain", f"Error code {number} - {text}\n"
        if shape == "xml":
            return "application/xml", f'<?xml version="1.0"?>\n<error><code>{number}</code><text>{text}</text></error>\n'
        bodies: dict[str, dict[str, Any]] = {
            "nested": {"fault": {"faultstring": text, "detail": {"errorcode": code}}},
            "list": {"errors": [{"code": code, "detail": text}]},
            "rfc": {"error": word, "error_description": text},
            "rfc-and-code": {"error": word, "error_description": text, "error_number": code},
            "gateway": {"ErrorCode": code, "Error": text},
            "members": {"errorCode": code, "message": text},
        }
        return "application/json", json.dumps(bodies[shape])


def not_allowed(methods: str) -> Response:
    return Response("method not allowed", 405, {"Allow": methods}, mimetype="text/plain")


def decoded(octets: bytes) -> str:
    """Text beyond ASCII is UTF-8, or else Latin-1 (RFC 7617 leaves it open)."""
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        return octets.decode("latin-1")


def json_pairs(raw: bytes) -> list[tuple[str, str]]:
    try:
        value = json.loads(raw)
    except ValueError:
        raise Refused(2) from None
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise Refused(2)
    return list(value.items())


def presented(header: str) -> str | None:
    """What follows `Bearer`, or None if the header is not of that scheme."""
    scheme, _, value = header.partition(" ")
    return value.strip(" ") if scheme.lower() == "bearer" else None


def part(octets: bytes) -> str:
    return base64.urlsafe_b64encode(octets).decode().rstrip("=")

"""The server itself, without sockets: a request in, an answer out. Methods are the seams at which a fault differs."""

import base64
import binascii
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

Headers = tuple[tuple[str, str], ...]

SHORT_LIVED = "short-lived-client"
SHORT_LIFE = 1
CLIENTS = {
    "reference-client": "ref-Secret-Kq7vXw29",
    "second-client": "ref-Secret-Mt4hZp83",
    SHORT_LIVED: "ref-Secret-Jd6sGy51",
}
USERS = {"api7813370001": "Pw-4hTzQ9rLk2", "api7813370002": "Pw-8mVbN3xYd6"}

READINGS: dict[str, tuple[str, ...]] = {
    "expires_in.type": ("integer", "string"),
    "code-2": ("status", "message", "endpoint"),
    "issue.policy": ("independent", "same", "revokes"),
    "logout.scope": ("token", "user"),
    "logout.dead-token": ("refused", "accepted"),
    "errors.shape": ("rfc-and-code", "code-message", "nested", "text"),
}
"""Axis → what this server can do, its default first. errors.shape is what D-07 leaves open."""

MESSAGES = {
    1: "Invalid client id",
    2: "Missing or invalid grant_type",
    6: "Missing or bad Authorization header",
    20: "Invalid resource owner credentials",
    22: "Basic Authentication failed, bad username or password.",
}
WORDS = {1: "invalid_client", 2: "unsupported_grant_type", 6: "invalid_client", 20: "invalid_grant", 22: "invalid_client"}
DEAD = "Invalid access token"


@dataclass(frozen=True)
class Call:
    """A request as a server sees it; header names in lower case."""

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes

    def lines(self, name: str) -> list[str]:
        """The values of all field lines with this name."""
        return [value for key, value in self.headers if key == name]


@dataclass(frozen=True)
class Answer:
    """A reply."""

    status: int
    headers: Headers = ()
    body: bytes = b""


@dataclass
class Token:
    """An issued token."""

    value: str
    client: str
    user: str
    expires: float
    dead: bool = False
    uses: int = 0


@dataclass(frozen=True)
class Refusal(Exception):
    """An error row: status, code, message."""

    status: int
    code: int
    message: str
    word: str
    scheme: str = "Basic"


@dataclass
class Server:
    """The API as documented. `now` gives seconds; the same calls at the same times give the same answers."""

    now: Callable[[], float]
    readings: Mapping[str, str] = field(default_factory=dict)
    lifetime: int = 3600
    tokens: dict[str, Token] = field(default_factory=dict)
    issued: int = 0

    def reading(self, axis: str) -> str:
        """The reading that this server follows on an axis."""
        return self.readings.get(axis, READINGS[axis][0])

    def respond(self, call: Call) -> Answer:
        """The answer to any request."""
        try:
            if call.path == "/oauth/v2/token":
                return self.token(call)
            if call.path == "/oauth/v2/logout":
                return self.logout(call)
            if call.path == "/resource":
                return self.resource(call)
            return Answer(404, (("content-type", "text/plain"),), b"not found")
        except Refusal as refusal:
            return self.error(refusal, call)

    # The token endpoint

    def token(self, call: Call) -> Answer:
        """POST /oauth/v2/token."""
        if call.method != "POST":
            return self.not_allowed("POST")
        client = self.authenticate(call)
        form = self.form(call)
        grant = form.get("grant_type", "")
        self.check_grant(grant)
        user = self.check_user(form)
        return self.success(self.issue(client, user), call)

    def authenticate(self, call: Call) -> str:
        """The client of a Basic header; raises Refusal with 6, 1 or 22."""
        lines = call.lines("authorization")
        if len(lines) != 1:
            raise self.refusal(6)
        scheme, _, encoded = lines[0].partition(" ")
        if not self.is_basic(scheme):
            raise self.refusal(6)
        client, colon, secret = self.decode(encoded.strip()).partition(":")
        if not colon:
            raise self.refusal(6)
        if self.find_client(client) is None:
            raise self.refusal(1)
        if not self.secret_matches(secret, CLIENTS[client]):
            raise self.refusal(22)
        return client

    def is_basic(self, scheme: str) -> bool:
        """Schemes are compared without regard to case (RFC 7617 section 2)."""
        return scheme.lower() == "basic"

    def decode(self, encoded: str) -> str:
        """The user-pass of a Basic header."""
        try:
            return base64.b64decode(encoded.encode("ascii"), validate=True).decode("utf-8")
        except (binascii.Error, UnicodeError, ValueError):
            raise self.refusal(6) from None

    def find_client(self, client: str) -> str | None:
        """The secret of a client, if there is such a client."""
        return CLIENTS.get(client)

    def secret_matches(self, given: str, secret: str) -> bool:
        """Whether a secret is the right one, all of it."""
        return hmac.compare_digest(given.encode(), secret.encode())

    def form(self, call: Call) -> dict[str, str]:
        """The parameters of the body; a parameter without a value counts as absent (RFC 6749 section 3.2)."""
        pairs = parse_qsl(call.body.decode("utf-8", "replace"), keep_blank_values=True)
        return {name: value for name, value in pairs if value}

    def check_grant(self, grant: str) -> None:
        """Only the password grant is served."""
        if grant != "password":
            raise self.refusal(2)

    def check_user(self, form: dict[str, str]) -> str:
        """The user whose credentials these are; raises Refusal with 20."""
        user = form.get("username", "")
        if user not in USERS or form.get("password") != USERS[user]:
            raise self.refusal(20)
        return user

    def issue(self, client: str, user: str) -> Token:
        """A token, new or (reading `same`) the living one of this client and user."""
        policy = self.reading("issue.policy")
        mine = [t for t in self.tokens.values() if (t.client, t.user) == (client, user) and self.lives(t)]
        if policy == "same" and mine:
            return mine[0]
        if policy == "revokes":
            for token in mine:
                token.dead = True
        self.issued += 1
        token = Token(self.new_value(client, user), client, user, self.now() + (SHORT_LIFE if client == SHORT_LIVED else self.lifetime))
        self.tokens[token.value] = token
        return token

    def new_value(self, client: str, user: str) -> str:
        """A token's value: deterministic, and as unguessable as the seed."""
        digest = hashlib.sha256(f"reference:{client}:{user}:{self.issued}".encode()).digest()
        return base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def lives(self, token: Token) -> bool:
        """Neither logged out nor expired."""
        return not token.dead and self.now() < token.expires

    def success(self, token: Token, call: Call) -> Answer:
        """The reply with the token."""
        return self.json(200, self.members(token), (("cache-control", "no-store"), ("pragma", "no-cache")))

    def members(self, token: Token) -> dict[str, Any]:
        """The members of a token reply."""
        return {"access_token": token.value, "expires_in": self.expires_in(token), "token_type": "Bearer"}

    def expires_in(self, token: Token) -> Any:
        """The rest of the token's life in seconds."""
        left = round(token.expires - self.now())
        return str(left) if self.reading("expires_in.type") == "string" else left

    # Logout and the resource

    def logout(self, call: Call) -> Answer:
        """GET /oauth/v2/logout."""
        if call.method not in ("GET", "HEAD"):
            return self.not_allowed("GET, HEAD")
        token = self.tokens.get(self.bearer(call))
        if call.method == "HEAD":
            return Answer(200, (("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")))
        if token is None or not self.lives(token):
            if self.reading("logout.dead-token") == "refused":
                raise self.dead_token()
        else:
            self.revoke(token)
        return Answer(200, (("content-type", "text/plain; charset=utf-8"), ("cache-control", "no-store")), b"OK!")

    def bearer(self, call: Call) -> str:
        """The token of a Bearer header; raises Refusal with 6."""
        lines = call.lines("authorization")
        scheme, _, value = lines[0].partition(" ") if len(lines) == 1 else ("", "", "")
        if not self.is_bearer(scheme) or not value.strip():
            raise self.refusal(6, scheme="Bearer")
        return value.strip()

    def is_bearer(self, scheme: str) -> bool:
        """Schemes are compared without regard to case (RFC 9110 section 11.1)."""
        return scheme.lower() == "bearer"

    def revoke(self, token: Token) -> None:
        """End the token, and under reading `user` its siblings."""
        token.dead = True
        if self.reading("logout.scope") == "user":
            for other in self.tokens.values():
                if (other.client, other.user) == (token.client, token.user):
                    other.dead = True

    def resource(self, call: Call) -> Answer:
        """GET /resource: tells whether the token lives."""
        token = self.tokens.get(self.bearer(call))
        if token is None or not self.lives(token):
            raise Refusal(401, 2, DEAD, "invalid_token", "Bearer")
        return self.json(200, {"user": "somebody"})

    # Errors

    def refusal(self, code: int, scheme: str = "Basic") -> Refusal:
        """The documented row with this code."""
        status = 401 if code in (1, 6, 22) else 400
        return Refusal(status, code, MESSAGES[code], WORDS[code], scheme)

    def dead_token(self) -> Refusal:
        """Code 2 as logout means it; its status and message depend on the reading of code 2."""
        reading = self.reading("code-2")
        message = MESSAGES[2] if reading == "endpoint" else DEAD
        return Refusal(401 if reading == "status" else 400, 2, message, "invalid_token", "Bearer")

    def error(self, refusal: Refusal, call: Call) -> Answer:
        """The error reply, in the server's shape."""
        headers = self.challenge(refusal) if refusal.status == 401 else ()
        shape = self.reading("errors.shape")
        if shape == "text":
            text = f"Error code {refusal.code} - {refusal.message}"
            return Answer(refusal.status, (("content-type", "text/plain"), *headers), text.encode())
        return self.json(refusal.status, self.error_members(refusal, shape), headers)

    def error_members(self, refusal: Refusal, shape: str) -> dict[str, Any]:
        """The members of a JSON error."""
        if shape == "code-message":
            return {"errorCode": refusal.code, "message": refusal.message}
        if shape == "nested":
            return {"fault": {"faultstring": refusal.message, "detail": {"errorcode": f"oauth.v2.{refusal.code}"}}}
        return {"error": refusal.word, "error_description": refusal.message, "code": refusal.code}

    def challenge(self, refusal: Refusal) -> Headers:
        """The WWW-Authenticate field of a 401."""
        if refusal.scheme == "Basic":
            return (("www-authenticate", 'Basic realm="oauth"'),)
        error = ', error="invalid_token"' if refusal.code == 2 else ""
        return (("www-authenticate", f'Bearer realm="oauth"{error}'),)

    def not_allowed(self, allow: str) -> Answer:
        """405 with Allow (RFC 9110 section 15.5.6)."""
        return Answer(405, (("allow", allow), ("content-type", "text/plain")), b"method not allowed")

    def json(self, status: int, members: Any, headers: Headers = ()) -> Answer:
        """A JSON reply."""
        return Answer(status, (("content-type", "application/json"), *headers), json.dumps(members).encode())


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """The answer with one header field replaced, or (None) removed."""
    kept = tuple((key, old) for key, old in answer.headers if key != name)
    return replace(answer, headers=kept if value is None else (*kept, (name, value)))

"""The server itself, without sockets: a request in, an answer out. Methods are the seams at which a fault differs."""

import hmac
import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from email.utils import formatdate
from typing import Any
from urllib.parse import unquote_plus

from conformance.reference.accounts import CLIENTS, CODES, GRANTS, REDIRECT, SCOPE, USERS, Client
from conformance.reference.errors import CLIENT_ROWS, INVALID_TOKEN, MESSAGES, WORDS, Refusal, written
from conformance.reference.forms import pairs_of
from conformance.reference.messages import NO_STORE, NOT_FOUND, OLD_PATH, Answer, Call, Headers, Refresh, Token, digest, user_pass
from conformance.reference.readings import CAP, READINGS, REVOCATION_LAG_S


@dataclass
class Server:
    """The API as documented. `now` gives seconds; the same calls at the same times give the same answers."""

    now: Callable[[], float]
    readings: Mapping[str, str] = field(default_factory=dict)
    lifetime: int = 3600
    tokens: dict[str, Token] = field(default_factory=dict)
    refreshes: dict[str, Refresh] = field(default_factory=dict)
    used_codes: set[str] = field(default_factory=set)
    issued: int = 0

    def reading(self, axis: str) -> str:
        """The reading that this server follows on an axis."""
        return self.readings.get(axis, READINGS[axis][0])

    def respond(self, call: Call) -> Answer:
        """The answer to any request."""
        try:
            answer = self.route(call)
        except Refusal as refusal:
            answer = self.error(refusal, call)
        return replace(answer, headers=(*answer.headers, *self.date()))

    def date(self) -> Headers:
        """The Date field (RFC 9110 section 6.6.1)."""
        return (("date", formatdate(usegmt=True)),)

    def route(self, call: Call) -> Answer:
        """The operation behind the path."""
        match call.path:
            case "/oauth/v2/token":
                return self.token(call)
            case "/oauth/v2/logout" if self.reading("logout.operation") == "present":
                return self.logout(call)
            case "/resource":
                return self.resource(call)
            case "/oauth/token":
                return self.token(call) if self.reading("token.path") == "alias" else OLD_PATH[self.reading("token.path")]
        return NOT_FOUND

    # The token endpoint

    def token(self, call: Call) -> Answer:
        """POST /oauth/v2/token."""
        if call.method != "POST":
            return self.not_allowed("POST")
        form = self.form(call)
        client = self.authenticate(call, form)
        grant = form.get("grant_type", "")
        self.check_grant(grant)
        self.check_client(client, grant)
        if grant == "refresh_token":
            return self.success(self.refreshed(client, form), call)
        user = self.check_code(client, form) if grant == "authorization_code" else ""
        if grant == "password" or (self.reading("grant.user") == "needed" and not user):
            user = self.check_user(form)
            self.check_company(client, user)
        token = self.issue(client, user, grant, self.check_scope(form))
        return self.success(token, call)

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        """The client of a Basic header, or under reading `accepted` of the body; raises Refusal with 6, 1 or 22."""
        lines = call.lines("authorization")
        if not lines and "client_secret" in form and self.reading("client.in-body") == "accepted":
            return self.check_secret(form.get("client_id", ""), form["client_secret"])
        if len(lines) != 1 or "client_secret" in form:
            raise self.refusal(6)
        client = self.check_basic(lines[0])
        if form.get("client_id", client) != client:
            raise self.refusal(9)
        return client

    def check_basic(self, value: str) -> str:
        """The client of an Authorization field."""
        scheme, _, encoded = value.partition(" ")
        if not self.is_basic(scheme):
            raise self.refusal(self.code_of("basic.scheme"))
        client, colon, secret = self.decode(encoded.strip(" ")).partition(":")
        if not colon:
            raise self.refusal(self.code_of("basic.no-colon"))
        return self.check_secret(client, secret)

    def check_secret(self, client: str, secret: str) -> str:
        """The client, if the secret is its own, in one of the encodings that this server takes."""
        ways = {"raw": (client, secret), "form": (unquote_plus(client), unquote_plus(secret))}
        pairs = [pair for way, pair in ways.items() if self.reading("basic.encoding") in (way, "both")]
        known = [(name, given) for name, given in pairs if self.find_client(name) is not None]
        if not known:
            raise self.refusal({"code-22": 22}.get(self.reading("client.errors"), 1))
        for name, given in known:
            found = self.find_client(name)
            if found is not None and self.secret_matches(given, found):
                return name
        raise self.refusal({"code-1": 1}.get(self.reading("client.errors"), 22))

    def is_basic(self, scheme: str) -> bool:
        """Schemes are compared without regard to case (RFC 7617 section 2)."""
        return scheme.lower() == "basic"

    def decode(self, encoded: str) -> str:
        """The user-pass of a Basic header."""
        text = user_pass(encoded)
        if text is None:
            raise self.refusal(self.code_of("basic.undecodable"))
        return text

    def find_client(self, client: str) -> str | None:
        """The secret of a client, if there is such a client."""
        return CLIENTS[client].secret if client in CLIENTS else None

    def secret_matches(self, given: str, secret: str) -> bool:
        """Whether a secret is the right one, all of it."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), secret.encode())

    def form(self, call: Call) -> dict[str, str]:
        """The parameters of the body; one without a value counts as absent (RFC 6749 section 3.2), one given twice is an error."""
        pairs = self.pairs(call)
        names = [name for name, _ in pairs]
        if len(set(names)) != len(names):
            raise self.refusal(2)
        return {name: value for name, value in pairs if value}

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        """The parameters as they were sent, in the media types that this server takes."""
        return pairs_of(",".join(call.lines("content-type")), call.body, self.reading("request.media-type"))

    def check_grant(self, grant: str) -> None:
        """Raises Refusal with 2 for a grant that is missing, unknown or (reading `code-2`) not served."""
        if grant not in GRANTS or (grant != "password" and self.reading("grant.other") == "code-2"):
            raise self.refusal(2)

    def check_client(self, client: str, grant: str) -> None:
        """Raises Refusal with 16, 5 or 21 for a client that is broken, not approved, or may not use the grant."""
        account = self.account(client)
        if not account.sound:
            raise self.refusal(self.code_of("error.broken-client"))
        if not account.approved:
            raise self.refusal(self.code_of("error.unapproved-client"))
        if grant not in account.grants or (grant != "password" and self.reading("grant.other") == "code-21"):
            raise self.refusal(self.code_of("error.grant-denied") if grant == "password" else 21)

    def account(self, client: str) -> Client:
        """What is known of a client."""
        return CLIENTS[client]

    def check_user(self, form: dict[str, str]) -> str:
        """The user whose credentials these are; raises Refusal with 20."""
        user = form.get("username", "")
        if not user or not form.get("password"):
            raise self.refusal(self.code_of("error.no-user"))
        if self.reading("username.case") == "insensitive":
            user = user.lower()
        if user not in USERS or not self.password_matches(form["password"], USERS[user].password) or USERS[user].locked:
            raise self.refusal(20)
        return user

    def password_matches(self, given: str, password: str) -> bool:
        """Whether a password is the right one, all of it."""
        return hmac.compare_digest(given.encode("utf-8", "surrogatepass"), password.encode())

    def check_company(self, client: str, user: str) -> None:
        """Raises Refusal with 23 for a user of another company."""
        if USERS[user].company != self.account(client).company:
            raise self.refusal(self.code_of("error.foreign-user"))

    def check_code(self, client: str, form: dict[str, str]) -> str:
        """The user behind an authorization code; raises Refusal with 4 or 12."""
        value = form.get("code", "")
        code = CODES.get(value)
        if code is None or code.client != client or value in self.used_codes:
            raise self.refusal(4)
        if form.get("redirect_uri", "") != code.redirect_uri:
            raise self.refusal(self.code_of("error.wrong-redirect"))
        self.used_codes.add(value)
        return code.user

    def check_scope(self, form: dict[str, str]) -> str:
        """The scope granted; raises Refusal with 8 for one that this client may not have."""
        words = form.get("scope", "").split()
        if self.reading("scope") == "ignored":
            return SCOPE if words else ""
        if set(words) - {SCOPE}:
            raise self.refusal(8)
        return form.get("scope", "")

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        """A token, new or (reading `same`) the living one of this client and user."""
        policy = self.reading("issue.policy")
        mine = [t for t in self.tokens.values() if (t.client, t.user) == (client, user) and self.lives(t)]
        if policy == "same" and grant != "refresh_token":
            for token in mine:
                if (token.grant, token.scope, token.dead_at) == (grant, scope, None) and token.expires - self.now() >= 1:
                    return token
        for token in mine if policy == "revokes" else mine[: -CAP + 1] if policy == "capped" else ():
            token.dead_at = self.now()
        self.issued += 1
        life = self.account(client).lifetime or self.lifetime - (self.issued % 2 if self.reading("expires_in.value") == "varies" else 0)
        token = Token(self.new_value(client, user), client, user, self.now() + life, scope, grant=grant)
        self.tokens[token.value] = token
        if self.reading("refresh_token") != "absent" and grant != "client_credentials":
            token.refresh = self.new_refresh(token)
            self.refreshes[token.refresh] = Refresh(token)
        return token

    def new_value(self, client: str, user: str) -> str:
        """A token's value: deterministic, and as unguessable as the seed."""
        value = digest(f"reference:{client}:{user}:{self.issued}")
        match self.reading("token.format"):
            case "word":
                return value.replace("-", "x").replace("_", "y")
            case "other":
                return f"{value}.~/+{self.issued}="
        return value

    def new_refresh(self, token: Token) -> str:
        """A refresh token's value."""
        return digest(f"refresh:{token.value}")

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        """A new token for a refresh token, which rotates; raises Refusal with 7."""
        found = self.refreshes.get(form.get("refresh_token", ""))
        if found is None or found.dead or found.token.client != client or self.reading("refresh_token") == "unusable":
            raise self.refusal(7)
        scope = self.narrowed(form, found.token)
        found.dead = self.reading("refresh.rotation") == "old-dies"
        return self.issue(client, found.token.user, "refresh_token", scope)

    def narrowed(self, form: dict[str, str], token: Token) -> str:
        """The scope of a refreshed token: never more than the first one's (RFC 6749 section 6)."""
        scope = self.check_scope(form)
        if set(scope.split()) - set(token.scope.split()) and token.scope:
            raise self.refusal(8)
        return scope or token.scope

    def lives(self, token: Token) -> bool:
        """Neither logged out nor expired."""
        return not self.ended(token) and self.now() < token.expires

    def ended(self, token: Token) -> bool:
        """Whether a logout, or another login, has ended the token."""
        return token.dead_at is not None and self.now() >= token.dead_at

    def success(self, token: Token, call: Call) -> Answer:
        """The reply with the token."""
        return self.json(200, self.members(token), NO_STORE)

    def members(self, token: Token) -> dict[str, Any]:
        """The members of a token reply."""
        words = {"capitalised": "Bearer", "lower-case": "bearer"}
        members = {"access_token": token.value, "expires_in": self.expires_in(token), "token_type": words.get(self.reading("token_type"))}
        members |= {"refresh_token": token.refresh or None, "scope": token.scope or None}
        return {name: value for name, value in members.items() if value is not None}

    def expires_in(self, token: Token) -> Any:
        """The rest of the token's life in seconds."""
        left = math.floor(token.expires - self.now() + 0.01)
        return str(left) if self.reading("expires_in.type") == "string" else left

    # Logout and the resource

    def logout(self, call: Call) -> Answer:
        """GET /oauth/v2/logout."""
        if call.method == "HEAD" and self.reading("logout.head") == "harmless":
            return self.farewell()
        if call.method not in self.logout_methods():
            return self.not_allowed(", ".join(self.logout_methods()))
        if not call.lines("authorization") and call.query and self.reading("logout.browser") == "redirect":
            return self.browser_mode(call)
        value = self.bearer(call)
        token = self.tokens.get(value)
        if token is None or not self.lives(token):
            state = "dead-token" if token is None else "revoked-token" if self.ended(token) else "expired-token"
            if self.reading(f"logout.{state}") == "refused":
                raise self.dead_token()
        elif token.dead_at is None:
            self.revoke(token)
        return self.farewell()

    def logout_methods(self) -> tuple[str, ...]:
        """The methods that log out."""
        more = (("HEAD", "logout.head", "revokes"), ("POST", "logout.post", "accepted"))
        return ("GET", *(method for method, axis, word in more if self.reading(axis) == word))

    def browser_mode(self, call: Call) -> Answer:
        """The undocumented mode for browsers (D-17): a redirect to the registered address, whatever is asked for, that ends no token."""
        return Answer(302, (("location", REDIRECT), ("cache-control", "no-store"), ("content-type", "text/plain")))

    def farewell(self) -> Answer:
        """The reply to a successful logout."""
        kinds = {"text": "text/plain; charset=utf-8", "html": "text/html; charset=utf-8"}
        body = b'"OK!"' if self.reading("logout.body") == "json" else b"OK!"
        labels = (("content-type", kinds.get(self.reading("logout.body"), "application/json")),)
        return Answer(200, (*(() if self.reading("logout.body") == "unlabelled" else labels), *NO_STORE), body)

    def bearer(self, call: Call) -> str:
        """The token of a Bearer header; raises Refusal with 6."""
        lines = call.lines("authorization")
        if len(lines) > 1:
            raise replace(self.refusal(6, scheme="Bearer"), status=400)
        value = lines[0] if lines else ""
        if self.reading("logout.doubled-prefix") == "tolerated":
            value = value.removeprefix("Authorization: ")
        scheme, _, token = value.partition(" ")
        if not self.is_bearer(scheme) or not token.strip(" "):
            raise self.refusal(6, scheme="Bearer")
        if set(token.strip(" ")) & set(' ,"'):
            raise self.dead_token() if self.reading("logout.malformed") == "code-2" else self.refusal(6, scheme="Bearer")
        return token.strip(" ")

    def is_bearer(self, scheme: str) -> bool:
        """Schemes are compared without regard to case (RFC 9110 section 11.1)."""
        return scheme.lower() == "bearer"

    def revoke(self, token: Token) -> None:
        """End the token, and under reading `user` its siblings."""
        self.end(token)
        if self.reading("logout.scope") == "user":
            for other in self.tokens.values():
                if (other.client, other.user) == (token.client, token.user) and other.dead_at is None:
                    self.end(other)

    def end(self, token: Token) -> None:
        """End one token and, unless it survives, its refresh token."""
        token.dead_at = self.now() + (REVOCATION_LAG_S if self.reading("revocation.lag") == "within-budget" else 0)
        if token.refresh and self.reading("refresh.after-logout") == "dies":
            self.refreshes[token.refresh].dead = True

    def resource(self, call: Call) -> Answer:
        """GET /resource: tells whether the token lives."""
        token = self.tokens.get(self.bearer(call))
        if token is None or not self.lives(token):
            raise Refusal(401, 2, INVALID_TOKEN, "invalid_token", "Bearer")
        return self.json(200, {"subscriber": 1 + list(USERS).index(token.user) if token.user else None})

    # Errors

    def refusal(self, code: int, scheme: str = "Basic") -> Refusal:
        """The documented row with this code."""
        status = 401 if code in CLIENT_ROWS else 400
        return Refusal(status, code, MESSAGES[code], WORDS[code], scheme)

    def code_of(self, axis: str) -> int:
        """The code that a reading such as `code-6` names; 16 where it is none of those."""
        return int(self.reading(axis).replace("other", "16").removeprefix("code-"))

    def dead_token(self) -> Refusal:
        """Code 2 as logout means it; its status and message depend on the reading of code 2."""
        reading = self.reading("code-2")
        message = MESSAGES[2] if reading == "endpoint" else INVALID_TOKEN
        return Refusal(401 if reading == "status" else 400, 2, message, "invalid_token", "Bearer")

    def error(self, refusal: Refusal, call: Call) -> Answer:
        """The error reply, in the server's shape."""
        if refusal.scheme == "Basic" and refusal.status < 500:
            other = 422 if refusal.code not in CLIENT_ROWS else refusal.status
            status = {"all-400": 400, "in-200": 200, "other": other}.get(self.reading("errors.status"), refusal.status)
            refusal = replace(refusal, status=status)
        headers = self.challenge(refusal) if refusal.status == 401 else ()
        media, body = self.written(refusal)
        return Answer(refusal.status, (("content-type", media), ("cache-control", "no-store"), *headers), body.encode())

    def written(self, refusal: Refusal) -> tuple[str, str]:
        """Media type and body of an error."""
        return written(refusal, self.reading("errors.shape"), self.reading("errors.code-type"))

    def challenge(self, refusal: Refusal) -> Headers:
        """The WWW-Authenticate field of a 401."""
        if refusal.scheme == "Basic":
            return (("www-authenticate", f'Basic realm="oauth", error="{refusal.word}"'),)
        error = ', error="invalid_token"' if refusal.code == 2 else ""
        return (("www-authenticate", f'Bearer realm="oauth"{error}'),)

    def not_allowed(self, allow: str) -> Answer:
        """405 with Allow (RFC 9110 section 15.5.6)."""
        return Answer(405, (("allow", allow), ("content-type", "text/plain")), b"method not allowed")

    def json(self, status: int, members: Any, headers: Headers = ()) -> Answer:
        """A JSON reply."""
        return Answer(status, (("content-type", "application/json"), *headers), json.dumps(members).encode())

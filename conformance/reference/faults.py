"""The faults: each is the server with one method different, and declares the clauses that it breaks and with which outcome."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.reference.server import CLIENTS, USERS, Answer, Call, Headers, Refusal, Server, Token, with_header


@dataclass(frozen=True)
class Fault:
    """A named misbehaviour. `breaks`: clause → outcome; `also`: further red clauses, each with the reason (three at most)."""

    name: str
    title: str
    breaks: Mapping[str, str]
    also: Mapping[str, str]
    server: type[Server]


FAULTS: dict[str, Fault] = {}


def fault(breaks: Mapping[str, str], also: Mapping[str, str] | None = None) -> Callable[[type[Server]], type[Server]]:
    """Declare a subclass of Server as a fault; its name in kebab-case is the fault's, its docstring the title."""

    def declare(server: type[Server]) -> type[Server]:
        name = "".join(f"-{char.lower()}" if char.isupper() else char for char in server.__name__).lstrip("-")
        if name in FAULTS or len(also or {}) > 3 or not breaks:
            raise ValueError(f"fault {name!r}: declared twice, without breaks, or with more than three also")
        FAULTS[name] = Fault(name, (server.__doc__ or "").strip(), dict(breaks), dict(also or {}), server)
        return server

    return declare


def edited(answer: Answer, **members: Any) -> Answer:
    """A JSON answer with some members replaced, or (None) removed."""
    body = json.loads(answer.body) | members
    return replace(answer, body=json.dumps({name: value for name, value in body.items() if value is not None}).encode())


# Basic authentication


@fault(breaks={"T-42": "fail"})
class MissingHeaderIsCode22(Server):
    """A missing Authorization header is answered with code 22 instead of 6."""

    def authenticate(self, call: Call) -> str:
        if not call.lines("authorization"):
            raise self.refusal(22)
        return super().authenticate(call)


@fault(breaks={"F-04": "fail", "T-42": "fail"})
class MissingHeaderAccepted(Server):
    """A request without Authorization is served as the first client's."""

    def authenticate(self, call: Call) -> str:
        return super().authenticate(call) if call.lines("authorization") else next(iter(CLIENTS))


@fault(breaks={"T-38": "fail", "F-04": "fail", "S-02": "fail"})
class SecretNotChecked(Server):
    """Any secret authenticates a known client."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return True


@fault(breaks={"T-38": "fail"})
class WrongSecretIsCode20(Server):
    """A wrong secret is reported as wrong user credentials."""

    def authenticate(self, call: Call) -> str:
        try:
            return super().authenticate(call)
        except Refusal as refusal:
            raise replace_code(refusal, 20) if refusal.code == 22 else refusal from None


def replace_code(refusal: Refusal, code: int) -> Refusal:
    """The same refusal under another code."""
    return replace(refusal, code=code, message="Invalid resource owner credentials")


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretPrefixAccepted(Server):
    """A secret without its last character is accepted."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return len(given) > 8 and secret.startswith(given)


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretSuffixIgnored(Server):
    """Whatever follows the right secret is ignored."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given.startswith(secret)


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretCaseIgnored(Server):
    """The secret is compared without regard to case."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given.lower() == secret.lower()


@fault(breaks={"F-04": "fail", "S-02": "fail"})
class SecretCutAtSixteen(Server):
    """Only the first sixteen characters of the secret count."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return given[:16] == secret[:16]


@fault(breaks={"T-35": "fail"})
class UnknownClientIsCode20(Server):
    """An unknown client is reported as wrong user credentials."""

    def find_client(self, client: str) -> str | None:
        if client not in CLIENTS:
            raise replace_code(self.refusal(1), 20)
        return CLIENTS[client]


@fault(breaks={"T-13": "fail", "T-49": "fail"})
class UndecodableIsServerError(Server):
    """A Basic header that cannot be decoded is an internal error."""

    def decode(self, encoded: str) -> str:
        try:
            return super().decode(encoded)
        except Refusal:
            raise Refusal(500, 2, "Internal Server Error", "server_error") from None


@fault(breaks={"N-7617-01": "fail"})
class BasicCaseSensitive(Server):
    """The scheme `basic` in lower case is refused."""

    def is_basic(self, scheme: str) -> bool:
        return scheme == "Basic"


# The token request


@fault(breaks={"T-34": "fail"})
class MissingGrantIsCode20(Server):
    """A missing grant_type is reported as wrong user credentials."""

    def check_grant(self, grant: str) -> None:
        if not grant:
            raise self.refusal(20)
        super().check_grant(grant)


@fault(breaks={"T-34": "fail", "F-04": "fail"})
class AnyGrantAccepted(Server):
    """A grant_type that nobody knows is treated as password."""

    def check_grant(self, grant: str) -> None:
        if not grant:
            super().check_grant(grant)


@fault(breaks={"T-22": "fail", "F-04": "fail"})
class UsernameNotNeeded(Server):
    """A request without username gets the first user's token."""

    def check_user(self, form: dict[str, str]) -> str:
        return super().check_user(form) if form.get("username") else next(iter(USERS))


@fault(breaks={"T-23": "fail", "F-04": "fail"})
class PasswordNotNeeded(Server):
    """A request without password gets a token."""

    def check_user(self, form: dict[str, str]) -> str:
        return super().check_user(form) if form.get("password") or form.get("username") not in USERS else form["username"]


@fault(breaks={"T-36": "fail"})
class UnknownUserIsCode22(Server):
    """A user that does not exist is reported as failed client authentication."""

    def check_user(self, form: dict[str, str]) -> str:
        try:
            return super().check_user(form)
        except Refusal:
            if form.get("username") and form["username"] not in USERS:
                raise replace(self.refusal(22), status=400) from None
            raise


@fault(breaks={"T-01": "fail"})
class TokenByGet(Server):
    """GET with the parameters in the query issues a token."""

    def token(self, call: Call) -> Answer:
        if call.method == "GET":
            call = replace(call, method="POST", body=call.query.encode())
        return super().token(call)


@fault(breaks={"N-6749-11": "fail"})
class UnknownParameterRefused(Server):
    """A parameter that the server does not know is an error."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if any(name.startswith("x-") for name in form):
            raise self.refusal(2)
        return form


# The token reply


@fault(breaks={"T-32": "fail"}, also={"N-6749-23": "every other expires_in is a string"})
class ExpiresInTypeAlternates(Server):
    """`expires_in` is a number and a string by turns."""

    def expires_in(self, token: Token) -> Any:
        value = super().expires_in(token)
        return str(value) if self.issued % 2 else value


@fault(breaks={"T-09": "fail"})
class ExpiresInMilliseconds(Server):
    """`expires_in` counts milliseconds."""

    def expires_in(self, token: Token) -> Any:
        return int(super().expires_in(token)) * 1000


@fault(breaks={"T-27": "fail"})
class ExpiresInZero(Server):
    """`expires_in` is 0 although the token lives."""

    def expires_in(self, token: Token) -> Any:
        return 0


@fault(breaks={"F-11": "fail"})
class ExpiresInMissing(Server):
    """The token reply has no `expires_in`."""

    def members(self, token: Token) -> dict[str, Any]:
        return {name: value for name, value in super().members(token).items() if name != "expires_in"}


@fault(breaks={"T-29": "fail"})
class TokenTypeBearerToken(Server):
    """`token_type` is `BearerToken`, an API gateway's default."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"token_type": "BearerToken"}


@fault(breaks={"N-6749-21": "fail"})
class TokenTypeMissing(Server):
    """The token reply has no `token_type`."""

    def members(self, token: Token) -> dict[str, Any]:
        return {name: value for name, value in super().members(token).items() if name != "token_type"}


@fault(breaks={"L-06": "fail"})
class TokenWithSpace(Server):
    """Tokens contain a space, which no Authorization header can carry."""

    def new_value(self, client: str, user: str) -> str:
        value = super().new_value(client, user)
        return f"{value[:20]} {value[20:]}"


@fault(breaks={"T-30": "fail"})
class RefreshTokenEmpty(Server):
    """The token reply has an empty refresh_token."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"refresh_token": ""}


@fault(breaks={"F-11": "fail"})
class CamelCaseMembers(Server):
    """The members are called accessToken and expiresIn."""

    def members(self, token: Token) -> dict[str, Any]:
        members = super().members(token)
        return {"accessToken": members["access_token"], "expiresIn": members["expires_in"]}


class _Reply(Server):
    """A server whose token reply is altered as a whole."""

    def alter(self, answer: Answer) -> Answer:
        return answer

    def success(self, token: Token, call: Call) -> Answer:
        return self.alter(super().success(token, call))


@fault(breaks={"T-27": "fail", "T-32": "fail"})
class ExpiresInTrue(Server):
    """`expires_in` is the JSON value true."""

    def expires_in(self, token: Token) -> Any:
        return True


@fault(breaks={"T-25": "fail", "F-11": "fail"})
class AccessTokenNumber(Server):
    """`access_token` is a JSON number."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"access_token": 4711}


@fault(breaks={"T-25": "fail", "F-11": "fail", "L-06": "fail"})
class AccessTokenEmpty(Server):
    """`access_token` is an empty string."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"access_token": ""}


@fault(breaks={"T-29": "fail", "N-6749-21": "fail"})
class TokenTypeNumber(Server):
    """`token_type` is a JSON number."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"token_type": 1}


@fault(breaks={"T-30": "fail"})
class RefreshTokenNumber(Server):
    """`refresh_token` is a JSON number."""

    def members(self, token: Token) -> dict[str, Any]:
        return super().members(token) | {"refresh_token": 4711}


@fault(breaks={"N-6749-27": "fail"})
class TokenStorable(_Reply):
    """Nothing forbids storing a token reply."""

    def alter(self, answer: Answer) -> Answer:
        return with_header(answer, "cache-control", None)


@fault(breaks={"N-6749-25": "fail"})
class TokenCreated(_Reply):
    """A token reply has status 201."""

    def alter(self, answer: Answer) -> Answer:
        return replace(answer, status=201)


@fault(breaks={"N-6749-26": "fail"})
class TokenAsPlainText(_Reply):
    """A token reply is labelled text/plain."""

    def alter(self, answer: Answer) -> Answer:
        return with_header(answer, "content-type", "text/plain")


@fault(breaks={"S-01": "fail"})
class PasswordEchoed(Server):
    """The token reply repeats the password."""

    def success(self, token: Token, call: Call) -> Answer:
        return edited(super().success(token, call), login=f"{token.user}:{USERS[token.user]}")


# Errors


@fault(breaks={"S-01": "fail"})
class TokenEchoedInError(Server):
    """The error for a dead token repeats the token."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        given = "".join(call.lines("authorization"))
        return edited(answer, detail=given.split(" ")[-1]) if refusal.word == "invalid_token" else answer


@fault(breaks={"N-9110-01": "fail"}, also={"N-6749-31": "a Basic challenge is missing wherever a challenge is"})
class NoChallenge(Server):
    """A 401 carries no challenge."""

    def challenge(self, refusal: Refusal) -> Headers:
        return ()


@fault(breaks={"N-6749-31": "fail"})
class BearerChallengeForClient(Server):
    """A client that fails to authenticate is challenged to use Bearer."""

    def challenge(self, refusal: Refusal) -> Headers:
        return (("www-authenticate", 'Bearer realm="oauth"'),)


@fault(breaks={"N-6749-29": "fail"}, also={"N-6749-31": "the failed client gets 200 as well"})
class ErrorsInside200(Server):
    """Every error of the token endpoint has status 200."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        return replace(answer, status=200) if refusal.scheme == "Basic" else answer


@fault(breaks={"T-50": "fail", "T-36": "fail"})
class UnlistedCode(Server):
    """Wrong user credentials are reported with a code that the documentation does not list."""

    def error_members(self, refusal: Refusal, shape: str) -> dict[str, Any]:
        code = 77 if refusal.code == 20 else refusal.code
        return {"error": refusal.word, "error_description": "Denied" if code == 77 else refusal.message, "code": code}


@fault(breaks={"S-03": "fail"})
class StackTraceShown(Server):
    """An error for wrong user credentials shows a stack trace."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        return edited(answer, trace="Traceback (most recent call last): users.py") if refusal.code == 20 else answer


@fault(breaks={"F-08": "fail"})
class HtmlErrors(Server):
    """Errors of the token endpoint are labelled text/html."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        return with_header(super().error(refusal, call), "content-type", "text/html; charset=utf-8")


# Logout


@fault(breaks={"L-02": "fail"})
class LogoutDoesNothing(Server):
    """Logout answers OK! and revokes nothing."""

    def revoke(self, token: Token) -> None:
        return


@fault(breaks={"L-02": "fail"}, also={"L-03": "a sibling dies, which did not happen before"})
class LogoutEndsLatest(Server):
    """Logout ends the latest token of the user instead of the presented one."""

    def revoke(self, token: Token) -> None:
        mine = [other for other in self.tokens.values() if other.user == token.user and self.lives(other)]
        mine[-1].dead = True


@fault(breaks={"F-26": "fail"})
class LogoutEndsOtherUsers(Server):
    """Logout ends the tokens of all other users, too."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        for other in self.tokens.values():
            if other.user != token.user:
                other.dead = True


@fault(breaks={"L-03": "fail"}, also={"F-05": "several things happened to the sibling before it was found dead"})
class LogoutScopeVaries(Server):
    """Every third logout ends every token of the user, the others only the presented one."""

    logouts = 0

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        self.logouts += 1
        if self.logouts % 3 == 0:
            for other in self.tokens.values():
                if other.user == token.user:
                    other.dead = True


@fault(breaks={"L-08": "fail"})
class LogoutWithoutHeader(Server):
    """Logout without Authorization is answered OK!."""

    def logout(self, call: Call) -> Answer:
        if not call.lines("authorization") and not call.query:
            return Answer(200, (("content-type", "text/plain"),), b"OK!")
        return super().logout(call)


@fault(breaks={"L-10": "fail"})
class LogoutByQuery(Server):
    """A token in the query is honoured when the header is missing."""

    def bearer(self, call: Call) -> str:
        name, _, value = call.query.partition("=")
        return value if name == "access_token" and not call.lines("authorization") else super().bearer(call)


@fault(breaks={"L-12": "fail"})
class UnknownTokenIsCode6(Server):
    """A token that was never issued is reported as a bad header."""

    def dead_token(self) -> Refusal:
        return replace(self.refusal(6, scheme="Bearer"))


@fault(breaks={"L-13": "fail"})
class LogoutTakesBasic(Server):
    """A Basic header at logout is answered OK!."""

    def logout(self, call: Call) -> Answer:
        if "".join(call.lines("authorization")).startswith("Basic "):
            return Answer(200, (("content-type", "text/plain"),), b"OK!")
        return super().logout(call)


@fault(breaks={"N-6750-03": "fail"})
class BearerCaseSensitive(Server):
    """The scheme `bearer` in lower case is refused."""

    def is_bearer(self, scheme: str) -> bool:
        return scheme == "Bearer"


@fault(breaks={"L-07": "fail"})
class LogoutNoContent(Server):
    """A successful logout has status 204 and no body."""

    def logout(self, call: Call) -> Answer:
        answer = super().logout(call)
        return Answer(204) if answer.status == 200 else answer


@fault(breaks={"L-01": "fail"}, also={"L-07": "no logout has status 200"})
class LogoutNotFound(Server):
    """Logout does not exist."""

    def logout(self, call: Call) -> Answer:
        self.bearer(call)
        raise replace(self.dead_token(), status=404)


@fault(breaks={"T-03": "fail", "T-49": "fail"})
class SecondLogoutIsServerError(Server):
    """Logout of a token that is logged out already is an internal error."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and not self.lives(token):
            raise Refusal(500, 2, "Internal Server Error", "server_error")
        return super().logout(call)


@fault(breaks={"T-49": "fail"})
class NonAsciiIsServerError(Server):
    """A body with characters outside ASCII is an internal error."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if not all(value.isascii() for value in form.values()):
            raise Refusal(500, 2, "Internal Server Error", "server_error")
        return form


@fault(breaks={"L-14": "fail"}, also={"T-49": "the status is a server error", "T-34": "the row is the internal one"})
class GrantErrorsAreInternal(Server):
    """A bad grant_type is answered with 500."""

    def check_grant(self, grant: str) -> None:
        if grant != "password":
            raise replace(self.refusal(2), status=500)


# Lifetime


@fault(breaks={"F-05": "fail"}, also={"F-25": "a login between two uses seems to end the token"})
class SingleUse(Server):
    """A token serves one request only."""

    def resource(self, call: Call) -> Answer:
        answer = super().resource(call)
        self.tokens[self.bearer(call)].dead = True
        return answer


@fault(breaks={"F-05": "fail"}, also={"F-25": "a login between two uses seems to end the token"})
class DeadAfterThreeUses(Server):
    """A token dies at its fourth use."""

    def resource(self, call: Call) -> Answer:
        answer = super().resource(call)
        token = self.tokens[self.bearer(call)]
        token.uses += 1
        token.dead = token.dead or token.uses >= 3
        return answer


@fault(breaks={"F-06": "fail", "N-6749-35": "fail"})
class TokenNeverExpires(Server):
    """A token lives on after its expires_in."""

    def lives(self, token: Token) -> bool:
        return not token.dead


@fault(breaks={"T-02": "fail"})
class ResourceOpen(Server):
    """The resource takes any token."""

    def resource(self, call: Call) -> Answer:
        self.bearer(call)
        return self.json(200, {"user": "somebody"})


@fault(breaks={"F-25": "fail"})
class ThirdLoginEvicts(Server):
    """A fifth login ends the oldest tokens of the user."""

    def issue(self, client: str, user: str) -> Token:
        token = super().issue(client, user)
        mine = [other for other in self.tokens.values() if other.user == user and self.lives(other)]
        for other in mine[:-2] if self.issued > 4 else ():
            other.dead = True
        return token

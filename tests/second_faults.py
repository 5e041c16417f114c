"""Faults planted in the second server, each with the clauses that it breaks; independent of those of the reference server."""

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from werkzeug.wrappers import Request, Response

from tests.second_accounts import CLIENTS, CODES, SCOPE, USERS
from tests.second_server import Refused, Server, Token, presented


class Planted(NamedTuple):
    """A faulty server, the variant it is a fault of, the subjects whose checks are run, and the clauses that must be red and may be."""

    server: type[Server]
    variant: str
    subjects: frozenset[str]
    breaks: frozenset[str]
    also: frozenset[str]


FAULTS: dict[str, Planted] = {}


def planted(variant: str, subjects: str, breaks: str, also: str = "") -> Callable[[type[Server]], type[Server]]:
    """Declare a fault: a server that deviates from the second server in one thing. Its docstring says which."""

    def declare(server: type[Server]) -> type[Server]:
        FAULTS[server.__name__] = Planted(server, variant, frozenset(subjects.split()), frozenset(breaks.split()), frozenset(also.split()))
        return server

    return declare


# Basic


@planted("nested", "basic", "S-02", also="F-04")
class SecretInAnyCase(Server):
    """The secret is compared without regard to case."""

    def known(self, pairs: list[tuple[str, str]]) -> str:
        return super().known([(name, CLIENTS[name].secret if folded(name) == secret.casefold() else secret) for name, secret in pairs])


def folded(name: str) -> str | None:
    return CLIENTS[name].secret.casefold() if name in CLIENTS else None


@planted("members", "basic", "S-04", also="F-04")
class EmptySecret(Server):
    """An empty secret authenticates."""

    def known(self, pairs: list[tuple[str, str]]) -> str:
        return super().known([(name, secret or CLIENTS[name].secret) if name in CLIENTS else (name, secret) for name, secret in pairs])


@planted("words", "basic", "T-12", also="I-23 I-24 N-7617-05 T-10")
class LastColon(Server):
    """Id and secret are parted at the last colon."""

    def pairs(self, encoded: str) -> list[tuple[str, str]]:
        ((name, secret),) = super().pairs(encoded)
        left, _, right = f"{name}:{secret}".rpartition(":")
        return [(left, right)]


@planted("gateway", "basic", "N-7617-01", also="I-29 N-9110-02")
class SchemeInOneCase(Server):
    """The scheme must be spelled Basic."""

    def authenticated(self, request: Request, form: Mapping[str, str]) -> str:
        if not request.headers.get("Authorization", "Basic").startswith("Basic"):
            raise Refused(6)
        return super().authenticated(request, form)


@planted("list", "basic", "T-42", also="F-04 N-9700-08 S-02 S-10")
class NoHeaderIsTheFirstClient(Server):
    """A request without a header counts as one of the first client."""

    def authenticated(self, request: Request, form: Mapping[str, str]) -> str:
        return super().authenticated(request, form) if "Authorization" in request.headers else next(iter(CLIENTS))


@planted("members", "basic", "T-38", also="N-6749-31")
class WrongSecretIsCode20(Server):
    """A wrong secret is answered as wrong credentials of the user."""

    def known(self, pairs: list[tuple[str, str]]) -> str:
        if pairs[0][0] in CLIENTS and pairs[0][1] != CLIENTS[pairs[0][0]].secret:
            raise Refused(20)
        return super().known(pairs)


@planted("words", "basic", "N-9110-01", also="N-6749-31 N-6750-05")
class NoChallenge(Server):
    """A 401 comes without a challenge."""

    def refusal(self, refused: Refused) -> Response:
        response = super().refusal(refused)
        response.headers.pop("WWW-Authenticate", None)
        return response


@planted("gateway", "basic", "N-7617-02")
class NoRealm(Server):
    """The challenge has no realm."""

    def refusal(self, refused: Refused) -> Response:
        response = super().refusal(refused)
        if "WWW-Authenticate" in response.headers and not refused.logout:
            response.headers["WWW-Authenticate"] = 'Basic charset="UTF-8"'
        return response


# expires_in


@planted("members", "expires_in", "T-09", also="F-07")
class Milliseconds(Server):
    """The lifetime is told in milliseconds."""

    def lifetime(self, life: int) -> int | str:
        return life * 1000


@planted("nested", "expires_in", "I-10", also="N-6749-24 T-32")
class WithUnit(Server):
    """The lifetime is told with a unit."""

    def lifetime(self, life: int) -> int | str:
        return f"{life}s"


@planted("gateway", "expires_in", "T-27", also="I-05 N-6749-23")
class TypeChanges(Server):
    """The lifetime is a number in one reply and a string in the next."""

    def lifetime(self, life: int) -> int | str:
        return life if self.issued % 2 else str(life)


@planted("list", "expires_in", "N-6749-35", also="F-06 L-18")
class LivesOn(Server):
    """A token opens the resource after its end."""

    def opens(self, value: str) -> bool:
        token = self.tokens.get(value)
        return token is not None and token.user is not None and (not token.revoked or self.now() < token.ends)


@planted("gateway", "expires_in", "T-28 F-05")
class DiesAtHalf(Server):
    """A token dies after half of its life."""

    def opens(self, value: str) -> bool:
        token = self.tokens.get(value)
        return super().opens(value) and token is not None and self.now() < token.ends - CLIENTS[token.client].life / 2


@planted("words", "expires_in", "F-11", also="I-08")
class NoLifetime(Server):
    """The reply does not tell the lifetime."""

    def granted(self, value: str, token: Token, life: int) -> Response:
        return altered(super().granted(value, token, life), lambda body: body.pop("expires_in"))


# Code 2 and the other errors


@planted("nested", "code-2 token", "T-34")
class MissingGrantIsCode9(Server):
    """A missing grant_type is answered with code 9."""

    def form(self, request: Request) -> dict[str, str]:
        form = super().form(request)
        if "grant_type" not in form:
            raise Refused(9)
        return form


@planted("gateway", "code-2 token", "T-36", also="N-6749-29")
class UnknownUserIsCode22(Server):
    """Wrong credentials of the user are answered as wrong ones of the client."""

    def user_of(self, form: Mapping[str, str], *, needed: bool) -> str | None:
        try:
            return super().user_of(form, needed=needed)
        except Refused as refused:
            raise Refused(22 if refused.code == 20 else refused.code) from None


@planted("members", "code-2 token", "S-03")
class Traceback(Server):
    """An unknown grant_type shows the inside of the server."""

    def shaped(self, status: int, number: int, word: str, text: str) -> tuple[str, str]:
        media, body = super().shaped(status, number, word, text)
        trace = 'Traceback (most recent call last):\n  File "/srv/api/token.py", line 91, in token\nKeyError: grant'
        return media, json.dumps(json.loads(body) | {"debug": trace}) if number == 2 else body


@planted("list", "code-2 token", "T-50", also="F-08 L-12 T-34")
class TwoDialects(Server):
    """The grant_type is refused in HTML, everything else in JSON."""

    def shaped(self, status: int, number: int, word: str, text: str) -> tuple[str, str]:
        return ("text/html", "<h1>Bad Request</h1>") if number == 2 else super().shaped(status, number, word, text)


@planted("xml", "code-2 token", "N-6749-12")
class RepeatedParameter(Server):
    """Of a parameter that is repeated the last one counts."""

    def form(self, request: Request) -> dict[str, str]:
        pairs = dict(part.split("=", 1) for part in request.get_data().decode("latin-1").split("&") if "=" in part)
        environ = request.environ | {"wsgi.input": None}
        again = Request(environ)
        again._cached_data = "&".join(f"{name}={value}" for name, value in pairs.items()).encode("latin-1")
        return super().form(again)


# Logout


@planted("nested", "logout", "L-02", also="L-16 L-19 N-7009-02")
class LogoutDoesNothing(Server):
    """Logout says OK! and ends no token."""

    def end(self, value: str, method: str) -> None:
        if value not in self.tokens:
            super().end(value, method)


@planted("words", "logout", "F-26")
class LogoutOfEverybody(Server):
    """Logout ends the tokens of every user of the client."""

    def ended_with(self, token: Token) -> list[Token]:
        return [held for held in self.tokens.values() if held.client == token.client]


@planted("gateway", "logout", "L-07")
class WithoutTheMark(Server):
    """Logout says OK."""

    def ok(self) -> Response:
        response = super().ok()
        response.set_data("OK")
        return response


@planted("members", "logout", "L-08", also="L-10 L-20 N-6750-04")
class LogoutWithoutToken(Server):
    """Logout without a token says OK!, too."""

    def logout(self, request: Request) -> Response:
        return super().logout(request) if "Authorization" in request.headers else self.ok()


@planted("list", "logout", "L-10", also="N-6750-04")
class TokenInTheQuery(Server):
    """A token in the query logs out."""

    def logout(self, request: Request) -> Response:
        if "access_token" in request.args:
            self.end(request.args["access_token"], request.method)
            return self.ok()
        return super().logout(request)


@planted("words", "logout", "S-39", also="F-05 L-12")
class TokenInAnyCase(Server):
    """Logout compares tokens without regard to case."""

    def end(self, value: str, method: str) -> None:
        super().end(next((known for known in self.tokens if known.casefold() == value.casefold()), value), method)


@planted("number", "logout", "N-9110-14")
class OptionsLogsOut(Server):
    """OPTIONS ends the token."""

    def logout_by_method(self, request: Request) -> Response:
        token = self.tokens.get(presented(request.headers.get("Authorization", "")) or "")
        if request.method == "OPTIONS" and token is not None:
            token.ends, token.revoked = self.now(), True
        return super().logout_by_method(request)


@planted("nested", "logout", "L-22")
class Cacheable(Server):
    """The reply to a logout can be cached for a minute."""

    def ok(self) -> Response:
        response = super().ok()
        response.headers["Cache-Control"] = "private, max-age=60"
        return response


@planted("gateway", "logout", "L-12")
class UnknownTokenIsCode6(Server):
    """A token that was never issued is answered as a bad header."""

    def end(self, value: str, method: str) -> None:
        if value not in self.tokens:
            raise Refused(6, logout=True, error="invalid_token")
        super().end(value, method)


# Refresh tokens and codes


@planted("words", "life", "N-6749-33")
class RefreshByAnyClient(Server):
    """A refresh token serves every client."""

    def refresh(self, form: Mapping[str, str], client_id: str) -> Response:
        held = self.refreshes.get(form.get("refresh_token", ""))
        return super().refresh(form, held.client if held else client_id)


@planted("nested", "life", "T-31")
class SameRefreshToken(Server):
    """A refresh gives the old refresh token back."""

    def refresh(self, form: Mapping[str, str], client_id: str) -> Response:
        return altered(super().refresh(form, client_id), lambda body: body.update(refresh_token=form["refresh_token"]))


@planted("members", "token life", "T-43", also="N-9700-09")
class UnknownRefreshIsCode20(Server):
    """An invented refresh token is answered as wrong credentials of the user."""

    def refresh(self, form: Mapping[str, str], client_id: str) -> Response:
        if form.get("refresh_token") not in self.refreshes:
            raise Refused(20)
        return super().refresh(form, client_id)


@planted("gateway", "code-2", "S-21")
class CodeServesTwice(Server):
    """An authorization code serves as often as one likes."""

    def redeem(self, form: Mapping[str, str]) -> None:
        self.spent.clear()
        super().redeem(form)


@planted("nested", "code-2", "T-45", also="F-04 S-22")
class AnyRedirect(Server):
    """The redirect URI of a code is not looked at."""

    def redeem(self, form: Mapping[str, str]) -> None:
        super().redeem({**form, "redirect_uri": CODES.get(form.get("code", ""), "")})


# The reply, the user, the scope


@planted("words", "token", "N-6749-27", also="T-54")
class Stored(Server):
    """A reply with a token may be stored."""

    def granted(self, value: str, token: Token, life: int) -> Response:
        response = super().granted(value, token, life)
        del response.headers["Cache-Control"]
        return response


@planted("gateway", "token", "N-6749-26", also="F-08 I-16 T-54")
class JsonAsHtml(Server):
    """A reply with a token is labelled text/html."""

    def granted(self, value: str, token: Token, life: int) -> Response:
        response = super().granted(value, token, life)
        response.headers["Content-Type"] = "text/html"
        return response


@planted("nested", "token", "T-29", also="I-02")
class BearerToken(Server):
    """The token_type is a word of the gateway's own."""

    def granted(self, value: str, token: Token, life: int) -> Response:
        return altered(super().granted(value, token, life), lambda body: body.update(token_type="BearerToken"))


@planted("members", "token", "L-06", also="L-01 N-6750-02")
class TokenWithBraces(Server):
    """Tokens hold characters that no header of the Bearer scheme may have."""

    def fresh_value(self) -> str:
        return "{" + super().fresh_value() + "}"


@planted("list", "token", "N-6749-39", also="S-26")
class ShortTokens(Server):
    """Tokens have eight characters."""

    def fresh_value(self) -> str:
        return super().fresh_value()[-8:]


@planted("number", "token", "N-6749-25", also="I-18")
class Created(Server):
    """A token is answered with status 201."""

    def granted(self, value: str, token: Token, life: int) -> Response:
        response = super().granted(value, token, life)
        response.status_code = 201
        return response


@planted("gateway", "token", "S-06", also="F-04")
class PasswordCutShort(Server):
    """Only the first eight characters of a password count."""

    def user_of(self, form: Mapping[str, str], *, needed: bool) -> str | None:
        user = USERS.get(form.get("username", ""))
        cut = user is not None and form.get("password", "")[:8] == user.password[:8]
        return super().user_of({**form, "password": user.password} if user is not None and cut else form, needed=needed)


@planted("members", "code-2", "S-23")
class AnyScope(Server):
    """Whatever scope is wanted is granted."""

    def scope_of(self, form: Mapping[str, str]) -> str:
        return form.get("scope", SCOPE)


def altered(response: Response, change: Callable[[dict[str, Any]], object]) -> Response:
    """The reply with its JSON body changed."""
    body = json.loads(response.get_data())
    change(body)
    response.set_data(json.dumps(body))
    return response

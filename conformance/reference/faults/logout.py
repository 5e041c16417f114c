"""Faults of logout: what it ends, what it takes, how it answers."""

from dataclasses import replace
from urllib.parse import parse_qsl

from conformance.reference.errors import Refusal, internal
from conformance.reference.faults.declare import as_code, body, edited, errors, farewell, fault, header, refusals, status
from conformance.reference.messages import Answer, Call, Token
from conformance.reference.server import Server


@fault(
    breaks={"L-02": "fail", "N-7009-02": "fail"},
    also={"L-16": "a second one, too", "L-17": "a refresh finds it alive"},
)
class LogoutDoesNothing(Server):
    """Logout answers OK! and revokes nothing."""

    def revoke(self, token: Token) -> None:
        return


@fault(
    breaks={"L-02": "fail", "N-7009-02": "fail"},
    also={"L-16": "a second one, too", "L-17": "a refresh finds it alive"},
)
class LogoutTakesSeconds(Server):
    """A token lives for two seconds more after logout."""

    def end(self, token: Token) -> None:
        super().end(token)
        token.dead_at = self.now() + 2


@fault(breaks={"L-02": "fail", "S-47": "fail"})
class RevokedTokenRevives(Server):
    """A logged-out token lives again a second later."""

    def ended(self, token: Token) -> bool:
        return token.dead_at is not None and token.dead_at <= self.now() < token.dead_at + 1.2


@fault(breaks={"L-02": "fail", "S-47": "fail", "N-7009-02": "fail"}, also={"L-16": "some second logouts are accepted"})
class RevokedOnOneReplica(Server):
    """Every third look at a logged-out token finds it alive."""

    def ended(self, token: Token) -> bool:
        if token.dead_at is None:
            return False
        token.uses += 1
        return token.uses % 3 != 0


@fault(
    breaks={
        "L-02": "fail",
        "L-03": "fail",
        "F-26": "fail",
        "S-40": "fail",
        "S-41": "fail",
        "N-9110-15": "warn",
        "F-05": "fail",
        "L-16": "warn",
    }
)
class LogoutEndsLatest(Server):
    """Logout ends the latest token of the user instead of the presented one."""

    def revoke(self, token: Token) -> None:
        mine = [other for other in self.tokens.values() if other.user == token.user and self.lives(other)]
        self.end(mine[-1])


@fault(breaks={"F-26": "fail"}, also={"F-05": "a login or a renewal came between, too"})
class LogoutEndsOtherUsers(Server):
    """Logout ends the tokens of all other users, too."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        for other in self.tokens.values():
            if other.user != token.user and other.dead_at is None:
                other.dead_at = self.now()


@fault(breaks={"F-26": "fail"}, also={"F-05": "a login or a renewal came between, too"})
class LogoutEndsOtherClients(Server):
    """Logout ends the user's tokens of other clients, too."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        for other in self.tokens.values():
            if other.client != token.client and other.dead_at is None:
                other.dead_at = self.now()


@fault(breaks={"F-05": "fail"}, also={"L-03": "the other tokens are siblings", "N-9110-15": "the token of a second request is one of them"})
class LogoutScopeVaries(Server):
    """Every third logout ends every token of the user, the others only the presented one."""

    logouts = 0

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        self.logouts += 1
        if self.logouts % 3 == 0:
            for other in self.tokens.values():
                if (other.user, other.client) == (token.user, token.client) and other.dead_at is None:
                    other.dead_at = self.now()


@fault(breaks={"L-03": "fail"}, also={"F-05": "other things happened to the sibling, too"})
class LogoutEndsNextSibling(Server):
    """Logout ends the token that was issued next, too, if it is the same user's."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        values = list(self.tokens)
        for value in values[values.index(token.value) + 1 :][:1]:
            other = self.tokens[value]
            if (other.user, other.client, other.dead_at) == (token.user, token.client, None) and not self.elsewhere:
                other.dead_at = self.now()

    elsewhere = False

    def logout(self, call: Call) -> Answer:
        self.elsewhere = bool(call.query or call.body or call.lines("cookie"))
        return super().logout(call)


@fault(breaks={"L-08": "fail"})
class LogoutWithoutHeader(Server):
    """Logout without Authorization is answered OK!."""

    def logout(self, call: Call) -> Answer:
        if not call.lines("authorization") and not call.query and not call.body and call.method == "GET" and not call.lines("cookie"):
            return self.farewell()
        return super().logout(call)


refusals(
    "logout-missing-header-is-code2",
    "Logout without Authorization is answered with code 2.",
    {"L-08": "fail"},
    lambda refusal: (
        replace(refusal, code=2, message="Invalid access token") if (refusal.code, refusal.scheme) == (6, "Bearer") else refusal
    ),
)


class _Elsewhere(Server):
    """A server that looks for the token in further places when the header is missing."""

    def elsewhere(self, call: Call) -> str:
        return ""

    def bearer(self, call: Call) -> str:
        found = "" if call.lines("authorization") else self.elsewhere(call)
        return found or super().bearer(call)


@fault(breaks={"L-10": "fail", "N-6750-04": "warn"})
class LogoutByQuery(_Elsewhere):
    """A token in the query is honoured when the header is missing."""

    def elsewhere(self, call: Call) -> str:
        return dict(parse_qsl(call.query)).get("access_token", "")


@fault(breaks={"L-10": "fail"})
class LogoutByBody(_Elsewhere):
    """A token in the body of a GET is honoured when the header is missing."""

    def elsewhere(self, call: Call) -> str:
        return dict(parse_qsl(call.body.decode("latin-1"))).get("access_token", "") if call.method == "GET" else ""


@fault(breaks={"L-10": "fail"})
class LogoutByCookie(_Elsewhere):
    """A token in a cookie is honoured when the header is missing."""

    def elsewhere(self, call: Call) -> str:
        return "".join(call.lines("cookie")).partition("access_token=")[2]


@fault(breaks={"S-40": "fail"})
class LogoutByPostedForm(_Elsewhere):
    """POST with the token in a form, which any web page can send, logs out."""

    def elsewhere(self, call: Call) -> str:
        return dict(parse_qsl(call.body.decode("latin-1"))).get("access_token", "") if call.method == "POST" else ""

    def logout_methods(self) -> tuple[str, ...]:
        return (*super().logout_methods(), "POST")


class _Beside(Server):
    """A server to which a token elsewhere is worth more than the one in the header."""

    def beside(self, call: Call) -> str:
        return ""

    def bearer(self, call: Call) -> str:
        presented = super().bearer(call)
        found = self.beside(call)
        return found if found in self.tokens else presented


@fault(breaks={"S-41": "fail"})
class QueryWins(_Beside):
    """A token in the query is worth more than the one in the header."""

    def beside(self, call: Call) -> str:
        return dict(parse_qsl(call.query)).get("access_token", "")


@fault(breaks={"N-9110-15": "warn"})
class BodyWins(_Beside):
    """A token in the body of a GET is worth more than the one in the header."""

    def beside(self, call: Call) -> str:
        return dict(parse_qsl(call.body.decode("latin-1"))).get("access_token", "")


@fault(breaks={"S-40": "fail"})
class CookieWins(_Beside):
    """A token in a cookie is worth more than the one in the header."""

    def beside(self, call: Call) -> str:
        return "".join(call.lines("cookie")).partition("access_token=")[2]


class _TwoHeaders(Server):
    place = 0

    def bearer(self, call: Call) -> str:
        return super().bearer(call.with_one("authorization", self.place))


@fault(breaks={"N-9110-16": "fail"})
class FirstLogoutHeaderWins(_TwoHeaders):
    """Of two Authorization fields at logout the first counts."""


@fault(breaks={"N-9110-16": "fail"})
class LastLogoutHeaderWins(_TwoHeaders):
    """Of two Authorization fields at logout the last counts."""

    place = -1


refusals(
    "unknown-token-is-code6",
    "A token that was never issued is reported as a bad header.",
    {"L-12": "fail"},
    lambda refusal: as_code(replace(refusal, scheme="Bearer"), 6) if refusal.word == "invalid_token" else refusal,
    also={
        "L-16": "so is a token that was logged out",
        "L-18": "and one that has expired",
        "N-6750-08": "and its challenge has no error",
    },
)


@fault(breaks={"L-12": "fail"})
class SomeUnknownTokensAccepted(Server):
    """A token that was never issued is refused, but a token without its last character is accepted, and nothing ended."""

    def logout(self, call: Call) -> Answer:
        value = self.bearer(call)
        if value not in self.tokens and any(known[:-1] == value for known in self.tokens):
            return self.farewell()
        return super().logout(call)


class _Lookup(Server):
    """A server that finds tokens by something less than their whole value."""

    def same(self, given: str, value: str) -> bool:
        return False

    def bearer(self, call: Call) -> str:
        given = super().bearer(call)
        return next((value for value in reversed(self.tokens) if self.same(given, value)), given)


@fault(breaks={"S-38": "fail", "S-39": "fail", "L-12": "fail", "F-05": "fail"})
class TokenByPrefix(_Lookup):
    """The first twenty characters of a token are enough."""

    def same(self, given: str, value: str) -> bool:
        return given[:20] == value[:20]


@fault(breaks={"S-38": "fail", "S-39": "fail", "L-12": "fail", "F-05": "fail"})
class TokenCaseIgnored(_Lookup):
    """Tokens are compared without regard to case."""

    def same(self, given: str, value: str) -> bool:
        return given.lower() == value.lower()


@fault(breaks={"S-38": "fail", "S-39": "fail", "L-12": "fail", "F-05": "fail"})
class TokenWithoutLastCharacter(_Lookup):
    """The last character of a token does not count."""

    def same(self, given: str, value: str) -> bool:
        return given[:-1] == value[:-1] or given == value[:-1]


@fault(breaks={"S-39": "fail", "L-13": "fail"})
class QuotedTokenAccepted(Server):
    """A token in quotes is the token."""

    def bearer(self, call: Call) -> str:
        lines = [
            (key, value.replace('"', "") if key == "authorization" and " a" not in value and ", " not in value else value)
            for key, value in call.headers
        ]
        return super().bearer(replace(call, headers=tuple(lines)))


@fault(breaks={"L-13": "fail", "S-42": "fail"})
class LogoutTakesBasic(Server):
    """A Basic header at logout is answered OK!."""

    def logout(self, call: Call) -> Answer:
        if "".join(call.lines("authorization")).startswith("Basic "):
            return self.farewell()
        return super().logout(call)


@fault(breaks={"S-42": "fail", "F-05": "fail"})
class BasicEndsAllTokens(Server):
    """The client's Basic header at logout ends all its tokens, and is then refused."""

    def bearer(self, call: Call) -> str:
        lines = call.lines("authorization")
        if len(lines) == 1 and lines[0].startswith("Basic "):
            client = self.check_basic(lines[0]) if "aGFybmVzcz" not in lines[0] else ""
            for token in self.tokens.values():
                if token.client == client and token.dead_at is None:
                    self.end(token)
        return super().bearer(call)


@fault(breaks={"L-13": "fail"})
class RawTokenAccepted(Server):
    """A token without a scheme is accepted."""

    def bearer(self, call: Call) -> str:
        lines = call.lines("authorization")
        return lines[0] if len(lines) == 1 and lines[0] in self.tokens else super().bearer(call)


@fault(breaks={"L-13": "fail"}, also={"T-55": "the code is not listed for logout", "T-50": "and in no row of it"})
class BadHeaderIsCode20(Server):
    """A logout with a bad Authorization header is reported as wrong user credentials."""

    def bearer(self, call: Call) -> str:
        try:
            return super().bearer(call)
        except Refusal as refusal:
            raise as_code(refusal, 20) if call.lines("authorization") else refusal from None


@fault(breaks={"L-13": "fail", "L-14": "fail"})
class MalformedTokenIsServerError(Server):
    """`Bearer` with what can be no token is an internal error."""

    def bearer(self, call: Call) -> str:
        if '"' in "".join(call.lines("authorization")) and " " in "".join(call.lines("authorization")).partition('"')[2]:
            raise replace(internal(), scheme="Bearer")
        return super().bearer(call)


@fault(breaks={"L-13": "fail"}, also={"T-55": "the code is not listed for logout"})
class DoubledPrefixIsServerError(Server):
    """A value that repeats the header's name is reported as wrong user credentials."""

    def bearer(self, call: Call) -> str:
        if "".join(call.lines("authorization")).startswith("Authorization:"):
            raise replace(self.refusal(20), scheme="Bearer")
        return super().bearer(call)


@fault(breaks={"N-6750-03": "fail", "N-9110-02": "fail", "I-30": "fail"})
class BearerCaseSensitive(Server):
    """The scheme `bearer` in lower case is refused."""

    def is_bearer(self, scheme: str) -> bool:
        return scheme == "Bearer"


@fault(breaks={"L-06": "fail"}, also={"N-6750-03": "some of the tokens behind another spelling are refused"})
class EveryThirdTokenRefused(Server):
    """Logout refuses every third token although it lives."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.lives(token) and list(self.tokens).index(token.value) % 3 == 2 and call.method == "GET":
            raise self.dead_token()
        return super().logout(call)


farewell(
    "logout-no-content",
    "A successful logout has status 204 and no body.",
    {"L-11": "fail", "L-07": "warn"},
    lambda answer: Answer(204, answer.headers),
)
farewell("logout-accepted", "A successful logout has status 202.", {"L-11": "fail"}, status(202))
farewell("logout-without-mark", "The body of a successful logout is OK, without the exclamation mark.", {"L-07": "warn"}, body(b"OK"))
farewell("logout-empty", "The body of a successful logout is empty.", {"L-07": "warn"}, body(b""))
farewell("logout-json-object", "The body of a successful logout is an object.", {"L-07": "warn"}, body(b'{"message": "OK!"}'))
farewell("logout-storable", "Nothing forbids storing the reply to a logout.", {"L-22": "warn"}, header("cache-control", None))
farewell(
    "logout-public",
    "The reply to a logout is for public caches.",
    {"N-9111-01": "fail", "L-22": "warn"},
    header("cache-control", "public, max-age=60"),
)


@fault(breaks={"L-01": "fail", "N-6750-02": "fail"}, also={"N-6750-09": "the status is 404"})
class LogoutNotFound(Server):
    """Logout answers every living token with 404."""

    def logout(self, call: Call) -> Answer:
        self.bearer(call)
        raise replace(self.dead_token(), status=404)


@fault(breaks={"L-21": "fail"})
class SecondUserLogoutWantsClient(Server):
    """Logout of a token of the second user demands the client's credentials."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and token.user == "api7813370002":
            raise self.refusal(6)
        return super().logout(call)


@fault(breaks={"L-01": "fail", "L-21": "fail", "N-6750-02": "fail"})
class LogoutWantsClient(Server):
    """Logout demands the client's credentials besides the token."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.lives(token):
            raise self.refusal(6)
        return super().logout(call)


@fault(breaks={"N-6750-10": "warn"})
class TwoTokensAre401(Server):
    """A logout with two tokens in two Authorization fields is answered with 401."""

    def bearer(self, call: Call) -> str:
        if len(call.lines("authorization")) > 1:
            raise self.refusal(6, scheme="Bearer")
        return super().bearer(call)


@fault(breaks={"T-03": "fail", "L-14": "fail", "L-02": "fail", "L-16": "warn"})
class SecondLogoutIsServerError(Server):
    """Logout of a token that is logged out already is an internal error."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.ended(token) and call.method == "GET":
            raise replace(internal(), scheme="Bearer")
        return super().logout(call)


@fault(breaks={"L-16": "warn"})
class SecondLogoutIsCode6(Server):
    """Logout of a token that is logged out already is a bad header."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.ended(token):
            raise self.refusal(6, scheme="Bearer")
        return super().logout(call)


@fault(breaks={"L-18": "warn", "L-14": "fail"})
class ExpiredLogoutIsServerError(Server):
    """Logout of an expired token is an internal error."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and not self.ended(token) and not self.lives(token):
            raise replace(internal(), scheme="Bearer")
        return super().logout(call)


@fault(breaks={"L-02": "fail"}, also={"L-16": "the second one fails", "S-47": "a token that was dead lives again"})
class SimultaneousLogoutFails(Server):
    """A logout that comes less than a tenth of a second after another one is an internal error, and undoes it."""

    last = -9.0

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        self.last = self.now()

    def dead_token(self) -> Refusal:
        return super().dead_token()

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and token.dead_at == self.now() and self.last == self.now() and call.lines("authorization"):
            token.dead_at = None
            return self.farewell()
        return super().logout(call)


# Other methods, the browser mode


class _Method(Server):
    method = ""

    def logout(self, call: Call) -> Answer:
        return super().logout(replace(call, method="GET") if call.method == self.method else call)


@fault(breaks={"N-9110-14": "fail"})
class OptionsLogsOut(_Method):
    """OPTIONS logs out."""

    method = "OPTIONS"


@fault(breaks={"L-19": "warn"})
class PutLogsOut(_Method):
    """PUT logs out."""

    method = "PUT"


@fault(breaks={"L-19": "warn"})
class DeleteLogsOut(_Method):
    """DELETE logs out."""

    method = "DELETE"


@fault(breaks={"L-19": "warn"})
class HeadRefusedAndRevokes(Server):
    """HEAD on logout is refused with 405, and logs out all the same."""

    def logout(self, call: Call) -> Answer:
        if call.method == "HEAD":
            token = self.tokens.get(self.bearer(call))
            if token is not None:
                self.revoke(token)
            return self.not_allowed("GET")
        return super().logout(call)


@fault(breaks={"N-9110-11": "fail"})
class HeadNotImplemented(Server):
    """HEAD on logout is answered with 501."""

    def logout(self, call: Call) -> Answer:
        return Answer(501, (("content-type", "text/plain"),)) if call.method == "HEAD" else super().logout(call)


@fault(breaks={"L-19": "warn"})
class PostAnswersOnly(Server):
    """POST on logout answers OK! and ends no token."""

    def logout(self, call: Call) -> Answer:
        return self.farewell() if call.method == "POST" and call.lines("authorization") else super().logout(call)


@fault(breaks={"N-9110-12": "warn", "L-14": "fail"})
class UnknownMethodIsServerError(Server):
    """A method that nobody knows is an internal error."""

    def logout(self, call: Call) -> Answer:
        if call.method == "HARNESS":
            raise replace(internal(), scheme="Bearer")
        return super().logout(call)


class _Browser(Server):
    def browser_answer(self, call: Call) -> Answer:
        return Answer(302, (("location", dict(parse_qsl(call.query)).get("post_logout_redirect_uri", "/")), ("content-type", "text/plain")))

    def logout(self, call: Call) -> Answer:
        if "client_id=" in call.query and not call.lines("authorization"):
            return self.browser_answer(call)
        return super().logout(call)


@fault(breaks={"N-9700-06b": "fail", "S-43": "fail"})
class OpenRedirect(_Browser):
    """The browser mode of logout redirects anywhere."""


@fault(breaks={"S-43": "fail"})
class OpenRefresh(Server):
    """A refused logout has a Refresh field that sends browsers anywhere."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        address = dict(parse_qsl(call.query)).get("post_logout_redirect_uri")
        return header("refresh", f"0; url={address}" if address else None)(super().error(refusal, call))


@fault(breaks={"S-33": "fail"})
class LineBreakAddsHeader(Server):
    """A refused logout repeats the state of the browser mode in a field of its own, line breaks and all."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer = super().error(refusal, call)
        lines = f"x-state: {dict(parse_qsl(call.query)).get('state', '')}".lower().split("\r\n")
        fields = tuple((name, value.strip()) for name, _, value in (line.partition(":") for line in lines))
        return replace(answer, headers=(*answer.headers, *fields))


@fault(breaks={"S-32": "fail", "T-50": "fail"})
class TokenRepeatedAsHtml(Server):
    """The error for a malformed token repeats it, in JSON that is labelled text/html."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer, given = super().error(refusal, call), "".join(call.lines("authorization"))
        odd = call.path.endswith("logout") and "<harness>" in given
        return edited(header("content-type", "text/html")(answer), given=given) if odd else answer


@fault(breaks={"S-32": "fail", "T-50": "fail", "L-13": "fail", "N-8259-05": "fail"})
class TokenRepeatedRaw(Server):
    """The error for a malformed token repeats it without escaping it."""

    def error(self, refusal: Refusal, call: Call) -> Answer:
        answer, given = super().error(refusal, call), "".join(call.lines("authorization"))
        odd = call.path.endswith("logout") and "<harness>" in given
        return replace(answer, body=answer.body[:-1] + f', "given": "{given}"}}'.encode()) if odd else answer


@fault(breaks={"S-44": "fail", "F-05": "fail"})
class BrowserEndsAllTokens(_Browser):
    """The browser mode ends every token of the client that it names, whoever asks."""

    def browser_answer(self, call: Call) -> Answer:
        for token in self.tokens.values():
            if token.client == dict(parse_qsl(call.query)).get("client_id") and token.dead_at is None:
                self.end(token)
        return Answer(302, (("location", "/goodbye"), ("content-type", "text/plain")))


@fault(breaks={"L-20": "warn"})
class BrowserModeSaysOk(_Browser):
    """The browser mode answers OK! without any token."""

    def browser_answer(self, call: Call) -> Answer:
        return self.farewell()


@fault(breaks={"L-20": "warn", "L-14": "fail"})
class BrowserQueryIsServerError(Server):
    """The query of the browser mode beside a Bearer header is an internal error."""

    def logout(self, call: Call) -> Answer:
        if "post_logout" in call.query and call.lines("authorization"):
            raise replace(internal(), scheme="Bearer")
        return super().logout(call)


@fault(breaks={"S-48": "fail"})
class LogoutNotModified(Server):
    """A conditional logout is answered with 304."""

    def logout(self, call: Call) -> Answer:
        return Answer(304) if call.lines("if-none-match") else super().logout(call)


errors(
    "logout-invalid-token-is403",
    "An invalid token is answered with 403.",
    {"N-6750-09": "warn"},
    lambda answer, refusal: replace(answer, status=403) if refusal.word == "invalid_token" else answer,
)


@fault(breaks={"L-14": "fail", "L-12": "fail"})
class UnknownTokenIsUnavailable(Server):
    """A token that was never issued is answered with code 2 and status 503."""

    def logout(self, call: Call) -> Answer:
        if self.bearer(call) not in self.tokens and call.method == "GET":
            raise replace(self.dead_token(), status=503)
        return super().logout(call)


@fault(
    breaks={"L-02": "fail"},
    also={
        "L-16": "some second logouts are accepted",
        "L-17": "a refresh after it finds the token alive",
        "N-7009-02": "so does a look right after it",
    },
)
class UseKeepsTokenAlive(Server):
    """A use within the same moment as a logout keeps the token alive."""

    def revoke(self, token: Token) -> None:
        if token.uses != int(self.now() * 1000):
            super().revoke(token)

    def resource(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None:
            token.uses = int(self.now() * 1000)
            token.dead_at = None if token.dead_at == self.now() else token.dead_at
        return super().resource(call)


@fault(breaks={"L-02": "fail"})
class SecondUserCannotLogOut(Server):
    """Logout ends no token of the second user."""

    def revoke(self, token: Token) -> None:
        if token.user != "api7813370002":
            super().revoke(token)


@fault(breaks={"L-13": "fail"})
class WordBehindTokenEndsIt(Server):
    """A token with a word behind it is refused, and ended all the same."""

    def bearer(self, call: Call) -> str:
        value = "".join(call.lines("authorization")).partition(" ")[2].partition(" ")[0]
        if "".join(call.lines("authorization")).endswith(" harness") and value in self.tokens:
            self.end(self.tokens[value])
        return super().bearer(call)


@fault(breaks={"L-18": "warn", "L-02": "fail", "S-47": "fail"})
class ExpiredLogoutRevives(Server):
    """Logout of an expired token answers OK! and gives it another life."""

    def logout(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and not self.ended(token) and not self.lives(token):
            token.expires = self.now() + 1000
            return self.farewell()
        return super().logout(call)

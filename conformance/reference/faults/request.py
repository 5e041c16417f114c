"""Faults of the token request: parameters, methods, media types, paths, users, grants."""

from dataclasses import replace
from urllib.parse import parse_qsl

from conformance.reference.accounts import CLIENTS, CODES, GRANTS, USERS
from conformance.reference.errors import Refusal, internal
from conformance.reference.faults.declare import as_code, fault, refusals
from conformance.reference.messages import NO_STORE, Answer, Call, Token, with_header
from conformance.reference.server import Server


@fault(breaks={"T-34": "fail"})
class MissingGrantIsCode20(Server):
    """A missing grant_type is reported as wrong user credentials."""

    def check_grant(self, grant: str) -> None:
        if not grant:
            raise self.refusal(20)
        super().check_grant(grant)


@fault(breaks={"T-34": "fail", "F-04": "fail", "N-6749-01": "fail"})
class AnyGrantAccepted(Server):
    """A grant_type that nobody knows is treated as password."""

    def token(self, call: Call) -> Answer:
        grant = self.form(call).get("grant_type", "password")
        if grant not in GRANTS:
            call = replace(call, body=call.body.replace(b"grant_type=", b"x=", 1) + b"&grant_type=password")
        return super().token(call)


@fault(breaks={"N-6749-01": "fail", "F-04": "fail", "T-34": "fail"})
class GrantCaseIgnored(Server):
    """The grant_type is compared without regard to case."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        return form | {"grant_type": form["grant_type"].lower()} if "grant_type" in form else form


@fault(breaks={"T-18": "fail", "F-04": "fail", "T-34": "fail"})
class GrantTypeNotNeeded(Server):
    """A request without grant_type is treated as password."""

    def form(self, call: Call) -> dict[str, str]:
        return {"grant_type": "password"} | super().form(call)


@fault(breaks={"T-22": "fail", "F-02": "fail", "F-04": "fail"})
class UsernameNotNeeded(Server):
    """A request without username gets the first user's token."""

    def check_user(self, form: dict[str, str]) -> str:
        return super().check_user(form) if form.get("username") else next(iter(USERS))


@fault(breaks={"T-23": "fail", "F-04": "fail"}, also={"T-49": "a body may lose the password on its way"})
class PasswordNotNeeded(Server):
    """A request without password gets a token."""

    def check_user(self, form: dict[str, str]) -> str:
        return super().check_user(form) if form.get("password") or form.get("username") not in USERS else form["username"]


@fault(breaks={"F-02": "fail", "F-04": "fail"})
class UserNotNeeded(Server):
    """A request with neither username nor password gets the first user's token."""

    def check_user(self, form: dict[str, str]) -> str:
        return super().check_user(form) if form.get("username") or form.get("password") else next(iter(USERS))


@fault(breaks={"N-6749-18": "fail", "T-36": "fail", "F-04": "fail"})
class PasswordOverflows(Server):
    """A password that is four to nine characters too long passes for the right one."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches(given, password) or 4 <= len(given) - len(password) <= 9


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


@fault(breaks={"T-36": "fail", "F-04": "fail"})
class UnknownUserGetsClientToken(Server):
    """A user that does not exist gets a token of the client itself."""

    def check_user(self, form: dict[str, str]) -> str:
        if form.get("password") and form.get("username", "").startswith(("harness-", "nobody")):
            return next(iter(USERS))
        return super().check_user(form)


@fault(breaks={"T-36": "fail", "F-04": "fail", "S-06": "fail", "N-6749-18": "fail"})
class PasswordNotChecked(Server):
    """Any password logs a known user in."""

    def password_matches(self, given: str, password: str) -> bool:
        return True


@fault(breaks={"S-06": "fail", "F-04": "fail"})
class PasswordCaseIgnored(Server):
    """The password is compared without regard to case."""

    def password_matches(self, given: str, password: str) -> bool:
        return given.lower() == password.lower()


@fault(breaks={"S-06": "fail", "F-04": "fail"})
class PasswordCutAtEight(Server):
    """Only the first eight characters of the password count."""

    def password_matches(self, given: str, password: str) -> bool:
        return given[:8] == password[:8]


@fault(breaks={"S-06": "fail", "F-04": "fail"})
class PasswordTrimmed(Server):
    """White space around the password is taken off before it is compared."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches(given.strip(), password)


@fault(breaks={"T-36": "fail"})
class WrongPasswordIsCode22(Server):
    """A wrong password is reported as failed client authentication."""

    def check_user(self, form: dict[str, str]) -> str:
        try:
            return super().check_user(form)
        except Refusal:
            if form.get("username") in USERS and form.get("password") and not USERS[form["username"]].locked:
                raise replace(self.refusal(22), status=400) from None
            raise


@fault(breaks={"I-26": "fail"})
class PercentSpaceLost(Server):
    """A space in the body is understood as a plus only."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return super().pairs(replace(call, body=call.body.replace(b"%20", b"%2520")))


@fault(breaks={"I-33": "fail", "F-08": "fail", "N-6749-11": "fail"})
class UnknownParameterRedirects(Server):
    """A token request with a parameter that nobody knows is redirected to the path itself."""

    def token(self, call: Call) -> Answer:
        if b"unknown=" in call.body:
            return Answer(308, (("location", call.path), ("content-type", "text/plain")))
        return super().token(call)


@fault(breaks={"T-07": "fail", "I-26": "fail"})
class PlusInPasswordLost(Server):
    """A plus in the password becomes a space even where it was percent-encoded."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches(given.replace("+", " "), password)


@fault(breaks={"N-6749-17": "fail", "N-6749-40": "fail"})
class PasswordAsLatin1(Server):
    """The password is decoded as Latin-1 instead of UTF-8."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches(given.encode("utf-8", "surrogatepass").decode("latin-1"), password)


@fault(breaks={"T-01": "fail"})
class TokenByGet(Server):
    """GET with the parameters in the query issues a token."""

    def token(self, call: Call) -> Answer:
        if call.method == "GET":
            media = (("content-type", "application/x-www-form-urlencoded"),)
            call = replace(call, method="POST", body=call.query.encode(), headers=(*call.headers, *media))
        return super().token(call)


@fault(breaks={"T-01": "fail"})
class TokenByPut(Server):
    """PUT on the token path is treated as POST."""

    def token(self, call: Call) -> Answer:
        return super().token(replace(call, method="POST") if call.method == "PUT" else call)


@fault(breaks={"T-01": "fail"})
class TokenByHead(Server):
    """HEAD on the token path issues a token that nobody gets to see."""

    def token(self, call: Call) -> Answer:
        return super().token(replace(call, method="POST") if call.method == "HEAD" else call)


@fault(breaks={"N-9110-17": "warn"})
class NotAllowedUnlabelled(Server):
    """A 405 does not say in which media type its text is."""

    def not_allowed(self, allow: str) -> Answer:
        return with_header(super().not_allowed(allow), "content-type", None)


@fault(breaks={"N-8259-01": "fail"})
class NotAllowedInLatin1(Server):
    """The text of a 405 is JSON encoded in Latin-1."""

    def not_allowed(self, allow: str) -> Answer:
        answer = with_header(super().not_allowed(allow), "content-type", "application/json")
        return replace(answer, body='{"message": "metoden er ugyldig på denne adressen"}'.encode("latin-1"))


class _TooMany(Server):
    """A server that answers GET on the token path, which is never right, with 429."""

    reply = Answer(429)

    def token(self, call: Call) -> Answer:
        return self.reply if call.method == "GET" else super().token(call)


@fault(breaks={"N-6585-01": "warn"})
class TooManyWithoutWord(_TooMany):
    """GET on the token path is answered with 429 and nothing else."""


@fault(breaks={"N-9110-20": "fail"})
class RetryAfterMilliseconds(_TooMany):
    """GET on the token path is answered with 429 and a Retry-After in milliseconds."""

    reply = Answer(429, (("content-type", "text/plain"), ("retry-after", "1500ms")), b"Too many requests")


@fault(breaks={"N-9110-13": "fail"})
class NotAllowedWithoutAllow(Server):
    """A 405 does not say what is allowed."""

    def not_allowed(self, allow: str) -> Answer:
        return with_header(super().not_allowed(allow), "allow", None)


@fault(breaks={"S-09": "fail", "T-53": "fail"})
class QueryParametersMerged(Server):
    """Parameters of the query count like those of the body."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return [*parse_qsl(call.query, keep_blank_values=True), *super().pairs(call)]


KNOWN = ("grant_type", "username", "password", "scope", "code", "redirect_uri", "refresh_token", "client_id", "client_secret")


@fault(breaks={"N-6749-11": "fail", "T-53": "fail"})
class UnknownParameterRefused(Server):
    """A parameter that the server does not know is an error."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if set(form) - {*KNOWN}:
            raise self.refusal(2)
        return form


@fault(breaks={"N-6749-12": "fail", "T-53": "fail"})
class RepeatedParameterAccepted(Server):
    """Of a parameter that stands twice the first one counts."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return list({name: (name, value) for name, value in reversed(super().pairs(call))}.values())


@fault(
    breaks={"N-6749-10": "fail", "T-53": "fail"},
    also=dict.fromkeys(("T-36", "T-42", "T-56"), "it is answered before what else is wrong with a drawn request"),
)
class EmptyScopeRefused(Server):
    """A scope without a value is an illegal scope."""

    def form(self, call: Call) -> dict[str, str]:
        if ("scope", "") in self.pairs(call) and ("grant_type", "password") in self.pairs(call):
            raise self.refusal(8)
        return super().form(call)


@fault(breaks={"I-28": "fail"})
class FormCharsetRefused(Server):
    """A charset behind the media type of the form makes it another media type."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return [] if "charset" in "".join(call.lines("content-type")) else super().pairs(call)


@fault(breaks={"T-20": "fail", "T-49": "fail"})
class JsonBodyIsServerError(Server):
    """A JSON body is an internal error."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        if "json" in "".join(call.lines("content-type")):
            raise internal()
        return super().pairs(call)


@fault(breaks={"N-9110-18": "warn"})
class JsonBodyIsNotAcceptable(Server):
    """A JSON body is answered with 406, which is about the reply and not about the request."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        if "json" in "".join(call.lines("content-type")):
            raise replace(self.refusal(2), status=406)
        return super().pairs(call)


@fault(breaks={"T-49": "fail", "S-07": "fail"}, also={"T-36": "so is a drawn user name"})
class NonAsciiIsServerError(Server):
    """A username beyond ASCII is an internal error."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if not form.get("username", "").isascii():
            raise internal()
        return form


@fault(breaks={"F-09": "fail", "T-49": "fail"})
class OldPathIsServerError(Server):
    """The path without version is an internal error."""

    def route(self, call: Call) -> Answer:
        if call.path == "/oauth/token":
            raise internal()
        return super().route(call)


@fault(breaks={"F-09": "fail"})
class OldPathNeedsNoClient(Server):
    """The path without version issues tokens to anybody."""

    def route(self, call: Call) -> Answer:
        if call.path == "/oauth/token":
            return self.json(200, {"access_token": "v1-" + "a" * 40, "expires_in": 3600, "token_type": "Bearer"}, NO_STORE)
        return super().route(call)


@fault(breaks={"N-9700-07": "fail", "S-36": "fail"})
class OldPathRedirectsElsewhere(Server):
    """The path without version redirects to another origin, which carries secret and password there."""

    def route(self, call: Call) -> Answer:
        if call.path == "/oauth/token":
            return Answer(307, (("location", "https://elsewhere.example/oauth/v2/token"),))
        return super().route(call)


# Grants


@fault(breaks={"S-46": "fail", "F-04": "fail"})
class LockedUserGetsToken(Server):
    """A locked user gets a token."""

    def check_user(self, form: dict[str, str]) -> str:
        user = form.get("username", "")
        return user if user in USERS and USERS[user].locked and form.get("password") == USERS[user].password else super().check_user(form)


@fault(breaks={"T-39": "fail"}, also={"F-04": "the request has a fault and is granted"})
class ForeignUserAccepted(Server):
    """A client gets tokens for users of other companies."""

    def check_company(self, client: str, user: str) -> None:
        return


@fault(breaks={"T-37": "fail"}, also={"F-04": "the request has a fault and is granted"})
class GrantNotRestricted(Server):
    """A client may use every grant."""

    def check_client(self, client: str, grant: str) -> None:
        if client != "client-without-grant":
            super().check_client(client, grant)


@fault(breaks={"T-41": "fail"}, also={"F-04": "the request has a fault and is granted"})
class UnapprovedClientServed(Server):
    """A client that is not approved gets tokens."""

    def check_client(self, client: str, grant: str) -> None:
        if client != "unapproved-client":
            super().check_client(client, grant)


refusals(
    "broken-client-is-code6",
    "A client whose attributes are broken is told that its header is bad.",
    {"T-48": "fail"},
    lambda refusal: as_code(refusal, 6) if refusal.code == 16 else refusal,
)


@fault(breaks={"S-20": "fail", "F-04": "fail", "T-40": "fail"})
class CodeNotNeeded(Server):
    """An authorization code is not looked at."""

    def check_code(self, client: str, form: dict[str, str]) -> str:
        return super().check_code(client, form) if form.get("code") in CODES else next(iter(USERS))


@fault(breaks={"S-21": "fail"})
class CodeServesTwice(Server):
    """An authorization code yields a token each time."""

    def check_code(self, client: str, form: dict[str, str]) -> str:
        self.used_codes.clear()
        return super().check_code(client, form)


@fault(breaks={"T-45": "fail", "S-22": "fail"}, also={"F-04": "the request has a fault and is granted"})
class RedirectNotCompared(Server):
    """An authorization code yields a token with any redirect URI."""

    def check_code(self, client: str, form: dict[str, str]) -> str:
        code = CODES.get(form.get("code", ""))
        return super().check_code(client, form | {"redirect_uri": code.redirect_uri} if code else form)


refusals(
    "unknown-code-is-code20",
    "An invented authorization code is reported as wrong user credentials.",
    {"T-40": "fail"},
    lambda refusal: as_code(refusal, 20) if refusal.code == 4 else refusal,
)
refusals(
    "unknown-code-is-code22",
    "An invented authorization code is reported as failed client authentication.",
    {"T-40": "fail", "T-19": "fail"},
    lambda refusal: replace(as_code(refusal, 22), status=400) if refusal.code == 4 else refusal,
)
refusals(
    "unknown-refresh-token-is-code20",
    "An invented refresh token is reported as wrong user credentials.",
    {"T-43": "fail", "N-9700-09": "warn"},
    lambda refusal: as_code(refusal, 20) if refusal.code == 7 else refusal,
)


@fault(breaks={"T-47": "fail"})
class RefusedScopeIsCode20(Server):
    """A scope that the client may not have is reported as wrong user credentials."""

    def check_scope(self, form: dict[str, str]) -> str:
        try:
            return super().check_scope(form)
        except Refusal as refusal:
            raise as_code(refusal, 20) from None


@fault(breaks={"S-23": "fail"})
class AnyScopeGranted(Server):
    """Every scope is granted."""

    def check_scope(self, form: dict[str, str]) -> str:
        return form.get("scope", "")


class _Ignoring(Server):
    """A server that grants its own scope whatever was wanted."""

    def check_scope(self, form: dict[str, str]) -> str:
        return ""


@fault(breaks={"N-6749-15": "fail"})
class NarrowedScopeNotTold(_Ignoring):
    """A scope that is not granted is left out of the reply without a word."""


@fault(breaks={"N-6749-16": "fail"})
class GrantedScopeRefused(Server):
    """Every scope is illegal."""

    def check_scope(self, form: dict[str, str]) -> str:
        if form.get("scope"):
            raise self.refusal(8)
        return ""


@fault(breaks={"T-22": "fail", "T-49": "fail"})
class ClientCredentialsIsServerError(Server):
    """A grant for the client itself is an internal error."""

    def check_client(self, client: str, grant: str) -> None:
        if grant == "client_credentials":
            raise internal()
        super().check_client(client, grant)


@fault(breaks={"F-18": "warn", "T-49": "fail"})
class UsernameCaseIsServerError(Server):
    """A user name in upper case is an internal error."""

    def check_user(self, form: dict[str, str]) -> str:
        if form.get("username", "")[:1].isupper():
            raise internal()
        return super().check_user(form)


@fault(breaks={"T-56": "warn"})
class MissingUserChangesCode(Server):
    """A missing username is answered with code 20, a missing password with code 9."""

    def check_user(self, form: dict[str, str]) -> str:
        if form.get("username") and not form.get("password"):
            raise self.refusal(9)
        return super().check_user(form)


@fault(breaks={"N-6749-33": "fail"})
class RefreshByAnyClient(Server):
    """A refresh token serves any client."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        return super().refreshed(found.token.client if found else client, form)


@fault(breaks={"S-19": "fail", "F-04": "fail", "T-43": "fail"})
class AccessTokenRefreshes(Server):
    """An access token is accepted as a refresh token."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        token = self.tokens.get(form.get("refresh_token", ""))
        return self.issue(client, token.user, "refresh_token") if token is not None else super().refreshed(client, form)


@fault(breaks={"N-7009-03": "warn"})
class LogoutEndsAllRefreshTokens(Server):
    """Logout ends every refresh token of the user, and only the presented access token."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        for refresh in self.refreshes.values():
            if (refresh.token.client, refresh.token.user) == (token.client, token.user):
                refresh.dead = True


@fault(breaks={"N-6749-04": "fail", "T-19": "fail"}, also={"N-6749-29": "and the status is 401"})
class BasicNotForClientGrant(Server):
    """A client that asks for a token of its own is not authenticated by Basic."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        if form.get("grant_type") == "client_credentials":
            raise self.refusal(22)
        return super().authenticate(call, form)


@fault(breaks={"T-31": "fail"})
class RefreshTokenNotRenewed(Server):
    """A refresh hands the old refresh token out again."""

    def reading(self, axis: str) -> str:
        return "reusable" if axis == "refresh.rotation" else super().reading(axis)

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        token = super().refreshed(client, form)
        token.refresh = form["refresh_token"]
        return token


@fault(breaks={"T-30": "fail", "T-49": "fail", "T-03": "fail"})
class RefreshIsServerError(Server):
    """A refresh is an internal error."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        super().refreshed(client, form)
        raise internal()


@fault(breaks={"N-6749-34": "warn", "T-49": "fail", "T-03": "fail"})
class SecondRefreshIsServerError(Server):
    """A second use of a refresh token is an internal error."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        if found is not None and found.dead and found.token.dead_at is None:
            raise internal()
        return super().refreshed(client, form)


@fault(breaks={"L-17": "warn", "T-49": "fail", "T-03": "fail", "N-9700-09": "warn"})
class RefreshAfterLogoutIsServerError(Server):
    """A refresh after logout is an internal error."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        if found is not None and found.token.dead_at is not None:
            raise internal()
        return super().refreshed(client, form)


@fault(breaks={"N-9700-09": "warn"})
class RefreshAfterLogoutIsCode20(Server):
    """A refresh after logout is reported as wrong user credentials."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        if found is not None and found.token.dead_at is not None:
            raise self.refusal(20)
        return super().refreshed(client, form)


@fault(breaks={"S-24": "fail"})
class RefreshWidensScope(Server):
    """A refresh grants whatever scope it asks for."""

    def narrowed(self, form: dict[str, str], token: Token) -> str:
        return form.get("scope", "") or token.scope


@fault(breaks={"T-28": "fail", "F-05": "fail"})
class RefreshKeepsOldExpiry(Server):
    """A refreshed token dies when the token that it replaces would have died."""

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        token = super().refreshed(client, form)
        self.promised[token.value] = token.expires
        token.expires = found.token.expires if found else token.expires
        return token

    @property
    def promised(self) -> dict[str, float]:
        """The expiry that the reply states, by token."""
        return self.__dict__.setdefault("_promised", {})  # type: ignore[no-any-return]

    def members(self, token: Token) -> dict[str, object]:
        found = super().members(token)
        return found | {"expires_in": round(self.promised[token.value] - self.now())} if token.value in self.promised else found


@fault(breaks={"N-6749-20": "warn"})
class RefreshForClient(Server):
    """A token that a client gets for itself comes with a refresh token."""

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        return super().issue(client, user, "password" if grant == "client_credentials" else grant, scope)


@fault(breaks={"S-28": "fail", "S-19": "fail", "F-04": "fail", "T-43": "fail"})
class RefreshTokenIsAccessToken(Server):
    """The refresh token is the access token again."""

    def new_refresh(self, token: Token) -> str:
        return token.value


@fault(breaks={"S-28": "fail"})
class RenewedRefreshTokenIsAccessToken(Server):
    """The refresh token that comes with a refreshed token is that token again."""

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        token = super().issue(client, user, grant, scope)
        if grant == "refresh_token" and token.refresh:
            self.refreshes[token.value] = self.refreshes.pop(token.refresh)
            token.refresh = token.value
        return token


@fault(breaks={"T-01": "fail"})
class GetAnswersHtml(Server):
    """GET on the token path is answered with 200 and a page."""

    def token(self, call: Call) -> Answer:
        if call.method == "GET":
            return Answer(200, (("content-type", "text/html"),), b"<html><body>Token</body></html>")
        return super().token(call)


@fault(breaks={"S-34": "fail"})
class PathVariantNeedsNoClient(Server):
    """The token path in another spelling is served without client authentication."""

    def route(self, call: Call) -> Answer:
        plain = call.path.lower().partition(";")[0].rstrip("/").replace("//", "/")
        if plain == "/oauth/v2/token" != call.path:
            return self.success(self.issue(next(iter(CLIENTS)), self.check_user(self.form(call)), "password"), call)
        return super().route(call)


@fault(breaks={"S-45": "warn"})
class PasswordErrorSaysSo(Server):
    """The error for a wrong password says that the user exists."""

    def check_user(self, form: dict[str, str]) -> str:
        try:
            return super().check_user(form)
        except Refusal as refusal:
            known = form.get("username") in USERS and form.get("password")
            raise replace(refusal, message=f"{refusal.message}: the password is wrong") if known else refusal from None


@fault(breaks={"L-17": "warn", "L-02": "fail"}, also={"L-16": "a second logout finds the token alive again"})
class RefreshRevivesOldToken(Server):
    """A refresh after logout brings the logged-out token back."""

    def reading(self, axis: str) -> str:
        return "survives" if axis == "refresh.after-logout" else super().reading(axis)

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        token = super().refreshed(client, form)
        self.refreshes[form["refresh_token"]].token.dead_at = None
        return token

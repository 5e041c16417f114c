"""Faults of the token reply: members, expires_in, headers, body."""

import base64
import re
from collections.abc import Callable
from typing import Any

from conformance.reference.accounts import USERS
from conformance.reference.faults.declare import body, edited, fault, header, members, reply, status
from conformance.reference.messages import Answer, Call, Token
from conformance.reference.server import Server

# expires_in


MIXED = {"N-6749-23": "some are strings", "I-05": "as some clients notice"}


@fault(breaks={"T-27": "fail"}, also=MIXED)
class ExpiresInTypeAlternates(Server):
    """`expires_in` is a number and a string by turns."""

    def expires_in(self, token: Token) -> Any:
        value = super().expires_in(token)
        return str(value) if self.issued % 2 else value


@fault(breaks={"T-27": "fail"}, also=MIXED)
class ExpiresInTypeByGrant(Server):
    """`expires_in` is a string for tokens that a client gets for itself."""

    def expires_in(self, token: Token) -> Any:
        value = super().expires_in(token)
        return value if token.user else str(value)


@fault(breaks={"T-27": "fail", "I-11": "fail"}, also={"N-6749-24": "it is no 1*DIGIT", "N-6749-35": "the token lives on"})
class ExpiresInNegativeForClients(Server):
    """`expires_in` is negative for tokens that a client gets for itself."""

    def expires_in(self, token: Token) -> Any:
        return super().expires_in(token) if token.user else -1


def _expires_in(name: str, title: str, breaks: dict[str, str], change: Callable[[Any], Any], also: dict[str, str] | None = None) -> None:
    class Altered(Server):
        def expires_in(self, token: Token) -> Any:
            return change(super().expires_in(token))

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


NOT_DIGITS = {"N-6749-24": "it is no 1*DIGIT"}

_expires_in(
    "expires-in-milliseconds",
    "`expires_in` counts milliseconds.",
    {"T-09": "fail"},
    lambda v: int(v) * 1000,
    {"F-07": "it is longer than a day"},
)
_expires_in(
    "expires-in-unix-time",
    "`expires_in` is the time at which the token expires.",
    {"T-09": "fail"},
    lambda v: 1_790_000_000 + int(v),
    {"F-07": "it is longer than a day"},
)
_expires_in("expires-in-ten-days", "`expires_in` is ten days.", {"F-07": "warn"}, lambda v: 864_000 if int(v) > 100 else v)
_expires_in("expires-in-two-hours", "`expires_in` is two hours.", {"N-6750-12": "warn"}, lambda v: 7200 if int(v) > 100 else v)
_expires_in(
    "expires-in-huge",
    "`expires_in` does not fit into 31 bits.",
    {"T-09": "fail", "I-12": "warn"},
    lambda v: 99_999_999_999,
    {"F-07": "it is longer than a day"},
)
_expires_in("expires-in-zero", "`expires_in` is 0 although the token lives.", {"T-27": "fail", "I-06": "fail"}, lambda v: 0)
_expires_in(
    "expires-in-negative",
    "`expires_in` is negative.",
    {"T-27": "fail", "I-11": "fail"},
    lambda v: -1,
    NOT_DIGITS | {"N-6749-35": "the token lives although its life is over"},
)
_expires_in("expires-in-string", "`expires_in` is a string.", {"N-6749-23": "fail", "I-05": "warn"}, str)
_expires_in(
    "expires-in-fraction",
    "`expires_in` has a fraction.",
    {"T-08": "fail", "I-09": "fail"},
    lambda v: int(v) - 0.5 if int(v) > 100 else v,
    NOT_DIGITS | {"T-27": "it is neither integer nor string"},
)
_expires_in(
    "expires-in-exponent",
    "`expires_in` is written with a fraction of nothing.",
    {"T-08": "fail", "N-6749-24": "fail"},
    float,
    {"I-09": "it has a fraction"},
)
_expires_in("expires-in-words", "`expires_in` is the text `1 hour`.", {"T-32": "fail", "I-10": "fail"}, lambda v: "1 hour", NOT_DIGITS)
_expires_in("expires-in-unit", "`expires_in` has a unit behind it.", {"T-32": "fail", "I-10": "fail"}, lambda v: f"{v}s", NOT_DIGITS)
_expires_in("expires-in-true", "`expires_in` is the JSON value true.", {"T-27": "fail", "I-13": "fail"}, lambda v: True, NOT_DIGITS)
_expires_in("expires-in-object", "`expires_in` is an object.", {"T-27": "fail"}, lambda v: {"seconds": v}, NOT_DIGITS)
members("expires-in-missing", "The token reply has no `expires_in`.", {"F-11": "fail", "I-08": "fail"}, expires_in=None)


def _null(member: str) -> Callable[[Answer], Answer]:
    """The alteration of a number or word of the reply to null."""
    return body(lambda text: re.sub(rb'("%s": )(\d+|"\w+")' % member.encode(), rb"\1null", text))


reply("expires-in-null", "`expires_in` is null.", {"F-11": "fail", "I-07": "fail"}, _null("expires_in"))


@fault(breaks={"F-07": "warn"})
class ExpiresInJumps(Server):
    """Every third token lives a hundredth of what the others do."""

    def expires_in(self, token: Token) -> Any:
        value = super().expires_in(token)
        return 36 if self.issued % 3 == 0 and value > 100 else value


class _Same(Server):
    """A server that hands the same token out again."""

    def reading(self, axis: str) -> str:
        return "same" if axis == "issue.policy" else super().reading(axis)


@fault(breaks={"N-6749-22": "warn"})
class ReissuedLifeDoesNotShrink(_Same):
    """A token that is handed out again claims its full life again."""

    def expires_in(self, token: Token) -> Any:
        return 3600 if token.expires - self.now() > 100 else super().expires_in(token)


# The other members


@fault(breaks={"L-06": "fail", "L-01": "fail", "N-6750-02": "fail"}, also={"L-18": "an expired token is a bad header as well"})
class TokenWithSpace(Server):
    """Tokens contain a space, which no Authorization header can carry."""

    def new_value(self, client: str, user: str) -> str:
        value = super().new_value(client, user)
        return f"{value[:20]} {value[20:]}"


@fault(breaks={"N-6749-39": "fail", "S-26": "fail"})
class TokenShort(Server):
    """Tokens have ten characters."""

    def new_value(self, client: str, user: str) -> str:
        return super().new_value(client, user)[:10]


@fault(breaks={"L-06": "fail"})
class TokenEndless(Server):
    """Tokens have five thousand characters."""

    def new_value(self, client: str, user: str) -> str:
        return super().new_value(client, user) + "x" * 5000


@fault(breaks={"S-29": "fail", "T-26": "fail", "F-26": "fail"}, also={"F-25": "a logout of one user ends it for the other"})
class TokenSharedByUsers(Server):
    """Two users get the same token."""

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        users = list(USERS)
        living = [t for t in self.tokens.values() if t.user == users[0] and self.lives(t) and t.client == client]
        if user == users[1] and living:
            return living[-1]
        return super().issue(client, user, grant, scope)


members(
    "token-type-bearer-token",
    "`token_type` is `BearerToken`, an API gateway's default.",
    {"T-29": "fail", "I-02": "fail"},
    token_type="BearerToken",
)
members("token-type-missing", "The token reply has no `token_type`.", {"N-6749-21": "fail", "I-01": "fail"}, token_type=None)
members("token-type-upper-case", "`token_type` is `BEARER`.", {"I-04": "warn"}, token_type="BEARER")
members("token-type-number", "`token_type` is a JSON number.", {"T-29": "fail", "N-6749-21": "fail"}, token_type=1)
reply("token-type-null", "`token_type` is null.", {"N-6749-21": "fail", "I-03": "fail"}, _null("token_type"))


@fault(breaks={"F-23": "warn", "I-04": "warn"})
class TokenTypeSpelledVariously(Server):
    """`token_type` is `Bearer` and `bearer` by turns."""

    def members(self, token: Token) -> dict[str, Any]:
        found = super().members(token)
        return found | {"token_type": "bearer" if self.issued % 2 else "Bearer"}


members("refresh-token-empty", "The token reply has an empty refresh_token.", {"T-30": "fail"}, refresh_token="")
members("refresh-token-number", "`refresh_token` is a JSON number.", {"T-30": "fail"}, refresh_token=4711)
members("scope-as-list", "`scope` is a list.", {"N-6749-15": "fail"}, scope=lambda value: [value] if value else [])


def _no_token(name: str, title: str, breaks: dict[str, str], value: Any) -> None:
    members(name, title, breaks, access_token=value)


_no_token("access-token-number", "`access_token` is a JSON number.", {"T-25": "fail", "F-11": "fail"}, 4711)
_no_token("access-token-empty", "`access_token` is an empty string.", {"T-25": "fail", "F-11": "fail", "L-06": "fail"}, "")
reply(
    "camel-case-members",
    "The members are called accessToken and expiresIn.",
    {"F-11": "fail"},
    body(lambda text: text.replace(b"access_token", b"accessToken").replace(b"expires_in", b"expiresIn")),
)
reply("token-nested", "The members stand in an object called data.", {"F-11": "fail"}, body(lambda text: b'{"data": ' + text + b"}"))
reply("token-in-list", "The reply is a list.", {"F-11": "fail"}, body(lambda text: b"[" + text + b"]"))
reply(
    "token-with-bom",
    "The reply begins with a byte order mark.",
    {"N-8259-02": "fail", "F-11": "fail", "I-15": "fail"},
    body(lambda text: b"\xef\xbb\xbf" + text),
)
reply(
    "member-twice",
    "The member access_token stands twice.",
    {"N-8259-03": "warn", "F-11": "fail", "I-14": "warn"},
    body(lambda text: b'{"access_token": "first-one-of-the-two", ' + text[1:]),
)
reply(
    "trailing-comment",
    "A comment follows the reply.",
    {"N-8259-05": "fail", "F-11": "fail"},
    body(lambda text: text + b"\n<!-- node 7 -->"),
)

reply(
    "token-in-utf16",
    "The reply is encoded in UTF-16.",
    {"N-8259-01": "fail", "F-11": "fail"},
    body(lambda text: text.decode().encode("utf-16")),
)

# Headers and status

reply("token-storable", "Nothing forbids storing a token reply.", {"N-6749-27": "fail", "T-54": "warn"}, header("cache-control", None))
reply(
    "token-public",
    "A token reply is for public caches.",
    {"N-6749-27": "fail", "T-54": "warn", "N-9111-01": "fail"},
    header("cache-control", "public, max-age=60"),
)
reply("token-without-pragma", "A token reply lacks Pragma.", {"N-6749-27": "fail"}, header("pragma", None))
reply("token-created", "A token reply has status 201.", {"N-6749-25": "fail", "I-18": "fail"}, status(201))
reply(
    "token-as-plain-text",
    "A token reply is labelled text/plain.",
    {"N-6749-26": "fail", "T-54": "warn", "I-16": "fail"},
    header("content-type", "text/plain"),
)
reply(
    "token-as-html",
    "A token reply is labelled text/html.",
    {"N-6749-26": "fail", "T-54": "warn", "F-08": "fail", "I-16": "fail"},
    header("content-type", "text/html"),
)
reply(
    "token-unlabelled",
    "A token reply has no Content-Type.",
    {"N-6749-26": "fail", "T-54": "warn", "I-17": "fail"},
    header("content-type", None),
)


@fault(breaks={"S-30": "fail", "S-01": "fail"})
class TokenInCookie(Server):
    """A cookie carries the token, too."""

    def success(self, token: Token, call: Call) -> Answer:
        return header("set-cookie", f"session={token.value}; Path=/")(super().success(token, call))


@fault(breaks={"S-01": "fail"})
class PasswordEchoed(Server):
    """The token reply repeats the password."""

    def success(self, token: Token, call: Call) -> Answer:
        answer = super().success(token, call)
        return edited(answer, login=f"{token.user}:{USERS[token.user].password}") if token.user else answer


@fault(breaks={"S-35": "fail"})
class OriginEchoed(Server):
    """A token reply may be read by the web origin that asks for it, whichever it is."""

    def success(self, token: Token, call: Call) -> Answer:
        origin = "".join(call.lines("origin"))
        return header("access-control-allow-origin", origin or None)(super().success(token, call))


members(
    "developer-address", "The token reply has the address of the client's developer.", {"S-31": "fail"}, developer_email="dev@example.com"
)


@fault(breaks={"S-26": "fail"})
class RefreshTokenCounts(Server):
    """Refresh tokens are a constant and a counter."""

    def new_refresh(self, token: Token) -> str:
        return f"constant-beginning-of-every-refresh-token-{self.issued:06d}"


@fault(breaks={"N-6749-36": "fail", "S-26": "fail"})
class TokenCounts(Server):
    """Tokens are a constant and a counter."""

    def new_value(self, client: str, user: str) -> str:
        return f"constant-beginning-of-every-token-{self.issued:06d}"


@fault(breaks={"S-27": "fail"})
class TokenRevealsUser(Server):
    """Tokens are client, user and a random part in Base64."""

    def new_value(self, client: str, user: str) -> str:
        text = f"{super().new_value(client, user)}:{client}:{user}"
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")

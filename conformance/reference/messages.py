"""What goes in and out of the server, and what it keeps: calls, answers, tokens."""

import base64
import hashlib
from dataclasses import dataclass, replace

Headers = tuple[tuple[str, str], ...]
NO_STORE: Headers = (("cache-control", "no-store"), ("pragma", "no-cache"))


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

    def with_one(self, name: str, place: int) -> "Call":
        """The call with only one of the field lines of this name: the first (0) or the last (-1)."""
        others = tuple(pair for pair in self.headers if pair[0] != name)
        return replace(self, headers=(*others, *((name, value) for value in self.lines(name)[place:][:1])))


@dataclass(frozen=True)
class Answer:
    """A reply."""

    status: int
    headers: Headers = ()
    body: bytes = b""


NOT_FOUND = Answer(404, (("content-type", "text/plain"),), b"not found")
OLD_PATH = {
    "absent": NOT_FOUND,
    "redirect": Answer(308, (("location", "/oauth/v2/token"), ("content-type", "text/plain"))),
    "other": Answer(403, (("content-type", "text/plain"),), b"use the new path"),
}
"""What stands at the path without version, by the reading of `token.path`."""


@dataclass
class Token:
    """An issued token: an access token, with the refresh token that came with it."""

    value: str
    client: str
    user: str
    expires: float
    scope: str = ""
    refresh: str = ""
    grant: str = ""
    dead_at: float | None = None
    uses: int = 0


@dataclass
class Refresh:
    """A refresh token and the access token that it came with."""

    token: Token
    dead: bool = False


def with_header(answer: Answer, name: str, value: str | None) -> Answer:
    """The answer with one header field replaced, or (None) removed."""
    kept = tuple((key, old) for key, old in answer.headers if key != name)
    return replace(answer, headers=kept if value is None else (*kept, (name, value)))


def digest(text: str) -> str:
    """A value that nobody can guess who does not know the text, in base64url."""
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).decode().rstrip("=")


def user_pass(encoded: str) -> str | None:
    """What Basic credentials say, in UTF-8 or else in Latin-1, as some clients send them; None if they are no Base64."""
    try:
        octets = base64.b64decode(encoded.encode("ascii"), validate=True)
    except ValueError:
        return None
    try:
        return octets.decode("utf-8") if len(encoded) % 4 == 0 else None
    except UnicodeDecodeError:
        return octets.decode("latin-1")

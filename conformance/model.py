"""The values that everything else passes around: outcomes, symbolic requests, exchanges, findings. Imports nothing of ours."""

import enum
from typing import Literal

import msgspec


class Outcome(enum.StrEnum):
    """What became of a claim, in order of rank: an outcome only ever rises."""

    PASS = "pass"
    NOT_APPLICABLE = "not-applicable"
    NOT_OBSERVABLE = "not-observable"
    AMBIGUOUS = "ambiguous"
    WARN = "warn"
    INCONCLUSIVE = "inconclusive"
    FAIL = "fail"
    ERROR = "error"

    @property
    def rank(self) -> int:
        return list(Outcome).index(self)

    @property
    def conclusive(self) -> bool:
        """Whether the claim was decided on evidence."""
        return self in (Outcome.PASS, Outcome.AMBIGUOUS, Outcome.WARN, Outcome.FAIL)


class Level(enum.StrEnum):
    """The keyword of a clause (RFC 2119)."""

    MUST = "MUST"
    MUST_NOT = "MUST NOT"
    SHOULD = "SHOULD"
    SHOULD_NOT = "SHOULD NOT"
    MAY = "MAY"

    @property
    def mandatory(self) -> bool:
        return self in (Level.MUST, Level.MUST_NOT)


class Severity(enum.StrEnum):
    """How much harm a broken claim does; independent of the clause's level."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"


LAYERS = ("document", "rfc", "security", "interop")
VERDICTS = ("conformant", "nonconformant", "incomplete")


class Slot(msgspec.Struct, frozen=True, tag="slot", tag_field="part"):
    """A value that only the driver knows, by name: `client.secret`, `user.password`, `token#3`."""

    name: str


class Edit(msgspec.Struct, frozen=True, tag="edit", tag_field="part"):
    """An edit or encoding, by its name in the table of `edits`, applied to a text."""

    op: str
    of: tuple["Part", ...]
    args: tuple[int | str, ...] = ()


Part = str | Slot | Edit
Text = tuple[Part, ...]
"""A text with holes: literals, slots and edits of them, joined."""

Pairs = tuple[tuple[Text, Text], ...]


class Request(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request in symbols: it holds no secret, and anybody with the target file can send it again.

    `form` is sent urlencoded, `body` as it is; both in chunks where the headers say so. `path` stands in place of the
    operation's own. `without` names fields that the driver adds to every request and leaves out of this one.
    """

    operation: str
    method: str
    query: Pairs = ()
    headers: tuple[tuple[str, Text], ...] = ()
    form: Pairs | None = None
    fresh: bool = False
    body: Text | None = None
    path: str = ""
    without: tuple[str, ...] = ()


class Minted(msgspec.Struct, frozen=True):
    """A token that a reply handed out. Equal values have equal slots, so identity survives redaction.

    `wellformed`: the value matches the contract's pattern; `alphabet`: word, base64url or other; `same_as`: the slot of
    another kind of token with the same value; `distinct`: how many characters it does not share with the most similar earlier
    token, at its beginning and end; `reveals`: the slots whose values it holds in Base64. Nobody could tell these from the slot.
    """

    slot: str
    kind: Literal["token", "refresh"]
    length: int
    wellformed: bool
    alphabet: str = "word"
    same_as: str = ""
    distinct: int = 40
    reveals: tuple[str, ...] = ()


class Reply(msgspec.Struct, frozen=True, omit_defaults=True):
    """A reply with its tokens replaced by `{slot}`. `body` is text; `encoding` turns it back into the bytes.

    `connection`: the number of the connection that it came over, 0 where there is none to the server itself; `kept`: it left
    the connection open for another request; `surplus`: how many bytes came behind its end; `version`: that of HTTP.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""
    encoding: Literal["utf-8", "latin-1"] = "utf-8"
    reason: str = ""
    minted: tuple[Minted, ...] = ()
    echoes: tuple[str, ...] = ()
    connection: int = 0
    kept: bool = False
    surplus: int = 0
    version: str = "1.1"

    def header(self, name: str) -> str | None:
        """The field's lines joined with commas (RFC 9110 section 5.3), or None."""
        lines = [value for key, value in self.headers if key.lower() == name.lower()]
        return ", ".join(lines) if lines else None

    def token(self, kind: str = "token") -> str | None:
        """The slot of the access (or refresh) token that this reply handed out."""
        return next((m.slot for m in self.minted if m.kind == kind), None)


class Exchange(msgspec.Struct, frozen=True, omit_defaults=True, tag="exchange"):
    """One request and its reply, or the reason why none came. Times are seconds since the run began."""

    id: int
    by: str
    request: Request
    sent: float
    received: float
    reply: Reply | None = None
    failure: str | None = None


class Finding(msgspec.Struct, frozen=True, tag="finding"):
    """The outcome of one claim with its evidence (`exchanges` holds ids; `evidence` counts all, even those not listed)."""

    check: str
    kind: Literal["check", "rule"]
    clause: str
    layer: str
    level: str
    severity: str
    subject: str
    title: str
    outcome: Outcome
    expected: str = ""
    actual: str = ""
    reading: str = ""
    evidence: int = 0
    exchanges: tuple[int, ...] = ()
    example: str = ""

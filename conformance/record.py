"""The record: run.ndjson, appended line by line, validated on write and on read. Without its footer a run is incomplete."""

import contextlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

import msgspec

from conformance import __version__
from conformance.dialect import Dialect
from conformance.errors import RecordError
from conformance.model import Exchange, Finding, Outcome, Reply
from conformance.profile import Profile
from conformance.redact import Redactor
from conformance.schemas import schema_of
from conformance.tally import Tally
from conformance.verdict import Judgement, LayerVerdict

SCHEMA_VERSION = 1
MAX_LINE = 64 << 20


class TargetLabel(msgspec.Struct, frozen=True):
    """Which server was tested: `embedded` is the reference server of this package, `real` any other."""

    name: str
    kind: Literal["embedded", "real"]
    base_url: str


class Axis(msgspec.Struct, frozen=True):
    """One question the documentation leaves open, and the reading that this server follows (empty: not seen)."""

    question: str
    reading: str
    says: str
    pinned: str = ""


class ClauseText(msgspec.Struct, frozen=True):
    """What a clause says, for readers of the record who do not have the contract."""

    layer: str
    level: str
    binds: str
    source: str
    quote: str
    deviation: str = ""
    untested: str = ""


class Header(msgspec.Struct, frozen=True, tag="header"):
    """The first line: what is about to be done to whom."""

    target: TargetLabel
    contract: str
    seed: int
    gate: tuple[str, ...]
    started: str
    strict: bool = False
    selection: str = ""
    require: tuple[str, ...] = ()
    clauses: dict[str, ClauseText] = {}
    schema_version: int = SCHEMA_VERSION
    version: str = __version__


class Footer(msgspec.Struct, frozen=True, tag="footer"):
    """The last line: only a run that came to its end has one."""

    verdict: str
    exit_code: int
    layers: dict[str, LayerVerdict]
    counts: dict[str, int]
    interpretations: dict[str, Axis]
    unmet: tuple[str, ...] = ()
    duration_s: float = 0
    generated: dict[str, dict[str, Tally]] = {}


Line = Header | Exchange | Profile | Finding | Footer

CUT_SHORT = "the record has no footer: the run was cut short"


class Record(msgspec.Struct, frozen=True):
    """A whole record in memory."""

    header: Header
    exchanges: tuple[Exchange, ...] = ()
    profile: Profile | None = None
    findings: tuple[Finding, ...] = ()
    footer: Footer | None = None

    @property
    def verdict(self) -> str:
        """`incomplete` unless the footer says otherwise."""
        return self.footer.verdict if self.footer else "incomplete"

    @property
    def unmet(self) -> tuple[str, ...]:
        """Why the run is incomplete, if it is."""
        return self.footer.unmet if self.footer else (CUT_SHORT,)

    @property
    def counts(self) -> dict[str, int]:
        """Outcome → number of findings."""
        return {outcome.value: sum(f.outcome is outcome for f in self.findings) for outcome in Outcome}


def footer_of(
    judgement: Judgement, interpretations: Mapping[str, Axis], duration_s: float, generated: Mapping[str, dict[str, Tally]] | None = None
) -> Footer:
    """The footer that states a judgement, with the counts of generated requests."""
    return Footer(
        judgement.verdict,
        judgement.exit_code,
        judgement.layers,
        judgement.counts,
        dict(interpretations),
        judgement.unmet,
        round(duration_s, 3),
        dict(generated or {}),
    )


class Writer:
    """Appends lines to run.ndjson as they happen, each validated and redacted; raises RecordError when it cannot."""

    def __init__(self, path: Path, redactor: Redactor) -> None:
        self.path, self._redactor = path, redactor
        try:
            self._file = path.open("wb")
        except OSError as problem:
            raise RecordError(f"{path}: cannot be written: {problem.strerror}") from None

    def write(self, line: Line) -> None:
        """Append one line."""
        try:
            data = msgspec.json.encode(msgspec.convert(msgspec.to_builtins(redacted(line, self._redactor)), type(line)))
            self._file.write(data + b"\n")
            self._file.flush()
        except (msgspec.ValidationError, UnicodeEncodeError) as problem:
            raise RecordError(f"{self.path}: a {type(line).__name__.lower()} does not fit the record: {problem}") from None
        except OSError as problem:
            raise RecordError(f"{self.path}: cannot be written: {problem.strerror}") from None

    def close(self) -> None:
        """Close the file."""
        with contextlib.suppress(OSError):
            self._file.close()


def redacted(line: Line, redactor: Redactor) -> Line:
    """The line without secrets. Requests are clean by construction; replies and findings are cleaned by value."""
    clean = redactor.clean
    if isinstance(line, Exchange):
        if line.reply is None:
            return msgspec.structs.replace(line, failure=clean(line.failure) if line.failure else line.failure)
        reply = line.reply
        headers = tuple((clean(name), clean(value)) for name, value in reply.headers)
        cleaned: Reply = msgspec.structs.replace(reply, headers=headers, body=clean(reply.body), reason=clean(reply.reason))
        return msgspec.structs.replace(line, reply=cleaned)
    if isinstance(line, Finding):
        return msgspec.structs.replace(line, expected=clean(line.expected), actual=clean(line.actual), example=clean(line.example))
    if isinstance(line, Profile):
        dialects = {name: _plain(dialect, clean) for name, dialect in line.dialects.items()}
        return msgspec.structs.replace(line, dialects=dialects, liveness_reason=redactor.message(line.liveness_reason))
    if isinstance(line, Footer):
        return msgspec.structs.replace(line, unmet=tuple(clean(text) for text in line.unmet))
    return line


def _plain(dialect: Dialect, clean: Callable[[str], str]) -> Dialect:
    """A dialect without secrets: its paths are names of members, and the server chose them."""
    code, text = dialect.code_path, dialect.text_path
    return msgspec.structs.replace(dialect, code_path=code and clean(code), text_path=text and clean(text), media=clean(dialect.media))


def parse(lines: Iterable[bytes], name: str) -> Record:
    """A record from its lines; a last line that was cut off is left out. Raises RecordError for any other damage."""
    decoder = msgspec.json.Decoder(Line)
    header: Header | None = None
    footer: Footer | None = None
    profile: Profile | None = None
    exchanges: list[Exchange] = []
    findings: list[Finding] = []
    for number, raw in enumerate(lines, 1):
        if len(raw) > MAX_LINE:
            raise RecordError(f"{name}:{number}: a line of {len(raw)} bytes; at most {MAX_LINE} are read")
        try:
            line = decoder.decode(raw)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as problem:
            if not raw.endswith(b"\n") and header is not None:
                break
            raise RecordError(f"{name}:{number}: not a line of a record: {problem}") from None
        if header is None and not isinstance(line, Header):
            raise RecordError(f"{name}:{number}: a record begins with its header")
        if footer is not None or (header is not None and isinstance(line, Header)):
            raise RecordError(f"{name}:{number}: a {type(line).__name__.lower()} where none may stand")
        match line:
            case Header():
                header = line
            case Exchange():
                exchanges.append(line)
            case Profile():
                profile = line
            case Finding():
                findings.append(line)
            case Footer():
                footer = line
    if header is None:
        raise RecordError(f"{name}: the record is empty")
    if header.schema_version != SCHEMA_VERSION:
        raise RecordError(f"{name}: schema_version {header.schema_version} is not known; this version reads {SCHEMA_VERSION}")
    if footer is not None:
        _consistent(findings, footer, name)
    return Record(header, tuple(exchanges), profile, tuple(findings), footer)


def _consistent(findings: list[Finding], footer: Footer, name: str) -> None:
    names = [finding.check for finding in findings]
    if len(set(names)) != len(names):
        raise RecordError(f"{name}: a claim has two findings")
    for word, count in footer.counts.items():
        seen = sum(finding.outcome.value == word for finding in findings)
        if seen != count:
            raise RecordError(f"{name}: the footer counts {count} {word}, the record holds {seen}: it was altered or cut")


def read(path: Path) -> Record:
    """Read run.ndjson, or the folder that holds it."""
    path = path / "run.ndjson" if path.is_dir() else path
    try:
        with path.open("rb") as file:
            return parse(file, str(path))
    except OSError as problem:
        raise RecordError(f"{path}: cannot be read: {problem.strerror}") from None


def line_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of one line of run.ndjson."""
    return schema_of(Line, "A line of run.ndjson")

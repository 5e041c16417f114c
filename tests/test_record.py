"""The record: round trip under generated values, damage and truncation told apart, redaction on write."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from conformance.errors import RecordError
from conformance.model import Edit, Exchange, Finding, Outcome, Reply, Request, Slot
from conformance.record import Header, Line, Record, TargetLabel, Writer, parse, read
from conformance.redact import Redactor
from conformance.render import FILES
from conformance.session import header_of
from conformance.verdict import worst_first

HEADER = Header(TargetLabel("t", "real", "http://127.0.0.1"), "hash", 0, ("document",), "2026-01-01T00:00:00+00:00")

words = st.text(st.characters(codec="utf-8"), max_size=20)
parts = st.recursive(
    st.one_of(words, st.builds(Slot, words)),
    lambda inner: st.builds(Edit, words, st.lists(inner, max_size=2).map(tuple), st.lists(st.integers(0, 9), max_size=1).map(tuple)),
    max_leaves=4,
)
texts = st.lists(parts, max_size=3).map(tuple)
pairs = st.lists(st.tuples(texts, texts), max_size=2).map(tuple)
requests = st.builds(
    Request, words, words, pairs, st.lists(st.tuples(words, texts), max_size=2).map(tuple), st.one_of(st.none(), pairs), st.booleans()
)
replies = st.builds(Reply, st.integers(100, 599), st.lists(st.tuples(words, words), max_size=2).map(tuple), words)
exchanges = st.builds(
    Exchange,
    st.integers(1, 9),
    words,
    requests,
    st.floats(0, 9),
    st.floats(0, 9),
    st.one_of(st.none(), replies),
    st.one_of(st.none(), words),
)
findings = st.builds(
    Finding,
    check=words,
    kind=st.sampled_from(["check", "rule"]),
    clause=words,
    layer=st.just("document"),
    level=st.just("MUST"),
    severity=st.just("high"),
    subject=words,
    title=words,
    outcome=st.sampled_from(Outcome),
    expected=words,
    actual=words,
    exchanges=st.lists(st.integers(1, 9), max_size=3).map(tuple),
)


@settings(suppress_health_check=list(HealthCheck), deadline=None)
@given(lines=st.lists(st.one_of(exchanges, findings), max_size=4))
def test_round_trip(tmp_path_factory: pytest.TempPathFactory, lines: list[Exchange | Finding]) -> None:
    """What is written is what is read, for any exchange and finding."""
    path = tmp_path_factory.mktemp("record") / "run.ndjson"
    writer = Writer(path, Redactor())
    for line in (HEADER, *lines):
        writer.write(line)
    writer.close()
    record = read(path)
    assert [*record.exchanges, *record.findings] == sorted(lines, key=lambda line: isinstance(line, Finding))


def whole(fault: str | None = None) -> list[bytes]:
    """The lines of a whole record."""
    from conformance import checks, contract, embedded
    from conformance.driver import VirtualClock
    from conformance.session import Options, Session
    from conformance.transport import InProcess

    spec, clock = contract.load(), VirtualClock()
    server = embedded.server(fault, None, clock.now)
    transport = InProcess(embedded.in_process(server))
    session = Session(spec, embedded.target("http://127.0.0.1"), Options(), kind="embedded", transport=transport, clock=clock)
    record = session.conduct(checks.load(spec))
    assert record.footer is not None
    profile = [record.profile] if record.profile is not None else []
    lines: list[Line] = [record.header, *record.exchanges, *record.findings, *profile, record.footer]
    return [msgspec.json.encode(line) + b"\n" for line in lines]


LINES = whole("token-storable")


def test_truncation_at_any_line_is_incomplete() -> None:
    """A record that ends before its footer is read and says incomplete, also when its last line is cut off."""
    for end in range(1, len(LINES), 17):
        record = parse([*LINES[:end], LINES[end][:-9]], "r")
        assert record.verdict == "incomplete"
        for render in FILES.values():
            assert "incomplete" in render(record).lower()


DAMAGE = [
    (lambda lines: lines[1:], "begins with its header"),
    (lambda lines: [], "is empty"),
    (lambda lines: [lines[0], *lines], "a header where none may stand"),
    (lambda lines: [*lines, lines[1]], "a exchange where none may stand"),
    (lambda lines: [lines[0], b"{}\n", *lines[1:]], ":2: not a line"),
    (lambda lines: [lines[0].replace(b'"schema_version":1', b'"schema_version":9'), *lines[1:]], "schema_version 9"),
    (lambda lines: [line.replace(b'"outcome":"fail"', b'"outcome":"pass"') for line in lines], "altered"),
]


@pytest.mark.parametrize(("damage", "message"), DAMAGE, ids=[message for _, message in DAMAGE])
def test_damage_is_refused(damage: object, message: str) -> None:
    """A damaged or altered record is refused with line and reason."""
    with pytest.raises(RecordError, match=message):
        parse(damage(LINES), "r")  # type: ignore[operator]


def test_a_line_that_does_not_fit_is_refused_on_write(tmp_path: Path) -> None:
    """What does not meet the schema is not written."""
    writer = Writer(tmp_path / "r", Redactor())
    with pytest.raises(RecordError, match="does not fit"):
        writer.write(msgspec.structs.replace(HEADER, seed="x"))
    writer.close()


def test_formats_count_alike() -> None:
    """run.json, JUnit and the page count the same outcomes."""
    from junitparser import JUnitXml

    for fault in (None, "token-storable", "secret-not-checked", "resource-open", "camel-case-members"):
        record = parse(whole(fault), "r")
        document = json.loads(FILES["run.json"](record))
        counts = document["counts"]
        assert sum(counts.values()) == len(document["findings"]) == len(record.findings)
        suite = JUnitXml.fromstring(FILES["junit.xml"](record).encode())
        assert suite.failures == counts["fail"]
        assert suite.errors == counts["inconclusive"] + counts["error"] + (record.verdict == "incomplete")
        assert suite.skipped == counts["not-applicable"] + counts["not-observable"]
        assert suite.tests == len(record.findings) + (record.verdict == "incomplete")
        page = FILES["report.html"](record)
        for word, count in counts.items():
            assert page.count(f'" class="{word}">') == count, (fault, word)
        assert [f["check"] for f in document["findings"]] == [f.check for f in worst_first(record.findings)]


def test_embedded_is_said_first() -> None:
    """Every format of an embedded run says that no server of the user's was tested."""
    record = parse(LINES, "r")
    for render in FILES.values():
        assert "embedded reference server of the harness" in render(record)


def test_markup_of_a_server_stays_text() -> None:
    """A server that answers with markup and control characters injects nothing."""
    hostile = "<script>alert(1)</script>\x1b[2J\u202e\x00]]>"
    record = parse(LINES, "r")
    finding = msgspec.structs.replace(record.findings[0], outcome=Outcome.FAIL, actual=hostile, expected=hostile)
    page = FILES["report.html"](Record(record.header, findings=(finding,)))
    for mark in ("<script", "\x1b", "\u202e"):
        assert mark not in page
    from junitparser import JUnitXml

    JUnitXml.fromstring(FILES["junit.xml"](Record(record.header, findings=(finding,))).encode())


def test_header_carries_the_clauses() -> None:
    """A reader of the record needs no contract."""
    from conformance import contract, embedded
    from conformance.session import Options

    header = header_of(contract.load(), embedded.target("http://127.0.0.1"), "embedded", Options())
    assert header.clauses["L-02"].quote == "Invalidate the access token."


def test_full_disk_is_told() -> None:
    """When nothing more can be written, the record says so; it does not go on as if it had."""
    writer = Writer(Path("/dev/full"), Redactor())
    with pytest.raises(RecordError, match="No space left on device"):
        writer.write(HEADER)
    writer.close()

"""The words that every renderer opens with, so that all say the same."""

from conformance.record import Record

EMBEDDED = "This run tested the embedded reference server of the harness, not a server of yours."


def headline(record: Record) -> str:
    """Verdict, target and gate in one line."""
    return f"{record.verdict.upper()}: {record.header.target.name} (gate: {', '.join(record.header.gate)})"


def caution(record: Record) -> str:
    """The first line to read where one is needed: that the embedded server was tested; else empty."""
    return EMBEDDED if record.header.target.kind == "embedded" else ""


def counted(record: Record) -> str:
    """The counts by outcome, those that are zero left out."""
    counts = [f"{number} {word}" for word, number in record.counts.items() if number]
    return ", ".join(counts) or "no findings"

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


def precedence(record: Record) -> list[str]:
    """Which of several faults this server answers, a line each: `no-authorization before no-grant-type`."""
    order = record.profile.order if record.profile else {}
    return [f"{first} before {' and '.join(name for name in key.split('+') if name != first)}" for key, first in order.items()]

"""The terminal report: worst first, expected against actual, honest about what was not tested."""

from collections.abc import Sequence

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from conformance.model import Outcome
from conformance.record import Record
from conformance.render.headline import caution, counted, precedence
from conformance.verdict import worst_first

COLOURS = {"conformant": "green", "nonconformant": "red", "incomplete": "yellow"}
STYLES = {Outcome.FAIL: "red", Outcome.ERROR: "magenta", Outcome.INCONCLUSIVE: "yellow", Outcome.WARN: "yellow"}


def printable(text: str) -> str:
    """The text without control, bidirectional and other invisible characters, safe to show in a terminal."""
    return "".join(char if char.isprintable() else f"\\x{ord(char):02x}" for char in text)


def render_text(record: Record, console: Console, *, verbose: bool = False, notes: Sequence[str] = ()) -> None:
    """Print the report; `verbose` lists the claims that passed as well, `notes` are lines about the run that no record holds."""
    if caution(record):
        console.print(caution(record), style="bold", soft_wrap=True)
    _findings(record, console)
    _layers(record, console)
    _readings(record, console)
    _generated(record, console)
    if verbose:
        for finding in record.findings:
            if finding.outcome is Outcome.PASS:
                measured = f" ({escape(printable(finding.actual))})" if finding.actual else ""
                console.print(f"[green]pass[/] {escape(finding.check)}  {finding.clause}  {escape(finding.title)}{measured}")
    console.print()
    for reason in record.unmet:
        console.print(f"incomplete: {printable(reason)}", style="yellow", markup=False, soft_wrap=True)
    for note in notes:
        console.print(printable(note), markup=False, highlight=False, soft_wrap=True)
    seed = f", seed {record.header.seed}"
    console.print(
        f"{len(record.findings)} claims, {len(record.exchanges)} requests{seed}: {counted(record)}", highlight=False, soft_wrap=True
    )
    style = f"bold {COLOURS[record.verdict]}"
    name = printable(record.header.target.name)
    console.print(
        f"Verdict: {record.verdict} ({name}, gate {', '.join(record.header.gate)})",
        style=style,
        markup=False,
        highlight=False,
        soft_wrap=True,
    )


def _findings(record: Record, console: Console) -> None:
    undecided: dict[tuple[str, str], list[str]] = {}
    for finding in worst_first(record.findings):
        if finding.outcome is Outcome.INCONCLUSIVE:
            undecided.setdefault((finding.expected, finding.actual), []).append(finding.check)
            continue
        if finding.outcome in (Outcome.PASS, Outcome.NOT_APPLICABLE, Outcome.NOT_OBSERVABLE):
            continue
        gated = "" if finding.layer in record.header.gate else " (not gated)"
        style = STYLES.get(finding.outcome, "cyan")
        head = f"{finding.outcome.upper()}  {finding.check}  {finding.clause} {finding.level}, layer {finding.layer}{gated}"
        console.print()
        console.print(head, style=f"bold {style}", markup=False, highlight=False)
        quote = record.header.clauses.get(finding.clause)
        rows = [
            ("claim", finding.title),
            ("expected", finding.expected),
            ("actual", finding.actual),
            ("clause", f"“{quote.quote}” ({quote.source})" if quote else ""),
            ("example", finding.example),
            ("exchanges", ", ".join(map(str, finding.exchanges))),
        ]
        for label, value in rows:
            if value:
                console.print(f"  {label:<9} {printable(value)}", markup=False, highlight=False, soft_wrap=True)
    for (expected, actual), checks in undecided.items():
        console.print(f"\nINCONCLUSIVE  {len(checks)} claims", style="bold yellow")
        for label, value in (("expected", expected), ("actual", actual), ("claims", ", ".join(checks))):
            console.print(f"  {label:<9} {printable(value)}", markup=False, highlight=False, soft_wrap=True)
    _untested(record, console)


def _untested(record: Record, console: Console) -> None:
    missing: dict[str, list[str]] = {}
    for finding in record.findings:
        if finding.outcome is Outcome.NOT_OBSERVABLE:
            missing.setdefault(f"{finding.expected}; add to the target file: {finding.actual}", []).append(finding.check)
    if missing:
        console.print("\nNot observable", style="bold")
    for reason, checks in missing.items():
        console.print(f"  {printable(reason)}", markup=False, highlight=False, soft_wrap=True)
        console.print(f"    {len(checks)} claims: {', '.join(checks)}", markup=False, highlight=False, soft_wrap=True)
    absent = [finding.check for finding in record.findings if finding.outcome is Outcome.NOT_APPLICABLE]
    if absent:
        console.print("\nNot applicable (nothing of the kind was seen)", style="bold")
        console.print(f"  {', '.join(absent)}", markup=False, highlight=False, soft_wrap=True)


def _layers(record: Record, console: Console) -> None:
    if record.footer is None:
        return
    table = Table("layer", "verdict", "gate", box=None, padding=(0, 2, 0, 0))
    words = [outcome.value for outcome in Outcome if record.counts[outcome.value]]
    for word in words:
        table.add_column(word, justify="right")
    for name, layer in record.footer.layers.items():
        if any(layer.counts.values()):
            table.add_row(
                name, f"[{COLOURS[layer.verdict]}]{layer.verdict}[/]", "yes" if layer.gated else "", *(str(layer.counts[w]) for w in words)
            )
    console.print()
    console.print(table)


def _generated(record: Record, console: Console) -> None:
    """How many generated requests were accepted and refused, one line an operation."""
    for operation, states in record.footer.generated.items() if record.footer else ():
        shown = ", ".join(
            f"{state} {tally.accepted}/{tally.accepted + tally.refused + tally.unanswered}" for state, tally in states.items()
        )
        console.print(f"\nGenerated {operation} requests, accepted of all: {shown}", markup=False, highlight=False, soft_wrap=True)


def _readings(record: Record, console: Console) -> None:
    axes: Sequence[tuple[str, str, str]] = (
        [(name, axis.reading, axis.says) for name, axis in record.footer.interpretations.items() if axis.reading] if record.footer else []
    )
    if axes:
        console.print("\nReadings of the documentation that this server follows", style="bold")
    for name, reading, says in axes:
        console.print(f"  {name}: {reading} ({says})", markup=False, highlight=False, soft_wrap=True)
    if precedence(record):
        console.print("\nWhich fault this server answers where a request has two", style="bold")
        console.print(f"  {'; '.join(precedence(record))}", markup=False, highlight=False, soft_wrap=True)

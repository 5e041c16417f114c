"""One run from beginning to end: the output folder, the record, the runner, the renderers. What the command and the plugin share."""

import fnmatch
import json
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from conformance import checks
from conformance.contract import Contract
from conformance.driver import Clock, Driver, RealClock
from conformance.errors import RecordError, UsageError
from conformance.inspection import Scan, incomplete, scanned, withheld
from conformance.leaks import Scanner
from conformance.ledger import state_folder
from conformance.model import LAYERS, Exchange, Finding, Outcome
from conformance.profile import Profile
from conformance.record import Axis, ClauseText, Footer, Header, Record, TargetLabel, Writer, footer_of, redacted
from conformance.redact import Redactor
from conformance.registry import Claim
from conformance.render import FILES
from conformance.risk import ledger_of, left_of
from conformance.runner import Run, conduct
from conformance.tally import tallied
from conformance.target import Target
from conformance.transport import SocketTransport, Transport
from conformance.verdict import judge

RECORD = "run.ndjson"


class Options(msgspec.Struct, frozen=True):
    """How to run: the options of `conformance run` that are not about the target."""

    gate: tuple[str, ...] = ("document",)
    strict: bool = False
    seed: int = 0
    select: str = ""
    examples: Path | None = None


def gate_of(text: str) -> tuple[str, ...]:
    """The layers of `--gate`; raises UsageError for one that there is not."""
    layers = tuple(part.strip() for part in text.split(",") if part.strip())
    for layer in layers:
        if layer not in LAYERS:
            raise UsageError(f"--gate: unknown layer {layer!r}; one of {', '.join(LAYERS)}")
    if not layers:
        raise UsageError(f"--gate: no layer is named; one of {', '.join(LAYERS)}")
    return tuple(dict.fromkeys(layers))


def selected(claims: Sequence[Claim], pattern: str) -> tuple[Claim, ...]:
    """The claims whose id matches the glob; raises UsageError if none does. Brackets in ids match themselves, too."""
    if not pattern:
        return tuple(claims)
    chosen = tuple(c for c in claims if c.id == pattern or fnmatch.fnmatchcase(c.id, pattern))
    if not chosen:
        raise UsageError(f"--select: no claim matches {pattern!r}; `conformance list checks` and `list rules` name them")
    return chosen


def examples_in(folder: Path | None, claims: Sequence[Claim]) -> dict[str, list[Any]]:
    """Values to replay, from `CLAIM-ID*.json` files; raises UsageError for a folder or file that cannot be used."""
    if folder is None:
        return {}
    if not folder.is_dir():
        raise UsageError(f"--examples: {folder} is not a folder")
    found: dict[str, list[Any]] = {}
    for claim in claims:
        for path in sorted(folder.glob(f"{claim.id}*.json")) if claim.draws is not None else ():
            try:
                found.setdefault(claim.id, []).append(msgspec.convert(json.loads(path.read_bytes()), type(claim.sample)))
            except (OSError, ValueError, RecursionError) as problem:
                raise UsageError(f"--examples: {path}: not an example of {claim.id}: {problem}") from None
    if not found:
        raise UsageError(f"--examples: {folder} holds no file named after a generated claim, such as lifecycle-programs.json")
    return found


def transport_to(target: Target) -> SocketTransport:
    """The transport that the target file describes."""
    return SocketTransport(
        target.base_url,
        deadline_s=target.deadline_s,
        ca_file=target.tls.ca_file,
        client_cert=target.tls.client_cert,
        proxy=target.proxy,
    )


def header_of(contract: Contract, target: Target, kind: Literal["embedded", "real"], options: Options) -> Header:
    """The header of a run that is about to begin."""
    return Header(
        target=TargetLabel(target.name, kind, target.base_url),
        contract=contract.hash,
        seed=options.seed,
        gate=options.gate,
        strict=options.strict,
        selection=options.select,
        require=() if options.select else target.require,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        clauses={
            name: ClauseText(c.layer, c.level.value, c.binds, c.source, c.quote, c.deviation, c.untested)
            for name, c in contract.clauses.items()
        },
    )


class Session:
    """A run with its record on disk (or, without `out`, only in memory)."""

    def __init__(
        self,
        contract: Contract,
        target: Target,
        options: Options,
        *,
        kind: Literal["embedded", "real"],
        out: Path | None = None,
        transport: Transport | None = None,
        clock: Clock | None = None,
        redactor: Redactor | None = None,
    ) -> None:
        self.contract, self.target, self.options, self.out = contract, target, options, out
        self.header = header_of(contract, target, kind, options)
        self.redactor = redactor or Redactor()
        self.exchanges: list[Exchange] = []
        self.findings: list[Finding] = []
        self.footer: Footer | None = None
        self.scan: Scan | None = None
        ledger = ledger_of(target, state_folder()) if kind == "real" else None
        left_of(target.risk, ledger)  # a ledger that cannot be read ends the run before it sends anything
        self._writer = _open(out, self.header, self.redactor)
        self._began = time.monotonic()
        wires, time_ = transport or transport_to(target), clock or RealClock()
        self.driver = Driver(target, contract, wires, time_, redactor=self.redactor, ledger=ledger, on_exchange=self._exchanged)
        self.run = Run(contract, target, self.driver, self.exchanges, options.seed)

    def _exchanged(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if self._writer:
            self._writer.write(exchange)

    def _surveyed(self, profile: Profile) -> None:
        if self._writer:
            self._writer.write(profile)

    def found(self, finding: Finding) -> None:
        """Take a finding into the record."""
        self.findings.append(finding)
        if self._writer:
            self._writer.write(finding)

    def conduct(self, claims: Sequence[Claim], progress: Callable[[str], None] = lambda step: None) -> Record:
        """The whole run; whatever ends it, what was found so far is on disk and rendered."""
        self.run.replay = examples_in(self.options.examples, claims)
        try:
            conduct(self.run, claims, self._surveyed, self.found, progress)
            self.finish()
        finally:
            self.close()
        return self.record()

    def finish(self) -> None:
        """Judge what was found and write the footer."""
        cut_short = self.run.broken if self.run.profile is None else ""
        judgement = judge(self.findings, self.options.gate, strict=self.options.strict, require=self.header.require, cut_short=cut_short)
        drawn = frozenset(claim.id for claim in checks.load(self.contract) if claim.draws is not None)
        generated = tallied(self.exchanges, drawn, self.run.api)
        self.footer = footer_of(judgement, self._interpretations(), time.monotonic() - self._began, generated)
        if self._writer:
            self._writer.write(self.footer)

    def close(self) -> None:
        """Close what is open, render what there is, and look through all of it for secrets."""
        self.driver.close()
        if self._writer and self.out:
            self._writer.close()
            try:
                render_files(self.record(), self.out)
            finally:
                self.scan = self._inspected(self.out)

    def _inspected(self, out: Path) -> Scan:
        """Whether a secret stands in an artefact of this run; such an artefact is withheld, and the run is incomplete."""
        scanner, names = Scanner(self.driver.secrets(), self.driver.known()), (RECORD, *FILES)
        scan = scanned(out, names, scanner)
        if scan.hits:
            self.footer = incomplete(self.footer, scan)
            withheld(out, RECORD, scan, self.header)
            render_files(self.record(), out)
            for name in scanned(out, names, scanner).hits:
                (out / name).unlink()
        return scan

    def record(self) -> Record:
        """The record as it stands on disk: redacted."""

        def clean(line: Any) -> Any:
            return redacted(line, self.redactor)

        profile = clean(self.run.profile) if self.run.profile is not None else None
        footer = clean(self.footer) if self.footer is not None else None
        return Record(self.header, tuple(map(clean, self.exchanges)), profile, tuple(map(clean, self.findings)), footer)

    def _interpretations(self) -> dict[str, Axis]:
        found: dict[str, Axis] = {}
        axes = {claim.id: claim.axis for claim in checks.load(self.contract)}
        broken = {axes[finding.check] for finding in self.findings if finding.outcome is Outcome.FAIL}
        readings = {axes[finding.check]: finding.reading for finding in self.findings if finding.reading}
        for name, axis in self.contract.axes.items():
            if axis.about != "server":
                continue
            settled = self.run.profile.readings if self.run.profile is not None and name not in broken else {}
            reading = readings.get(name, "") or settled.get(name, "")
            says = axis.readings[reading].says if reading in axis.readings else ""
            found[name] = Axis(axis.question, reading, says, self.target.expect.get(name, ""))
        return found


def _open(out: Path | None, header: Header, redactor: Redactor) -> Writer | None:
    """Replace what an older run left in the folder by artefacts that say incomplete, and open the record."""
    if out is None:
        return None
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"--out: {out} cannot be written: {problem.strerror}") from None
    try:
        render_files(Record(header), out)
        writer = Writer(out / RECORD, redactor)
        writer.write(header)
    except RecordError as problem:
        raise UsageError(f"--out: {problem}") from None
    return writer


def render_files(record: Record, out: Path) -> None:
    """Write every format into the folder; raises RecordError when one cannot be written."""
    for name, render in FILES.items():
        try:
            (out / name).write_text(render(record), encoding="utf-8", errors="replace")
        except OSError as problem:
            raise RecordError(f"{out / name}: cannot be written: {problem.strerror}") from None

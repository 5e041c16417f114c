"""The command line: parses options, calls one function each, turns errors into messages and exit codes."""

import functools
import itertools
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ParamSpec

import click

from conformance import __version__
from conformance.errors import ConformanceError, UsageError

P = ParamSpec("P")

INTERRUPTED = 130
SERVING = "# serving; Ctrl-C ends it"


def _exits(command: Callable[P, int | None]) -> Callable[P, None]:
    """Run a command, print what went wrong as one message, exit with the code that belongs to it."""

    @functools.wraps(command)
    def wrapped(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            code = command(*args, **kwargs) or 0
        except ConformanceError as problem:
            click.echo(f"error: {problem}", err=True)
            code = problem.exit_code
        except KeyboardInterrupt:
            click.echo("interrupted; what was found so far is in the record, marked incomplete", err=True)
            code = INTERRUPTED
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # the reader went away
            code = 3
        except Exception as problem:
            from traceback import extract_tb

            frame = extract_tb(problem.__traceback__)[-1]
            where = f"{Path(frame.filename).name}:{frame.lineno}"
            click.echo(f"error: the harness broke: {type(problem).__name__} at {where}; please report it", err=True)
            code = 3
        sys.exit(code)

    return wrapped


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="conformance")
def main() -> None:
    """Test an OAuth API of two endpoints against its documentation, the standards and good practice.

    Exit: 0 conformant, 1 gate broken, 2 usage or configuration, 3 incomplete, 130 interrupted.
    """


@main.command()
@click.option("--target", "target_file", metavar="FILE", help="The server to test; without it the embedded reference server.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Where the artefacts go.")
@click.option("--gate", default="document", show_default=True, metavar="LAYER,…", help="Layers whose failures exit 1.")
@click.option("--strict", is_flag=True, help="A broken SHOULD in a gated layer exits 1, too.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Seed of the generated traffic.")
@click.option("--select", default="", metavar="GLOB", help="Only claims whose id matches.")
@click.option("--examples", type=click.Path(path_type=Path), metavar="DIR", help="Replay the generated values in DIR first.")
@click.option("--dry-run", is_flag=True, help="Say what would be sent, by class of risk; send nothing.")
@click.option("-v", "--verbose", is_flag=True, help="List the claims that passed as well.")
@_exits
def run(
    target_file: str | None,
    out: Path,
    gate: str,
    strict: bool,
    seed: int,
    select: str,
    examples: Path | None,
    dry_run: bool,
    verbose: bool,
) -> int:
    """Run the claims and write run.ndjson, run.json, report.html and junit.xml."""
    import msgspec

    from conformance import checks, contract, embedded, ledger, plan, risk
    from conformance import target as targets
    from conformance.session import Options, examples_in, gate_of, selected

    options = Options(gate_of(gate), strict, seed, select, examples)
    if target_file is not None and not target_file.strip():
        raise UsageError("--target: no file is named; leave the option out to test the embedded reference server")
    spec = contract.load()
    claims = selected(checks.load(spec), select)
    target = targets.load(Path(target_file), spec) if target_file is not None else None
    with tempfile.TemporaryDirectory() as leftovers:
        # Hypothesis keeps caches in the current folder unless it is told where; a run leaves its artefacts only.
        os.environ.setdefault("HYPOTHESIS_STORAGE_DIRECTORY", leftovers)
        if dry_run:
            would = target or embedded.target("http://127.0.0.1")
            if target is not None:
                would = msgspec.structs.replace(target, risk=risk.left_of(target.risk, risk.ledger_of(target, ledger.state_folder())))
            click.echo(plan.rendered(plan.plan(spec, would, claims, seed, examples_in(examples, claims)), would, claims, spec))
            return 0
        return _run(spec, target, options, claims, out, verbose=verbose)


def _run(spec: Any, target: Any, options: Any, claims: Any, out: Path, *, verbose: bool) -> int:
    from conformance import embedded
    from conformance.session import Session

    if target is not None:
        return _report(Session(spec, target, options, kind="real", out=out), claims, out, verbose=verbose)
    with embedded.over_http(embedded.server()) as reference:
        return _report(Session(spec, reference, options, kind="embedded", out=out), claims, out, verbose=verbose)


def _report(session: Any, claims: Any, out: Path, *, verbose: bool) -> int:
    from conformance.render.text import render_text

    record = None
    try:
        with _progress(len(claims)) as step:
            record = session.conduct(claims, step)
    finally:
        scan = session.scan
        if scan is not None and (scan.hits or record is None):
            click.echo(scan.said, err=True)
    if not scan.hits:  # what is withheld from files is not printed either
        console = _console()
        render_text(record, console, verbose=verbose, notes=(scan.said,))
        console.print(f"Report: {out / 'report.html'}", markup=False, highlight=False, soft_wrap=True)
    return record.footer.exit_code if record.footer else 3


def _console() -> Any:
    from rich.console import Console

    return Console(no_color=bool(os.environ.get("NO_COLOR")) or None, highlight=False)


@contextmanager
def _progress(total: int) -> Iterator[Callable[[str], None]]:
    """A progress line on a terminal; silence elsewhere and in CI."""
    if not sys.stderr.isatty() or os.environ.get("CI"):
        yield lambda step: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("survey", total=total)
        yield lambda step: progress.update(task, advance=1, description=step)


@contextmanager
def _paced(total: int) -> Iterator[Callable[[str], None]]:
    """Progress with the rate so far: one line on a terminal; elsewhere and in CI a line for each step, with the time that is left."""
    quiet = not sys.stderr.isatty() or bool(os.environ.get("CI"))
    done, began = itertools.count(1), time.monotonic()
    with _progress(total) as step:

        def tell(name: str) -> None:
            number, passed = next(done), time.monotonic() - began
            rate = f"{60 * number / passed:.0f} a minute"
            step(f"{name}, {rate}")
            if quiet:
                click.echo(f"[{number}/{total}] {name}, {rate}, {passed / number * (total - number):.0f} s left", err=True)

        yield tell


@main.command()
@click.option(
    "--target", "path", type=click.Path(path_type=Path), default=Path("target.yaml"), show_default=True, help="The file to write."
)
@click.option("--base-url", metavar="URL", help="Where the server is; without it a dialogue asks, on a terminal.")
@click.option("--name", help="What it is called in reports; by default its host.")
@click.option("--client-id", metavar="ID", help="The application's id, or ${VAR}; by default ${CLIENT_ID}.")
@click.option("--client-secret-env", metavar="VAR", help="The variable with its secret; by default CLIENT_SECRET.")
@click.option("--secret-file", metavar="PATH", help="The file (mode 600) with its secret, instead of a variable.")
@click.option("--username", metavar="NAME", help="The machine user's name, or ${VAR}; by default ${API_USER}.")
@click.option("--password-env", metavar="VAR", help="The variable with its password; by default API_PASSWORD.")
@click.option("--resource", metavar="PATH", help="A protected resource that tells whether a token lives.")
@click.option("--force", is_flag=True, help="Replace the file if it exists.")
@_exits
def init(path: Path, force: bool, **given: str | None) -> int:
    """Write a target file, which holds no secret and shows every fixture; on a terminal, ask for what no option says."""
    from conformance import contract
    from conformance import init as writer

    said = {key: value for key, value in given.items() if value is not None}
    if "base_url" in said:
        answers = writer.Answers(**said)
    elif sys.stdin.isatty():
        answers = writer.dialogue(said, lambda question, default: str(click.prompt(question, default=default, show_default=bool(default))))
    else:
        raise UsageError("--base-url: say where the server is, such as http://127.0.0.1:8080; a dialogue needs a terminal")
    needed = writer.write(path, answers, contract.load(), force=force)
    click.echo(f"Wrote {path}." + (f" Set {', '.join(needed)} in the environment, then:" if needed else " Next:"))
    click.echo(f"  conformance doctor --target {path}")
    return 0


@main.command()
@click.option("--target", "path", type=click.Path(path_type=Path), required=True, metavar="FILE", help="The target file to look at.")
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_exits
def doctor(path: Path, as_json: bool) -> int:
    """Say what stands in the way of a run, before any verdict, and how to mend it; logs in once at most.

    Exit: 0 nothing stands in the way, 2 the configuration is wrong, 3 the server cannot be tested.
    """
    import msgspec

    from conformance import contract
    from conformance import doctor as looking

    report = looking.examine(path, contract.load())
    click.echo(json.dumps(msgspec.to_builtins(report), indent=1, ensure_ascii=False) if as_json else looking.rendered(report, path))
    return report.exit_code


@main.command()
@click.option("--fault", metavar="NAME", help="A named misbehaviour; see `conformance list faults`.")
@click.option("--interpretation", "readings", multiple=True, metavar="AXIS=READING", help="A reading of the documentation.")
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="Port on 127.0.0.1; 0 takes a free one.")
@_exits
def serve(fault: str | None, readings: tuple[str, ...], port: int) -> int:
    """Serve the reference server on loopback and print a target file for it."""
    import msgspec
    import yaml

    from conformance import embedded
    from conformance.reference import http, wire
    from conformance.reference.faults import WIRE_FAULTS

    chosen = {}
    for item in readings:
        axis, equals, word = item.partition("=")
        if not equals:
            raise UsageError(f"--interpretation: {item!r} is not of the form AXIS=READING")
        chosen[axis] = word
    server = embedded.server(fault, chosen, time.monotonic)
    try:
        carrier = wire.Listener(server, embedded.peer(fault), port) if fault in WIRE_FAULTS else http.Carrier(server, port)
    except OSError as problem:
        raise UsageError(f"--port: {port} cannot be used on 127.0.0.1: {problem.strerror}") from None
    name = "reference server" + (f" with fault {fault}" if fault else "")
    target = embedded.target(carrier.base_url, name, chosen)
    click.echo(yaml.safe_dump(msgspec.to_builtins(target), sort_keys=False, allow_unicode=True) + SERVING)
    sys.stdout.flush()
    carrier.serve_forever()
    return 0


@main.command()
@click.argument("run_path", metavar="RUN", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Where the artefacts go; by default beside the record.")
@_exits
def report(run_path: Path, out: Path | None) -> int:
    """Render a record (run.ndjson or its folder) again; exits as the run did."""
    from conformance.record import read
    from conformance.render.text import render_text
    from conformance.session import render_files

    record = read(run_path)
    folder = out or (run_path if run_path.is_dir() else run_path.parent)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"--out: {folder} cannot be written: {problem.strerror}") from None
    render_files(record, folder)
    render_text(record, _console())
    click.echo(f"Report: {folder / 'report.html'}")
    return record.footer.exit_code if record.footer else 3


@main.command("list")
@click.argument("what", type=click.Choice(["checks", "rules", "clauses", "faults", "interpretations"]))
@click.option("--json", "as_json", is_flag=True, help="As JSON.")
@_exits
def list_(what: str, as_json: bool) -> int:
    """List what there is, a line each."""
    rows = _rows(what)
    if as_json:
        click.echo(json.dumps(rows, indent=1, ensure_ascii=False))
        return 0
    for name, row in rows.items():
        click.echo("  ".join([f"{name:<38}", *(str(value) if not isinstance(value, dict) else _spelled(value) for value in row.values())]))
    return 0


def _spelled(value: dict[str, Any]) -> str:
    return " ".join(f"{key}={word}" for key, word in value.items()) or "-"


def _rows(what: str) -> dict[str, dict[str, Any]]:
    from conformance import checks, contract
    from conformance.reference.faults import FAULTS, WIRE_FAULTS

    spec = contract.load()
    if what in ("checks", "rules"):
        claims = [claim for claim in checks.load(spec) if claim.kind == what[:-1]]
        return {c.id: {"clause": c.clause, "layer": spec.clauses[c.clause].layer, "title": c.title} for c in claims}
    if what == "clauses":
        return {
            n: {"layer": c.layer, "level": c.level.value, "binds": c.binds, "source": c.source, "quote": c.quote}
            for n, c in spec.clauses.items()
        }
    if what == "faults":
        return {
            fault.name: {
                "layer": "document" if "document" in (layers := [spec.clauses[c].layer for c in fault.breaks]) else layers[0],
                "breaks": dict(fault.breaks),
                "also": dict(fault.also),
                "title": fault.title,
            }
            for fault in (FAULTS | WIRE_FAULTS).values()
        }
    return {
        n: {"about": a.about, "question": a.question, "readings": {w: r.says for w, r in a.readings.items()}} for n, a in spec.axes.items()
    }


@main.command()
@click.argument("name", metavar="ID")
@_exits
def explain(name: str) -> int:
    """Explain a claim, clause, fault or interpretation by its id."""
    for what in ("checks", "rules", "clauses", "faults", "interpretations"):
        rows = _rows(what)
        if name in rows:
            click.echo(f"{name} ({what.removesuffix('s')})")
            for key, value in rows[name].items():
                click.echo(f"  {key}: {_spelled(value) if isinstance(value, dict) else value}")
            if "clause" in rows[name]:
                clause = _rows("clauses")[rows[name]["clause"]]
                click.echo(f"  the clause: {clause['level']}, {clause['source']}: “{clause['quote']}”")
            return 0
    raise UsageError(f"nothing is called {name!r}; `conformance list checks|rules|clauses|faults|interpretations` names all ids")


@main.command()
@click.option("--out", type=click.Path(path_type=Path), default=Path("reports"), show_default=True, help="Where kill-matrix.json goes.")
@click.option("--lock", type=click.Path(path_type=Path), metavar="FILE", help="Exit 1 if the matrix differs from this one.")
@_exits
def selftest(out: Path, lock: Path | None) -> int:
    """Run the suite against every fault of the reference server and write the kill matrix."""
    from conformance import selftest as proof
    from conformance.reference.faults import FAULTS, WIRE_FAULTS

    with _paced(len(FAULTS) + len(WIRE_FAULTS) + 2) as step:
        rows, wire = proof.matrix(step), proof.wire_matrix(step)
    problems = list(proof.faults_in(rows, wire))
    text = json.dumps(proof.lock(rows, wire), indent=1, sort_keys=True) + "\n"
    try:
        out.mkdir(parents=True, exist_ok=True)
        (out / "kill-matrix.json").write_text(text, encoding="utf-8")
        locked = lock.read_text(encoding="utf-8") if lock else text
    except OSError as problem:
        raise UsageError(f"{problem.filename}: {problem.strerror}") from None
    if locked != text:
        problems.append(f"{out / 'kill-matrix.json'} differs from {lock}; review the difference and commit the new file")
    for problem_text in problems:
        click.echo(f"FAIL {problem_text}")
    click.echo(f"{len(FAULTS) + len(WIRE_FAULTS)} faults, {len(problems)} problems")
    return 1 if problems else 0

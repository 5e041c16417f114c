"""report.html: one self-contained page that opens offline and works without JavaScript."""

from functools import lru_cache

import jinja2

from conformance.model import Edit, Outcome, Request, Slot, Text
from conformance.record import Record
from conformance.render.headline import caution, counted, precedence
from conformance.verdict import worst_first

SHOWN_BODY = 2000
SHOWN_EXCHANGES = 5


@lru_cache
def _template() -> jinja2.Template:
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("conformance.render", "templates"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"visible": visible, "spelled": spelled}
    return environment.get_template("page.html.j2")


def visible(text: str) -> str:
    """The text with control and bidirectional characters made visible, and cut where it is long."""
    shown = "".join(char if char.isprintable() or char in "\n\t" else f"\\x{ord(char):02x}" for char in text[:SHOWN_BODY])
    return shown + (f"… ({len(text)} characters)" if len(text) > SHOWN_BODY else "")


def spelled(text: Text) -> str:
    """A symbolic text as a reader would write it: slots in braces, edits as function calls."""
    return "".join(part if isinstance(part, str) else f"{{{part.name}}}" if isinstance(part, Slot) else _call(part) for part in text)


def _call(edit: Edit) -> str:
    return f"{edit.op}({', '.join([spelled(edit.of), *map(str, edit.args)])})"


def _target_of(request: Request) -> str:
    query = "&".join(f"{spelled(name)}={spelled(value)}" for name, value in request.query)
    return f"{request.method} {request.operation}" + (f"?{query}" if query else "")


def render_page(record: Record) -> str:
    """The page: target, verdict, gate and what broke first; then layers, readings, what was not tested, every claim."""
    findings = worst_first(record.findings)
    exchanges = {exchange.id: exchange for exchange in record.exchanges}
    gate = record.header.gate
    return _template().render(
        record=record,
        caution=caution(record),
        counted=counted(record),
        precedence=precedence(record),
        findings=findings,
        broken=[f for f in findings if f.outcome in (Outcome.FAIL, Outcome.ERROR, Outcome.INCONCLUSIVE, Outcome.WARN, Outcome.AMBIGUOUS)],
        blocking=[f for f in findings if f.layer in gate and f.outcome is Outcome.FAIL],
        missing=[f for f in findings if f.outcome is Outcome.NOT_OBSERVABLE],
        deviations={name: clause for name, clause in record.header.clauses.items() if clause.deviation},
        evidence={f.check: [exchanges[i] for i in f.exchanges[:SHOWN_EXCHANGES] if i in exchanges] for f in findings},
        target_of=_target_of,
    )

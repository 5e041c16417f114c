"""run.json: the record as one JSON document."""

import json

import msgspec

from conformance.record import Record
from conformance.render.headline import caution
from conformance.verdict import worst_first


def render_document(record: Record) -> str:
    """One JSON object: verdict, layers, findings (worst first), interpretations, profile, exchanges, counts and what was tested."""
    header, footer = record.header, record.footer
    document = {
        "note": caution(record),
        "schema_version": header.schema_version,
        "verdict": record.verdict,
        "exit_code": footer.exit_code if footer else 3,
        "unmet": record.unmet,
        "target": header.target,
        "contract": header.contract,
        "seed": header.seed,
        "gate": header.gate,
        "strict": header.strict,
        "selection": header.selection,
        "started": header.started,
        "version": header.version,
        "counts": record.counts,
        "layers": footer.layers if footer else {},
        "generated": footer.generated if footer else {},
        "interpretations": footer.interpretations if footer else {},
        "profile": record.profile,
        "findings": worst_first(record.findings),
        "exchanges": record.exchanges,
    }
    return json.dumps(msgspec.to_builtins(document), indent=1, ensure_ascii=False) + "\n"

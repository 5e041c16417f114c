"""The renderers: one file per format, each a pure function of a record. They see nothing else."""

from collections.abc import Callable

from conformance.record import Record
from conformance.render.document import render_document
from conformance.render.junit import render_junit
from conformance.render.page import render_page

FILES: dict[str, Callable[[Record], str]] = {
    "run.json": render_document,
    "report.html": render_page,
    "junit.xml": render_junit,
}
"""File name → renderer: what `run` leaves in its output folder besides run.ndjson."""

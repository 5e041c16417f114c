"""junit.xml: one test case per claim, with the outcomes of the design's table."""

import re
from xml.etree import ElementTree as ET

from conformance.model import Finding, Outcome
from conformance.record import Record
from conformance.render.headline import caution, headline

_ILLEGAL = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def legal(text: str) -> str:
    """The text without characters that XML 1.0 forbids."""
    return _ILLEGAL.sub("\ufffd", text)


def render_junit(record: Record) -> str:
    """JUnit XML: failure for fail, error for inconclusive and error, skipped where nothing could be decided."""
    suite = ET.Element("testsuite", name=legal(f"conformance: {record.header.target.name}"))
    properties = ET.SubElement(suite, "properties")
    facts = {
        "note": caution(record),
        "verdict": record.verdict,
        "target": record.header.target.name,
        "kind": record.header.target.kind,
        "gate": ",".join(record.header.gate),
        "seed": str(record.header.seed),
        "contract": record.header.contract,
    }
    for name, value in facts.items():
        ET.SubElement(properties, "property", name=name, value=legal(value))
    for finding in record.findings:
        suite.append(_case(finding))
    if record.verdict == "incomplete":
        suite.append(_incomplete(record))
    counted = {"tests": "testcase", "failures": "testcase/failure", "errors": "testcase/error", "skipped": "testcase/skipped"}
    for attribute, path in counted.items():
        suite.set(attribute, str(len(suite.findall(path))))
    suite.set("timestamp", record.header.started)
    root = ET.Element("testsuites")
    root.append(suite)
    ET.indent(root)
    return f"<?xml version='1.0' encoding='utf-8'?>\n{ET.tostring(root, encoding='unicode')}\n"


def _case(finding: Finding) -> ET.Element:
    case = ET.Element("testcase", classname=f"conformance.{finding.layer}.{finding.subject}", name=finding.check, time="0")
    properties = ET.SubElement(case, "properties")
    for name in ("outcome", "clause", "level", "severity", "reading"):
        if getattr(finding, name):
            ET.SubElement(properties, "property", name=name, value=legal(str(getattr(finding, name))))
    message = legal(f"{finding.title} Expected {finding.expected}; got {finding.actual}.")
    match finding.outcome:
        case Outcome.FAIL:
            ET.SubElement(case, "failure", message=message, type=finding.clause)
        case Outcome.INCONCLUSIVE | Outcome.ERROR:
            ET.SubElement(case, "error", message=message, type=finding.outcome.value)
        case Outcome.NOT_APPLICABLE | Outcome.NOT_OBSERVABLE:
            ET.SubElement(case, "skipped", message=message)
        case Outcome.WARN | Outcome.AMBIGUOUS:
            ET.SubElement(case, "system-out").text = message
    return case


def _incomplete(record: Record) -> ET.Element:
    """A case that is an error, so that no reader of JUnit takes an incomplete run for a passed one."""
    case = ET.Element("testcase", classname="conformance", name="the-run-is-complete", time="0")
    message = legal("; ".join((headline(record), *record.unmet)))
    ET.SubElement(case, "error", message=message, type="incomplete")
    return case

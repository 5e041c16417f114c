"""The committed JSON Schemas are those of the code, valid, and met by what a run writes."""

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from conformance import selftest
from conformance.embedded import target
from conformance.record import line_schema
from conformance.target import file_schema

SCHEMAS = Path(__file__).parent.parent / "conformance" / "schemas"


@pytest.mark.parametrize(("name", "schema"), [("record", line_schema()), ("target", file_schema())])
def test_committed_schema_is_current(name: str, schema: dict[str, Any]) -> None:
    """conformance/schemas/ holds what the code would write; run `python -m tests.test_schemas` after a change."""
    jsonschema.Draft202012Validator.check_schema(schema)
    assert json.loads((SCHEMAS / f"{name}.schema.json").read_text()) == json.loads(json.dumps(schema))


def test_schema_refuses_an_unknown_key() -> None:
    """An editor warns of a key that the harness would refuse."""
    import msgspec

    document = json.loads(msgspec.json.encode(target("http://127.0.0.1:1")))
    jsonschema.validate(document, file_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"clinet": 1}, file_schema())


def test_lines_of_a_run_meet_the_schema() -> None:
    """Findings of a real run are valid under the published schema."""
    import msgspec

    validator = jsonschema.Draft202012Validator(line_schema())
    for finding in selftest.play("logout-does-nothing"):
        validator.validate(json.loads(msgspec.json.encode(finding)))


if __name__ == "__main__":
    for word, value in (("record", line_schema()), ("target", file_schema())):
        (SCHEMAS / f"{word}.schema.json").write_text(json.dumps(value, indent=1) + "\n")

"""The JSON Schemas of the files we read and write, made from their types. The committed copies beside this file are for editors."""

import inspect
from typing import Any

import msgspec


def schema_of(kind: Any, title: str) -> dict[str, Any]:
    """The JSON Schema (2020-12) of a type, the same under every Python: 3.13 strips docstrings of their indentation, older ones do not."""
    schema = msgspec.json.schema(kind)
    for definition in schema["$defs"].values():
        if "description" in definition:
            definition["description"] = inspect.cleandoc(definition["description"])
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": title, **schema}

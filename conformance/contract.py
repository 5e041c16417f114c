"""The contract: token-api.yaml, the clause register and the interpretations, loaded together and checked against each other."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from conformance import yamlfile
from conformance.errors import ContractError
from conformance.model import LAYERS, Level

UNTESTED = ("binds", "page error", "needs the operator", "planned")
"""The closed list of reasons why a clause has no claim."""

T = TypeVar("T")

CONDITIONS = [
    "no-authorization",
    "wrong-scheme",
    "undecodable-basic",
    "unknown-client",
    "wrong-secret",
    "no-grant-type",
    "unknown-grant-type",
    "no-username",
    "no-password",
    "unknown-user",
    "wrong-password",
    "scope",
    "unknown-token",
    "dead-token",
    "internal",
]
"""What can be wrong with a request: the vocabulary of `when` in x-errors, which `oracle.conditions` speaks."""

FILES = ("token-api.yaml", "clauses.yaml", "interpretations.yaml")


class Clause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One normative statement. `deviation` explains how the page itself breaks it."""

    layer: str
    level: Level
    binds: str
    source: str
    quote: str
    untested: str = ""
    deviation: str = ""


class Reading(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One way to understand an ambiguous text, and the clauses that no longer apply under it."""

    says: str
    document: bool = True
    hides: tuple[str, ...] = ()


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question that the documentation leaves open."""

    defects: tuple[str, ...]
    about: str
    scope: str
    question: str
    readings: dict[str, Reading]


class ErrorRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One documented error: code and message, its clause, and the conditions that may lead to it."""

    code: int
    message: str
    clause: str
    when: tuple[str, ...] = ()


class Constraint(msgspec.Struct, frozen=True):
    """One keyword of a reply schema with its clause: `path` leads to the member it constrains."""

    operation: str
    path: tuple[str, ...]
    keyword: str
    value: Any
    clause: str


class Operation(msgspec.Struct, frozen=True):
    """One documented operation: where, how, its form parameters with the slots they are filled from, its errors."""

    name: str
    method: str
    path: str
    scheme: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]
    rows: tuple[ErrorRow, ...]
    reply: Mapping[str, Any] | None

    def conditions(self) -> dict[str, tuple[ErrorRow, ...]]:
        """Condition → the rows that may answer it, in the order of the page."""
        found: dict[str, list[ErrorRow]] = {}
        for row in self.rows:
            for condition in row.when:
                found.setdefault(condition, []).append(row)
        return {condition: tuple(rows) for condition, rows in found.items()}


class Contract:
    """The three files as one value. `hash` changes when any of them does."""

    def __init__(self, api: yamlfile.YamlFile, clauses: dict[str, Clause], axes: dict[str, Axis], digest: str) -> None:
        self.api, self.clauses, self.axes, self.hash = api, clauses, axes, digest

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """operationId → operation."""
        found = {}
        for path, methods in self.api.data["paths"].items():
            for method, spec in methods.items():
                form = self._form(spec)
                found[spec["operationId"]] = Operation(
                    name=spec["operationId"],
                    method=method.upper(),
                    path=path,
                    scheme=self._scheme(spec),
                    parameters=form.get("properties", {}),
                    required=tuple(form.get("required", ())),
                    rows=tuple(msgspec.convert(spec["x-errors"], list[ErrorRow])),
                    reply=self._reply(spec),
                )
        return found

    def constraints(self) -> Iterator[Constraint]:
        """Every constraint of every success reply, under its clause."""
        for operation in self.operations.values():
            if operation.reply is not None:
                yield from _constraints(operation.name, operation.reply, ())

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            target = _at(self.api.data, node["$ref"])
            if not isinstance(target, dict):
                raise ContractError(f"{self.api.path}: {node['$ref']!r} leads nowhere")
            node = target
        return node

    def _form(self, spec: Mapping[str, Any]) -> Mapping[str, Any]:
        content = spec.get("requestBody", {}).get("content", {})
        return self._resolve(next(iter(content.values()))["schema"]) if content else {}

    def _scheme(self, spec: Mapping[str, Any]) -> str:
        (name,) = spec["security"][0]
        return str(self.api.data["components"]["securitySchemes"][name]["scheme"])

    def _reply(self, spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
        content = spec["responses"]["200"].get("content", {})
        return self._resolve(next(iter(content.values()))["schema"]) if content else None


_KEYWORDS = ("type", "required", "minLength", "pattern", "enum", "const", "minimum", "maximum")


def _constraints(operation: str, schema: Mapping[str, Any], path: tuple[str, ...]) -> Iterator[Constraint]:
    clause = schema.get("x-clause", "")
    for keyword in _KEYWORDS:
        if keyword in schema:
            owner = clause.get(keyword, "") if isinstance(clause, dict) else clause
            for value in schema[keyword] if keyword == "required" else [schema[keyword]]:
                yield Constraint(operation, path, keyword, value, owner)
    for name, child in schema.get("properties", {}).items():
        yield from _constraints(operation, child, (*path, name))


def directory() -> Path:
    """Where openapi/ lies: inside the installed package, or beside it in a checkout."""
    inside = Path(__file__).parent / "openapi"
    return inside if inside.is_dir() else Path(__file__).parent.parent / "openapi"


@lru_cache
def load(folder: Path | None = None) -> Contract:
    """Load and cross-check the contract; raises ContractError naming file, line and value."""
    folder = folder or directory()
    api, clauses, axes = (yamlfile.load(folder / name, ContractError) for name in FILES)
    digest = hashlib.sha256()
    for name in FILES:
        digest.update((folder / name).read_bytes())
    contract = Contract(
        api=api,
        clauses={str(key): _entry(clauses, key, Clause) for key in _mapping(clauses)},
        axes={str(key): _entry(axes, key, Axis) for key in _mapping(axes)},
        digest=digest.hexdigest()[:16],
    )
    _check_register(contract, clauses)
    _check_references(contract, api, axes)
    return contract


def _mapping(file: yamlfile.YamlFile) -> dict[Any, Any]:
    if not isinstance(file.data, dict):
        raise ContractError(f"{file.path}:1: a mapping of ids is expected")
    return file.data


def _entry(file: yamlfile.YamlFile, key: Any, kind: type[T]) -> T:
    try:
        return msgspec.convert(file.data[key], kind)
    except msgspec.ValidationError as problem:
        raise ContractError(f"{file.path}:{file.line((key,))}: {key}: {problem}") from None


def _check_register(contract: Contract, file: yamlfile.YamlFile) -> None:
    for name, clause in contract.clauses.items():
        line = file.line((name,))
        if clause.layer not in LAYERS:
            raise ContractError(f"{file.path}:{line}: {name}: unknown layer {clause.layer!r}; one of {', '.join(LAYERS)}")
        if clause.binds not in ("server", "client", "operator", "page"):
            raise ContractError(f"{file.path}:{line}: {name}: binds {clause.binds!r}; one of server, client, operator, page")
        if clause.untested and clause.untested not in UNTESTED:
            raise ContractError(f"{file.path}:{line}: {name}: untested {clause.untested!r}; one of {', '.join(UNTESTED)}")


def _check_references(contract: Contract, api: yamlfile.YamlFile, axes: yamlfile.YamlFile) -> None:
    for path, key, value in _references(api.data, ()):
        line = api.line(path)
        if key in ("x-clause", "clause") and value not in contract.clauses:
            raise ContractError(f"{api.path}:{line}: unknown clause {value!r}; it is not in clauses.yaml")
        if key == "when" and value not in CONDITIONS:
            raise ContractError(f"{api.path}:{line}: unknown condition {value!r}; one of {', '.join(CONDITIONS)}")
        if key == "$ref" and _at(api.data, value) is None:
            raise ContractError(f"{api.path}:{line}: {value!r} leads nowhere")
    for constraint in contract.constraints():
        if not constraint.clause:
            where = ".".join(constraint.path) or constraint.operation
            at = next((path for path in api.paths() if path[-len(constraint.path) or None :] == constraint.path), ())
            raise ContractError(f"{api.path}:{api.line(at)}: {where}: {constraint.keyword!r} names no clause; add it to x-clause")
    for name, axis in contract.axes.items():
        for word, reading in axis.readings.items():
            for clause in reading.hides:
                if clause not in contract.clauses:
                    line = axes.line((name, "readings", word))
                    raise ContractError(f"{axes.path}:{line}: {name}: {word} hides unknown clause {clause!r}")


def _references(node: Any, at: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], str, str]]:
    """Every name that a document mentions: where, under which key, and the name."""
    if isinstance(node, list):
        for index, item in enumerate(node):
            yield from _references(item, (*at, index))
    elif isinstance(node, dict):
        for key, value in node.items():
            if key in ("x-clause", "clause", "when", "$ref"):
                for name in value.values() if isinstance(value, dict) else value if isinstance(value, list) else [value]:
                    yield (*at, key), key, str(name)
            else:
                yield from _references(value, (*at, key))


def _at(document: Any, pointer: str) -> Any:
    """What a local JSON pointer leads to, or None."""
    for step in pointer.removeprefix("#/").split("/"):
        document = document.get(step) if isinstance(document, dict) else None
    return document

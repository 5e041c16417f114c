"""The contract: token-api.yaml, the clause register and the interpretations, loaded together and checked against each other."""

import hashlib
from collections.abc import Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from conformance import yamlfile
from conformance.documented import Axis, Clause, Constraint, ErrorRow, Grant, Link, Operation, Response, role_of
from conformance.errors import ContractError
from conformance.model import LAYERS

UNTESTED = ("binds", "page error", "needs the operator")
"""The closed list of reasons why a clause has no claim."""

T = TypeVar("T")

CONDITIONS = (
    "no-authorization",
    "wrong-scheme",
    "undecodable-basic",
    "no-colon",
    "odd-basic",
    "unknown-client",
    "wrong-secret",
    "unapproved-client",
    "broken-client",
    "no-grant-type",
    "unknown-grant-type",
    "grant-denied",
    "no-username",
    "no-password",
    "unknown-user",
    "wrong-password",
    "odd-user",
    "foreign-user",
    "locked-user",
    "no-code",
    "unknown-code",
    "wrong-redirect",
    "no-refresh-token",
    "unknown-refresh-token",
    "scope",
    "refused-scope",
    "empty-token",
    "malformed-token",
    "unknown-token",
    "revoked-token",
    "expired-token",
    "internal",
)
"""What can be wrong with a request: the vocabulary of `when` in x-errors, which `oracle.conditions` speaks."""

FILES = ("token-api.yaml", "clauses.yaml", "interpretations.yaml")


class Contract:
    """The three files as one value. `hash` changes when any of them does."""

    def __init__(self, api: yamlfile.YamlFile, clauses: dict[str, Clause], axes: dict[str, Axis], digest: str) -> None:
        self.api, self.clauses, self.axes, self.hash = api, clauses, axes, digest

    @cached_property
    def operations(self) -> dict[str, Operation]:
        """operationId → operation."""
        return {
            spec["operationId"]: Operation(
                name=spec["operationId"],
                method=method.upper(),
                path=path,
                scheme=self._scheme(spec),
                media_type=next(iter(spec.get("requestBody", {}).get("content", {})), ""),
                grants=tuple(self._grants(spec)),
                rows=tuple(msgspec.convert(spec["x-errors"], list[ErrorRow])),
                reply=self._reply(spec),
                other_path=spec.get("x-other-path", {}).get("path", ""),
            )
            for path, methods in self.api.data["paths"].items()
            for method, spec in methods.items()
        }

    @cached_property
    def link(self) -> Link:
        """What of the token reply logout takes; raises ContractError if the contract does not say it."""
        for methods in self.api.data["paths"].values():
            for spec in methods.values():
                for link in spec["responses"]["200"].get("links", {}).values():
                    (value,) = link["parameters"].values()
                    return Link(spec["operationId"], value.partition("body#/")[2].rstrip("}"), link["operationId"])
        raise ContractError(f"{self.api.path}: no reply has a link, so nothing says which token logout takes")

    @cached_property
    def presented(self) -> str:
        """The kind of token that logout takes, and a protected resource with it: the slot of the link's member."""
        properties = self.operations[self.link.source].reply.schema.get("properties", {})
        return str(properties.get(self.link.member, {}).get("x-slot", ""))

    def constraints(self) -> Iterator[Constraint]:
        """Every constraint of every success reply, under its clause."""
        for operation in self.operations.values():
            for name, header in operation.reply.headers.items():
                value = (bool(header.get("required")), header["schema"].get("pattern", ""))
                clause, claim, says = (str(header.get(key, "")) for key in ("x-clause", "x-claim", "description"))
                yield Constraint(operation.name, "header", name, "pattern", value, clause, claim, says=says or value[1])
            yield from _constraints(operation.name, operation.reply.schema, "")

    def member(self, role: str) -> str:
        """The name of the token reply's member with this role."""
        return self.operations[self.link.source].reply.named(role)

    def _resolve(self, node: Mapping[str, Any]) -> Mapping[str, Any]:
        while "$ref" in node:
            node = _at(self.api.data, node["$ref"])
        return node

    def _grants(self, spec: Mapping[str, Any]) -> Iterator[Grant]:
        content = spec.get("requestBody", {}).get("content", {})
        for media in content.values():
            schema = self._resolve(media["schema"])
            for form in map(self._resolve, schema.get("oneOf", [schema])):
                properties = form.get("properties", {})
                words = [str(child["const"]) for child in properties.values() if child.get("x-role") == "grant" and "const" in child]
                yield Grant(words[0] if words else "", properties, tuple(form.get("required", ())))

    def _scheme(self, spec: Mapping[str, Any]) -> str:
        (name,) = spec["security"][0]
        return str(self.api.data["components"]["securitySchemes"][name]["scheme"])

    def _reply(self, spec: Mapping[str, Any]) -> Response:
        success = spec["responses"]["200"]
        media_type, media = next(iter(success.get("content", {"": {"schema": {}}}).items()))
        return Response(
            str(success.get("x-clause", "")),
            media_type,
            str(media.get("x-clause", "")),
            self._resolve(media["schema"]),
            success.get("headers", {}),
        )


KEYWORDS = ("type", "required", "minLength", "maxLength", "pattern", "enum", "const", "minimum", "maximum")
"""The keywords that a reply's schema may use: for each there is a claim."""

ANNOTATIONS = ("description", "title", "properties", "x-clause", "x-slot", "x-role")


def _constraints(operation: str, schema: Mapping[str, Any], place: str) -> Iterator[Constraint]:
    clause = schema.get("x-clause", "")
    for keyword in KEYWORDS:
        if keyword in schema:
            owner = clause.get(keyword, "") if isinstance(clause, dict) else clause
            for value in schema[keyword] if keyword == "required" else [schema[keyword]]:
                yield Constraint(operation, "body", place, keyword, value, owner, role=role_of(schema))
    for name, child in schema.get("properties", {}).items():
        yield from _constraints(operation, child, name)


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
    try:
        _check_replies(contract, api)
    except (LookupError, StopIteration, TypeError, ValueError, AttributeError, msgspec.ValidationError) as problem:
        what = f"{type(problem).__name__}: {problem}" if str(problem) else type(problem).__name__
        raise ContractError(f"{api.path}: something that the harness needs is missing or has another form: {what}") from None
    for name, axis in contract.axes.items():
        place, _, condition = axis.condition.partition("/")
        if axis.condition and (place not in contract.operations or condition not in contract.operations[place].conditions):
            raise ContractError(f"{axes.path}:{axes.line((name, 'condition'))}: {name}: no error row has the condition {axis.condition!r}")
        for word, reading in axis.readings.items():
            for clause in reading.hides:
                if clause not in contract.clauses:
                    line = axes.line((name, "readings", word))
                    raise ContractError(f"{axes.path}:{line}: {name}: {word} hides unknown clause {clause!r}")


def _check_replies(contract: Contract, api: yamlfile.YamlFile) -> None:
    for operation in contract.operations.values():
        for name, schema in (("the reply", operation.reply.schema), *operation.reply.schema.get("properties", {}).items()):
            for keyword in schema:
                if keyword not in (*KEYWORDS, *ANNOTATIONS):
                    raise ContractError(
                        f"{api.path}:{_line_of(api, name)}: {name}: no claim judges {keyword!r}; one of {', '.join(KEYWORDS)}"
                    )
    for constraint in contract.constraints():
        if not constraint.clause:
            where = constraint.place or constraint.operation
            raise ContractError(f"{api.path}:{_line_of(api, where)}: {where}: {constraint.keyword!r} names no clause; add it to x-clause")
    if contract.link.target not in contract.operations:
        raise ContractError(f"{api.path}: the link leads to {contract.link.target!r}, which is no operationId")
    if not contract.presented:
        raise ContractError(f"{api.path}: the link names {contract.link.member!r}, which is no member with an x-slot")


def _line_of(file: yamlfile.YamlFile, name: str) -> int:
    """The line of the last place where a key has this name."""
    return file.line(next((path for path in reversed(file.paths()) if path[-1:] == (name,)), ()))


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

"""The values that the contract is made of: clauses, readings, error rows, constraints, operations. Reads nothing."""

from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal

import msgspec

from conformance.errors import ContractError
from conformance.model import Level


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
    hides: tuple[str, ...] = ()


class Axis(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A question that the documentation leaves open. Within its scope a server must not change its reading.

    `condition`: the readings are the rows (`code-6`) that may answer this condition, as `operation/condition`.
    """

    defects: tuple[str, ...]
    about: Literal["server", "page"]
    scope: Literal["run", "operation", "grant"]
    question: str
    readings: dict[str, Reading]
    condition: str = ""


class ErrorRow(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One documented error: code and message, its clause, and the conditions that may lead to it."""

    code: int
    message: str
    clause: str
    when: tuple[str, ...] = ()


class Constraint(msgspec.Struct, frozen=True):
    """One keyword on a success reply, with its clause. `place` is the member or header that it constrains, empty for the whole.

    The value of a header's pattern is (whether the field is required, the pattern). `claim` is the id of the claim that
    judges it, where the contract names one; `says` puts the value into words.
    """

    operation: str
    part: Literal["body", "header"]
    place: str
    keyword: str
    value: Any
    clause: str
    claim: str = ""
    role: str = ""
    says: str = ""


class Grant(msgspec.Struct, frozen=True):
    """One alternative of a form body: the word that chooses it, and its parameters."""

    word: str
    parameters: Mapping[str, Mapping[str, Any]]
    required: tuple[str, ...]

    def named(self, role: str) -> str:
        """The parameter with this role (x-role or x-slot); raises ContractError if there is none."""
        return _named(self.parameters, role)


class Response(msgspec.Struct, frozen=True):
    """The success reply: its clause, media type with clause, the schema of its body, and its header fields."""

    clause: str
    media_type: str
    media_clause: str
    schema: Mapping[str, Any]
    headers: Mapping[str, Mapping[str, Any]]

    def named(self, role: str) -> str:
        """The member with this role (x-role or x-slot); raises ContractError if there is none."""
        return _named(self.schema.get("properties", {}), role)


class Operation(msgspec.Struct, frozen=True, dict=True):
    """One documented operation: where, how, the alternatives of its form with the slots they are filled from, its errors."""

    name: str
    method: str
    path: str
    scheme: str
    media_type: str
    grants: tuple[Grant, ...]
    rows: tuple[ErrorRow, ...]
    reply: Response
    other_path: str = ""

    def grant(self, word: str = "") -> Grant:
        """The alternative that this grant_type chooses; the first one by default."""
        found = [grant for grant in self.grants if word in ("", grant.word)]
        if not found:
            raise ContractError(f"token-api.yaml: operation {self.name!r} has no grant {word!r}")
        return found[0]

    @cached_property
    def parameters(self) -> Mapping[str, Mapping[str, Any]]:
        """Every parameter of any grant."""
        return {name: schema for grant in reversed(self.grants) for name, schema in grant.parameters.items()}

    @cached_property
    def conditions(self) -> dict[str, tuple[ErrorRow, ...]]:
        """Condition → the rows that may answer it, in the order of the page."""
        found: dict[str, list[ErrorRow]] = {}
        for row in self.rows:
            for condition in row.when:
                found.setdefault(condition, []).append(row)
        return {condition: tuple(rows) for condition, rows in found.items()}


class Link(msgspec.Struct, frozen=True):
    """A member of one operation's reply that another operation takes."""

    source: str
    member: str
    target: str


def role_of(schema: Mapping[str, Any]) -> str:
    """What a parameter or member is for: its slot (`user.username`) or its role (`lifetime`)."""
    return str(schema.get("x-slot") or schema.get("x-role") or "")


def _named(properties: Mapping[str, Mapping[str, Any]], role: str) -> str:
    for name, schema in properties.items():
        if role_of(schema) == role:
            return name
    raise ContractError(f"token-api.yaml: nothing has the role {role!r} among {', '.join(properties) or 'no properties'}")

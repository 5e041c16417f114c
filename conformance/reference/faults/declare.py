"""How a fault is declared: as a subclass of the server, or as an alteration of one of its answers."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conformance.reference.errors import MESSAGES, Refusal
from conformance.reference.messages import Answer, Call, Token, with_header
from conformance.reference.server import Server
from conformance.reference.wire import Peer


@dataclass(frozen=True)
class Fault:
    """A named misbehaviour of the server, or of the peer that carries it over sockets.

    `breaks`: clause → outcome; `also`: further red clauses, each with the reason (three at most).
    """

    name: str
    title: str
    breaks: Mapping[str, str]
    also: Mapping[str, str]
    server: type[Server] = Server
    peer: type[Peer] = Peer


FAULTS: dict[str, Fault] = {}
"""The faults of the server."""

WIRE_FAULTS: dict[str, Fault] = {}
"""The faults of the wire."""


def _named(kind: type, breaks: Mapping[str, str], also: Mapping[str, str] | None, name: str = "") -> Fault:
    kebab = name or "".join(f"-{char.lower()}" if char.isupper() else char for char in kind.__name__).lstrip("-")
    if kebab in FAULTS or kebab in WIRE_FAULTS or len(also or {}) > 3 or not breaks:
        raise ValueError(f"fault {kebab!r}: declared twice, without breaks, or with more than three also")
    return Fault(kebab, (kind.__doc__ or "").strip(), dict(breaks), dict(also or {}))


def fault(breaks: Mapping[str, str], also: Mapping[str, str] | None = None, name: str = "") -> Callable[[type[Server]], type[Server]]:
    """Declare a subclass of Server as a fault; its name in kebab-case is the fault's, its docstring the title."""

    def declare(server: type[Server]) -> type[Server]:
        found = _named(server, breaks, also, name)
        FAULTS[found.name] = replace(found, server=server)
        return server

    return declare


def wire_fault(breaks: Mapping[str, str], also: Mapping[str, str] | None = None) -> Callable[[type[Peer]], type[Peer]]:
    """Declare a subclass of Peer as a fault of the wire, in the same way."""

    def declare(peer: type[Peer]) -> type[Peer]:
        found = _named(peer, breaks, also)
        WIRE_FAULTS[found.name] = replace(found, peer=peer)
        return peer

    return declare


def edited(answer: Answer, **members: Any) -> Answer:
    """A JSON answer with some members replaced, or (None) removed."""
    body = json.loads(answer.body) | members
    return replace(answer, body=json.dumps({name: value for name, value in body.items() if value is not None}).encode())


def as_code(refusal: Refusal, code: int) -> Refusal:
    """The same refusal under another code, with that code's message."""
    return replace(refusal, code=code, message=MESSAGES[code])


def members(name: str, title: str, breaks: Mapping[str, str], also: Mapping[str, str] | None = None, **values: Any) -> None:
    """Declare a fault of the token reply: members with other values, or (None) missing. A function gets the right value."""

    class Altered(Server):
        def members(self, token: Token) -> dict[str, Any]:
            found = super().members(token)
            for member, value in values.items():
                found[member] = value(found.get(member)) if callable(value) else value
            return {member: value for member, value in found.items() if value is not None}

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


def reply(
    name: str, title: str, breaks: Mapping[str, str], alter: Callable[[Answer], Answer], also: Mapping[str, str] | None = None
) -> None:
    """Declare a fault of the token reply as a whole."""

    class Altered(Server):
        def success(self, token: Token, call: Call) -> Answer:
            return alter(super().success(token, call))

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


def farewell(
    name: str, title: str, breaks: Mapping[str, str], alter: Callable[[Answer], Answer], also: Mapping[str, str] | None = None
) -> None:
    """Declare a fault of the reply to a successful logout."""

    class Altered(Server):
        def farewell(self) -> Answer:
            return alter(super().farewell())

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


def errors(
    name: str, title: str, breaks: Mapping[str, str], alter: Callable[[Answer, Refusal], Answer], also: Mapping[str, str] | None = None
) -> None:
    """Declare a fault of the error replies."""

    class Altered(Server):
        def error(self, refusal: Refusal, call: Call) -> Answer:
            return alter(super().error(refusal, call), refusal)

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


def refusals(
    name: str, title: str, breaks: Mapping[str, str], alter: Callable[[Refusal], Refusal], also: Mapping[str, str] | None = None
) -> None:
    """Declare a fault of the refusals, before they are written in the server's shape."""

    class Altered(Server):
        def error(self, refusal: Refusal, call: Call) -> Answer:
            return super().error(alter(refusal), call)

    Altered.__doc__ = title
    fault(breaks, also, name)(Altered)


def header(name: str, value: str | None) -> Callable[[Answer], Answer]:
    """The alteration of one header field."""
    return lambda answer: with_header(answer, name, value)


def body(value: bytes | Callable[[bytes], bytes]) -> Callable[[Answer], Answer]:
    """The alteration of the body."""
    return lambda answer: replace(answer, body=value(answer.body) if callable(value) else value)


def status(value: int) -> Callable[[Answer], Answer]:
    """The alteration of the status."""
    return lambda answer: replace(answer, status=value)

"""The embedded default target: the reference server with its accounts and fixtures, in process or over loopback HTTP."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import msgspec

from conformance.errors import UsageError
from conformance.reference import faults, http, wire
from conformance.reference.accounts import CLIENTS, CODES, SCOPE, USERS
from conformance.reference.messages import Call, Headers
from conformance.reference.readings import READINGS, REVOCATION_LAG_S
from conformance.reference.server import Server
from conformance.target import Client, Code, Fixtures, Resource, Risk, Scopes, Target, User
from conformance.transport import Respond

NAME = "embedded reference server"


def server(fault: str | None = None, readings: Mapping[str, str] | None = None, now: object = time.monotonic) -> Server:
    """A reference server, correct or with one fault; raises UsageError for a name that it does not know."""
    for axis, word in (readings or {}).items():
        if axis not in READINGS:
            raise UsageError(f"unknown interpretation {axis!r}; one of {', '.join(READINGS)}")
        if word not in READINGS[axis]:
            raise UsageError(f"unknown reading {word!r} of {axis}; one of {', '.join(READINGS[axis])}")
    kind = _fault(fault).server if fault is not None else Server
    return kind(now, readings or {})  # type: ignore[arg-type]


def peer(fault: str | None = None) -> type[wire.Peer]:
    """What carries the server over sockets of its own, correct or with one fault; raises UsageError for a name that it does not know."""
    return _fault(fault).peer if fault is not None else wire.Peer


def _fault(name: str) -> faults.Fault:
    known = faults.FAULTS | faults.WIRE_FAULTS
    if name not in known:
        raise UsageError(f"unknown fault {name!r}; `conformance list faults` names them")
    return known[name]


def target(base_url: str, name: str = NAME, readings: Mapping[str, str] | None = None) -> Target:
    """The target that fits the reference server at this address: every fixture, and more risk than a run can spend."""
    clients = {name: Client(name, client.secret, lifetime=client.lifetime) for name, client in CLIENTS.items()}
    users = [User(name, user.password) for name, user in USERS.items()]
    lagging = (readings or {}).get("revocation.lag") == "within-budget"
    return Target(
        name=name,
        base_url=base_url,
        client=clients["reference-client"],
        user=users[0],
        fixtures=Fixtures(
            second_user=users[1],
            foreign_user=users[2],
            locked_user=users[3],
            second_client=clients["second-client"],
            client_without_grant=clients["client-without-grant"],
            unapproved_client=clients["unapproved-client"],
            broken_client=clients["broken-client"],
            short_lived_client=clients["short-lived-client"],
            special_clients=tuple(client for name, client in clients.items() if name.startswith("special")),
            special_users=tuple(users[4:]),
            authorization_codes=tuple(Code(value, code.redirect_uri) for value, code in CODES.items()),
            scopes=Scopes(SCOPE, "administration"),
            resource=Resource("/resource"),
        ),
        risk=Risk(wrong_passwords=1000, wrong_secrets=1000, requests=100_000),
        revocation_budget_s=2 * REVOCATION_LAG_S if lagging else 0,
    )


@contextmanager
def over_http(reference: Server) -> Iterator[Target]:
    """The reference server on a free loopback port, as a target."""
    with http.running(reference) as base_url:
        yield target(base_url, readings=reference.readings)


@contextmanager
def over_sockets(fault: str | None = None, deadline_s: float = 30) -> Iterator[Target]:
    """The server, correct or with one fault, on sockets that the reference reads and writes itself, as a target."""
    with wire.running(server(fault), peer(fault)) as base_url:
        yield msgspec.structs.replace(target(base_url), deadline_s=deadline_s)


def in_process(reference: Server) -> Respond:
    """The reference server as a function, for the in-process transport."""

    def respond(method: str, request_target: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        path, _, query = request_target.partition("?")
        answer = reference.respond(Call(method, path, query, headers, body))
        return answer.status, answer.headers, answer.body

    return respond

"""The embedded default target: the reference server with its accounts and fixtures, in process or over loopback HTTP."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from urllib.parse import urlsplit

from conformance.errors import UsageError
from conformance.reference import faults, http
from conformance.reference.server import CLIENTS, READINGS, SHORT_LIFE, USERS, Call, Headers, Server
from conformance.target import Client, Fixtures, Resource, Target, User
from conformance.transport import Respond

NAME = "embedded reference server"


def server(fault: str | None = None, readings: Mapping[str, str] | None = None, now: object = time.monotonic) -> Server:
    """A reference server, correct or with one fault; raises UsageError for a name that it does not know."""
    for axis, word in (readings or {}).items():
        if axis not in READINGS:
            raise UsageError(f"unknown interpretation {axis!r}; one of {', '.join(READINGS)}")
        if word not in READINGS[axis]:
            raise UsageError(f"unknown reading {word!r} of {axis}; one of {', '.join(READINGS[axis])}")
    if fault is not None and fault not in faults.FAULTS:
        raise UsageError(f"unknown fault {fault!r}; `conformance list faults` names them")
    kind = faults.FAULTS[fault].server if fault else Server
    return kind(now, readings or {})  # type: ignore[arg-type]


def target(base_url: str, name: str = NAME) -> Target:
    """The target that fits the reference server at this address."""
    (client_id, secret), (second_id, second_secret), (short_id, short_secret) = CLIENTS.items()
    (user, password), (second_user, second_password) = USERS.items()
    return Target(
        name=name,
        base_url=base_url,
        client=Client(client_id, secret),
        user=User(user, password),
        fixtures=Fixtures(
            second_user=User(second_user, second_password),
            second_client=Client(second_id, second_secret),
            short_lived_client=Client(short_id, short_secret, lifetime=SHORT_LIFE),
            resource=Resource("/resource"),
        ),
    )


@contextmanager
def over_http(reference: Server) -> Iterator[Target]:
    """The reference server on a free loopback port, as a target."""
    with http.running(reference) as base_url:
        yield target(base_url)


def in_process(reference: Server) -> Respond:
    """The reference server as a function, for the in-process transport."""

    def respond(method: str, request_target: str, headers: Headers, body: bytes) -> tuple[int, Headers, bytes]:
        parts = urlsplit(request_target)
        answer = reference.respond(Call(method, parts.path, parts.query, headers, body))
        return answer.status, answer.headers, answer.body

    return respond

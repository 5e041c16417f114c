"""Runs against servers in this process, on virtual time."""

from collections.abc import Mapping

import msgspec

from conformance import contract, embedded
from conformance.driver import VirtualClock
from conformance.reference.server import Server
from conformance.session import Options, Session
from conformance.transport import InProcess


def run_of(kind: type[Server], readings: Mapping[str, str], revocation_budget_s: float | None = None) -> Session:
    """A run that has not begun; the budget is the one that fits the readings unless another is given."""
    clock = VirtualClock()
    target = embedded.target("http://127.0.0.1", readings=readings)
    if revocation_budget_s is not None:
        target = msgspec.structs.replace(target, revocation_budget_s=revocation_budget_s)
    transport = InProcess(embedded.in_process(kind(clock.now, readings)))
    return Session(contract.load(), target, Options(), kind="embedded", transport=transport, clock=clock)

"""The faults: each is the server with one thing different, and declares the clauses that it breaks and with which outcome."""

import importlib
import pkgutil

from conformance.reference.faults.declare import FAULTS, WIRE_FAULTS, Fault

for _module in pkgutil.iter_modules(__path__):
    importlib.import_module(f"{__name__}.{_module.name}")

__all__ = ["FAULTS", "WIRE_FAULTS", "Fault"]

"""The claims, one file per subject, rules beside checks. Found by walking this folder; nothing is listed anywhere."""

import importlib
import pkgutil
from functools import lru_cache

from conformance import registry
from conformance.contract import Contract
from conformance.registry import Claim


@lru_cache
def load(contract: Contract) -> tuple[Claim, ...]:
    """All claims, checks before rules; raises ContractError for a claim that does not fit the contract."""
    for module in pkgutil.iter_modules(__path__):
        importlib.import_module(f"{__name__}.{module.name}")
    return registry.declared(contract)

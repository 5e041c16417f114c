"""What everybody can read: the texts of this package and of its contract. That a part of a secret stands there proves nothing."""

from functools import cache, lru_cache
from pathlib import Path

from conformance.contract import directory

_HERE = Path(__file__).parent
_SUFFIXES = (".py", ".yaml", ".j2")
_ACCOUNTS = _HERE / "reference"
"""The reference server holds secrets of its own, which a run against it has to keep as well as any others."""

VARIED = 4
"""A piece with fewer different characters than this, such as a line or a row of zeros, is nobody's secret."""


@cache
def _texts() -> str:
    paths = {path for folder in (_HERE, directory()) for path in folder.rglob("*") if path.suffix in _SUFFIXES}
    return "\n".join(path.read_text(encoding="utf-8") for path in sorted(paths) if _ACCOUNTS not in path.parents)


@lru_cache(4096)
def public(piece: str) -> bool:
    """Whether a piece of a text proves nothing, as it is one of the harness's own words or no word at all."""
    return len(set(piece)) < VARIED or piece in _texts()

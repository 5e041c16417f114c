"""Strict JSON: duplicates, NaN, a byte order mark or anything after the value make a text invalid. Knows nothing of OAuth."""

import json
from functools import lru_cache
from typing import Any, Literal, NoReturn

from conformance.model import Reply


class NotJson(ValueError):
    """Why a body is no JSON text; `rule` is the one of RFC 8259 that it breaks."""

    def __init__(self, reason: str, rule: Literal["syntax", "utf-8", "no-mark", "unique"] = "syntax") -> None:
        super().__init__(reason)
        self.rule = rule


class Repeated(NotJson):
    """A member stands twice in one object; its name."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the member {name!r} appears twice", "unique")
        self.name = name


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = [name for name, _ in pairs]
    for name in names:
        if names.count(name) > 1:
            raise Repeated(name)
    return dict(pairs)


def _no_constant(word: str) -> NoReturn:
    raise NotJson(f"{word} is no JSON value")


MAX_DEPTH = 100


def _too_deep(value: Any) -> bool:
    """Whether the value nests deeper than anything that walks it later could bear."""
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for node in level if isinstance(node, dict | list) for child in (node.values() if isinstance(node, dict) else node)]
        if not level:
            return False
    return True


@lru_cache(maxsize=4096)
def _parse(text: str) -> Any:
    try:
        value = json.loads(text, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except NotJson:
        raise
    except RecursionError:
        raise NotJson("nested too deep") from None
    except ValueError as problem:
        raise NotJson(str(problem)) from None
    if _too_deep(value):
        raise NotJson(f"nested deeper than {MAX_DEPTH}")
    return value


def parse(reply: Reply) -> Any:
    """The value of a reply's body (RFC 8259); raises NotJson with the reason."""
    if reply.encoding != "utf-8":
        raise NotJson("the body is not UTF-8", "utf-8")
    if reply.body.startswith("\ufeff"):
        raise NotJson("the body begins with a byte order mark", "no-mark")
    return _parse(reply.body)


def members(reply: Reply | None) -> dict[str, Any]:
    """The members of the object in the body, or nothing if there is no such object. Do not change the result."""
    if reply is None:
        return {}
    try:
        value = parse(reply)
    except NotJson:
        return {}
    return value if isinstance(value, dict) else {}


def repeated(reply: Reply) -> str:
    """The member that stands twice in one object of the body, or nothing."""
    try:
        parse(reply)
    except Repeated as problem:
        return problem.name
    except NotJson:
        return ""
    return ""

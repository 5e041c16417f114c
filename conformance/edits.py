"""The table of edits and encodings that a symbolic text may name, and how a text is rendered with them."""

import base64
import binascii
import json
from collections.abc import Callable, Iterator
from urllib.parse import quote, quote_plus

from conformance.model import Edit, Request, Slot, Text


def _base64(value: str) -> str:
    return base64.b64encode(value.encode()).decode()


def _swap_case(value: str, index: int) -> str:
    """Swap the case of the index-th letter; a value without letters stays as it is."""
    letters = [place for place, char in enumerate(value) if char.swapcase() != char]
    if not letters:
        return value
    place = letters[index % len(letters)]
    return value[:place] + value[place].swapcase() + value[place + 1 :]


def _replace_last(value: str) -> str:
    return value[:-1] + ("x" if value[-1:] != "x" else "y")


def _replace_at(value: str, place: int) -> str:
    at = place % len(value)
    return _replace_last(value[: at + 1]) + value[at + 1 :]


def _octets(value: str, spelling: str) -> str:
    return "".join(spelling % octet for octet in value.encode("utf-8", "surrogateescape"))


def _widen(value: str) -> str:
    """The value with its first ASCII letter or digit in full width, which a compatibility normalisation undoes."""
    place = next((at for at, char in enumerate(value) if char.isascii() and char.isalnum()), None)
    return value if place is None else value[:place] + chr(ord(value[place]) + FULL_WIDTH) + value[place + 1 :]


FULL_WIDTH = 0xFEE0
"""How far the full-width forms of ASCII stand from ASCII."""

SPELLINGS: dict[str, Callable[..., str]] = {
    "percent": lambda value: quote(value, safe=""),
    "octets": lambda value: _octets(value, "%%%02X"),
    "octets_lower": lambda value: _octets(value, "%%%02x"),
}
"""Form-encodings of a value besides the usual one: a parameter that names one is sent as it is spelled."""

ENCODINGS: dict[str, Callable[..., str]] = SPELLINGS | {
    "base64": _base64,
    "base64_latin1": lambda value: base64.b64encode(value.encode("latin-1", "replace")).decode(),
    "form": quote_plus,
    "json": lambda value: json.dumps(value)[1:-1],
    "quoted": lambda value: f'"{value}"',
}
"""Other spellings of the same value."""

EDITS: dict[str, Callable[..., str]] = ENCODINGS | {
    "drop_first": lambda value: value[1:],
    "drop_last": lambda value: value[:-1],
    "replace_last": _replace_last,
    "replace_first": lambda value: ("x" if value[:1] != "x" else "y") + value[1:],
    "replace_after": lambda value, place: value[:place] + "".join("x" if char != "x" else "y" for char in value[place:]),
    "replace_at": _replace_at,
    "drop_at": lambda value, place: value[: place % len(value)] + value[place % len(value) + 1 :],
    "swap_case": _swap_case,
    "widen": _widen,
    "append": lambda value, tail: value + tail,
    "prepend": lambda value, head: head + value,
    "double": lambda value: value + value,
    "reverse": lambda value: value[::-1],
    "before_last_colon": lambda value: value.rpartition(":")[0],
}
"""Name → function of the text and the edit's arguments. What is no encoding makes another value of it."""


def render(text: Text, lookup: Callable[[str], str]) -> str:
    """The text with every slot looked up and every edit applied.

    Raises KeyError for a slot that `lookup` does not know or an edit that is not in the table.
    """
    return "".join(_part(part, lookup) for part in text)


def _part(part: str | Slot | Edit, lookup: Callable[[str], str]) -> str:
    if isinstance(part, Slot):
        return lookup(part.name)
    if isinstance(part, Edit):
        return EDITS[part.op](render(part.of, lookup), *part.args)
    return part


def derived(text: Text) -> Iterator[tuple[str, Edit]]:
    """Each edit in the text that alters a lone slot, with a name for what it yields: `client.secret:drop_last`."""
    for part in text:
        if isinstance(part, Edit):
            if len(part.of) == 1 and isinstance(part.of[0], Slot):
                yield f"{part.of[0].name}:{part.op}", part
            yield from derived(part.of)


def altered(text: Text) -> Iterator[str]:
    """The slots in the text of which an edit makes another value."""
    for part in text:
        if isinstance(part, Edit):
            yield from altered(part.of) if part.op in ENCODINGS else slots(part.of)


def texts(request: Request) -> Iterator[Text]:
    """Every text of a request."""
    yield from (value for _, value in request.headers)
    for name, value in (*request.query, *(request.form or ())):
        yield name
        yield value
    yield request.body or ()


def spelled(text: Text) -> bool:
    """Whether the text is form-encoded in a way of its own."""
    return len(text) == 1 and isinstance(text[0], Edit) and text[0].op in SPELLINGS


def plain(text: Text) -> Text:
    """The text that a parameter stands for, whatever its spelling."""
    return text[0].of if spelled(text) and isinstance(text[0], Edit) else text


def mentioned(request: Request) -> frozenset[str]:
    """The slots whose own value, in any encoding, the request carries; not those of which it carries another."""
    found: set[str] = set()
    for text in texts(request):
        found |= slots(text) - set(altered(text))
    return frozenset(found)


def slots(text: Text) -> frozenset[str]:
    """The names of all slots in the text, at any depth."""
    found: set[str] = set()
    for part in text:
        if isinstance(part, Slot):
            found.add(part.name)
        elif isinstance(part, Edit):
            found |= slots(part.of)
    return frozenset(found)


def literal(text: Text) -> str | None:
    """The text's value if it needs no slot, else None."""
    return None if slots(text) else render(text, _no_slot)


def _no_slot(name: str) -> str:
    raise KeyError(name)


def decode_base64(value: str) -> bytes | None:
    """The octets of a well-formed Base64 text (RFC 4648 section 4), else None."""
    if len(value) % 4:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        return None

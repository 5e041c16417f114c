"""How a server writes its errors: where the code and the text stand. Inferred once from samples, then used to read every error."""

import difflib
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from conformance import strictjson
from conformance.documented import ErrorRow
from conformance.model import Reply

SURE = 0.85
"""How like a message of the page a text must be, to be taken for it without a code."""

WHOLE = "(body)"
"""The path of a body that is not JSON, read as text."""


class Dialect(msgspec.Struct, frozen=True):
    """Paths such as `error.code`, or `(body)`; None where nothing of the kind was found. `media` is the commonest media type.

    `code_type`: number, string, composite (status and code in one), in-text, or none.
    """

    code_path: str | None = None
    text_path: str | None = None
    code_type: str = "none"
    media: str = ""


class ReadError(msgspec.Struct, frozen=True):
    """What a client can tell of an error: its code and its text."""

    code: int | None
    text: str


def infer(samples: Sequence[tuple[Reply, frozenset[int]]], rows: Sequence[ErrorRow]) -> Dialect:
    """The dialect that explains most samples; each comes with the codes that the documentation allows for it."""
    known = {row.code for row in rows}
    scores: Counter[str] = Counter()
    texts: Counter[str] = Counter()
    types: dict[str, Counter[str]] = {}
    media: Counter[str] = Counter()
    for reply, allowed in samples:
        media[(reply.header("Content-Type") or "").partition(";")[0].strip().lower()] += 1
        for path, value in leaves(reply):
            code = code_in(value, reply.status, known)
            if code is not None:
                scores[path] += (8 if code in allowed else 1) + (4 if "code" in path.lower() else 0)
                types.setdefault(path, Counter())[code_type(value, reply.status)] += 1
            if isinstance(value, str) and _is_prose(value):
                texts[path] += 1 + round(8 * max((likeness(value, row.message) for row in rows), default=0))
    code_path = _best(scores)
    text_path = _best(texts)
    kind = types[code_path].most_common(1)[0][0] if code_path else "none"
    return Dialect(code_path, text_path, kind, media.most_common(1)[0][0] if media else "")


def code_type(value: Any, status: int) -> str:
    """How a code is written: number, string, composite (status and code in one), in-text, or none."""
    if value is None:
        return "none"
    if str(value).isdigit():
        if len(str(value)) > 3 and str(value).startswith(str(status)):
            return "composite"
        return "string" if isinstance(value, str) else "number"
    return "in-text" if isinstance(value, str) else "number"


RFC_MEMBERS = ("error", "error_description")


def shape_of(dialect: Dialect) -> str:
    """The kind of shape, as `errors.shape` of the interpretations names it."""
    paths = [path for path in (dialect.code_path, dialect.text_path) if path]
    if not paths or WHOLE in paths:
        return "xml" if "xml" in dialect.media else "text"
    if any("[" in path for path in paths):
        return "list"
    if any("." in path for path in paths):
        return "nested"
    if set(paths) <= {"ErrorCode", "Error"}:
        return "gateway"
    if dialect.text_path in RFC_MEMBERS:
        return "rfc" if dialect.code_path in (None, *RFC_MEMBERS) else "rfc-and-code"
    return "members"


def _is_prose(text: str) -> bool:
    """Whether a text is a message to people and no word of a protocol, such as `invalid_client`, or a number."""
    return " " in text.strip()


def _best(scores: Counter[str]) -> str | None:
    return min(scores, key=lambda path: (-scores[path], len(path), path)) if scores else None


def read(reply: Reply, dialect: Dialect, known: frozenset[int]) -> ReadError:
    """The code and text of an error reply, as far as the dialect leads to them."""
    found = dict(leaves(reply))
    code = code_in(found[dialect.code_path], reply.status, known) if dialect.code_path in found else None
    text = found.get(dialect.text_path or "", "")
    return ReadError(code, text if isinstance(text, str) else "")


def row_of(reply: Reply, dialect: Dialect, rows: Sequence[ErrorRow]) -> ErrorRow | None:
    """The documented row that an error reply names: by its code, told apart by the text; or by the text alone.

    A number that stands where this server writes codes but is not listed names no row, whatever the text says.
    """
    error = read(reply, dialect, frozenset(row.code for row in rows))
    if error.code is not None:
        same = [row for row in rows if row.code == error.code]
        if reply.status < 500:
            same = [row for row in same if "internal" not in row.when] or same
        return max(same, key=lambda row: likeness(error.text, row.message), default=None)
    if dialect.code_path in dict(leaves(reply)) and dialect.code_path != WHOLE:
        return None
    near = max(rows, key=lambda row: likeness(error.text, row.message), default=None)
    return near if near is not None and _is_prose(error.text) and likeness(error.text, near.message) >= SURE else None


def leaves(reply: Reply) -> list[tuple[str, Any]]:
    """Every scalar of a JSON body with its dotted path; otherwise the whole body as one text."""
    try:
        value = strictjson.parse(reply)
    except strictjson.NotJson:
        return [(WHOLE, reply.body)] if reply.body.strip() else []
    return list(_leaves(value, ""))


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for name, child in value.items():
            yield from _leaves(child, f"{path}.{_writable(name)}" if path else _writable(name))
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _leaves(child, f"{path}[{index}]")
    elif value is not None and not isinstance(value, bool):
        yield path or WHOLE, _writable(value) if isinstance(value, str) else value


def _writable(text: str) -> str:
    """The text with lone surrogates, which JSON can escape and UTF-8 cannot hold, spelled out."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")


_IN_TEXT = re.compile(r"(?:\bcode\W{0,3}|^\s*\W?)(\d{1,7})\b", re.IGNORECASE)
_IN_NAME = re.compile(r"^[\w.-]*?(?<!\d)(\d{1,4})$")


def code_in(value: Any, status: int, known: set[int] | frozenset[int]) -> int | None:
    """A documented code in a JSON value: 2, "2", "E-2", "Error code 2 - …", or status digits and serial as in 40002."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, int):
        number = value
    elif isinstance(value, str):
        match = _IN_TEXT.search(value) or _IN_NAME.match(value.strip())
        if not match:
            return None
        number = int(match[1])
    else:
        return None
    if number in known:
        return number
    digits = str(number)
    if len(digits) > 3 and digits.startswith(str(status)) and int(digits[3:]) in known:
        return int(digits[3:])
    return None


@lru_cache(maxsize=1 << 12)
def likeness(text: str, message: str) -> float:
    """How alike two messages are, 0 to 1, without regard to case, punctuation and what surrounds the message."""
    left, right = (" ".join(re.findall(r"[a-z0-9_]+", part.lower())) for part in (text, message))
    if not left or not right:
        return 0.0
    return 1.0 if right in left else difflib.SequenceMatcher(None, left, right).ratio()

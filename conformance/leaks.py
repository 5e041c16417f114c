"""What of the secrets stands in a text or a file: raw, escaped, in Base64, hex or reversed, whole or in pieces of eight characters.

Written apart from `redact`, so that the two cannot share a misunderstanding: that one undoes escapes at known places and
replaces; this one encodes the secrets, decodes whole lines, and looks.
"""

import base64
import html
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import unquote

from conformance.publicity import public

PIECE = 8
"""So many characters in a row of a secret are evidence, in any encoding."""

LEAST = 6
"""A shorter secret may stand in any text by accident; one of less than a piece needs characters of this many classes."""
CLASSES = 3

MOST = 1 << 18
"""So many characters of all secrets together are looked for in pieces; of a longer lot, the beginnings of each."""

_CHUNK, _OVERLAP = 1 << 16, 1 << 10
REMEMBERED = 200_000
"""How many texts that were found clean are remembered, for artefacts repeat each other."""

_VIEWS = 64
_DEPTH = 4
"""How many encodings may be wrapped around each other, and how many readings of a line are tried."""


class Scanner:
    """Looks for the given secrets (name → value). `known`: texts that anybody may read, such as the ids of the accounts."""

    def __init__(self, secrets: Mapping[str, str], known: Sequence[str] = ()) -> None:
        self.count = len(secrets)
        self._needles: dict[str, dict[str, str]] = {}
        self._known = "\n".join(known)
        self._clean: set[int] = set()
        share = max(64, MOST // max(1, len(secrets)))
        for name, value in secrets.items():
            for needle in needles(value[:share]):
                self._needles.setdefault(needle[:LEAST], {}).setdefault(needle, name)

    def found(self, text: str) -> dict[str, str]:
        """The names of the secrets of which something stands in the text, each with what was found; empty where it is clean."""
        found: dict[str, str] = {}
        for line in set(text.splitlines()):
            for part in _parts(line):
                if hash(part) not in self._clean:
                    here = {name: needle for view in views(part) for name, needle in self._in(view).items()}
                    if not here and len(self._clean) < REMEMBERED:
                        self._clean.add(hash(part))
                    found |= here
        return found

    def _in(self, view: str) -> dict[str, str]:
        starts = {view[at : at + LEAST] for at in range(len(view) - LEAST + 1)} & self._needles.keys()
        return {name: needle for start in starts for needle, name in self._needles[start].items() if needle in view and self._tells(needle)}

    def _tells(self, needle: str) -> bool:
        return not public(needle) and needle not in self._known

    def found_in(self, path: Path) -> tuple[str, ...]:
        """The names of the secrets of which something stands in a file, sorted. Reads line by line; raises OSError."""
        found: set[str] = set()
        with path.open("rb") as file:
            for line in _lines(file.readline):
                whole = line.decode("utf-8", "replace")
                for text in map(str.strip, _STRINGS.split(whole) if path.suffix in _JSON else (whole,)):
                    if len(text) >= LEAST and hash(text) not in self._clean:
                        found |= self.found(text).keys()
        return tuple(sorted(found))


_JSON = (".json", ".ndjson")
_STRINGS = re.compile(r'(?<!\\)"')
"""What parts the strings of JSON, which repeat themselves: a quotation mark that no backslash escapes."""


def _lines(read: Callable[[int], bytes]) -> Iterator[bytes]:
    """The lines of a file, a long one in overlapping parts."""
    kept = b""
    while part := read(_CHUNK):
        yield kept + part
        kept = b"" if part.endswith(b"\n") else (kept + part)[-_OVERLAP:]


def _parts(line: str) -> Iterator[str]:
    yield from (line[at : at + _CHUNK + _OVERLAP] for at in range(0, max(1, len(line)), _CHUNK))


def needles(value: str) -> set[str]:
    """What is looked for on account of one secret: every piece of it, forwards and backwards, and the Base64 of each at three offsets."""
    if len(value) < PIECE:
        classes = (str.islower, str.isupper, str.isdigit, lambda char: not char.isalnum())
        if len(value) < LEAST or sum(any(map(kind, value)) for kind in classes) < CLASSES:
            return set()
    length = min(PIECE, len(value))
    pieces = {value[at : at + length] for at in range(len(value) - length + 1)}
    octets = {
        piece.encode(coding, "replace") for piece in pieces for coding in ("utf-8", "latin-1") if coding == "utf-8" or max(piece) <= "\xff"
    }
    cores = {core for piece in octets for core in _cores(piece)}
    return pieces | {piece[::-1] for piece in pieces} | cores | {core.replace("+", "-").replace("/", "_") for core in cores}


def _cores(octets: bytes) -> Iterator[str]:
    """The characters of Base64 that depend on nothing but these octets, behind no, one or two others."""
    yield base64.b64encode(octets).decode()[: len(octets) * 8 // 6]
    yield base64.b64encode(b"?" + octets).decode()[2 : (len(octets) + 1) * 8 // 6]
    yield base64.b64encode(b"??" + octets).decode()[3 : (len(octets) + 2) * 8 // 6]


def views(line: str) -> set[str]:
    """The line, and all that it may have been before it was encoded, one encoding within another included."""
    seen, last = {line}, {line}
    for _ in range(_DEPTH):
        last = {before for text in last for decode in DECODERS.values() for before in decode(text)} - seen
        seen |= last
        if not last or len(seen) > _VIEWS:
            break
    return seen


_BACKSLASH = re.compile(r"\\(u[0-9A-Fa-f]{4}|x[0-9A-Fa-f]{2}|.)")
_LETTERS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_HIGH = re.compile("[\x80-\xff]{2,}")
_DIGITS = re.compile(f"[0-9A-Fa-f]{{{2 * LEAST},}}")


def _unquoted(text: str) -> Iterator[str]:
    if "%" in text:
        yield unquote(text, errors="replace")
        yield unquote(text, encoding="latin-1")
    if "+" in text:
        yield text.replace("+", " ")


def _unescaped(text: str) -> Iterator[str]:
    def char(match: re.Match[str]) -> str:
        said = match[1]
        return chr(int(said[1:], 16)) if len(said) > 1 else _LETTERS.get(said, said)

    if "\\" in text:
        yield _BACKSLASH.sub(char, text).encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def _without_entities(text: str) -> Iterator[str]:
    if "&" in text:
        yield html.unescape(text)


def _as_utf8(text: str) -> Iterator[str]:
    if _HIGH.search(text):
        yield _HIGH.sub(lambda match: match[0].encode("latin-1").decode("utf-8", "replace"), text)


def _from_hex(text: str) -> Iterator[str]:
    for digits in _DIGITS.findall(text):
        for shift in (0, 1):
            octets = bytes.fromhex(digits[shift : len(digits) - (len(digits) - shift) % 2])
            yield octets.decode("utf-8", "replace")
            yield octets.decode("latin-1")


DECODERS: dict[str, Callable[[str], Iterator[str]]] = {
    "percent and form": _unquoted,
    "backslash": _unescaped,
    "entities": _without_entities,
    "UTF-8 taken for Latin-1": _as_utf8,
    "hex": _from_hex,
}
"""Encoding → what a text may have been before it."""

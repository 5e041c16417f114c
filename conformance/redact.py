"""Redaction by value: replaces every known secret, whole or in pieces of eight, in every encoding it may return in, by its slot's name."""

import base64
import bisect
import html
import json
import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple
from urllib.parse import quote, quote_plus

from conformance.publicity import public

SHORT = 6
"""A secret below this length, or made of protocol words, is only replaced where it stands as a word of its own."""

PIECE = 8
"""So many characters of a secret in a row, in any encoding, are a piece of it."""

SHOWN = 300
"""How many characters of a message are shown."""

LONGEST = 1 << 12
"""Of a longer secret, so many characters count as the sources of pieces."""

PLENTY = 1 << 20
"""Once so many characters are known, only the beginnings of further secrets are."""

BEGINNING = 64

_VOCABULARY = re.compile(
    "access_token expires_in token_type refresh_token bearer basic error_description error_code code message"
    " invalid client user username password credentials authorization header token secret grant_type".replace(" ", "|")
)


_SUSPECT = re.compile(
    r"(?:token|secret|passw|session|cookie|sid|jwt)[a-z_-]*[\"'>:=\s\[{]+(?=[\w.~+/-]*\d)([\w.~+/-]{12,}=*)", re.IGNORECASE
)


def suspects(text: str, members: Iterable[str] = ()) -> set[str]:
    """Values that stand where a secret would: behind a word such as token or session, long, and with a digit; or behind a member's name.

    A reply that nobody can parse may still hold a token; what is recorded must not.
    """
    named = "|".join(map(re.escape, members))
    behind = re.findall(rf"(?:{named})(?:[\"']?\s*[:=]\s*[\"']?|>\s*)([^\s\"'<>&,;{{}}\[\]]{{8,}})", text[:SEARCHED]) if named else []
    return {*_SUSPECT.findall(text[:SEARCHED]), *behind}


SEARCHED = 1 << 16


def _octets(value: str) -> set[bytes]:
    """What a value is on the wire: in UTF-8, in Latin-1, and in UTF-8 that somebody took for Latin-1."""
    utf8 = value.encode("utf-8", "surrogatepass")
    found = {utf8, utf8.decode("latin-1").encode()}
    if value.isascii() or max(value) > "\xff":
        return found
    return {*found, value.encode("latin-1")}


def variants(value: str) -> set[str]:
    """The spellings under which a value may appear: raw, percent-, form-, JSON-, HTML-escaped, Base64, hex, reversed."""
    found = {
        value,
        quote(value, safe="", errors="surrogatepass"),
        quote_plus(value, errors="surrogatepass"),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        value[::-1],
        repr(f"'\"{value}")[4:-1],  # as Python quotes it in messages
    }
    for octets in _octets(value):
        encoded = base64.b64encode(octets).decode()
        found |= {octets.decode("latin-1"), encoded, encoded.rstrip("="), base64.urlsafe_b64encode(octets).decode(), octets.hex()}
        found |= {"".join(spelling % octet for octet in octets) for spelling in ("%%%02X", "%%%02x")}
    return {text for text in found if text}


def distinctive(value: str) -> bool:
    """Whether finding the value in a text proves that it was put there: long enough, and not a mere word."""
    value = value.strip()
    classes = sum(bool(re.search(pattern, value)) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    return len(value) >= 8 and classes >= 2


class _Mark(NamedTuple):
    """A place of a view that reads otherwise than the text under it: `length` octets at `at` stand for `spelled` from `origin` on."""

    at: int
    length: int
    origin: int
    spelled: int


class _View:
    """A text as octets (each as a character), with escapes undone, and where each octet comes from."""

    def __init__(self, text: str, marks: list[_Mark], under: "_View | None") -> None:
        self.text, self._marks, self._under = text, marks, under

    def origin(self, start: int, end: int) -> tuple[int, int]:
        """The place in the original text that says what stands at this place."""
        first, last = self._at(start), self._at(end - 1)
        start, end = first[0], last[1]
        return self._under.origin(start, end) if self._under else (start, end)

    def _at(self, place: int) -> tuple[int, int]:
        nearest = bisect.bisect_right(self._marks, place, key=lambda mark: mark.at) - 1
        if nearest < 0:
            return place, place + 1
        mark = self._marks[nearest]
        if place < mark.at + mark.length:
            return mark.origin, mark.origin + mark.spelled
        place += mark.origin + mark.spelled - mark.at - mark.length
        return place, place + 1

    def undone(self, pattern: re.Pattern[str]) -> "_View | None":
        """The view with what the pattern finds undone, or None where it finds nothing."""
        parts, marks, done, length = [], [], 0, 0
        for match in pattern.finditer(self.text):
            plain = _plain(match[0])
            if plain == match[0]:
                continue
            parts += [self.text[done : match.start()], plain]
            length += match.start() - done
            marks.append(_Mark(length, len(plain), match.start(), len(match[0])))
            length, done = length + len(plain), match.end()
        return _View("".join([*parts, self.text[done:]]), marks, self) if marks else None


_BEYOND_ASCII = re.compile(r"[^\x00-\x7f]+")
_ESCAPES = re.compile(
    r"%[0-9A-Fa-f]{2}|\\u[dD][89abAB][0-9A-Fa-f]{2}\\u[dD][c-fC-F][0-9A-Fa-f]{2}|\\u[0-9A-Fa-f]{4}|\\x[0-9A-Fa-f]{2}|\\[\"\\/'bfnrt]"
    r"|&#[0-9]{1,7};?|&#[xX][0-9A-Fa-f]{1,6};?|&[A-Za-z][A-Za-z0-9]{1,30};"
)
_PLUS = re.compile(r"\+")
_HEX = (re.compile(r"(?:[0-9A-Fa-f]{2}){8,}"), re.compile(r"(?<=[0-9A-Fa-f])(?:[0-9A-Fa-f]{2}){8,}"))
_ROUNDS = 4
"""How many encodings may be wrapped around each other."""

_CONTROLS = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}


def _plain(escape: str) -> str:
    """The octets that an escape stands for, each as a character."""
    if escape == "+":
        return " "
    if escape[0] == "%" or escape.startswith("\\x"):
        return chr(int(escape[-2:], 16))
    if escape.startswith("\\u"):
        units = bytes.fromhex(escape.replace("\\u", ""))
        return _characters(units.decode("utf-16-be", "surrogatepass"))
    if escape[0] == "\\":
        return _CONTROLS.get(escape[1], escape[1])
    if escape[0] == "&":
        return _characters(html.unescape(escape))
    return bytes.fromhex(escape).decode("latin-1") if escape.isascii() else _characters(escape)


def _characters(text: str) -> str:
    """The octets of a text, each as a character."""
    return text.encode("utf-8", "surrogatepass").decode("latin-1")


def _views(text: str) -> Iterator[_View]:
    """A text as octets, and with one layer of escapes after the other undone, as far as it holds any."""
    view = _View(text, [], None)
    if not text.isascii():
        view = view.undone(_BEYOND_ASCII) or view
    yield from _undone(view)


def _undone(view: _View) -> Iterator[_View]:
    yield view
    for pattern in (*(_ESCAPES,) * _ROUNDS, _PLUS):
        if (undone := view.undone(pattern)) is not None:
            yield (view := undone)
    for pattern in _HEX:
        if (undone := view.undone(pattern)) is not None:
            yield undone


def _spellings(value: str) -> set[str]:
    """What a piece may be a piece of, as octets: the value, its reverse, both with escapes undone, and its Base64 at three offsets."""
    found: set[str] = set()
    for octets in _octets(value):
        found |= {view.text for way in (octets, octets[::-1]) for view in _undone(_View(way.decode("latin-1"), [], None))}
        for offset in range(3):
            encoded = base64.b64encode(b"\0" * offset + octets).decode()
            core = encoded[(8 * offset + 5) // 6 : 8 * (offset + len(octets)) // 6]
            found |= {core, core.replace("+", "-").replace("/", "_"), core.replace("+", " ")}
    return found | {_characters(value[::-1])}


_GRAM = 5
_STRIDE = PIECE - _GRAM + 1
"""Every piece holds a gram that begins at a multiple of this."""

REMEMBERED = 1000
"""How many cleaned texts are kept, for replies repeat themselves."""


class Redactor:
    """A growing set of secrets. `enabled=False` exists for the proof that the leak test can fail."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._replacements: dict[str, str] = {}
        self._heads: dict[str, list[str]] = {}
        self._words: list[tuple[re.Pattern[str], str]] = []
        self._new: list[tuple[str, str]] = []
        self._grams: dict[str, dict[str, tuple[int, str]]] = {}
        self._learnt = 0
        self._public = ""
        self._cleaned: dict[str, str] = {}

    def add(self, name: str, value: str) -> None:
        """Learn a secret; its occurrences become `{name}`, those of its parts `{name…}`."""
        self._cleaned.clear()
        for text in variants(value):
            if len(text) < SHORT or (_VOCABULARY.search(text.lower()) and not distinctive(text)):
                self._words.append((re.compile(rf"(?<![A-Za-z0-9_]){re.escape(text)}(?![A-Za-z0-9_])"), f"{{{name}}}"))
            elif text not in self._replacements:
                self._replacements[text] = f"{{{name}}}"
                self._heads.setdefault(text[:_GRAM], []).append(text)
        if name != PAIR:
            self._new.append((name, value))

    def publish(self, texts: Iterable[str]) -> None:
        """Learn what is no secret, though a part of it may be a part of one."""
        self._public = "\n".join([self._public, *texts])

    def _learn_pieces(self) -> None:
        """Take in the pieces of the secrets that are new since the last text."""
        for name, value in self._new:
            known = value[: LONGEST if self._learnt < PLENTY else BEGINNING]
            self._learnt += len(known)
            for text in _spellings(known) if len(known) >= PIECE else ():
                for at in range(0, len(text) - _GRAM + 1, _STRIDE):
                    begins = max(0, at - _STRIDE + 1)
                    around = text[begins : at + PIECE]
                    self._grams.setdefault(text[at : at + _GRAM], {}).setdefault(around, (at - begins, name))
        self._new.clear()

    def clean(self, text: str) -> str:
        """The text without any known secret, whole or in pieces; longer secrets are replaced first."""
        if not self.enabled:
            return text
        if text not in self._cleaned:
            if len(self._cleaned) >= REMEMBERED:
                self._cleaned.clear()
            self._cleaned[text] = self._clean(text)
        return self._cleaned[text]

    def _clean(self, text: str) -> str:
        self._learn_pieces()
        for value in sorted(self._candidates(text), key=lambda value: -len(value)):
            text = text.replace(value, self._replacements[value])
        for pattern, marker in self._words:
            text = pattern.sub(marker.replace("\\", r"\\"), text)
        for _ in range(_ROUNDS):
            spans = [(*view.origin(start, end), name) for view in _views(text) for start, end, name in self._pieces(view.text)]
            if not spans:
                return text
            text = _without(text, spans)
        return "{withheld}"

    def message(self, text: str) -> str:
        """A text for people without any known secret, and cut only then: half a secret would not be known again."""
        cleaned = self.clean(text)
        return cleaned if len(cleaned) <= SHOWN else f"{cleaned[:SHOWN]}…"

    def found_in(self, text: str) -> tuple[str, ...]:
        """The names of the secrets that occur in the text as such, sorted."""
        return tuple(sorted({self._replacements[value][1:-1] for value in self._candidates(text)}))

    def _candidates(self, text: str) -> set[str]:
        """The secrets that occur in the text; found by their first characters, for there may be thousands."""
        heads = _grams_of(text) & self._heads.keys()
        return {value for head in heads for value in self._heads[head] if value in text}

    def _pieces(self, text: str) -> list[tuple[int, int, str]]:
        """Where pieces of secrets stand, those that overlap joined, with the name of a secret; public words are none."""
        hits: set[tuple[int, str]] = set()
        for gram in _grams_of(text) & self._grams.keys():
            at = text.find(gram)
            while at >= 0:
                for around, (place, name) in self._grams[gram].items():
                    for begins in range(max(0, place - _STRIDE + 1), min(place, len(around) - PIECE) + 1):
                        start = at - place + begins
                        if start >= 0 and text.startswith(around[begins : begins + PIECE], start):
                            hits.add((start, name))
                at = text.find(gram, at + 1)
        return [(start, end, name) for start, end, name in _joined(hits) if not self._proves_nothing(text[start:end])]

    def _proves_nothing(self, piece: str) -> bool:
        return public(piece) or piece in self._public


PAIR = "client.pair"
"""The pair holds an id, which is no secret, besides the secret, which is known by itself: it has no pieces of its own."""


def _joined(hits: set[tuple[int, str]]) -> list[tuple[int, int, str]]:
    """Pieces as spans, those that touch made one."""
    spans: list[tuple[int, int, str]] = []
    for start, name in sorted(hits):
        if spans and start <= spans[-1][1]:
            spans[-1] = (spans[-1][0], start + PIECE, spans[-1][2])
        else:
            spans.append((start, start + PIECE, name))
    return spans


def _without(text: str, spans: list[tuple[int, int, str]]) -> str:
    """The text with each span replaced by the name of what it is a piece of; what overlaps is replaced as one."""
    parts, done, covered = [], 0, 0
    for start, end, name in sorted(spans):
        if start >= covered:
            parts += [text[done:start], f"{{{name}…}}"]
        done = covered = max(covered, end)
    return "".join([*parts, text[done:]])


def _grams_of(text: str) -> set[str]:
    return {text[at : at + _GRAM] for at in range(len(text) - _GRAM + 1)}

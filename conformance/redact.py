"""Redaction by value: replaces every known secret, in every encoding it may return in, by its slot's name."""

import base64
import html
import json
import re
from urllib.parse import quote, quote_plus

SHORT = 6
"""A secret below this length, or made of protocol words, is only replaced where it stands as a word of its own."""

SHOWN = 300
"""How many characters of a message are shown."""

_VOCABULARY = re.compile(
    "access_token expires_in token_type refresh_token bearer basic error_description error_code code message"
    " invalid client user username password credentials authorization header token secret grant_type".replace(" ", "|")
)


_SUSPECT = re.compile(r"(?:token|secret|passw|session|cookie|sid|jwt)[a-z_-]*[\"'>:=\s]+(?=[\w.~+/-]*\d)([\w.~+/-]{12,}=*)", re.IGNORECASE)


def suspects(text: str) -> set[str]:
    """Values that stand where a secret would: behind a word such as token or session, long, and with a digit.

    A reply that nobody can parse may still hold a token; what is recorded must not.
    """
    return set(_SUSPECT.findall(text[: 1 << 16]))


def variants(value: str) -> set[str]:
    """The spellings under which a value may appear: raw, percent-, form-, JSON-, HTML-escaped, Base64, hex, reversed."""
    octets = value.encode("utf-8", "surrogateescape")
    encoded = base64.b64encode(octets).decode()
    found = {
        value,
        quote(value, safe=""),
        quote_plus(value),
        json.dumps(value)[1:-1],
        json.dumps(value, ensure_ascii=False)[1:-1],
        html.escape(value),
        encoded,
        encoded.rstrip("="),
        base64.urlsafe_b64encode(octets).decode(),
        octets.hex(),
        "".join(f"%{octet:02X}" for octet in octets),
        "".join(f"%{octet:02x}" for octet in octets),
        value[::-1],
        repr(f"'\"{value}")[4:-1],  # as Python quotes it in messages
    }
    return {text for text in found if text}


def distinctive(value: str) -> bool:
    """Whether finding the value in a text proves that it was put there: long enough, and not a mere word."""
    value = value.strip()
    classes = sum(bool(re.search(pattern, value)) for pattern in ("[a-z]", "[A-Z]", "[0-9]", "[^A-Za-z0-9]"))
    return len(value) >= 8 and classes >= 2


class Redactor:
    """A growing set of secrets. `enabled=False` exists for the proof that the leak test can fail."""

    def __init__(self, *, enabled: bool = True) -> None:
        self.enabled = enabled
        self._replacements: dict[str, str] = {}
        self._heads: dict[str, list[str]] = {}
        self._words: list[tuple[re.Pattern[str], str]] = []

    def add(self, name: str, value: str) -> None:
        """Learn a secret; its occurrences become `{name}`."""
        for text in variants(value):
            if len(text) < SHORT or (_VOCABULARY.search(text.lower()) and not distinctive(text)):
                self._words.append((re.compile(rf"(?<![A-Za-z0-9_]){re.escape(text)}(?![A-Za-z0-9_])"), f"{{{name}}}"))
            elif text not in self._replacements:
                self._replacements[text] = f"{{{name}}}"
                self._heads.setdefault(text[:SHORT], []).append(text)

    def clean(self, text: str) -> str:
        """The text without any known secret; longer secrets are replaced first."""
        if not self.enabled:
            return text
        for value in sorted(self._candidates(text), key=lambda value: -len(value)):
            text = text.replace(value, self._replacements[value])
        for pattern, marker in self._words:
            text = pattern.sub(marker.replace("\\", r"\\"), text)
        return text

    def message(self, text: str) -> str:
        """A text for people without any known secret, and cut only then: half a secret would not be known again."""
        cleaned = self.clean(text)
        return cleaned if len(cleaned) <= SHOWN else f"{cleaned[:SHOWN]}…"

    def found_in(self, text: str) -> tuple[str, ...]:
        """The names of the secrets that occur in the text as such, sorted."""
        return tuple(sorted({self._replacements[value][1:-1] for value in self._candidates(text)}))

    def _candidates(self, text: str) -> set[str]:
        """The secrets that occur in the text; found by their first characters, for there may be thousands."""
        heads = {text[at : at + SHORT] for at in range(len(text) - SHORT + 1)} & self._heads.keys()
        return {value for head in heads for value in self._heads[head] if value in text}

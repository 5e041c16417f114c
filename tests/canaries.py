"""Secrets that leave no doubt where they stand, and every way in which a server or a careless line of code may write one."""

import base64
import html
import json
from collections.abc import Callable
from urllib.parse import quote, quote_plus

CANARIES = {
    "colon": "cn:Rook7:Veil3:Ossa",
    "percent": "cn%41Finch%zz%20Qed9",
    "plus": "cn+Heron+4+Tansy+Vx",
    "quotes": "cn\"Larch'6\"Wren'Umb",
    "backslash": "cn\\Otter\\u00e9\\nDusk8",
    "non-ascii": "cné-Grèbe-ø5-Sõl-Yew",
    "beyond-latin-1": "cn€-Ibis-😀𝄞-Kite2-Żuk",
    "markup": "cn<Crake&amp;7>Moss&lt;Jy",
    "space": "cn Plover 3 Thorn  Ash",
}
"""What is special about a canary → the canary."""

TOKEN = "q8Wz-71xK_rT4vLd20mPneYb"


def _octets(value: str, spelling: str) -> str:
    return "".join(spelling % octet for octet in value.encode())


def _characters(value: str, spelling: str) -> str:
    return "".join(spelling % ord(char) for char in value)


def _json_whole(value: str) -> str:
    units = value.encode("utf-16-be").hex()
    return "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))


def _core(value: str, before: str) -> str:
    """What of the Base64 of a text behind others tells of that text alone."""
    start, end = 8 * len(before), 8 * (len(before) + len(value.encode()))
    return base64.b64encode(before.encode() + value.encode()).decode()[-(-start // 6) : end // 6]


ENCODINGS: dict[str, Callable[[str], str]] = {
    "raw": lambda value: value,
    "percent": lambda value: quote(value, safe=""),
    "percent, lower case": lambda value: _octets(value, "%%%02x"),
    "percent, all": lambda value: _octets(value, "%%%02X"),
    "percent, what must be": lambda value: quote(value, safe="!$&'()*+,;=:@/? "),
    "percent, Latin-1": lambda value: quote(value.encode("latin-1", "replace"), safe=""),
    "form": quote_plus,
    "percent, twice": lambda value: quote(quote(value, safe=""), safe=""),
    "JSON": lambda value: json.dumps(value)[1:-1],
    "JSON, as UTF-8": lambda value: json.dumps(value, ensure_ascii=False)[1:-1],
    "JSON, all": _json_whole,
    "JSON, all, upper case": lambda value: _json_whole(value).upper().replace("\\U", "\\u"),
    "JSON in JSON": lambda value: json.dumps(json.dumps(value))[1:-1],
    "JSON of percent": lambda value: json.dumps(quote(value))[1:-1],
    "HTML": html.escape,
    "HTML, decimal": lambda value: _characters(value, "&#%d;"),
    "HTML, hexadecimal": lambda value: _characters(value, "&#x%x;"),
    "HTML, upper case": lambda value: _characters(value, "&#X%04X;"),
    "HTML of JSON": lambda value: html.escape(json.dumps(value)),
    "repr": lambda value: repr(value)[1:-1],
    "repr of octets": lambda value: repr(value.encode())[2:-1],
    "Base64": lambda value: base64.b64encode(value.encode()).decode(),
    "Base64, no padding": lambda value: base64.b64encode(value.encode()).decode().rstrip("="),
    "Base64, URL": lambda value: base64.urlsafe_b64encode(value.encode()).decode(),
    "Base64 of Latin-1": lambda value: base64.b64encode(value.encode("latin-1", "replace")).decode(),
    "Base64, as a pair": lambda value: base64.b64encode(f"some-client:{value}".encode()).decode(),
    "Base64, pair reversed": lambda value: base64.b64encode(f"{value}:some-client".encode()).decode(),
    "Base64 behind one": lambda value: _core(value, "~"),
    "Base64 behind two": lambda value: _core(value, "~~"),
    "Base64, percent": lambda value: quote(base64.b64encode(value.encode()).decode(), safe=""),
    "Base64 in JSON of PHP": lambda value: base64.b64encode(value.encode()).decode().replace("/", "\\/"),
    "hex": lambda value: value.encode().hex(),
    "hex, upper case": lambda value: value.encode().hex().upper(),
    "hex, behind a digit": lambda value: "7" + value.encode().hex(),
    "reversed": lambda value: value[::-1],
    "reversed, JSON": lambda value: json.dumps(value[::-1])[1:-1],
    "reversed, percent": lambda value: quote(value[::-1], safe=""),
    "UTF-8 taken for Latin-1": lambda value: value.encode().decode("latin-1"),
}
"""How a secret may be written → the function that writes it so. Written apart from what the harness does about it."""


def pieces(value: str, length: int = 8) -> list[str]:
    """Every run of so many characters."""
    return [value[at : at + length] for at in range(len(value) - length + 1)]

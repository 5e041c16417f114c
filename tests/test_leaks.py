"""What is looked for in artefacts, and what is taken out of them: in every encoding, whole and in pieces; the one sees the other fail."""

import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import pytest

from conformance import redact
from conformance.leaks import Scanner
from conformance.redact import Redactor
from tests.canaries import CANARIES, ENCODINGS, TOKEN, pieces

SECRETS = CANARIES | {"token": TOKEN}
ENDS = {
    name: ENCODINGS[name]
    for name in ("raw", "percent, all", "JSON, all", "HTML, decimal", "Base64", "Base64 behind one", "hex", "reversed")
}


@cache
def informed(*, enabled: bool = True) -> Redactor:
    """One that knows every canary."""
    redactor = Redactor(enabled=enabled)
    for name, value in SECRETS.items():
        redactor.add(name, value)
    return redactor


def cleaned(text: str, *, enabled: bool = True) -> str:
    """The text as the redactor leaves it."""
    return informed(enabled=enabled).clean(text)


def lossless(encoding: str, value: str) -> bool:
    """Whether the encoding has a spelling for each character of the value."""
    return "Latin-1" not in encoding or encoding.startswith("UTF-8") or all(char <= "\xff" for char in value)


@pytest.fixture(scope="module")
def scanner() -> Scanner:
    """One that knows every canary."""
    return Scanner(SECRETS)


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("kind", SECRETS)
def test_whole_secret_is_found_and_taken_out(kind: str, encoding: str, scanner: Scanner) -> None:
    """H-09: in every encoding, a secret is found in what was not redacted, and not in what was."""
    if not lossless(encoding, SECRETS[kind]):
        encoding = "percent"
    text = f'{{"error": "sent {ENCODINGS[encoding](SECRETS[kind])} for once"}}'
    assert kind in scanner.found(cleaned(text, enabled=False))
    assert scanner.found(cleaned(text)) == {}
    assert cleaned(text).startswith('{"error": "sent ')
    assert cleaned(text).endswith(' for once"}')


@pytest.mark.parametrize("encoding", ENDS)
@pytest.mark.parametrize("kind", SECRETS)
def test_piece_is_found_and_taken_out(kind: str, encoding: str, scanner: Scanner) -> None:
    """H-09: eight characters of a secret are as bad as the whole, wherever they were cut out."""
    for piece in pieces(SECRETS[kind]):
        text = f"at ({ENDS[encoding](piece)}) it broke"
        assert kind in scanner.found(cleaned(text, enabled=False)), piece
        assert scanner.found(cleaned(text)) == {}, piece


@pytest.mark.parametrize("cut", range(1, 40))
def test_half_of_a_pair_in_base64(cut: int, scanner: Scanner) -> None:
    """A Basic header that was cut off anywhere keeps nothing of the secret behind the id."""
    text = f"Basic {ENCODINGS['Base64, as a pair'](CANARIES['colon'])[:cut]}"
    assert scanner.found(cleaned(text)) == {}


@pytest.mark.parametrize(
    "text",
    [
        '{"error": "invalid_client", "error_description": "Basic Authentication failed, bad username or password.", "code": 22}',
        "application/x-www-form-urlencoded; charset=UTF-8",
        "Wed, 25 Nov 2026 07:23:37 GMT",
        "<html><body>50% off &amp; more: \\u00e9t\\u00e9 c%3Dd+e</body></html>",
        "0123456789abcdef0123456789abcdef ----------------",
    ],
)
def test_other_texts_stay_as_they_are(text: str, scanner: Scanner) -> None:
    """What holds no secret is neither changed nor suspected, though a secret were made of its words."""
    redactor = Redactor()
    for value in (*SECRETS.values(), "Authentication-failed", "charset=UTF-8-or-7", "00000000----------------"):
        redactor.add("s", value)
    assert redactor.clean(text) == text
    assert scanner.found(text) == {}


def test_words_of_the_accounts_are_no_evidence() -> None:
    """An id that begins as the secret does may be shown, the rest of the secret not."""
    redactor, secret = Redactor(), "acme-production-7Yq2"
    redactor.publish(["acme-production"])
    redactor.add("client.secret", secret)
    scanner = Scanner({"client.secret": secret}, ["acme-production"])
    assert redactor.clean("client acme-production is unknown") == "client acme-production is unknown"
    assert scanner.found("client acme-production is unknown") == {}
    assert redactor.clean("not duction-7Yq2") == "not {client.secret…}"
    assert scanner.found("not duction-7Yq2")


def test_short_secret_is_looked_for_if_it_is_no_word() -> None:
    """A secret of less than a piece is evidence as a whole, if no text holds such a thing by accident."""
    scanner = Scanner({"odd": "Xy7!ab", "word": "secret", "tiny": "A1!"})
    assert scanner.found("sent Xy7%21ab, secret A1!").keys() == {"odd"}


MUTANTS: dict[str, tuple[str, Callable[[pytest.MonkeyPatch], None]]] = {
    "knows no pieces": ("raw", lambda patch: patch.setattr(redact, "_spellings", lambda value: set())),
    "knows no Base64": ("Base64 behind one", lambda patch: patch.setattr("conformance.redact.base64.b64encode", lambda octets: b"")),
    "undoes no escapes": ("percent, lower case", lambda patch: patch.setattr(redact, "_ESCAPES", re.compile("(?!)"))),
    "undoes no escapes of JSON": ("JSON, all", lambda patch: patch.setattr(redact, "_ESCAPES", re.compile(r"%[0-9A-Fa-f]{2}|&#?\w+;"))),
    "undoes no percent": ("percent, all", lambda patch: patch.setattr(redact, "_ESCAPES", re.compile(r"\\u....|&#?\w+;"))),
    "undoes no entities": ("HTML, decimal", lambda patch: patch.setattr(redact, "_ESCAPES", re.compile(r"%[0-9A-Fa-f]{2}|\\u....|\\."))),
    "undoes no hex": ("hex", lambda patch: patch.setattr(redact, "_HEX", ())),
    "reads forwards only": ("reversed", lambda patch: patch.setattr(redact, "_spellings", lambda value: {value})),
}
"""How the redactor might be broken → the encoding in which that shows, and what breaks it."""


@pytest.fixture
def _forgotten() -> Iterator[None]:
    """No redactor outlives a test that breaks it."""
    informed.cache_clear()
    yield
    informed.cache_clear()


@pytest.mark.usefixtures("_forgotten")
@pytest.mark.parametrize("mutant", MUTANTS)
def test_scan_sees_what_a_broken_redactor_leaves(mutant: str, scanner: Scanner, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each encoding that the redactor forgets is one in which the scan finds the secret."""
    encoding, breaks = MUTANTS[mutant]
    text = ENCODINGS[encoding](pieces(TOKEN, 16)[2])
    assert scanner.found(cleaned(text)) == {}
    informed.cache_clear()
    breaks(monkeypatch)
    assert "token" in scanner.found(cleaned(text))


def test_files_are_read_in_parts(tmp_path: Path, scanner: Scanner) -> None:
    """A secret is found wherever it stands in a file of one long line, and in octets that are no text."""
    path = tmp_path / "dump"
    for before in (0, (1 << 16) - 5, (1 << 16) + 3, 200_000):
        path.write_bytes(b"\xff\x00" + b"." * before + TOKEN.encode() + b"." * 70_000)
        assert scanner.found_in(path) == ("token",)
    path.write_bytes(b"." * 200_000)
    assert scanner.found_in(path) == ()

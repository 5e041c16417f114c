"""Redaction by value: every spelling, the longest first, words left whole, and values that only look like secrets."""

import pytest

from conformance.redact import SHOWN, Redactor, distinctive, suspects, variants

SECRET = 'a"B: c%+é7&x'


@pytest.mark.parametrize("spelling", sorted(variants(SECRET)))
def test_every_spelling_is_replaced(spelling: str) -> None:
    """No spelling of a secret survives."""
    redactor = Redactor()
    redactor.add("client.secret", SECRET)
    assert redactor.clean(f"<{spelling}>") == "<{client.secret}>"
    assert Redactor(enabled=False).clean(spelling) == spelling


def test_word_as_secret_leaves_the_protocol_readable() -> None:
    """A secret that is a word of the protocol is replaced where it stands alone only."""
    redactor = Redactor()
    redactor.add("user.password", "token")
    assert redactor.clean('{"access_token": "token"}') == '{"access_token": "{user.password}"}'
    assert not distinctive("password")


def test_longer_secret_wins() -> None:
    """A secret inside another one does not hide it."""
    redactor = Redactor()
    redactor.add("short", "Abcdef12")
    redactor.add("long", "Abcdef12-3456")
    assert redactor.clean("Abcdef12-3456 Abcdef12") == "{long} {short}"


@pytest.mark.parametrize(
    "text",
    [
        '{"accessToken": "q8w7e6r5t4y3u2i1"}',
        '{"data": {"access_token" : "q8w7e6r5t4y3u2i1"}}trailing',
        "access_token=q8w7e6r5t4y3u2i1&expires_in=3600",
        "<access_token>q8w7e6r5t4y3u2i1</access_token>",
        "Set-Cookie: JSESSIONID=q8w7e6r5t4y3u2i1; Path=/",
        "Invalid access token: q8w7e6r5t4y3u2i1",
    ],
)
def test_suspect_is_found(text: str) -> None:
    """A token is found by its place even where no contract names it."""
    assert suspects(text) == {"q8w7e6r5t4y3u2i1"}


def test_prose_is_no_suspect() -> None:
    """Ordinary messages hold no suspects."""
    assert not suspects('{"token_type": "BearerToken", "message": "Invalid token specification given", "expires_in": 3600}')


def test_messages_are_cut_after_secrets_are_out() -> None:
    """A secret across the place where a message is cut leaves nothing of itself, also as Python quotes it."""
    redactor, secret = Redactor(), 'S3cr3t\'s \\ "4711"'
    redactor.add("s", secret)
    for padding in range(SHOWN - 30, SHOWN + 10):
        shown = redactor.message(f"body {'.' * padding + secret!r}")
        assert "S3" not in shown
        assert len(shown) <= SHOWN + 1

"""Strict JSON: what RFC 8259 forbids, or nobody could walk, is no JSON."""

import pytest

from conformance import contract, dialect, strictjson
from conformance.history import lifetime_of
from conformance.model import Exchange, Reply
from conformance.scripts import LOGIN

BAD = [
    '{"a": 1, "a": 2}',
    '{"a": NaN}',
    '{"a": 01}',
    '{"a": 1,}',
    '{"a": 1} trailing',
    '\ufeff{"a": 1}',
    "",
    "[" * 100_000,
    "[" * 500 + "]" * 500,
    '{"a": ' + "9" * 10_000 + "}",
]


@pytest.mark.parametrize("body", BAD, ids=[body[:20] for body in BAD])
def test_what_is_no_json_is_told(body: str) -> None:
    """A reason is given, and no member is read."""
    with pytest.raises(strictjson.NotJson):
        strictjson.parse(Reply(200, body=body))
    assert strictjson.members(Reply(200, body=body)) == {}


def test_other_encodings_are_no_json() -> None:
    """A body that is not UTF-8 is no JSON, even where its text looks like it."""
    with pytest.raises(strictjson.NotJson):
        strictjson.parse(Reply(200, body="{}", encoding="latin-1"))


@pytest.mark.parametrize(
    ("value", "life"), [("3600", 3600), ('"3600"', 3600), ("9" * 400, None), ("true", None), ("[]", None), ('"x"', None)]
)
def test_lifetime_of_any_value(value: str, life: float | None) -> None:
    """A life is read from a number or a string of digits; anything else promises none."""
    assert lifetime_of(Exchange(1, "x", LOGIN, 0, 1, Reply(200, body=f'{{"expires_in": {value}}}')), contract.load()) == life


def test_lone_surrogates_can_be_recorded() -> None:
    """What UTF-8 cannot hold is spelled out before it reaches a profile or a message."""
    assert dialect.leaves(Reply(400, body=r'{"m\ud800": "x\udfff"}')) == [(r"m\ud800", r"x\udfff")]

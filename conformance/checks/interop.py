"""What real client libraries choke on in a token reply (table 3.5 of the ground truth): one rule a row.

A row is high where several clients refuse the reply or lose the token, medium where they misjudge its life or few refuse it.
"""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from conformance import expect, strictjson
from conformance.api import Api
from conformance.checks.expires_in import digits
from conformance.errors import Violation
from conformance.model import Exchange, Severity
from conformance.registry import Differs, rule
from conformance.scripts import LOGIN, line, token

SUBJECT = "expires_in"
ABSENT = msgspec.UNSET
"""Stands for a member that is not there; null is None."""

Seen = Callable[[Exchange, Api], str]
"""What is wrong with a reply, as the finding says it; empty if nothing is."""


def hands_out_a_token(exchange: Exchange, api: Api) -> bool:
    """A 2xx reply to a token request with a token in it, also one that is no strict JSON."""
    reply = exchange.reply
    if exchange.request.operation != "token" or reply is None or reply.status // 100 != 2:
        return False
    return f'"{api.contract.link.member}"' in reply.body


def has_members(exchange: Exchange, api: Api) -> bool:
    """The same, of replies whose members can be read."""
    return hands_out_a_token(exchange, api) and api.contract.link.member in strictjson.members(exchange.reply)


def _member(role: str, breaks: Callable[[Any], bool]) -> Seen:
    """A row about one member's value."""

    def seen(exchange: Exchange, api: Api) -> str:
        name = api.contract.member(role)
        value = strictjson.members(exchange.reply).get(name, ABSENT)
        if not breaks(value):
            return ""
        return f"{name} is missing" if value is ABSENT else f"{name} is null in the body" if value is None else f"{name} is {value!r}"

    return seen


def _row(
    name: str,
    clause: str,
    severity: Severity,
    title: str,
    seen: Seen,
    wrong: Sequence[Differs],
    when: Callable[[Exchange, Api], bool] = has_members,
    subject: str = "token",
) -> None:
    @rule(
        f"clients-{name}",
        clause=clause,
        severity=severity,
        title=title,
        subject=subject,
        when=when,
        control=True,
        right=[line(LOGIN, token())],
        wrong=wrong,
    )
    def clients_cope(exchange: Exchange, api: Api) -> None:
        found = seen(exchange, api)
        if found:
            raise Violation(title.partition(", ")[0], found)


def _words(value: Any) -> bool:
    return isinstance(value, str) and not value.lstrip("-").replace(".", "").isdigit()


def _too_big(value: Any) -> bool:
    return digits(value) and len(str(value)) < 30 and int(str(value)) >= 2**31


for _name, _clause, _title, _breaks, _values in (
    ("zero", "I-06", "expires_in is not zero, which many clients take for never", lambda v: str(v) in ("0", "0.0"), (0, "0")),
    ("null", "I-07", "expires_in is not null, which most clients take for never and others refuse", lambda v: v is None, ()),
    ("missing", "I-08", "expires_in is there, without which most clients never renew", lambda v: v is ABSENT, (None,)),
    ("fraction", "I-09", "expires_in has no fraction, which several clients refuse", lambda v: "." in str(v), (3599.5, "3599.5")),
    ("words", "I-10", "expires_in holds no words, which several clients crash on", _words, ("1 hour",)),
    ("negative", "I-11", "expires_in is not negative, which some clients refuse", lambda v: str(v).startswith("-"), (-1,)),
    ("huge", "I-12", "expires_in fits into 31 bits, as some clients store it", _too_big, (99_999_999_999,)),
    ("boolean", "I-13", "expires_in is no boolean, which some clients take for a second", lambda v: isinstance(v, bool), (True,)),
    (
        "string",
        "I-05",
        "expires_in is a number, for not every client reads strings",
        lambda v: isinstance(v, str) and digits(v),
        ("3600",),
    ),
):
    _row(
        f"expires-in-{_name}",
        _clause,
        Severity.MEDIUM,
        _title,
        _member("lifetime", _breaks),
        [Differs(0, "json:expires_in", value) for value in _values] or [Differs(0, "body", token(expires_in=None).body)],
        subject=SUBJECT,
    )


def _type(name: str, clause: str, severity: Severity, title: str, breaks: Callable[[Any], bool], wrong: Differs) -> None:
    _row(f"token-type-{name}", clause, severity, title, _member("token-type", breaks), [wrong])


_type(
    "missing",
    "I-01",
    Severity.HIGH,
    "token_type is there, without which three clients refuse the reply and one puts the token into URLs",
    lambda v: v is ABSENT,
    Differs(0, "json:token_type", None),
)
_type(
    "other",
    "I-02",
    Severity.HIGH,
    "token_type is Bearer, for all but two clients refuse another word or cannot use the token",
    lambda v: isinstance(v, str) and v.lower() != "bearer",
    Differs(0, "json:token_type", "BearerToken"),
)
_type(
    "null",
    "I-03",
    Severity.HIGH,
    "token_type is not null, which four clients refuse and two crash on",
    lambda v: v is None,
    Differs(0, "body", token(token_type=None).body),
)
_type(
    "case",
    "I-04",
    Severity.LOW,
    "token_type is spelled Bearer, for a few clients copy it into the header and some servers take no other case",
    lambda v: isinstance(v, str) and v.lower() == "bearer" and v != "Bearer",
    Differs(0, "json:token_type", "bearer"),
)


def _label(breaks: Callable[[str], bool]) -> Seen:
    """A row about the Content-Type; an empty one counts as none."""

    def seen(exchange: Exchange, api: Api) -> str:
        value = expect.answered(exchange).header("Content-Type") or ""
        return f"header Content-Type is {value or 'missing'!r}" if breaks(value.lower()) else ""

    return seen


def _begins(exchange: Exchange, api: Api) -> str:
    return "body that begins with a byte order mark" if expect.answered(exchange).body.startswith("\ufeff") else ""


def _status(exchange: Exchange, api: Api) -> str:
    return "" if expect.answered(exchange).status == 200 else f"status {expect.answered(exchange).status}"


_row(
    "byte-order-mark",
    "I-15",
    Severity.HIGH,
    "A token reply does not begin with a byte order mark, for which six clients find no token",
    _begins,
    [Differs(0, "body", "\ufeff" + token().body)],
    hands_out_a_token,
)
_row(
    "label-other",
    "I-16",
    Severity.HIGH,
    "A token reply is labelled as JSON, for four clients read nothing else and one takes plain text for a query",
    _label(lambda value: bool(value) and "json" not in value),
    [Differs(0, "header:Content-Type", "text/plain")],
    hands_out_a_token,
)
_row(
    "label-missing",
    "I-17",
    Severity.MEDIUM,
    "A token reply has a Content-Type, without which two clients refuse it",
    _label(lambda value: not value),
    [Differs(0, "header:Content-Type", None)],
    hands_out_a_token,
)
_row(
    "status-other",
    "I-18",
    Severity.MEDIUM,
    "A token reply has status 200, for two clients refuse 201",
    _status,
    [Differs(0, "status", 201)],
    hands_out_a_token,
)


@rule(
    "clients-member-twice",
    clause="I-14",
    severity=Severity.LOW,
    subject="token",
    when=lambda exchange, api: exchange.request.operation in api.contract.operations and _is_object(exchange),
    control=True,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "body", '{"access_token": "x", "access_token": "y"}')],
)
def clients_member_twice(exchange: Exchange, api: Api) -> None:
    """No member of a reply occurs twice, for every client takes the last one without a word."""
    name = strictjson.repeated(expect.answered(exchange))
    if name:
        raise Violation("every member once", f"body in which {name} occurs twice")


def _is_object(exchange: Exchange) -> bool:
    return exchange.reply is not None and exchange.reply.body.lstrip().startswith("{")

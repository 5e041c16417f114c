"""Representations of both operations: JSON texts, the label of a body, formats of requests, problem details."""

from collections.abc import Sequence

import msgspec

from conformance import expect, strictjson
from conformance.api import Api
from conformance.checks.errors import of_the_api
from conformance.checks.reply import succeeded
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Reply, Severity
from conformance.oracle import only_fault
from conformance.profile import accepts
from conformance.registry import Differs, rule
from conformance.scripts import API, LOGIN, LOGIN_NO_GRANT, NOT_ALLOWED, OK, error, line, logout, token

SUBJECT = "token"


def media_type(reply: Reply) -> str:
    """The media type of a reply without parameters, in lower case; empty where it has none."""
    return (reply.header("Content-Type") or "").partition(";")[0].strip().lower()


def of_json(exchange: Exchange, api: Api) -> bool:
    """A reply of the API that is labelled as JSON or looks like it; one that is compressed is no text yet."""
    reply = exchange.reply
    if reply is None or not of_the_api(exchange, api) or not reply.body or reply.header("Content-Encoding"):
        return False
    return "json" in media_type(reply) or _looks_like_json(reply)


def _looks_like_json(reply: Reply) -> bool:
    return reply.body.lstrip("\ufeff \t\r\n").startswith(("{", "["))


def _json_text(name: str, clause: str, severity: Severity, broken: str, title: str, wrong: Sequence[Differs]) -> None:
    @rule(name, clause=clause, severity=severity, title=title, control=True, when=of_json, right=[line(LOGIN, token())], wrong=wrong)
    def json_text_keeps_to_the_rfc(exchange: Exchange, api: Api) -> None:
        reply = expect.answered(exchange)
        try:
            strictjson.parse(reply)
        except strictjson.NotJson as problem:
            # A text that only a label calls JSON is no attempt at it: `OK!` is one of the readings of the page.
            if problem.rule == broken and (broken != "syntax" or _looks_like_json(reply)):
                encoding = f" (encoding {reply.encoding})" if broken == "utf-8" else ""
                raise Violation("a JSON text", f"body is none: {problem}{encoding}") from None


_json_text(
    "token-json-strict",
    "N-8259-05",
    Severity.HIGH,
    "syntax",
    "A JSON reply is one JSON text: no NaN, no comma too many, nothing behind the value.",
    [
        Differs(0, "body", '{"access_token": "x"} <!-- served by node 7 -->'),
        Differs(0, "body", '{"access_token": "x", "expires_in": NaN}'),
        Differs(0, "body", '{"access_token": "x",}'),
    ],
)
_json_text(
    "json-in-utf-8",
    "N-8259-01",
    Severity.HIGH,
    "utf-8",
    "A JSON reply is encoded in UTF-8.",
    [Differs(0, "encoding", "latin-1")],
)
_json_text(
    "json-without-mark",
    "N-8259-02",
    Severity.HIGH,
    "no-mark",
    "A JSON reply does not begin with a byte order mark.",
    [Differs(0, "body", '\ufeff{"access_token": "x"}')],
)
_json_text(
    "json-members-unique",
    "N-8259-03",
    Severity.HIGH,
    "unique",
    "No member of a JSON reply stands twice.",
    [Differs(0, "body", '{"access_token": "x", "access_token": "y"}')],
)


@rule(
    "content-has-type",
    clause="N-9110-17",
    severity=Severity.LOW,
    when=lambda exchange, api: of_the_api(exchange, api) and bool(expect.answered(exchange).body) and not succeeded(exchange, api),
    right=[line(logout(), OK), line(API.logout(None, method="PUT"), NOT_ALLOWED)],
    wrong=[Differs(0, "header:Content-Type", None), Differs(1, "header:Content-Type", None)],
)
def content_has_type(exchange: Exchange, api: Api) -> None:
    """A reply with a body says in Content-Type what it is (what a token reply must say, RFC 6749 says itself)."""
    if not media_type(expect.answered(exchange)):
        raise Violation("a header Content-Type", "header Content-Type is missing")


_JSON_LOGIN = msgspec.structs.replace(LOGIN, headers=(LOGIN.headers[0], ("Content-Type", ("application/json",))), form=None, body=("{}",))


def in_other_format(exchange: Exchange, api: Api) -> bool:
    """A refused token request whose body is in another media type than the contract's."""
    operation, request = api.contract.operations["token"], exchange.request
    media = [value for name, value in request.headers if name.lower() == "content-type"]
    plain = request.operation == "token" and request.method == operation.method and not request.path and not request.query
    return plain and request.body is not None and (operation.media_type,) not in media and not accepts(exchange)


LACKS = ("no-grant-type", "no-username", "no-password", "unknown-user")
"""What a server may say of a form that it cannot read, or reads in part: as which of them it counts is not documented."""


@rule(
    "format-refused-as-such",
    clause="N-9110-18",
    severity=Severity.LOW,
    over="run",
    when=lambda exchange, api: in_other_format(exchange, api) or any(only_fault(lack)(exchange, api) for lack in LACKS),
    right=[line(LOGIN_NO_GRANT, error(2)), line(_JSON_LOGIN, error(2))],
    wrong=[Differs(1, "status", 406), Differs(1, "status", 404), Differs(1, "status", 200)],
)
def format_refused_as_such(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A body in a format that the server does not take is refused with 415, or as one without parameters; no other status says so."""
    mine = tuple(exchange for exchange in exchanges if in_other_format(exchange, api))
    if not mine:
        raise NotApplicable("a request in a format that the server does not take", "it takes every one that was tried")
    empty = {expect.answered(exchange).status for exchange in exchanges if exchange not in mine}
    allowed = sorted({400, 415, *empty})
    for exchange in mine:
        if expect.answered(exchange).status < 500 and expect.answered(exchange).status not in allowed:
            raise Violation(f"status {' or '.join(map(str, allowed))}", f"status {expect.answered(exchange).status}", [exchange])
    return mine


PROBLEM = "application/problem+json"
_PROBLEM = Reply(400, (("Content-Type", PROBLEM),), '{"title": "Missing grant_type", "status": 400, "code": 2}')


@rule(
    "problem-details",
    clause="N-9457-01",
    severity=Severity.LOW,
    when=lambda exchange, api: of_the_api(exchange, api) and media_type(expect.answered(exchange)) == PROBLEM,
    right=[line(LOGIN_NO_GRANT, _PROBLEM)],
    wrong=[
        Differs(0, "json:status", 500),
        Differs(0, "json:title", ["Missing"]),
        Differs(0, "json:detail", 7),
        Differs(0, "body", "Missing grant_type"),
    ],
)
def problem_details(exchange: Exchange, api: Api) -> None:
    """An error that calls itself problem details is one: an object, with texts in its members and the status that it was sent with."""
    reply = expect.answered(exchange)
    found = strictjson.members(reply)
    if not found:
        raise Violation("an object of problem details", f"body is none: {reply.body!r}")
    for name in ("type", "title", "detail", "instance"):
        if not isinstance(found.get(name, ""), str):
            raise Violation(f"{name} as a text", f"{name} is {found[name]!r}")
    if found.get("status", reply.status) != reply.status:
        raise Violation(f"status {reply.status}, like the reply", f"status in the body is {found['status']!r}")

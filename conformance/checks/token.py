"""The token request and its reply: required parameters, methods, members, media type, caching."""

import re
from typing import Any

from conformance import expect, strictjson
from conformance.api import Api, Conversation, describe
from conformance.contract import Constraint, load
from conformance.errors import Inconclusive, Violation
from conformance.model import Exchange, Request, Severity
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import LOGIN, REFUSED_IN_200, error, line, token


def succeeded(exchange: Exchange, api: Api) -> bool:
    """A token request that was granted."""
    return exchange.request.operation == "token" and accepts(exchange)


def valid_login(exchange: Exchange, api: Api) -> bool:
    """The canonical login with valid credentials, which is also the control."""
    return exchange.request == api.login()


@rule(
    "valid-login-yields-token",
    clause="F-11",
    severity=Severity.CRITICAL,
    when=valid_login,
    control=True,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:access_token", None), Differs(0, "body", "")],
)
def valid_login_yields_token(exchange: Exchange, api: Api) -> None:
    """A login with valid credentials is answered with an access token."""
    if accepts(exchange):
        return
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        raise Inconclusive("a token for the credentials of the target file (are they right?)", describe(exchange))
    raise Violation("a JSON body with access_token", f"no access_token as text: {describe(exchange)}")


def _required(name: str, clause: str) -> None:
    @check(
        f"token-missing-parameter[{name}]",
        clause=clause,
        severity=Severity.CRITICAL,
        title=f"A token request without {name} is refused.",
        right=[REFUSED_IN_200],
        wrong=[Differs(0, "json:access_token", "{token#1}")],
    )
    def token_missing_parameter(api: Api) -> Conversation[None]:
        exchange = yield from api.send(api.login(change={name: None}))
        expect.refused(exchange)


for _name, _schema in load().operations["token"].parameters.items():
    if _name in load().operations["token"].required and "x-slot" in _schema:
        _required(_name, _schema["x-clause"])


@check("token-by-get", clause="T-01", severity=Severity.HIGH, right=[error(6, status=405)], wrong=[Differs(0, "body", token().body)])
def token_by_get(api: Api) -> Conversation[None]:
    """A GET with the parameters in the query yields no token."""
    login = api.login()
    exchange = yield from api.send(Request("token", "GET", query=login.form or (), headers=login.headers[:1]))
    if '"access_token"' in expect.answered(exchange).body:
        raise Violation("no access_token in the body", describe(exchange))


@check("token-extra-parameter", clause="N-6749-11", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def token_extra_parameter(api: Api) -> Conversation[None]:
    """A parameter that the server does not know is ignored."""
    exchange = yield from api.send(api.login(change={"x-harness-unknown": "1"}))
    if not accepts(exchange):
        raise Violation("a token", f"status {expect.answered(exchange).status}")


@rule(
    "token-status",
    clause="N-6749-25",
    severity=Severity.MEDIUM,
    when=succeeded,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "status", 201)],
)
def token_status(exchange: Exchange, api: Api) -> None:
    """A token reply has status 200."""
    expect.status(exchange, 200)


@rule(
    "token-media-type",
    clause="N-6749-26",
    severity=Severity.MEDIUM,
    when=succeeded,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Content-Type", "text/html"), Differs(0, "header:Content-Type", None)],
)
def token_media_type(exchange: Exchange, api: Api) -> None:
    """A token reply has the media type application/json."""
    expect.header(exchange, "Content-Type", contains="application/json")


@rule(
    "token-no-store",
    clause="N-6749-27",
    severity=Severity.HIGH,
    when=succeeded,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Cache-Control", None), Differs(0, "header:Cache-Control", "public, max-age=60")],
)
def token_no_store(exchange: Exchange, api: Api) -> None:
    """A token reply forbids storing."""
    expect.header(exchange, "Cache-Control", contains="no-store")


@rule(
    "token-type-present",
    clause="N-6749-21",
    severity=Severity.MEDIUM,
    when=succeeded,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "json:token_type", None)],
)
def token_type_present(exchange: Exchange, api: Api) -> None:
    """A token reply has a token_type, which RFC 6749 requires although the page calls it optional."""
    if not isinstance(strictjson.members(exchange.reply).get("token_type"), str):
        raise Violation("a token_type", "token_type is missing")


_JSON_TYPES: dict[str, Any] = {"object": dict, "array": list, "string": str, "integer": int, "number": (int, float), "boolean": bool}
_BREAKS: dict[str, Any] = {"type": [], "required": None, "minLength": "", "pattern": "a b"}
"""For each keyword, a value that breaks it; the wrong= script of the rule that stands on the constraint."""


def _holds(constraint: Constraint, value: Any) -> bool:
    """Whether a JSON value meets one keyword of JSON Schema 2020-12; keywords ignore values of other types."""
    if constraint.keyword == "type":
        kinds = constraint.value if isinstance(constraint.value, list) else [constraint.value]
        return any(isinstance(value, _JSON_TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool)) for kind in kinds)
    if constraint.keyword == "minLength":
        return not isinstance(value, str) or len(value) >= constraint.value
    if constraint.keyword == "pattern":
        return not isinstance(value, str) or re.search(constraint.value, value) is not None
    return True


def _constraint_rule(constraint: Constraint) -> None:
    member = constraint.path[0] if constraint.path else str(constraint.value)
    required, slot = constraint.keyword == "required", member in ("access_token", "refresh_token")
    name = f"token-reply-{member.replace('_', '-')}[{constraint.keyword.lower()}]"
    optional = {"refresh_token": "x"} if member == "refresh_token" else {}

    @rule(
        name,
        clause=constraint.clause,
        severity=Severity.HIGH,
        title=f"In a token reply, {member} meets the contract's {constraint.keyword!r}.",
        when=lambda exchange, api: (
            exchange.request.operation == "token" and member_seen(exchange, member, absent_too=required and valid_login(exchange, api))
        ),
        control=True,
        right=[line(LOGIN, token(**optional))],
        wrong=[Differs(0, f"json:{member}", _BREAKS[constraint.keyword])],
    )
    def token_reply_meets_constraint(exchange: Exchange, api: Api) -> None:
        found = strictjson.members(exchange.reply)
        if required:
            if found.get(member) is None:
                raise Violation(f"{member} in the reply", f"{member} is missing")
        elif slot and constraint.keyword == "pattern" and exchange.reply is not None and exchange.reply.minted:
            if not all(minted.wellformed for minted in exchange.reply.minted if minted.kind == constraint_kind):
                raise Violation(f"{member} that matches {constraint.value}", f"{member} has other characters")
        elif not _holds(constraint, found[member]):
            raise Violation(f"{member} with {constraint.keyword} {constraint.value}", f"{member} is {found[member]!r}")

    constraint_kind = "refresh" if member == "refresh_token" else "token"


def member_seen(exchange: Exchange, member: str, *, absent_too: bool) -> bool:
    """A 2xx JSON object that has the member, or (`absent_too`) that ought to have it."""
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        return False
    found = strictjson.members(exchange.reply)
    return found.get(member) is not None or (absent_too and bool(found))


for _constraint in load().constraints():
    if _constraint.path or _constraint.keyword == "required":
        _constraint_rule(_constraint)

"""The token reply, and headers of both: one rule for each constraint of the contract, and what schemas cannot say."""

import json
import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import jsonschema_rs

from conformance import expect, strictjson
from conformance.api import Api
from conformance.checks.token import valid_login
from conformance.contract import load
from conformance.documented import Constraint
from conformance.errors import Violation
from conformance.history import owner_of
from conformance.model import Exchange, Minted, Severity
from conformance.profile import accepts, told
from conformance.registry import Differs, rule
from conformance.scripts import API, LOGIN, OK, line, logout, token

SUBJECT = "token"


def succeeded(exchange: Exchange, api: Api) -> bool:
    """A token request that was granted."""
    return exchange.request.operation == "token" and accepts(exchange)


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
    """A token reply has the media type of the contract, application/json."""
    expect.header(exchange, "Content-Type", contains=api.contract.operations["token"].reply.media_type)


@rule(
    "token-reply-json-not-stored",
    clause="T-54",
    severity=Severity.MEDIUM,
    when=succeeded,
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "header:Content-Type", "text/plain"), Differs(0, "header:Cache-Control", "private")],
)
def token_reply_json_not_stored(exchange: Exchange, api: Api) -> None:
    """A token reply is JSON, and no cache may store it."""
    expect.header(exchange, "Content-Type", contains=api.contract.operations["token"].reply.media_type)
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
    if not isinstance(told(exchange, api.contract, "token-type"), str):
        raise Violation("a token_type", "token_type is missing")


@rule(
    "token-type-reading",
    clause="F-23",
    severity=Severity.LOW,
    when=succeeded,
    axis="token_type",
    right=[line(LOGIN, token()), line(LOGIN, token())],
    wrong=[Differs(1, "json:token_type", None), Differs(1, "json:token_type", "bearer")],
)
def token_type_reading(exchange: Exchange, api: Api) -> str:
    """The token_type is always spelled alike, or always left out."""
    value = told(exchange, api.contract, "token-type")
    return "absent" if value is None else "capitalised" if value == "Bearer" else "lower-case"


def _one_owner(name: str, clause: str, title: str) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.CRITICAL,
        title=title,
        over="run",
        when=succeeded,
        right=[line(LOGIN, token()), line(API.login(user="second_user"), token("token#2"))],
        wrong=[Differs(1, "json:access_token", "{token#1}")],
    )
    def token_has_one_owner(exchanges: Sequence[Exchange], api: Api) -> None:
        owners: dict[str, tuple[tuple[str, str], Exchange]] = {}
        for exchange in exchanges:
            for minted in _minted(exchange, "token"):
                owner = owner_of(exchange.request, api.contract)
                first, before = owners.setdefault(minted.slot, (owner, exchange))
                if all(owner) and all(first) and first != owner:
                    names = f"{' and '.join(first)}, and {' and '.join(owner)}"
                    raise Violation("a token for one client and user", f"access_token {minted.slot} for {names}", [before, exchange])


_one_owner("token-belongs-to-one", "S-29", "Two users, or two clients, never get the same token.")
_one_owner("token-of-client-and-user", "T-26", "A token is issued to the client and the user who log in, and to no other pair.")


@rule(
    "token-unguessable",
    clause="N-6749-39",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: succeeded(exchange, api) and bool(_minted(exchange, "token")),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "minted", (Minted("token#1", "token", 16, wellformed=True),))],
)
def token_unguessable(exchange: Exchange, api: Api) -> None:
    """A token is long enough to hold 128 bits: 22 characters at least."""
    for minted in _minted(exchange, "token"):
        if minted.length < ENOUGH:
            raise Violation(f"a token of {ENOUGH} characters at least", f"minted with {minted.length} characters")


@rule(
    "token-follows-no-pattern",
    clause="N-6749-36",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: succeeded(exchange, api) and bool(_minted(exchange, "token")),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "minted", (Minted("token#1", "token", 40, wellformed=True, distinct=3),))],
)
def token_follows_no_pattern(exchange: Exchange, api: Api) -> None:
    """A token does not follow from an earlier one: it shares neither a long beginning nor a long end with it."""
    for minted in _minted(exchange, "token"):
        if minted.distinct < UNLIKE <= minted.length:
            raise Violation(f"{UNLIKE} characters unlike every earlier token's", f"minted with {minted.distinct} of {minted.length} unlike")


@rule(
    "tokens-hard-to-guess",
    clause="S-26",
    severity=Severity.CRITICAL,
    when=lambda exchange, api: succeeded(exchange, api) and bool(expect.answered(exchange).minted),
    right=[line(LOGIN, token(refresh="refresh#1"))],
    wrong=[
        Differs(0, "minted", (*token().minted, Minted("refresh#1", "refresh", 16, wellformed=True))),
        Differs(0, "minted", (*token().minted, Minted("refresh#1", "refresh", 40, wellformed=True, distinct=3))),
        Differs(0, "minted", (Minted("token#1", "token", 16, wellformed=True),)),
    ],
)
def tokens_hard_to_guess(exchange: Exchange, api: Api) -> None:
    """Every token, refresh tokens included, is long, and shares neither a long beginning nor a long end with an earlier one."""
    for minted in expect.answered(exchange).minted:
        if minted.length < ENOUGH or minted.distinct < UNLIKE:
            raise Violation(
                f"{ENOUGH} characters at least, {UNLIKE} of them unlike every earlier token's",
                f"minted as {minted.slot} with {minted.length} characters, {minted.distinct} of them unlike",
            )


UNLIKE = 16
"""So many characters have to be guessed, at least."""


@rule(
    "token-reveals-nothing",
    clause="S-27",
    severity=Severity.HIGH,
    when=lambda exchange, api: succeeded(exchange, api) and bool(_minted(exchange, "token")),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "minted", (Minted("token#1", "token", 40, wellformed=True, reveals=("user.password",)),))],
)
def token_reveals_nothing(exchange: Exchange, api: Api) -> None:
    """A token does not decode to the credentials that it was issued for."""
    for minted in _minted(exchange, "token"):
        shown = [name for name in minted.reveals if name.endswith((".id", ".secret", ".username", ".password"))]
        if [name for name in shown if name.endswith((".secret", ".password"))] or len(shown) > 1:
            raise Violation("a token that says nothing", f"minted with {', '.join(shown)} inside")


ENOUGH = 22
"""Letters and digits that hold 128 bits (RFC 6749 section 10.10)."""


@rule(
    "token-format",
    clause="L-06",
    severity=Severity.LOW,
    axis="token.format",
    over="run",
    when=lambda exchange, api: succeeded(exchange, api) and bool(_minted(exchange, "token")),
    right=[line(LOGIN, token())],
    wrong=[Differs(0, "minted", (Minted("token#1", "token", 9000, wellformed=True),))],
)
def token_format(exchanges: Sequence[Exchange], api: Api) -> str:
    """Tokens fit into a header, and their alphabet is named."""
    minted = [m for exchange in exchanges for m in _minted(exchange, "token")]
    longest = max(m.length for m in minted)
    if longest > LONGEST:
        raise Violation(f"a token of {LONGEST} characters at most", f"minted with {longest} characters")
    kinds = {m.alphabet for m in minted}
    return "other" if "other" in kinds else "base64url" if "base64url" in kinds else "word"


LONGEST = 4096
"""What servers and proxies take as one header field in all."""


_BREAKS: dict[str, Any] = {
    "type": [],
    "required": None,
    "minLength": "",
    "maxLength": "x" * 10_000,
    "pattern": "a b",
    "enum": "harness-else",
    "const": "harness-else",
    "minimum": -(10**15),
    "maximum": 10**15,
}
"""For each keyword, a value that breaks it; the wrong= script of the rule that stands on the constraint."""


OPTIONAL = {"refresh": {"refresh_token": "x"}, "scope-granted": {"scope": "x"}}
"""Members that a right reply may lack, by role."""


@lru_cache
def _validator(keyword: str, value: str) -> Any:
    return jsonschema_rs.validator_for(f'{{"{keyword}": {value}}}')


def holds(constraint: Constraint, value: Any) -> bool:
    """Whether a JSON value meets one keyword of JSON Schema 2020-12."""
    return bool(_validator(constraint.keyword, json.dumps(constraint.value)).is_valid(value))


def _member_rule(constraint: Constraint) -> None:
    required = constraint.keyword == "required"
    member = str(constraint.value) if required else constraint.place
    kind = "refresh" if constraint.role == "refresh" else "token"
    said = "is required" if required else f"has {constraint.keyword} {constraint.value}"

    @rule(
        f"token-reply-{member.replace('_', '-')}[{constraint.keyword.lower()}]",
        clause=constraint.clause,
        severity=Severity.HIGH,
        subject="token",
        title=f"In a token reply, {member} {said}.",
        when=lambda exchange, api: (
            exchange.request.operation == "token" and member_seen(exchange, member, absent_too=required and valid_login(exchange, api))
        ),
        control=True,
        right=[line(LOGIN, token(**OPTIONAL.get(constraint.role, {})))],
        wrong=[Differs(0, f"json:{member}", _BREAKS[constraint.keyword])],
    )
    def token_reply_meets_constraint(exchange: Exchange, api: Api) -> None:
        found = strictjson.members(exchange.reply)
        if required:
            if found.get(member) is None:
                raise Violation(f"{member} in the reply", f"{member} is missing")
        elif constraint.keyword == "pattern" and constraint.role in ("token", "refresh") and _minted(exchange, kind):
            if not all(minted.wellformed for minted in _minted(exchange, kind)):
                raise Violation(f"{member} that matches {constraint.value}", f"{member} has other characters")
        elif not holds(constraint, found[member]):
            raise Violation(f"{member} with {constraint.keyword} {constraint.value}", f"{member} is {found[member]!r}")


def _minted(exchange: Exchange, kind: str) -> list[Minted]:
    return [minted for minted in exchange.reply.minted if minted.kind == kind] if exchange.reply else []


def member_seen(exchange: Exchange, member: str, *, absent_too: bool) -> bool:
    """A 2xx JSON object that has the member, or (`absent_too`) that ought to have it."""
    if exchange.reply is None or exchange.reply.status // 100 != 2:
        return False
    found = strictjson.members(exchange.reply)
    return found.get(member) is not None or (absent_too and bool(found))


def _header_rule(constraint: Constraint) -> None:
    required, pattern = constraint.value
    reply, request = (token(), LOGIN) if constraint.operation == "token" else (OK, logout())

    @rule(
        constraint.claim or f"{constraint.operation}-reply-header-{constraint.place.lower()}",
        clause=constraint.clause,
        severity=Severity.MEDIUM,
        subject=constraint.operation,
        title=f"A successful {constraint.operation} reply has a {constraint.place} with {constraint.says}.",
        when=lambda exchange, api: _asked_as_documented(exchange, constraint.operation, api) and accepts(exchange),
        right=[line(request, reply)],
        wrong=[Differs(0, f"header:{constraint.place}", None)] * required + [Differs(0, f"header:{constraint.place}", "harness-else")],
    )
    def reply_header_meets_constraint(exchange: Exchange, api: Api) -> None:
        value = expect.answered(exchange).header(constraint.place)
        if value is None and not required:
            return
        if value is None or not re.search(pattern, value):
            raise Violation(f"header {constraint.place} with {constraint.says}", f"header {constraint.place} is {value!r}")


def _asked_as_documented(exchange: Exchange, operation: str, api: Api) -> bool:
    """A request of the operation by its own method: what answers OPTIONS, say, is no reply of the operation."""
    return exchange.request.operation == operation and exchange.request.method == api.contract.operations[operation].method


for _constraint in load().constraints():
    if _constraint.part == "header":
        _header_rule(_constraint)
    elif _constraint.operation == "token" and (_constraint.place or _constraint.keyword == "required"):
        _member_rule(_constraint)

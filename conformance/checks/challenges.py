"""Challenges: what a 401 says in WWW-Authenticate, at the token endpoint (Basic) and at logout (Bearer)."""

import re
from collections.abc import Callable

from conformance import expect
from conformance.api import Api
from conformance.challenge import Challenge, parse
from conformance.errors import Violation
from conformance.model import Exchange, Severity
from conformance.oracle import conditions, only_fault
from conformance.profile import accepts
from conformance.registry import Differs, rule
from conformance.scripts import (
    API,
    LOGOUT_BARE,
    LOGOUT_UNKNOWN,
    bad_header,
    error,
    invalid_token,
    line,
    logout,
    unauthorized,
    unknown_client,
)

SUBJECT = "basic"
FIELD = "header:WWW-Authenticate"


def challenged(exchange: Exchange, api: Api) -> bool:
    """A 401 of one of the two operations."""
    return exchange.request.operation in api.contract.operations and exchange.reply is not None and exchange.reply.status == 401


def _challenges(exchange: Exchange) -> tuple[Challenge, ...]:
    return parse(expect.answered(exchange).header("WWW-Authenticate") or "")


def _with(scheme: str) -> Callable[[Exchange, Api], bool]:
    def holds(exchange: Exchange, api: Api) -> bool:
        return challenged(exchange, api) and any(challenge.scheme == scheme for challenge in _challenges(exchange))

    return holds


@rule(
    "challenge-on-401",
    clause="N-9110-01",
    severity=Severity.MEDIUM,
    when=challenged,
    right=[line(logout(), invalid_token())],
    wrong=[Differs(0, FIELD, None), Differs(0, FIELD, "")],
)
def challenge_on_401(exchange: Exchange, api: Api) -> None:
    """A 401 carries a challenge."""
    if not _challenges(exchange):
        value = expect.answered(exchange).header("WWW-Authenticate")
        raise Violation("a header WWW-Authenticate", f"header WWW-Authenticate is {'missing' if value is None else repr(value)}")


@rule(
    "challenge-parameter-once",
    clause="N-9110-04",
    severity=Severity.LOW,
    when=challenged,
    right=[line(unknown_client(), unauthorized(1))],
    wrong=[Differs(0, FIELD, 'Basic realm="a", realm="b"'), Differs(0, FIELD, 'Basic realm="a", charset="UTF-8", charset="UTF-8"')],
)
def challenge_parameter_once(exchange: Exchange, api: Api) -> None:
    """No parameter of a challenge occurs twice."""
    for challenge in _challenges(exchange):
        for name, _ in challenge.parameters:
            if len(challenge.all(name)) > 1:
                raise Violation(f"one {name}", f"header WWW-Authenticate has {len(challenge.all(name))} of {name}")


@rule(
    "bearer-realm-once",
    subject="logout",
    clause="N-6750-07",
    severity=Severity.LOW,
    when=_with("bearer"),
    right=[line(LOGOUT_BARE, bad_header())],
    wrong=[Differs(0, FIELD, 'Bearer realm="a", realm="b"'), Differs(0, FIELD, 'Bearer realm="a", error="invalid_token", Realm="a"')],
)
def bearer_realm_once(exchange: Exchange, api: Api) -> None:
    """A Bearer challenge has one realm at most."""
    for challenge in _challenges(exchange):
        if challenge.scheme == "bearer" and len(challenge.all("realm")) > 1:
            raise Violation("one realm", f"header WWW-Authenticate has {len(challenge.all('realm'))} of realm")


INSUFFICIENT = ("unapproved-client", "grant-denied", "foreign-user")
"""The faults of requests whose credentials are right: rows 5, 21 and 23."""


@rule(
    "valid-credentials-are-not-401",
    clause="N-9110-05",
    severity=Severity.LOW,
    when=lambda exchange, api: any(only_fault(name)(exchange, api) for name in INSUFFICIENT) and not accepts(exchange),
    right=[line(API.login(client="unapproved_client"), error(5)), line(API.login(user="foreign_user"), error(23, status=403))],
    wrong=[Differs(0, "status", 401), Differs(1, "status", 401)],
)
def valid_credentials_are_not_401(exchange: Exchange, api: Api) -> None:
    """Credentials that are valid and do not suffice are not answered with 401, which calls them wrong: 403, or 400 by RFC 6749."""
    if expect.answered(exchange).status == 401:
        raise Violation("status 403 or 400", "status 401")


@rule(
    "basic-challenge-realm",
    clause="N-7617-02",
    severity=Severity.LOW,
    when=_with("basic"),
    right=[line(unknown_client(), unauthorized(1))],
    wrong=[Differs(0, FIELD, "Basic"), Differs(0, FIELD, 'Basic charset="UTF-8"'), Differs(0, FIELD, "Basic realm=a b")],
)
def basic_challenge_realm(exchange: Exchange, api: Api) -> None:
    """A Basic challenge has a realm, in quotes."""
    for challenge in _challenges(exchange):
        value = expect.answered(exchange).header("WWW-Authenticate") or ""
        if challenge.scheme == "basic" and not (challenge.all("realm") and re.search(r'realm\s*=\s*"', value, re.IGNORECASE)):
            raise Violation("a realm in quotes", f"header WWW-Authenticate is {value!r}")


@rule(
    "basic-challenge-charset",
    clause="N-7617-06",
    severity=Severity.LOW,
    when=_with("basic"),
    right=[line(unknown_client(), unauthorized(1))],
    wrong=[Differs(0, FIELD, 'Basic realm="a", charset="ISO-8859-1"')],
)
def basic_challenge_charset(exchange: Exchange, api: Api) -> None:
    """The charset of a Basic challenge, if it has one, is UTF-8."""
    for challenge in _challenges(exchange):
        for value in challenge.all("charset"):
            if challenge.scheme == "basic" and value.lower() != "utf-8":
                raise Violation("charset UTF-8", f"header WWW-Authenticate has charset {value!r}")


@rule(
    "bearer-challenge-parameter",
    clause="N-6750-06",
    severity=Severity.LOW,
    when=_with("bearer"),
    right=[line(LOGOUT_UNKNOWN, invalid_token())],
    wrong=[Differs(0, FIELD, "Bearer")],
)
def bearer_challenge_parameter(exchange: Exchange, api: Api) -> None:
    """A Bearer challenge has at least one parameter."""
    for challenge in _challenges(exchange):
        if challenge.scheme == "bearer" and not challenge.parameters:
            raise Violation("a parameter such as realm", "header WWW-Authenticate is 'Bearer' alone")


def _wrong_token(exchange: Exchange, api: Api) -> bool:
    return only_fault("unknown-token", "logout")(exchange, api) and not accepts(exchange) and expect.answered(exchange).status < 500


@rule(
    "logout-challenge-bearer",
    subject="logout",
    clause="N-6750-05",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: (
        challenged(exchange, api) and bool(conditions(exchange.request, api.contract)) and exchange.request.operation == "logout"
    ),
    right=[line(LOGOUT_BARE, bad_header())],
    wrong=[Differs(0, FIELD, 'Basic realm="api"')],
)
def logout_challenge_bearer(exchange: Exchange, api: Api) -> None:
    """A 401 of logout challenges the client to use Bearer."""
    scheme = api.contract.operations["logout"].scheme
    found = [challenge.scheme for challenge in _challenges(exchange)]
    if scheme not in found:
        raise Violation(f"a challenge with {scheme}", f"header WWW-Authenticate has {' and '.join(found) or 'no scheme'}")


@rule(
    "logout-challenge-error",
    subject="logout",
    clause="N-6750-08",
    severity=Severity.LOW,
    when=lambda exchange, api: _wrong_token(exchange, api) and expect.answered(exchange).status == 401,
    right=[line(LOGOUT_UNKNOWN, invalid_token())],
    wrong=[Differs(0, FIELD, 'Bearer realm="api"'), Differs(0, FIELD, 'Bearer error="insufficient_scope"')],
)
def logout_challenge_error(exchange: Exchange, api: Api) -> None:
    """The challenge for an invalid token says error="invalid_token"."""
    found = [value for challenge in _challenges(exchange) for value in challenge.all("error")]
    if "invalid_token" not in found:
        raise Violation('error="invalid_token"', f"header WWW-Authenticate has error {' and '.join(found) or 'missing'}")


@rule(
    "logout-invalid-token-401",
    subject="logout",
    clause="N-6750-09",
    severity=Severity.LOW,
    when=_wrong_token,
    right=[line(LOGOUT_UNKNOWN, invalid_token())],
    wrong=[Differs(0, "status", 400), Differs(0, "status", 403)],
)
def logout_invalid_token_401(exchange: Exchange, api: Api) -> None:
    """An invalid token is answered with status 401."""
    expect.status(exchange, 401)

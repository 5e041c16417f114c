"""What real client libraries choke on in an error of the token endpoint (table 3.5 of the ground truth)."""

from conformance import dialect, expect, strictjson
from conformance.api import Api, describe
from conformance.challenge import parse
from conformance.checks.errors import documented_error
from conformance.errors import Violation
from conformance.model import Exchange, Reply, Severity
from conformance.registry import Differs, rule
from conformance.scripts import JSON, LOGIN_NO_GRANT, error, line, unknown_client

SUBJECT = "token"
ERROR, DESCRIPTION = dialect.RFC_MEMBERS


def of_token(exchange: Exchange, api: Api) -> bool:
    """A refusal of a token request that the documentation knows."""
    return exchange.request.operation == "token" and documented_error(exchange, api)


def names_error(exchange: Exchange, api: Api) -> bool:
    """A refusal with the member in which clients look for the error."""
    return of_token(exchange, api) and ERROR in strictjson.members(exchange.reply)


RFC = Reply(400, (JSON,), '{"error": "unsupported_grant_type", "error_description": "Missing or invalid grant_type", "code": 2}')


@rule(
    "clients-error-named",
    clause="I-19",
    severity=Severity.HIGH,
    when=of_token,
    right=[line(LOGIN_NO_GRANT, RFC)],
    wrong=[Differs(0, "json:error", None), Differs(0, "json:error", 2), Differs(0, "body", "<html>")],
)
def clients_error_named(exchange: Exchange, api: Api) -> None:
    """An error has a member named error that is a text, without which four clients lose the cause and one takes the error for a token."""
    found = strictjson.members(exchange.reply)
    if ERROR not in found:
        raise Violation(f"a member named {ERROR}", f"{ERROR} is missing: {describe(exchange)}")
    if not isinstance(found[ERROR], str):
        raise Violation(f"{ERROR} as a text", f"{ERROR} is {found[ERROR]!r}")


@rule(
    "clients-error-number",
    clause="I-20",
    severity=Severity.MEDIUM,
    when=names_error,
    right=[line(LOGIN_NO_GRANT, RFC)],
    wrong=[Differs(0, "json:error", 2)],
)
def clients_error_number(exchange: Exchange, api: Api) -> None:
    """The member named error is no number, with which four clients report a broken reply instead of the error."""
    value = strictjson.members(exchange.reply)[ERROR]
    if isinstance(value, int | float):
        raise Violation(f"{ERROR} as a text", f"{ERROR} is {value!r}")


@rule(
    "clients-error-in-200",
    clause="I-21",
    severity=Severity.HIGH,
    when=of_token,
    right=[line(LOGIN_NO_GRANT, RFC)],
    wrong=[Differs(0, "status", 200)],
)
def clients_error_in_200(exchange: Exchange, api: Api) -> None:
    """An error has no status of success, with which four clients go on without a token as if they had one."""
    if expect.answered(exchange).status // 100 == 2:
        raise Violation("a status of 400 or above", f"status {expect.answered(exchange).status}")


def hidden_by_challenge(exchange: Exchange, api: Api) -> bool:
    """A 401 of the token endpoint with a challenge, behind which some clients do not show the body."""
    reply = exchange.reply
    return of_token(exchange, api) and reply is not None and reply.status == 401 and bool(reply.header("WWW-Authenticate"))


@rule(
    "clients-reason-in-challenge",
    clause="I-22",
    severity=Severity.LOW,
    when=hidden_by_challenge,
    right=[line(unknown_client(), error(1, status=401, WWW_Authenticate='Basic realm="api", error="invalid_client"'))],
    wrong=[Differs(0, "header:WWW-Authenticate", 'Basic realm="api"')],
)
def clients_reason_in_challenge(exchange: Exchange, api: Api) -> None:
    """The challenge of a 401 says the reason, too, because three clients show nothing of the body behind one."""
    value = expect.answered(exchange).header("WWW-Authenticate") or ""
    if not any(challenge.all(name) for challenge in parse(value) for name in (ERROR, DESCRIPTION)):
        raise Violation(f"a challenge with {ERROR} or {DESCRIPTION}", f"header WWW-Authenticate is {value!r}")

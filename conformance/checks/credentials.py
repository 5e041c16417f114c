"""Where the client's credentials are carried besides the header: in the body, the query, or in two places at once."""

import msgspec

from conformance import expect
from conformance.api import MADE_UP_SECRET, UNKNOWN_CLIENT, Api, Conversation, basic, edited
from conformance.errors import Violation
from conformance.model import Exchange, Severity, Slot, Text
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import API, GRANTED, REFUSED_IN_200, error, line, token, unauthorized

SUBJECT = "basic"
SECOND = Differs(1, "json:access_token", "{token#1}")


def in_body(client: Text, secret: Text) -> dict[str, Text]:
    """The parameters in which RFC 6749 section 2.3.1 carries a client's credentials."""
    return {"client_id": client, "client_secret": secret}


OWN = in_body((Slot("client.id"),), (Slot("client.secret"),))
LOGIN_IN_BODY = API.login(authorization=(), change=OWN)


@check(
    "client-in-body",
    clause="T-16",
    severity=Severity.MEDIUM,
    axis="client.in-body",
    right=[unauthorized(6)],
    wrong=[Differs(0, "status", 500)],
)
def client_in_body(api: Api) -> Conversation[str]:
    """The right id and secret in the body instead of the header are refused, or accepted as RFC 6749 allows."""
    exchange = yield from api.send(api.login(authorization=(), change=OWN))
    if accepts(exchange):
        return "accepted"
    expect.refused(exchange)
    return "refused"


@check("client-in-body-wrong-secret", clause="S-02", severity=Severity.CRITICAL, right=[REFUSED_IN_200], wrong=[GRANTED])
def client_in_body_wrong_secret(api: Api) -> Conversation[None]:
    """A wrong secret in the body authenticates nobody."""
    wrong = in_body((Slot("client.id"),), edited("client.secret", "reverse"))
    expect.refused((yield from api.send(api.login(authorization=(), change=wrong))))


@rule(
    "client-only-in-header",
    clause="S-10",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: exchange.request.form == LOGIN_IN_BODY.form and exchange.request.headers == LOGIN_IN_BODY.headers,
    right=[line(LOGIN_IN_BODY, unauthorized(6))],
    wrong=[Differs(0, "body", token().body), GRANTED],
)
def client_only_in_header(exchange: Exchange, api: Api) -> None:
    """Client credentials in the body alone obtain no token."""
    if accepts(exchange) or api.contract.link.member in expect.answered(exchange).body:
        raise Violation("a refusal", f"status {expect.answered(exchange).status} and a body with access_token")


@check(
    "client-in-query",
    clause="N-6749-06",
    severity=Severity.HIGH,
    right=[REFUSED_IN_200, REFUSED_IN_200],
    wrong=[GRANTED, SECOND],
)
def client_in_query(api: Api) -> Conversation[None]:
    """Client credentials in the request URI obtain no token; the right ones are tried only after made-up ones were refused."""
    login = api.login(authorization=())
    for values in (in_body((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)), OWN):
        query = tuple(((name,), value) for name, value in values.items())
        expect.refused((yield from api.send(msgspec.structs.replace(login, query=query))))


FORWARDED = ("X-Forwarded-User", "X-Remote-User", "X-Authenticated-Userid", "X-Consumer-Username", "X-Client-Id")
"""Fields in which proxies and gateways tell the server behind them whom they have authenticated."""


@check("client-in-forwarded-fields", clause="N-9700-08", severity=Severity.CRITICAL, right=[REFUSED_IN_200], wrong=[GRANTED])
def client_in_forwarded_fields(api: Api) -> Conversation[None]:
    """The client's id in the fields of a proxy that authenticates clients does not stand in for its credentials."""
    login = api.login(authorization=())
    fields: tuple[tuple[str, Text], ...] = tuple((name, (Slot("client.id"),)) for name in FORWARDED)
    expect.refused((yield from api.send(msgspec.structs.replace(login, headers=(*login.headers, *fields)))))


@check(
    "body-does-not-replace-header",
    clause="S-15",
    severity=Severity.CRITICAL,
    right=[unauthorized(1)],
    wrong=[GRANTED],
)
def body_does_not_replace_header(api: Api) -> Conversation[None]:
    """A header of an unknown client is not replaced by the right credentials in the body."""
    exchange = yield from api.send(api.login(authorization=basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)), change=OWN))
    expect.refused(exchange)


@check(
    "body-does-not-lend-a-grant",
    clause="S-15",
    severity=Severity.CRITICAL,
    right=[error(21)],
    wrong=[GRANTED],
)
def body_does_not_lend_a_grant(api: Api) -> Conversation[None]:
    """A client that may not use the grant does not get it from another client's credentials in the body."""
    api.requires("client_without_grant")
    expect.refused((yield from api.send(api.login(client="client_without_grant", change=OWN))))


@check("client-id-contradicts-header", clause="S-16", severity=Severity.MEDIUM, right=[unauthorized(22)], wrong=[GRANTED])
def client_id_contradicts_header(api: Api) -> Conversation[None]:
    """A client_id in the body that is not the header's obtains no token."""
    expect.refused((yield from api.send(api.login(change={"client_id": UNKNOWN_CLIENT}))))


@check("client-id-repeated-in-body", clause="I-27", severity=Severity.MEDIUM, right=[token()], wrong=[Differs(0, "status", 400)])
def client_id_repeated_in_body(api: Api) -> Conversation[None]:
    """A client_id in the body that equals the header's does no harm; msal sends it."""
    expect.granted((yield from api.send(api.login(change={"client_id": (Slot("client.id"),)}))))

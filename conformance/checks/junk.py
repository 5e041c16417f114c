"""Junk: whatever stands in Authorization, and whatever a body holds, nothing is granted for it and the server does not fail."""

import msgspec

from conformance import expect
from conformance.api import Api, Conversation, bearer
from conformance.errors import Violation
from conformance.generate import Body, bodies, junk_headers
from conformance.model import Edit, Severity, Text
from conformance.oracle import conditions
from conformance.profile import accepts
from conformance.registry import Differs, check
from conformance.scripts import REFUSED_IN_200, bad_header, error

SUBJECT = "basic"


@check(
    "junk-authorization",
    clause="T-42",
    severity=Severity.CRITICAL,
    draws=junk_headers,
    sample="Basicx YWJj",
    right=[REFUSED_IN_200],
    wrong=[Differs(0, "json:access_token", "{token#1}"), Differs(0, "status", 500)],
)
def junk_authorization(api: Api, junk: str | None) -> Conversation[None]:
    """Whatever stands in Authorization instead of the client's credentials, no token is issued and the server does not fail."""
    exchange = yield from api.send(api.login(authorization=None if junk is None else (junk,)))
    if junk is not None:
        expect.refused(exchange)


@check(
    "junk-authorization-at-logout",
    clause="L-13",
    severity=Severity.HIGH,
    draws=junk_headers,
    sample="Basicx YWJj",
    right=[bad_header()],
    wrong=[Differs(0, "status", 200), Differs(0, "status", 500)],
)
def junk_authorization_at_logout(api: Api, junk: str | None) -> Conversation[None]:
    """Whatever stands in Authorization instead of a token, nobody is logged out and the server does not fail."""
    if junk is None:
        yield from api.send(api.logout(bearer((yield from api.good_token()))))
        return
    exchange = yield from api.send(api.logout((junk,)))
    expect.below_500(exchange)
    looks_like_a_token = conditions(exchange.request, api.contract) == frozenset({"unknown-token"})
    if accepts(exchange) and not (looks_like_a_token and api.profile.reading("logout.dead-token") != "refused"):
        raise Violation("a refusal", f"status {expect.answered(exchange).status}")


@check(
    "bodies-byte-by-byte",
    clause="T-49",
    severity=Severity.HIGH,
    draws=bodies,
    sample=Body(("&x=%zz",), password=False),
    right=[error(20)],
    wrong=[Differs(0, "status", 500), Differs(0, "json:access_token", "{token#1}")],
)
def bodies_byte_by_byte(api: Api, body: Body) -> Conversation[None]:
    """A body with bad percent sequences, control characters or another charset, or a large one, fails nothing and replaces no password."""
    login = api.login(change=None if body.password else {"user.password": None})
    parts: list[Text] = [(*key, "=", Edit("form", value)) for key, value in login.form or ()]
    joined = [part for number, pair in enumerate(parts) for part in (("&", *pair) if number else pair)]
    places = [0, *(at for at, part in enumerate(joined) if part == "&"), len(joined)]
    at = places[min(body.place, len(places) - 1)]
    text: Text = (*joined[:at], "".join(body.pieces) * body.repeat, *joined[at:])
    media = ("Content-Type", (body.media_type or api.contract.operations[login.operation].media_type,))
    request = msgspec.structs.replace(login, headers=(*login.headers[:1], media), form=None, body=text, fresh=True)
    exchange = yield from api.send(request)
    expect.below_500(exchange)
    if not body.password:
        expect.refused(exchange)

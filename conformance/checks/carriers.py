"""Logout by other ways than GET with a Bearer header: other methods, token in query, body or cookie, two at once, the browser mode."""

from typing import Any

from conformance import expect
from conformance.api import Api, Conversation, bearer, describe
from conformance.checks.logout import requires_logout, still_alive
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.model import Edit, Exchange, Severity, Slot, Text
from conformance.profile import accepts
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, API, NOT_ALLOWED, OK, bad_header, line, logout, token

SUBJECT = "logout"
ELSEWHERE = "https://harness.invalid/after"
BROWSER = ((("client_id",), (Slot("client.id"),)), (("post_logout_redirect_uri",), (ELSEWHERE,)), (("state",), ("harness",)))
"""The query of the browser mode that the vendor's own client uses (D-17), with an address that nobody registered."""

Parts = dict[str, Any]


def in_query(api: Api, token_: Slot) -> Parts:
    """The token in the query (RFC 6750 section 2.3)."""
    return {"query": (((api.contract.link.member,), (token_,)),)}


def in_body(api: Api, token_: Slot) -> Parts:
    """The token in a form body (RFC 6750 section 2.2)."""
    media = api.contract.operations[api.contract.link.source].media_type
    return {"form": (((api.contract.link.member,), (token_,)),), "headers": (("Content-Type", (media,)),)}


def in_cookie(api: Api, token_: Slot) -> Parts:
    """The token in a cookie."""
    return {"headers": (("Cookie", (f"{api.contract.link.member}=", Edit("percent", (token_,)))),)}


NOT_IMPLEMENTED = 501
"""A refusal all the same, of a method that a server does not know (RFC 9110 section 9.1)."""

CARRIERS = {"query": in_query, "body": in_body, "cookie": in_cookie}


def _alone(name: str, clause: str, carrier: str, method: str = "") -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.HIGH,
        title=f"A token in the {carrier} alone{f' of a {method}' if method else ''} is refused at logout, and lives on.",
        right=[token(), OK, token("token#2"), bad_header(), ALIVE],
        wrong=[Differs(3, "status", 200), Differs(4, "status", 401)],
    )
    def token_elsewhere_is_not_honoured(api: Api) -> Conversation[None]:
        yield from requires_logout(api)
        token_ = yield from api.good_token()
        expect.refused((yield from api.send(api.logout(None, method=method, **CARRIERS[carrier](api, token_)))))
        if api.profile.liveness == "none":
            return
        yield from still_alive(token_, api, "the token")


_alone("logout-token-in-query", "L-10", "query")
_alone("logout-token-in-body", "L-10", "body")
_alone("logout-token-in-cookie", "L-10", "cookie")
_alone("logout-by-post-of-token", "S-40", "body", "POST")


_IN_QUERY = API.logout(None, **in_query(API, Slot("token#1")))


@rule(
    "query-is-no-carrier",
    clause="N-6750-04",
    severity=Severity.MEDIUM,
    when=lambda exchange, api: (
        exchange.request.operation == "logout"
        and [name for name, _ in exchange.request.query] == [(api.contract.link.member,)]
        and not any(name == "Authorization" for name, _ in exchange.request.headers)
    ),
    right=[line(_IN_QUERY, bad_header())],
    wrong=[Differs(0, "status", 200)],
)
def query_is_no_carrier(exchange: Exchange, api: Api) -> None:
    """A token that stands in the query alone is not honoured: an address ends up in logs and histories."""
    if accepts(exchange):
        raise Violation("a refusal", f"status {expect.answered(exchange).status}")


@rule(
    "two-methods-are-400",
    clause="N-6750-10",
    severity=Severity.LOW,
    when=lambda exchange, api: _in_two_ways(exchange, api) and not accepts(exchange) and expect.answered(exchange).status < 500,
    right=[line(API.logout(bearer(Slot("token#1")), headers=(("Authorization", bearer(Slot("token#2"))),)), bad_header(400))],
    wrong=[Differs(0, "status", 401), Differs(0, "status", 403)],
)
def two_methods_are_400(exchange: Exchange, api: Api) -> None:
    """A logout that carries two tokens in two Authorization fields, if it is refused, is a bad request: status 400."""
    expect.status(exchange, 400)


def _in_two_ways(exchange: Exchange, api: Api) -> bool:
    """A logout by its own method with two Authorization fields; of a token elsewhere beside one, a server need not take notice."""
    request = exchange.request
    fields = sum(name == "Authorization" for name, _ in request.headers)
    return request.operation == "logout" and request.method == api.contract.operations["logout"].method and fields > 1


def _beside(name: str, clause: str, carrier: str, severity: Severity) -> None:
    @check(
        name,
        clause=clause,
        severity=severity,
        title=f"A second token, in the {carrier}, does not take the place of the one in the header: it lives on.",
        right=[token(), token("token#2"), OK, ALIVE],
        wrong=[Differs(3, "status", 401)],
    )
    def header_wins(api: Api) -> Conversation[None]:
        if api.profile.reading("issue.policy") != "independent" or api.profile.reading("logout.scope") != "token":
            raise NotApplicable("two tokens of which logout ends one", "this server's tokens depend on each other")
        first = yield from api.good_token()
        second = yield from api.good_token()
        api.requires_liveness(last=True)
        yield from api.send(api.logout(bearer(first), **CARRIERS[carrier](api, second)))
        yield from still_alive(second, api, f"the token in the {carrier}")


_beside("logout-header-and-query", "S-41", "query", Severity.CRITICAL)
_beside("logout-header-and-body", "N-9110-15", "body", Severity.HIGH)
_beside("logout-header-and-cookie", "S-40", "cookie", Severity.HIGH)


@check(
    "logout-two-headers",
    clause="N-9110-16",
    severity=Severity.MEDIUM,
    right=[token(), token("token#2"), bad_header(), ALIVE, ALIVE],
    wrong=[Differs(2, "status", 200), Differs(3, "status", 401), Differs(4, "status", 401)],
)
def logout_two_headers(api: Api) -> Conversation[None]:
    """A logout with two Authorization fields is refused, and ends neither token."""
    first = yield from api.good_token()
    second = yield from api.good_token()
    expect.refused((yield from api.send(api.logout(bearer(first), headers=(("Authorization", bearer(second)),)))))
    if api.profile.liveness == "none" or api.profile.reading("issue.policy") != "independent":
        return
    for token_ in (second, first) if api.profile.reading("logout.scope") == "token" or api.profile.liveness == "resource" else (second,):
        yield from still_alive(token_, api, "each token")


def _method(name: str, clause: str, method: str, axis: str, title: str) -> None:
    @check(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        axis=axis,
        title=title,
        right=[token(), NOT_ALLOWED, ALIVE],
        wrong=[Differs(1, "status", 500)],
    )
    def other_method(api: Api) -> Conversation[str]:
        token_ = yield from api.good_token()
        exchange = yield from api.send(api.logout(bearer(token_), method=method))
        if expect.answered(exchange).status != NOT_IMPLEMENTED:
            expect.below_500(exchange)
        api.requires_liveness(last=True)
        yield from api.settled()
        if not (yield from api.is_alive(token_, last=True)):
            if not accepts(exchange):
                raise Violation("a token that lives after a refused request", "status 401 or 403, or a refused logout")
            return "revokes" if method == "HEAD" else "accepted"
        if method == "HEAD":
            return "harmless" if accepts(exchange) else "refused"
        if accepts(exchange):
            raise Violation("a refusal, or a logout", f"status {expect.answered(exchange).status} and a living token")
        return "refused"


_method("logout-by-head", "L-19", "HEAD", "logout.head", "HEAD on logout is refused, does nothing, or logs out; it does not fail.")
_method("logout-by-post", "L-19", "POST", "logout.post", "POST on logout with a Bearer header is refused, or logs out.")


def _harmless(name: str, clause: str, method: str, severity: Severity) -> None:
    @check(
        name,
        clause=clause,
        severity=severity,
        title=f"{method} on logout with a Bearer header ends no token.",
        right=[token(), NOT_ALLOWED, ALIVE],
        wrong=[Differs(2, "status", 401)],
    )
    def method_ends_nothing(api: Api) -> Conversation[None]:
        token_ = yield from api.good_token()
        api.requires_liveness(last=True)
        yield from api.send(api.logout(bearer(token_), method=method))
        yield from api.settled()
        yield from still_alive(token_, api, "the token")


_harmless("logout-by-options", "N-9110-14", "OPTIONS", Severity.HIGH)
_harmless("logout-by-put", "L-19", "PUT", Severity.MEDIUM)
_harmless("logout-by-delete", "L-19", "DELETE", Severity.LOW)


@check(
    "logout-unknown-method",
    clause="N-9110-12",
    severity=Severity.LOW,
    right=[NOT_ALLOWED],
    wrong=[Differs(0, "status", 500), Differs(0, "status", 200)],
)
def logout_unknown_method(api: Api) -> Conversation[None]:
    """A method that nobody knows is answered with 405, 501 or another refusal, not with success or a failure."""
    exchange = yield from api.send(api.logout(None, method="HARNESS"))
    status = expect.answered(exchange).status
    if status // 100 == 2 or (status >= 500 and status != NOT_IMPLEMENTED):
        raise Violation("status 405 or 501", f"status {status}")


@rule(
    "method-not-allowed-has-allow",
    clause="N-9110-13",
    subject="token",
    severity=Severity.LOW,
    when=lambda exchange, api: exchange.reply is not None and exchange.reply.status == 405 and exchange.request.operation != "resource",
    right=[line(API.logout(None, method="PUT"), NOT_ALLOWED)],
    wrong=[Differs(0, "header:Allow", None)],
)
def method_not_allowed_has_allow(exchange: Exchange, api: Api) -> None:
    """A 405 names the methods that are allowed."""
    if expect.answered(exchange).header("Allow") is None:
        raise Violation("a header Allow", "header Allow is missing")


@rule(
    "head-is-implemented",
    clause="N-9110-11",
    severity=Severity.LOW,
    when=lambda exchange, api: exchange.reply is not None and exchange.request.method == "HEAD" and exchange.request.operation == "logout",
    right=[line(API.logout(None, method="HEAD"), NOT_ALLOWED)],
    wrong=[Differs(0, "status", 501)],
)
def head_is_implemented(exchange: Exchange, api: Api) -> None:
    """HEAD is a method that the server knows: it does not answer 501."""
    if expect.answered(exchange).status == NOT_IMPLEMENTED:
        raise Violation("another status than 501", "status 501")


@check(
    "logout-browser-mode",
    clause="L-20",
    severity=Severity.MEDIUM,
    axis="logout.browser",
    right=[bad_header()],
    wrong=[Differs(0, "status", 500), Differs(0, "status", 200)],
)
def logout_browser_mode(api: Api) -> Conversation[str]:
    """A query for browsers without a Bearer header is refused, or answered with a redirect; it is no successful logout."""
    exchange = yield from api.send(api.logout(None, query=BROWSER))
    reply = expect.answered(exchange)
    if reply.status // 100 == 3:
        return "redirect"
    expect.refused(exchange)
    return "absent"


@rule(
    "logout-redirects-to-nobody",
    clause="N-9700-06b",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation == "logout" and exchange.request.query == BROWSER,
    right=[line(API.logout(None, query=BROWSER), bad_header())],
    wrong=[Differs(0, "header:Location", f"{ELSEWHERE}?state=harness")],
)
def logout_redirects_to_nobody(exchange: Exchange, api: Api) -> None:
    """Logout sends no browser to an address that was not registered."""
    location = expect.answered(exchange).header("Location") or ""
    if "harness.invalid" in location.partition("?")[0]:
        raise Violation("no redirect to an address of the caller's choice", f"header Location is {location!r}")


@rule(
    "logout-sends-browser-nowhere",
    clause="S-43",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation == "logout" and bool(set(BROWSER[1:2]) & set(exchange.request.query)),
    right=[line(API.logout(None, query=BROWSER), bad_header())],
    wrong=[
        Differs(0, "header:Location", f"{ELSEWHERE}?state=harness"),
        Differs(0, "header:Refresh", f"0; url={ELSEWHERE}"),
        Differs(0, "body", f'<html><meta http-equiv="refresh" content="0; url={ELSEWHERE}">'),
    ],
)
def logout_sends_browser_nowhere(exchange: Exchange, api: Api) -> None:
    """No reply to logout takes a browser to an address of the caller's choice: by Location, by Refresh, or by its page."""
    reply = expect.answered(exchange)
    for name in ("Location", "Refresh"):
        value = reply.header(name) or ""
        if ELSEWHERE in value and not (name == "Location" and ELSEWHERE in value.partition("?")[2]):
            raise Violation("no way to an address of the caller's choice", f"header {name} is {value!r}")
    if ELSEWHERE in reply.body and "<" in reply.body:
        raise Violation("no page that leads to an address of the caller's choice", f"body {reply.body[:80]!r}")


@check(
    "logout-browser-mode-ends-nothing",
    clause="S-44",
    severity=Severity.CRITICAL,
    right=[token(), bad_header(), ALIVE],
    wrong=[Differs(2, "status", 401)],
)
def logout_browser_mode_ends_nothing(api: Api) -> Conversation[None]:
    """A query with nothing but the client's id, which is no secret, ends nobody's session."""
    token_ = yield from api.good_token()
    api.requires_liveness(last=True)
    yield from api.send(api.logout(None, query=BROWSER[:1]))
    yield from api.settled()
    yield from still_alive(token_, api, "the token")


@check(
    "logout-browser-query-with-bearer",
    clause="L-20",
    severity=Severity.MEDIUM,
    right=[token(), OK, token("token#2"), OK],
    wrong=[Differs(3, "status", 500)],
)
def logout_browser_query_with_bearer(api: Api) -> Conversation[None]:
    """The query for browsers beside a Bearer header is answered, and not with a server error."""
    yield from requires_logout(api)
    token_ = yield from api.good_token()
    exchange = yield from api.send(api.logout(bearer(token_), query=BROWSER))
    expect.below_500(exchange)


@rule(
    "logout-not-shared",
    clause="N-9111-01",
    subject="token",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation in api.contract.operations and accepts(exchange),
    right=[line(logout(), OK)],
    wrong=[Differs(0, "header:Cache-Control", value) for value in ("public", "s-maxage=60", "max-age=5, must-revalidate")],
)
def logout_not_shared(exchange: Exchange, api: Api) -> None:
    """No reply to a request with Authorization lets a shared cache use it again."""
    value = (expect.answered(exchange).header("Cache-Control") or "").lower()
    words = [part.partition("=")[0].strip() for part in value.split(",")]
    found = [word for word in ("public", "s-maxage", "must-revalidate") if word in words]
    if found and "no-store" not in words:
        raise Violation("none of public, s-maxage, must-revalidate", f"header Cache-Control is {value!r}")


@check(
    "logout-not-conditional",
    clause="S-48",
    severity=Severity.HIGH,
    right=[token(), OK, token("token#2"), OK],
    wrong=[Differs(3, "status", 304)],
)
def logout_not_conditional(api: Api) -> Conversation[None]:
    """A logout with If-None-Match and If-Modified-Since is carried out and not answered from a cache."""
    first = yield from api.good_token()
    out = yield from api.logged_out(first)
    second = yield from api.good_token()
    headers: tuple[tuple[str, Text], ...] = (
        ("If-None-Match", (expect.answered(out).header("ETag") or "*",)),
        ("If-Modified-Since", (expect.answered(out).header("Last-Modified") or "Fri, 31 Dec 2100 23:59:59 GMT",)),
    )
    exchange = yield from api.send(api.logout(bearer(second), headers=headers))
    if expect.answered(exchange).status == 304:
        raise Violation("a logout that is carried out", "status 304")
    if expect.answered(exchange).status // 100 != 2:
        raise Inconclusive("an accepted logout", describe(exchange))

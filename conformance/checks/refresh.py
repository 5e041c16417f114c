"""Refresh tokens: whether one comes and works, what becomes of it after use and after logout, and whose it is."""

from collections.abc import Iterator, Sequence

from conformance import edits, expect
from conformance.api import Api, Change, Conversation, Sleep, describe
from conformance.errors import Inconclusive, NotApplicable, Violation
from conformance.history import lifetime_of
from conformance.model import Exchange, Minted, Request, Severity, Slot
from conformance.oracle import grant_of, token_presented
from conformance.profile import accepts, row_named
from conformance.registry import Differs, check, rule
from conformance.scripts import ALIVE, API, DEAD, LOGIN, OK, error, line, logout, token

SUBJECT = "life"
REFRESH = "refresh"
WITH_REFRESH = token(refresh="refresh#1")
RENEWED = token("token#2", refresh="refresh#2")


def refresh_request(api: Api, token_: Slot, client: str = "client", change: Change | None = None) -> Request:
    """A token request with this refresh token."""
    grants = [grant for grant in api.contract.operations["token"].grants if any(_is_refresh(s) for s in grant.parameters.values())]
    return api.token_request(grants[0].word, client=client, fill={REFRESH: token_.name}, change=change)


def _is_refresh(schema: object) -> bool:
    return isinstance(schema, dict) and schema.get("x-slot") == REFRESH


def login_with_refresh(api: Api) -> Conversation[tuple[Slot, Slot]]:
    """Log in; returns access and refresh token, raises NotApplicable if no refresh token comes."""
    exchange = yield from api.granted(api.login())
    refresh = exchange.reply.token(REFRESH) if exchange.reply else None
    if refresh is None:
        raise NotApplicable("a refresh token in the reply", "none comes")
    return api.token_of(exchange), Slot(refresh)


def usable(api: Api, token_: Slot) -> Conversation[Exchange]:
    """Use a refresh token; raises NotApplicable if this server gives them out but takes none."""
    exchange = yield from api.send(refresh_request(api, token_))
    if not accepts(exchange):
        raise NotApplicable("refresh tokens that can be used", describe(exchange))
    return exchange


@check(
    "refresh-yields-token",
    clause="T-30",
    severity=Severity.MEDIUM,
    axis="refresh_token",
    right=[WITH_REFRESH, RENEWED],
    wrong=[Differs(1, "status", 500), Differs(1, "json:access_token", None)],
)
def refresh_yields_token(api: Api) -> Conversation[str]:
    """A refresh token, if one comes, yields a new access token, or is refused as a grant that is not served."""
    login = yield from api.granted(api.login())
    refresh = login.reply.token(REFRESH) if login.reply else None
    if refresh is None:
        return "absent"
    exchange = yield from api.send(refresh_request(api, Slot(refresh)))
    if accepts(exchange):
        return "usable"
    if expect.answered(exchange).status // 100 == 2 and row_named(exchange, api.profile, api.contract) is None:
        raise Violation("a token or an error", f"neither access_token nor a documented code: {describe(exchange)}")
    expect.refused(exchange)
    return "unusable"


@check(
    "refresh-token-is-renewed",
    clause="T-31",
    severity=Severity.MEDIUM,
    right=[WITH_REFRESH, RENEWED],
    wrong=[Differs(1, "json:refresh_token", None), Differs(1, "json:refresh_token", "{refresh#1}")],
)
def refresh_token_is_renewed(api: Api) -> Conversation[None]:
    """The reply to a refresh carries a new refresh token."""
    _, refresh = yield from login_with_refresh(api)
    exchange = yield from usable(api, refresh)
    renewed = exchange.reply.token(REFRESH) if exchange.reply else None
    if renewed is None or renewed == refresh.name:
        raise Violation("a new refresh token", f"refresh_token is {'missing' if renewed is None else 'the old one'}")


@check(
    "refresh-token-after-use",
    clause="N-6749-34",
    severity=Severity.LOW,
    axis="refresh.rotation",
    right=[WITH_REFRESH, RENEWED, error(7)],
    wrong=[Differs(2, "status", 500)],
)
def refresh_token_after_use(api: Api) -> Conversation[str]:
    """A refresh token that was used is refused, or can be used again."""
    _, refresh = yield from login_with_refresh(api)
    yield from usable(api, refresh)
    again = yield from api.send(refresh_request(api, refresh))
    if accepts(again):
        return "reusable"
    expect.refused(again)
    return "old-dies"


@check(
    "refresh-token-after-logout",
    clause="L-17",
    severity=Severity.MEDIUM,
    axis="refresh.after-logout",
    right=[WITH_REFRESH, RENEWED, token("token#3", refresh="refresh#3"), OK, error(7), DEAD],
    wrong=[Differs(4, "status", 500), Differs(5, "status", 200)],
)
def refresh_token_after_logout(api: Api) -> Conversation[str]:
    """After logout the refresh token is refused, or still yields new tokens."""
    _, probe = yield from login_with_refresh(api)
    yield from usable(api, probe)
    access, refresh = yield from login_with_refresh(api)
    yield from api.logged_out(access)
    after = yield from api.send(refresh_request(api, refresh))
    if api.profile.liveness == "resource" and (yield from api.is_alive(access, fresh=True)):
        raise Violation("the access token dead all the same", "status 200 from the resource after a refresh")
    if accepts(after):
        return "survives"
    expect.refused(after)
    return "dies"


def _refreshes(exchanges: Sequence[Exchange], api: Api) -> Iterator[tuple[Exchange, bool]]:
    """Every request with a refresh token, and whether the access token that came with it had been logged out."""
    came_with: dict[str, str] = {}
    ended: set[str] = set()
    for exchange in sorted(exchanges, key=lambda item: item.received):
        minted = _tokens(exchange, api)
        if {"token", REFRESH} <= set(minted):
            came_with.setdefault(minted[REFRESH].slot, minted["token"].slot)
        if exchange.request.operation == "logout" and accepts(exchange):
            ended |= {token_presented(exchange.request) or ""}
        for refresh in edits.mentioned(exchange.request) & set(came_with):
            if exchange.request.operation == "token":
                yield exchange, came_with[refresh] in ended


@rule(
    "refresh-after-logout-says-why",
    clause="N-9700-09",
    severity=Severity.LOW,
    over="run",
    when=lambda exchange, api: exchange.request.operation in ("token", "logout"),
    right=[
        line(LOGIN, WITH_REFRESH),
        line(refresh_request(API, Slot("refresh#1")), RENEWED),
        line(logout("token#2"), OK),
        line(refresh_request(API, Slot("refresh#2")), error(7)),
    ],
    wrong=[Differs(3, "json:code", 20), Differs(3, "status", 500)],
)
def refresh_after_logout_says_why(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
    """A refresh token that was revoked with its access token at logout is refused as one that is invalid; it may serve on."""
    seen = list(_refreshes(exchanges, api))
    after = [exchange for exchange, logged_out in seen if logged_out]
    if not after or not any(accepts(exchange) for exchange, _ in seen):
        raise NotApplicable("a refresh after logout, where refresh tokens can be used", "none was seen")
    for exchange in after:
        if not accepts(exchange):
            expect.not_refused_otherwise(exchange, api, "unknown-refresh-token")
    return tuple(after)


@check(
    "logout-leaves-other-refresh-tokens",
    clause="N-7009-03",
    severity=Severity.MEDIUM,
    right=[WITH_REFRESH, RENEWED, token("token#3", refresh="refresh#3"), OK, token("token#4", refresh="refresh#4")],
    wrong=[Differs(4, "status", 400)],
)
def logout_leaves_other_refresh_tokens(api: Api) -> Conversation[None]:
    """A logout may end the refresh token that came with the token, and no other one."""
    if api.profile.reading("issue.policy") != "independent" or api.profile.reading("logout.scope") != "token":
        raise NotApplicable("two tokens of which logout ends one", "this server's tokens depend on each other")
    _, first = yield from login_with_refresh(api)
    renewed = yield from usable(api, first)
    kept = renewed.reply.token(REFRESH) if renewed.reply else None
    other = yield from api.good_token()
    yield from api.logged_out(other)
    exchange = yield from api.send(refresh_request(api, Slot(kept) if kept else first))
    if not accepts(exchange):
        raise Violation("a refresh token that outlives the logout of another token", describe(exchange))


@check(
    "refresh-by-other-client",
    clause="N-6749-33",
    severity=Severity.CRITICAL,
    right=[WITH_REFRESH, error(7), token("token#2")],
    wrong=[Differs(1, "json:access_token", "{token#9}")],
)
def refresh_by_other_client(api: Api) -> Conversation[None]:
    """A refresh token yields nothing to another client, and afterwards still serves its own."""
    api.requires("second_client")
    _, refresh = yield from login_with_refresh(api)
    expect.refused((yield from api.send(refresh_request(api, refresh, client="second_client"))))
    own = yield from api.send(refresh_request(api, refresh))
    if not accepts(own):
        raise NotApplicable("refresh tokens that can be used", describe(own))


@check(
    "access-token-is-no-refresh-token",
    clause="S-19",
    severity=Severity.HIGH,
    right=[token(), error(7)],
    wrong=[Differs(1, "json:access_token", "{token#2}")],
)
def access_token_is_no_refresh_token(api: Api) -> Conversation[None]:
    """An access token is not accepted as a refresh token."""
    access = yield from api.good_token()
    expect.refused((yield from api.send(refresh_request(api, access))))


@check(
    "refresh-starts-a-new-life",
    clause="T-28",
    severity=Severity.MEDIUM,
    right=[token(refresh="refresh#1", expires_in=4), token("token#2", refresh="refresh#2", expires_in=4), ALIVE],
    wrong=[Differs(2, "status", 401)],
)
def refresh_starts_a_new_life(api: Api) -> Conversation[None]:
    """A refreshed token lives from its own issue on: it outlives the token that it replaces."""
    api.requires("short_lived_client")
    login = yield from api.granted(api.login(client="short_lived_client"))
    refresh = login.reply.token(REFRESH) if login.reply else None
    if refresh is None:
        raise NotApplicable("a refresh token in the reply", "none comes")
    life = lifetime_of(login, api.contract) or 0
    if not 0 < life <= 10:
        raise Inconclusive("a token of the short-lived client that lives at most 10 s", describe(login))
    yield Sleep(life / 2, punctual=True)
    renewed = yield from api.send(refresh_request(api, Slot(refresh), client="short_lived_client"))
    if not accepts(renewed):
        raise NotApplicable("refresh tokens that can be used", describe(renewed))
    fresh, left = api.token_of(renewed), lifetime_of(renewed, api.contract) or 0
    if left <= life / 2 + 0.5:
        raise Inconclusive("a refreshed token with a life of its own", f"expires_in is {left:g}")
    yield Sleep(life / 2 + 0.3, punctual=True)
    if not (yield from api.is_alive(fresh, fresh=True)):
        raise Violation("the refreshed token accepted after the end of the first", "status 401 or 403 by the resource")


def _tokens(exchange: Exchange, api: Api) -> dict[str, Minted]:
    return {m.kind: m for m in exchange.reply.minted} if exchange.reply else {}


@rule(
    "refresh-token-differs",
    clause="S-28",
    severity=Severity.HIGH,
    when=lambda exchange, api: exchange.request.operation == "token" and {"token", "refresh"} <= set(_tokens(exchange, api)),
    right=[line(LOGIN, WITH_REFRESH)],
    wrong=[Differs(0, "minted", (*token().minted, Minted("refresh#1", "refresh", 40, wellformed=True, same_as="token#1")))],
)
def refresh_token_differs(exchange: Exchange, api: Api) -> None:
    """The refresh token is not the access token."""
    for minted in expect.answered(exchange).minted:
        if minted.same_as:
            raise Violation("two different tokens", f"minted as {minted.slot}, which is {minted.same_as}")


@rule(
    "client-credentials-without-refresh",
    clause="N-6749-20",
    severity=Severity.LOW,
    over="run",
    when=lambda exchange, api: exchange.request.operation == "token" and accepts(exchange) and _for_itself(exchange, api),
    right=[line(API.token_request("client_credentials"), token())],
    wrong=[Differs(0, "json:refresh_token", "{refresh#1}")],
)
def client_credentials_without_refresh(exchanges: Sequence[Exchange], api: Api) -> None:
    """A token that a client gets for itself comes without a refresh token."""
    for exchange in exchanges:
        if "refresh" in _tokens(exchange, api):
            raise Violation("no refresh_token", "refresh_token is there", [exchange])


def _for_itself(exchange: Exchange, api: Api) -> bool:
    """A grant that needs neither user nor code nor refresh token."""
    word = grant_of(exchange.request, api.contract)
    return any(len(grant.required) == 1 and grant.word == word for grant in api.contract.operations["token"].grants)

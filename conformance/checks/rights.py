"""What a grant yields and what its token opens: never more than was granted, to nobody else, and no user's data to a client alone."""

from conformance import expect
from conformance.api import Api, Conversation, describe
from conformance.checks.refresh import REFRESH, refresh_request, usable
from conformance.contract import load
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Reply, Severity, Slot
from conformance.oracle import only_fault
from conformance.profile import accepts, told
from conformance.registry import Differs, check, rule
from conformance.scripts import API, JSON, REFUSED_IN_200, line, token

SUBJECT = "life"
CODE_GRANT = next(
    grant.word for grant in load().operations["token"].grants if any(s.get("x-slot") == "code.code" for s in grant.parameters.values())
)
FOREIGN_REDIRECT = API.token_request(
    CODE_GRANT, fill={"code": "authorization_codes.0"}, change={"code.redirect_uri": "https://harness.invalid/other"}
)


@rule(
    "code-bound-to-redirect",
    clause="S-22",
    severity=Severity.HIGH,
    when=only_fault("wrong-redirect"),
    right=[line(FOREIGN_REDIRECT, REFUSED_IN_200)],
    wrong=[Differs(0, "json:access_token", "{token#1}")],
)
def code_bound_to_redirect(exchange: Exchange, api: Api) -> None:
    """An authorization code yields no token with another redirect URI than it was issued for."""
    expect.refused(exchange, broken=True)


def _scope(exchange: Exchange, api: Api) -> frozenset[str]:
    """The scope that a reply says it grants; raises NotApplicable if it does not say."""
    value = told(exchange, api.contract, "scope-granted")
    if not isinstance(value, str):
        raise NotApplicable("replies that say which scope they grant", describe(exchange))
    return frozenset(value.split())


@check(
    "refresh-does-not-widen-scope",
    clause="S-24",
    severity=Severity.HIGH,
    right=[
        token(refresh="refresh#1", scope="one"),
        token("token#2", refresh="refresh#2", scope="one"),
        token("token#3", refresh="refresh#3", scope="one"),
    ],
    wrong=[Differs(2, "json:scope", "one two")],
)
def refresh_does_not_widen_scope(api: Api) -> Conversation[None]:
    """A refresh that asks for more than the first token had is refused, or yields no more."""
    api.requires("scopes")
    first = yield from api.granted(api.login(change={"scope-wanted": (Slot("scopes.granted"),)}))
    had = _scope(first, api)
    if first.reply is None or first.reply.token(REFRESH) is None:
        raise NotApplicable("a refresh token in the reply", "none comes")
    again = yield from usable(api, api.token_of(first, REFRESH))
    more = (Slot("scopes.granted"), " ", Slot("scopes.refused"))
    wider = yield from api.send(refresh_request(api, api.token_of(again, REFRESH), change={"scope-wanted": more}))
    if not accepts(wider):
        expect.refused(wider)
    elif added := _scope(wider, api) - had:
        raise Violation(f"no scope but {' '.join(sorted(had)) or 'none'}", f"scope with {' '.join(sorted(added))}")


def _says(who: str) -> Reply:
    return Reply(200, (JSON,), f'{{"subscriber": "{who}"}}')


@check(
    "client-token-opens-no-user",
    clause="S-25",
    severity=Severity.HIGH,
    right=[token(), _says("nobody"), token("token#2"), _says("one"), _says("one"), token("token#3"), _says("two")],
    wrong=[Differs(1, "body", _says("one").body), Differs(1, "body", _says("two").body)],
)
def client_token_opens_no_user(api: Api) -> Conversation[None]:
    """With a token that the client got for itself the resource is refused, or says something else than to any user."""
    api.requires("resource")
    alone = [grant.word for grant in api.contract.operations["token"].grants if len(grant.required) == 1]
    own = yield from api.send(api.token_request(alone[0]))
    if not accepts(own):
        raise NotApplicable("a token that the client gets for itself", describe(own))
    seen = yield from api.send(api.use(api.token_of(own)))
    if not api.tells_alive(seen):
        return
    api.requires("second_user")
    said = []
    for user, times in (("user", 2), ("second_user", 1)):
        token_ = yield from api.good_token(user)
        for _ in range(times):
            exchange = yield from api.send(api.use(token_))
            said.append(expect.answered(exchange).body if api.tells_alive(exchange) else None)
    if said[0] != said[1] or said[0] == said[2] or None in said:
        raise NotApplicable("a resource that says the same to one user, and something else to another", "it does not tell users apart")
    if expect.answered(seen).body in said:
        raise Violation("something else than a user is told", "body that says what a user is told")

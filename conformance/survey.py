"""The survey: a short fixed conversation that opens every run and yields the profile, with evidence."""

from collections.abc import Iterable, Iterator, Sequence

import msgspec

from conformance.api import (
    MADE_UP_SECRET,
    PAGE_EXAMPLE,
    PATIENCE_S,
    UNKNOWN_CLIENT,
    UNKNOWN_TOKEN,
    UNKNOWN_USER,
    Api,
    Conversation,
    Send,
    Sleep,
    basic,
    bearer,
)
from conformance.contract import Contract
from conformance.dialect import Dialect, infer
from conformance.documented import role_of
from conformance.errors import Inconclusive
from conformance.model import Exchange, Request, Slot
from conformance.oracle import conditions
from conformance.precedence import combined, order_seen
from conformance.profile import Profile, accepts, row_named
from conformance.target import Target

NO_COLON = "YWJj"


def opening(contract: Contract, target: Target) -> Api:
    """What checks may use before the survey has told anything."""
    budget = Profile(revocation_budget_s=target.revocation_budget_s)
    api = Api(contract, budget, fixtures=frozenset(target.present()), special=dict(target.special_credentials()))
    resource = target.fixtures.resource
    if resource is None:
        return api
    return msgspec.structs.replace(api, resource_method=resource.method, resource_alive=resource.alive, resource_dead=resource.dead)


def survey(api: Api) -> Conversation[Profile]:
    """Control login, errors that cost nothing, two issues, one logout. Raises Inconclusive if the control login fails."""
    first = yield from api.good_token()
    errors = yield from _all_of(_errors_that_cost_nothing(api))
    bare, unknown = errors[-2:]
    fate, absent = _fate(bare, unknown), _no_logout(bare, unknown)
    profile = Profile(
        dialects=_dialects(api, errors),
        readings={"logout.operation": "absent"} if absent else {} if fate == "unknown" else {"logout.dead-token": fate},
        revocation_budget_s=api.profile.revocation_budget_s,
        evidence={"dialects": tuple(e.id for e in errors), "logout.dead-token": (bare.id, unknown.id)},
    )
    profile = msgspec.structs.replace(profile, rows=dict(_rows(api, profile, errors)))
    profile = _orders(api, profile, (yield from _all_of(combined(api))))
    scoped: Exchange = yield Send(api.login(change={"scope-wanted": UNKNOWN_TOKEN}))
    if scoped.reply is not None and scoped.reply.status < 500:
        profile = _reads(profile, "scope", "ignored" if accepts(scoped) else "validated", scoped)
    second = yield from api.good_token()
    if first == second:
        profile = _reads(profile, "issue.policy", "same")
    if "resource" in api.fixtures:
        return (yield from _by_resource(api, profile, first, second))
    return (yield from _by_logout(api, profile, first, second))


def _all_of(requests: Iterable[Request]) -> Conversation[list[Exchange]]:
    """Send one after the other."""
    exchanges: list[Exchange] = []
    for request in requests:
        exchange: Exchange = yield Send(request)
        exchanges.append(exchange)
    return exchanges


def _errors_that_cost_nothing(api: Api) -> Iterator[Request]:
    yield api.login(authorization=())
    yield api.login(authorization=basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,)))
    yield api.login(authorization=PAGE_EXAMPLE)
    yield api.login(authorization=("Basic ", NO_COLON))
    yield api.login(authorization=('Digest username="harness"',))
    yield api.login(change={"grant": None})
    yield api.login(change={"grant": "harness-unknown"})
    yield api.login(change={"user.username": UNKNOWN_USER, "user.password": MADE_UP_SECRET})
    for grant in api.contract.operations["token"].grants[1:]:
        invented = {role: UNKNOWN_TOKEN for role in map(role_of, grant.parameters.values()) if role in ("code.code", "refresh")}
        if invented:
            yield api.token_request(grant.word, change=invented)
    yield api.logout(('Bearer harness, "not a token"',))
    yield api.logout(None)
    yield api.logout(bearer(UNKNOWN_TOKEN))


def _dialects(api: Api, errors: Sequence[Exchange]) -> dict[str, Dialect]:
    found = {}
    for name, operation in api.contract.operations.items():
        samples = []
        for exchange in errors:
            if exchange.request.operation != name or exchange.reply is None or accepts(exchange):
                continue
            wrong = conditions(exchange.request, api.contract) or frozenset()
            allowed = frozenset(row.code for row in operation.rows if wrong & set(row.when))
            samples.append((exchange.reply, allowed))
        found[name] = infer(samples, operation.rows)
    return found


def _rows(api: Api, profile: Profile, errors: Sequence[Exchange]) -> Iterator[tuple[str, str]]:
    """The row that this server answers with, for each condition that the documentation allows several rows for."""
    for exchange in errors:
        operation = api.contract.operations[exchange.request.operation]
        wrong = conditions(exchange.request, api.contract) or frozenset()
        row = row_named(exchange, profile, api.contract) if not accepts(exchange) else None
        for condition in wrong if len(wrong) == 1 else ():
            allowed = operation.conditions.get(condition, ())
            if row in allowed and len(allowed) > 1:
                yield f"{operation.name}/{condition}", row.clause


def _orders(api: Api, profile: Profile, exchanges: Sequence[Exchange]) -> Profile:
    """The profile with the fault that this server answers where a request has two."""
    evidence = profile.evidence | {"order": tuple(exchange.id for exchange in exchanges)}
    order = dict(order_seen(exchanges, profile, api.contract))
    return msgspec.structs.replace(profile, order=order, evidence=evidence)


NOTHING_THERE = (404, 405, 501)


def _no_logout(bare: Exchange, unknown: Exchange) -> bool:
    """Whether the server has no logout at all: every request of it is answered as one of something that does not exist."""
    statuses = {exchange.reply.status for exchange in (bare, unknown) if exchange.reply}
    return len(statuses) == 1 and statuses <= set(NOTHING_THERE)


def _fate(bare: Exchange, unknown: Exchange) -> str:
    """What logout does to a token that was never issued; that it accepts one is a reading only if it refuses anything at all."""
    if unknown.reply is None or bare.reply is None:
        return "unknown"
    if not accepts(unknown):
        return "refused"
    return "unknown" if accepts(bare) else "accepted"


def _reads(profile: Profile, axis: str, reading: str, *evidence: Exchange) -> Profile:
    """The profile with one more reading."""
    ids = tuple(exchange.id for exchange in evidence)
    return msgspec.structs.replace(profile, readings=profile.readings | {axis: reading}, evidence=profile.evidence | {axis: ids})


def _by_resource(api: Api, profile: Profile, first: Slot, second: Slot) -> Conversation[Profile]:
    """What the resource tells of tokens, and with its help what a second login and a logout do to others.

    The resource must tell a living token from an unknown one before anything is concluded from it.
    """
    older: Exchange = yield Send(api.use(first))
    unknown: Exchange = yield Send(api.use(UNKNOWN_TOKEN))
    newer: Exchange = yield Send(api.use(second))
    waited = 0.0
    while newer.reply is not None and newer.reply.status in api.resource_dead and waited < PATIENCE_S:
        yield Sleep(PATIENCE_S / 4, punctual=True)
        waited += PATIENCE_S / 4
        older = yield Send(api.use(first))
        newer = yield Send(api.use(second))
    if newer.reply is not None and newer.reply.status in api.resource_alive:
        profile = msgspec.structs.replace(profile, issue_lag_s=2 * waited)
    try:
        told_older, told_unknown, told_newer = api.tells_alive(older), api.tells_alive(unknown), api.tells_alive(newer)
    except Inconclusive as problem:
        return msgspec.structs.replace(profile, liveness_reason=f"fixtures.resource cannot be used: {problem}")
    evidence = profile.evidence | {"liveness": (older.id, unknown.id, newer.id)}
    if told_unknown or not told_newer:
        reason = (
            "accepts a made-up token, so it tells nothing of a token's life" if told_unknown else "refuses a token that was just issued"
        )
        return msgspec.structs.replace(profile, liveness_reason=f"fixtures.resource {reason}", evidence=evidence)
    profile = msgspec.structs.replace(profile, liveness="resource", evidence=evidence)
    if first == second:
        return profile
    if not told_older:
        return _reads(profile, "issue.policy", "revokes", older, newer)
    profile = _reads(profile, "issue.policy", "independent", older, newer)
    out: Exchange = yield Send(api.logout(bearer(second)))
    yield Sleep(profile.revocation_budget_s)
    sibling: Exchange = yield Send(api.use(first))
    if not accepts(out):
        return profile
    return _reads(profile, "logout.scope", "token" if api.tells_alive(sibling) else "user", out, sibling)


def _by_logout(api: Api, profile: Profile, first: Slot, second: Slot) -> Conversation[Profile]:
    """The same without a resource: where logout refuses dead tokens, a logout tells whether a token lived, and ends it."""
    older: Exchange = yield Send(api.logout(bearer(first)))
    yield Sleep(profile.revocation_budget_s)
    again: Exchange = yield Send(api.logout(bearer(first)))
    newer: Exchange = yield Send(api.logout(bearer(second)))
    if first == second or profile.reading("logout.dead-token") != "refused" or accepts(again):
        return msgspec.structs.replace(
            profile, liveness_reason="fixtures.resource is missing, and logout does not tell dead tokens from others"
        )
    if not accepts(older) and accepts(newer):
        profile = _reads(profile, "issue.policy", "revokes", older, newer)
        return msgspec.structs.replace(profile, liveness="logout", evidence=profile.evidence | {"liveness": (older.id, newer.id)})
    if not accepts(older):
        return msgspec.structs.replace(
            profile, liveness_reason="fixtures.resource is missing, and logout refuses tokens that were just issued"
        )
    profile = _reads(profile, "issue.policy", "independent", older)
    profile = _reads(profile, "logout.scope", "token" if accepts(newer) else "user", older, newer)
    return msgspec.structs.replace(profile, liveness="logout", evidence=profile.evidence | {"liveness": (older.id, again.id)})

"""The survey: a short fixed conversation that opens every run and yields the profile, with evidence."""

from collections.abc import Sequence

import msgspec

from conformance.api import MADE_UP_SECRET, UNKNOWN_CLIENT, UNKNOWN_TOKEN, UNKNOWN_USER, Api, Conversation, Send, basic, bearer
from conformance.dialect import Dialect, infer
from conformance.errors import Inconclusive
from conformance.model import Exchange, Slot
from conformance.oracle import conditions
from conformance.profile import Profile, accepts


def survey(api: Api) -> Conversation[Profile]:
    """Control login, errors that cost nothing, two issues, one logout. Raises Inconclusive if the control login fails."""
    first = yield from api.good_token()
    errors: list[Exchange] = []
    for request in (
        api.login(authorization=None),
        api.login(authorization=basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,))),
        api.login(change={"grant_type": None}),
        api.login(change={"grant_type": "harness-unknown"}),
        api.login(change={"username": UNKNOWN_USER, "password": MADE_UP_SECRET}),
        api.logout(None),
        api.logout(bearer(UNKNOWN_TOKEN)),
    ):
        exchange: Exchange = yield Send(request)
        errors.append(exchange)
    profile = Profile(dialects=_dialects(api, errors), dead_token_logout=_fate(errors[-2], errors[-1]))
    profile = msgspec.structs.replace(
        profile, evidence={"dialects": tuple(e.id for e in errors), "dead_token_logout": (errors[-2].id, errors[-1].id)}
    )
    second = yield from api.good_token()
    profile = yield from _liveness(api, profile, first)
    return (yield from _policies(api, profile, first, second))


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


def _fate(bare: Exchange, unknown: Exchange) -> str:
    """What logout does to a token that was never issued; that it accepts one is a reading only if it refuses anything at all."""
    if unknown.reply is None or bare.reply is None:
        return "unknown"
    if not accepts(unknown):
        return "refused"
    return "unknown" if accepts(bare) else "accepted"


def _liveness(api: Api, profile: Profile, token: Slot) -> Conversation[Profile]:
    """Whether the resource tells a living token from an unknown one; it must, before anything is concluded from it."""
    if "resource" not in api.fixtures:
        return msgspec.structs.replace(profile, liveness_reason="fixtures.resource is missing")
    good: Exchange = yield Send(api.use(token))
    bad: Exchange = yield Send(api.use(UNKNOWN_TOKEN))
    try:
        told_alive, told_unknown = api.tells_alive(good), api.tells_alive(bad)
    except Inconclusive as problem:
        return msgspec.structs.replace(profile, liveness_reason=f"fixtures.resource cannot be used: {problem}")
    evidence = profile.evidence | {"liveness": (good.id, bad.id)}
    if told_unknown:
        reason = "fixtures.resource accepts a made-up token, so it tells nothing of a token's life"
        return msgspec.structs.replace(profile, liveness_reason=reason, evidence=evidence)
    # A refusal of the first token may be the issue policy (the second login ended it): _policies decides.
    return msgspec.structs.replace(profile, liveness="resource", issue_policy="independent" if told_alive else "revokes", evidence=evidence)


def _policies(api: Api, profile: Profile, first: Slot, second: Slot) -> Conversation[Profile]:
    """What a second issue did to the first token, and what a logout does to its sibling."""
    if first == second:
        return msgspec.structs.replace(profile, issue_policy="same")
    if profile.liveness != "resource":
        return profile
    presented = Send(api.use(second))
    exchange: Exchange = yield presented
    if not api.tells_alive(exchange):
        reason = "fixtures.resource refuses a token that was just issued"
        return msgspec.structs.replace(profile, liveness="none", issue_policy="unknown", liveness_reason=reason)
    evidence = profile.evidence | {"issue_policy": (*profile.evidence["liveness"], exchange.id)}
    if profile.issue_policy == "revokes":
        return msgspec.structs.replace(profile, evidence=evidence)
    out: Exchange = yield Send(api.logout(bearer(second)))
    sibling: Exchange = yield Send(api.use(first))
    scope = "unknown"
    if accepts(out):
        scope = "token" if api.tells_alive(sibling) else "user"
    return msgspec.structs.replace(profile, logout_scope=scope, evidence=evidence | {"logout_scope": (out.id, sibling.id)})

"""The history of every token: what each use says of its life, against what the documentation and the profile say."""

from collections.abc import Iterator, Sequence
from functools import lru_cache

import msgspec

from conformance import edits
from conformance.api import Api
from conformance.contract import Contract
from conformance.documented import role_of
from conformance.model import Exchange, Request, Slot
from conformance.oracle import for_the_client, names_other_grant, token_presented
from conformance.profile import accepts, told

BEFORE_S, AFTER_S, ROUND_TRIPS = 0.25, 1.0, 3
"""How far from its end a token's life is not judged: so many seconds and round trips before it, and after it."""


class Life(msgspec.Struct, frozen=True):
    """What one exchange shows of a token's life: what was expected and seen, and the clause that decides."""

    exchange: Exchange
    token: str
    alive: bool
    seen_alive: bool
    clause: str
    because: str
    later: int = 0


class _Token(msgspec.Struct):
    owner: tuple[str, str]
    issued: float
    replied: float
    lifetime: float | None
    family: str
    dead_since: float | None = None
    clause: str = ""
    because: str = ""
    hearsay: bool = False
    later: int = 0

    def survives(self, clause: str, because: str) -> None:
        """Something happened that should not end this token; several such things put F-05 in charge again."""
        self.clause, self.because = (clause, because) if self.clause in ("", clause) else ("F-05", "nothing that happened to it ends it")


def lives(exchanges: Sequence[Exchange], api: Api) -> list[Life]:
    """What every use of a token shows; deaths that a cap on the number of tokens explains are left out."""
    found = followed(exchanges, api)
    cap = cap_in(found)
    return [life for life in found if cap is None or not life.alive or life.later < cap]


def cap_in(found: Sequence[Life]) -> int | None:
    """How many living tokens a user may have, if the oldest ones die beyond it (D-21 d); None if nothing points to it.

    Only a bound that at least two tokens met and no living one passed is a cap: anything else is a token that died.
    """
    died = [life for life in found if life.alive and not life.seen_alive]
    bound = min((life.later for life in died), default=0)
    passed = max((life.later for life in found if life.alive and life.seen_alive), default=0)
    return bound if bound >= 2 and bound > passed and len({life.token for life in died}) >= 2 else None


def followed(exchanges: Sequence[Exchange], api: Api) -> tuple[Life, ...]:
    """Follow every token through the history; one to which something happened that the documentation leaves open is not judged."""
    return _followed(_Traffic(tuple(exchanges), api))


class _Traffic:
    """Exchanges as a key: the same exchanges are equal at once, and a hash that reads each of them would cost more than it saves."""

    def __init__(self, exchanges: tuple[Exchange, ...], api: Api) -> None:
        self.exchanges, self.api = exchanges, api

    def __hash__(self) -> int:
        return hash((len(self.exchanges), id(self.api)))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Traffic) and self.api is other.api and self.exchanges == other.exchanges


@lru_cache(maxsize=1)
def _followed(traffic: _Traffic) -> tuple[Life, ...]:
    """The same for the rules that ask one after the other about the same traffic."""
    exchanges, api = traffic.exchanges, traffic.api
    tokens: dict[str, _Token] = {}
    came_with: dict[str, str] = {}
    found: list[Life] = []
    logouts = [(e.sent, e.received) for e in exchanges if e.request.operation == "logout"]
    for exchange in sorted(exchanges, key=lambda item: item.received):
        name = None if _is_odd(exchange.request, api) else token_presented(exchange.request)
        if exchange.reply is None or name is None:
            for mentioned in edits.mentioned(exchange.request) & set(tokens):
                tokens[mentioned].hearsay = True
        if exchange.reply is None:
            continue
        token = tokens.get(name or "")
        if token is not None and name is not None:
            seen = _seen(exchange, api)
            ended_before = token.dead_since is not None and exchange.sent >= token.dead_since
            if seen is not None and (ended_before or not _overlaps(exchange, logouts)):
                life = _judge(exchange, name, token, seen, api)
                if life is not None:
                    found.append(life)
                if seen and token.dead_since is None:
                    token.clause, token.because = "", ""
        if exchange.request.operation == "token":
            _issued(exchange, tokens, came_with, api)
        elif exchange.request.operation == "logout" and token is not None and name is not None and accepts(exchange):
            _logged_out(exchange, name, tokens, api)
    return tuple(found)


class Look(msgspec.Struct, frozen=True):
    """A look at a token that began after its logout was answered: the logout, the first refusal before the look (if any), what it shows."""

    out: Exchange
    refused: Exchange | None
    exchange: Exchange
    alive: bool


def looks_after_logout(exchanges: Sequence[Exchange], api: Api) -> Iterator[Look]:
    """Every look at a token after its logout; one that is handed out again begins another life."""
    ends: dict[str, Exchange] = {}
    refusals: dict[str, Exchange] = {}
    for exchange in sorted(exchanges, key=lambda item: item.received):
        name = None if _is_odd(exchange.request, api) else token_presented(exchange.request)
        for minted in exchange.reply.minted if exchange.reply else ():
            ends.pop(minted.slot, None)
            refusals.pop(minted.slot, None)
        seen = _seen(exchange, api)
        if name in ends and seen is not None and exchange.sent >= ends[name].received:
            refused = refusals.get(name)
            yield Look(ends[name], refused if refused and exchange.sent >= refused.received else None, exchange, seen)
            if not seen:
                refusals.setdefault(name, exchange)
        elif name is not None and exchange.request.operation == "logout" and accepts(exchange):
            ends.setdefault(name, exchange)


def _overlaps(exchange: Exchange, logouts: Sequence[tuple[float, float]]) -> bool:
    """Whether a logout was under way at the same time: then either answer is right."""
    return any(sent < exchange.received and exchange.sent < received for sent, received in logouts if sent != exchange.sent)


def _is_odd(request: Request, api: Api) -> bool:
    """Whether a request presents its token in another way than the documentation says; what it does to the token is open."""
    operation = api.contract.operations.get(request.operation)
    if request.operation == "token":
        return False
    plain = len(request.headers) == 1 and request.form is None and request.body is None and not request.query and not request.path
    return not plain or bool(operation and request.method != operation.method)


def _seen(exchange: Exchange, api: Api) -> bool | None:
    """Whether the exchange shows the token alive or dead; None if it shows nothing."""
    status = exchange.reply.status if exchange.reply else 0
    if exchange.request.operation == "resource" and api.profile.liveness == "resource":
        return True if status in api.resource_alive else False if status in api.resource_dead else None
    if exchange.request.operation == "logout" and api.profile.liveness == "logout":
        return accepts(exchange)
    return None


def _judge(exchange: Exchange, name: str, token: _Token, seen: bool, api: Api) -> Life | None:
    trip = ROUND_TRIPS * (exchange.received - exchange.sent)
    if token.dead_since is not None:
        late = exchange.sent >= token.dead_since + api.profile.revocation_budget_s
        return Life(exchange, name, False, seen, token.clause, token.because) if late else None
    if token.lifetime is not None and exchange.received > token.issued + token.lifetime - BEFORE_S - trip:
        if exchange.sent < token.replied + token.lifetime + AFTER_S + trip:
            return None
        return Life(exchange, name, False, seen, "N-6749-35", "its expires_in has passed")
    if token.hearsay:
        return None
    because = token.because or "nothing happened to it since it was issued or accepted"
    return Life(exchange, name, True, seen, token.clause or "F-05", because, token.later)


def owner_of(request: Request, contract: Contract) -> tuple[str, str]:
    """Whose token a request asks for: the slot groups of client and user, empty where there is none.

    What the user's credentials mean in another grant than the first is not documented (D-12), so there they name nobody.
    """
    parameters = contract.operations["token"].parameters
    form = () if names_other_grant(request, contract) else request.form or ()
    client, user = "", ""
    for text in (value for key, value in request.headers if key == "Authorization"):
        named = [part for edit in text if not isinstance(edit, str | Slot) for part in edit.of if isinstance(part, Slot)]
        client = named[0].name.removesuffix(".id") if named else ""
    for key, value in form:
        role, of = role_of(parameters.get(edits.literal(edits.plain(key)) or "", {})), edits.plain(value)
        if role == "user.username" and len(of) == 1 and isinstance(of[0], Slot):
            user = of[0].name.removesuffix(".username")
    return client, user


def _issued(exchange: Exchange, tokens: dict[str, _Token], came_with: dict[str, str], api: Api) -> None:
    """Take a new token in. `came_with`: refresh token → access token, from which a renewed one has its owner and its family."""
    reply, owner = exchange.reply, owner_of(exchange.request, api.contract)
    renewed = next((tokens[came_with[slot]] for slot in edits.mentioned(exchange.request) & came_with.keys()), None)
    owner = renewed.owner if renewed is not None else owner
    name = reply.token(api.contract.presented) if reply else None
    if reply is None or name is None:
        return
    lifetime = lifetime_of(exchange, api.contract)
    if name in tokens and tokens[name].dead_since is None:
        # The same token again: what its new expires_in says is judged by rules of its own.
        return
    living = 1
    for other in reversed(tokens.values()):
        if other.owner[1] != owner[1] or other.dead_since is not None:
            continue
        if other.owner == owner and (other.lifetime is None or exchange.sent < other.issued + other.lifetime):
            other.later = max(other.later, living)
            living += 1
        if not owner[1] or not all(owner) or api.profile.reading("issue.policy") != "independent":
            other.hearsay = True
        elif renewed is not None and renewed.family == other.family:
            other.hearsay = True  # a refresh may end what it renews
        elif renewed is not None:
            other.survives("F-05", "another token was renewed, which does not concern it")
        else:
            other.survives("F-25", "a second login does not end the first token")
    family = renewed.family if renewed is not None else name
    alone = for_the_client(exchange.request, api.contract)
    tokens[name] = _Token(owner, exchange.sent, exchange.received, lifetime, family, hearsay=alone)
    for minted in reply.minted:
        if minted.kind == "refresh":
            came_with[minted.slot] = name


def _logged_out(exchange: Exchange, name: str, tokens: dict[str, _Token], api: Api) -> None:
    token, scope = tokens[name], api.profile.reading("logout.scope")
    expired = token.lifetime is not None and exchange.received > token.issued + token.lifetime - BEFORE_S
    living = token.dead_since is None and not expired
    if token.dead_since is None:
        token.dead_since, token.clause, token.because = exchange.received, "L-02", "it was logged out"
    for other_name, other in tokens.items():
        if other_name == name or other.dead_since is not None:
            continue
        if other.family == token.family:
            other.hearsay = True  # a logout may end all that came of one login
        elif other.owner != token.owner and other.owner[1] == token.owner[1] and scope == "user":
            other.hearsay = True  # "every token of the user" may mean those of other clients, too
        elif other.owner != token.owner:
            other.survives("F-26", "it belongs to another user or client than the token that was logged out")
        elif scope == "token":
            other.survives("L-03", "logout ends the presented token only, as this server showed before")
        elif scope == "user" and living:
            other.dead_since, other.clause = exchange.received, "L-03"
            other.because = "logout ends every token of the user, as this server showed before"
        else:
            other.hearsay = True  # what the logout of a dead token does to the others is not documented


def lifetime_of(exchange: Exchange, contract: Contract) -> float | None:
    """The life in seconds that a token reply promises, whatever its JSON type; None if it promises none."""
    value = told(exchange, contract, "lifetime")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def states(exchanges: Sequence[Exchange], api: Api) -> Iterator[tuple[Exchange, str]]:
    """Each logout that presents a token plainly, with the token's state: `revoked`, `expired`, or `living`; doubtful ones left out.

    `racing`: another logout of the token was under way and was accepted first.
    """
    ends: dict[str, tuple[float, float] | None] = {}
    revoked: dict[str, float] = {}
    for exchange in sorted(exchanges, key=lambda item: item.received):
        request, reply = exchange.request, exchange.reply
        issued = reply.token(api.contract.presented) if reply and request.operation == "token" else None
        if issued is not None and (issued not in ends or issued in revoked):
            revoked.pop(issued, None)
            life = lifetime_of(exchange, api.contract)
            ends[issued] = (exchange.sent + life, exchange.received + life) if life is not None else None
        name = token_presented(request)
        if request.operation != "logout" or request.method != api.contract.operations["logout"].method or name not in ends or reply is None:
            continue
        end, trip = ends[name], ROUND_TRIPS * (exchange.received - exchange.sent)
        if name in revoked:
            if exchange.sent >= revoked[name] + api.profile.revocation_budget_s:
                yield exchange, "revoked"
            elif exchange.sent < revoked[name]:
                yield exchange, "racing"
        elif end is not None and exchange.sent >= end[1] + AFTER_S + trip:
            yield exchange, "expired"
        elif end is None or exchange.received <= end[0] - BEFORE_S - trip:
            yield exchange, "living"
        if accepts(exchange):
            revoked.setdefault(name, exchange.received)

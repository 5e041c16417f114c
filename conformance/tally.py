"""How many generated requests were accepted and refused, by operation and by what stood in the slots of their credentials."""

from collections.abc import Sequence

import msgspec

from conformance import edits, history
from conformance.api import Api
from conformance.model import Exchange, Request
from conformance.profile import accepts


class Tally(msgspec.Struct, frozen=True):
    """Requests of one operation in one state of its slots."""

    accepted: int = 0
    refused: int = 0
    unanswered: int = 0


def tallied(exchanges: Sequence[Exchange], generated: frozenset[str], api: Api) -> dict[str, dict[str, Tally]]:
    """Operation → state of the slots → counts, of the exchanges that these claims made; the others tell what became of a token."""
    states = {exchange.id: state for exchange, state in history.states(exchanges, api)}
    found: dict[str, dict[str, Tally]] = {name: {} for name in api.contract.operations}
    for exchange in exchanges:
        of = found.get(exchange.request.operation)
        if of is None or exchange.by not in generated:
            continue
        state = states.get(exchange.id) or slot_state(exchange.request)
        old = of.get(state, Tally())
        outcome = "unanswered" if exchange.reply is None else "accepted" if accepts(exchange) else "refused"
        of[state] = msgspec.structs.replace(old, **{outcome: getattr(old, outcome) + 1})
    return {name: dict(sorted(of.items())) for name, of in found.items() if of}


def slot_state(request: Request) -> str:
    """What stands in the slots of a request: `client and user`, `client altered`, `user`, `token altered`, or `no credentials`."""
    texts = tuple(edits.texts(request))
    changed = {_whose(slot) for text in texts for slot in edits.altered(text)}
    whole = {_whose(slot) for slot in edits.mentioned(request)} - changed
    words = [*sorted(whole), *(f"{who} altered" for who in sorted(changed))]
    return " and ".join(words) or "no credentials"


def _whose(slot: str) -> str:
    """Of a slot such as `second_user.password`: client, user, code, token or scope."""
    group = slot.partition(".")[0].partition("#")[0]
    return next((who for who in ("client", "user", "code", "refresh", "token") if who in group), "scope")

"""The documentation as a function: what is wrong with a request, and what may answer it. Shares no code with the reference server."""

from collections.abc import Callable, Iterator, Sequence

import msgspec

from conformance import edits
from conformance.api import VALID_BASIC, Api, bearer
from conformance.contract import Contract
from conformance.model import Edit, Exchange, Request, Slot, Text
from conformance.profile import Profile, accepts
from conformance.strictjson import members

KNOWN_GRANTS = ("authorization_code", "client_credentials", "refresh_token")
"""Words that the page names somewhere besides the grants of the contract's request body (lines 91, 112)."""


def conditions(request: Request, contract: Contract) -> frozenset[str] | None:
    """What is wrong with a request, in the vocabulary of x-errors; empty if nothing is; None if we cannot tell."""
    if request.operation == "token":
        return _token_conditions(request, contract)
    if request.operation == "logout":
        return _logout_conditions(request)
    return None


def _token_conditions(request: Request, contract: Contract) -> frozenset[str] | None:
    operation = contract.operations["token"]
    form = request.form or ()
    names = [edits.literal(name) for name, _ in form]
    if (
        request.method != operation.method
        or request.query
        or len(set(names)) != len(names)
        or not all(name in operation.parameters or (name or "").startswith("x-harness") for name in names)
        or not any(key == "Content-Type" and value == ("application/x-www-form-urlencoded",) for key, value in request.headers)
    ):
        return None
    values = {name: value for name, (_, value) in zip(names, form, strict=True) if name}
    found = set(_basic_conditions(request))
    found |= set(_grant_conditions(values.get("grant_type", ("",)), operation.parameters["grant_type"]["const"]))
    user, password = values.get("username", ("",)), values.get("password", ("",))
    for condition, value in (("no-username", user), ("no-password", password)):
        if edits.literal(value) == "":
            found.add(condition)
    if not found & {"no-username", "no-password"}:
        found |= set(_user_conditions(user, password))
    if edits.literal(values.get("scope", ("",))) != "":
        found.add("scope")
    return None if "unclear" in found else frozenset(found)


def _grant_conditions(grant: Text, const: str) -> Iterator[str]:
    word = edits.literal(grant)
    if word == "":
        yield "no-grant-type"
    elif word in KNOWN_GRANTS or word is None:
        yield "unclear"
    elif word != const:
        yield "unknown-grant-type"


def _basic_conditions(request: Request) -> Iterator[str]:
    lines = [value for name, value in request.headers if name.lower() == "authorization"]
    if not lines:
        yield "no-authorization"
        return
    if len(lines) > 1:
        yield "unclear"
        return
    if lines[0] == VALID_BASIC:
        return
    scheme, pair = _scheme(lines[0]), _basic_pair(lines[0])
    if scheme is not None and scheme.lower() != "basic":
        yield "wrong-scheme" if scheme else "no-authorization"
    elif pair is None:
        yield "unclear"
    elif pair[0] != (Slot("client.id"),):
        yield "unknown-client" if edits.literal(pair[0]) else "unclear"
    elif pair[1] != (Slot("client.secret"),):
        yield "wrong-secret"


def _scheme(value: Text) -> str | None:
    first = value[0] if value else ""
    return first.split(" ")[0] if isinstance(first, str) else None


def _basic_pair(value: Text) -> tuple[Text, Text] | None:
    """The id and secret of a `Basic` header built by `api.basic`, else None."""
    if len(value) != 2 or not isinstance(value[1], Edit) or value[1].op != "base64" or ":" not in value[1].of:
        return None
    place = value[1].of.index(":")
    return value[1].of[:place], value[1].of[place + 1 :]


def _user_conditions(user: Text, password: Text) -> Iterator[str]:
    for name in ("user", "second_user"):
        if user == (Slot(f"{name}.username"),):
            if password != (Slot(f"{name}.password"),):
                yield "wrong-password"
            return
    yield "unknown-user" if edits.literal(user) is not None else "unclear"


def _logout_conditions(request: Request) -> frozenset[str] | None:
    lines = [value for name, value in request.headers if name.lower() == "authorization"]
    if request.method != "GET" or request.query or len(lines) > 1:
        return None
    if not lines:
        return frozenset({"no-authorization"})
    scheme = _scheme(lines[0])
    if scheme != "Bearer":
        return frozenset({"wrong-scheme"}) if scheme and scheme.lower() != "bearer" else None
    if token_presented(request):
        return frozenset()
    return frozenset({"unknown-token"}) if edits.literal(lines[0]) not in (None, "Bearer", "Bearer ") else None


def token_presented(request: Request) -> str | None:
    """The slot of the token that the request presents as a plain Bearer, else None."""
    for name, value in request.headers:
        if name == "Authorization" and len(value) == 2 and isinstance(value[1], Slot) and value == bearer(value[1]):
            return value[1].name
    return None


def only_fault(name: str, operation: str = "token") -> Callable[[Exchange, Api], bool]:
    """The predicate of exchanges whose request has this fault and no other."""

    def holds(exchange: Exchange, api: Api) -> bool:
        return exchange.request.operation == operation and conditions(exchange.request, api.contract) == frozenset({name})

    return holds


def spends(request: Request, contract: Contract) -> str | None:
    """The budget that the request draws on: `wrong_secrets`, `wrong_passwords` or none."""
    wrong = conditions(request, contract) or frozenset()
    if "wrong-secret" in wrong:
        return "wrong_secrets"
    return "wrong_passwords" if "wrong-password" in wrong and not wrong & {"no-authorization", "unknown-client"} else None


class Life(msgspec.Struct, frozen=True):
    """What one exchange shows of a token's life: what was expected and seen, and the clause that decides."""

    exchange: Exchange
    token: str
    alive: bool
    seen_alive: bool
    clause: str
    because: str


class _Token(msgspec.Struct):
    owner: str
    issued: float
    lifetime: float | None
    dead_since: float | None = None
    clause: str = ""
    because: str = ""
    hearsay: bool = False

    def survives(self, clause: str, because: str) -> None:
        """Something happened that should not end this token; several such things put F-05 in charge again."""
        self.clause, self.because = (clause, because) if self.clause in ("", clause) else ("F-05", "nothing that happened to it ends it")


EXPIRY_MARGIN_S = 1.0


def lives(exchanges: Sequence[Exchange], profile: Profile, alive: Sequence[int], dead: Sequence[int]) -> Iterator[Life]:
    """Follow every token through the history: what each use says of it against what the documentation and the profile say.

    A token that something happened to which the documentation leaves open is not judged (`hearsay`).
    """
    tokens: dict[str, _Token] = {}
    for exchange in sorted(exchanges, key=lambda item: item.received):
        reply, name = exchange.reply, token_presented(exchange.request)
        if reply is None:
            continue
        token = tokens.get(name or "")
        if token is not None and name is not None:
            seen = _seen(exchange, alive, dead)
            if seen is not None and profile.liveness == "resource":
                life = _judge(exchange, name, token, seen, profile)
                if life is not None:
                    yield life
                if seen and token.dead_since is None:
                    token.clause, token.because = "", ""
        if exchange.request.operation == "token":
            _issued(exchange, tokens, profile)
        elif exchange.request.operation == "logout" and token is not None and name is not None and accepts(exchange):
            _logged_out(exchange, name, tokens, profile)


def _seen(exchange: Exchange, alive: Sequence[int], dead: Sequence[int]) -> bool | None:
    status = exchange.reply.status if exchange.reply else 0
    if exchange.request.operation != "resource":
        return None
    return True if status in alive else False if status in dead else None


def _judge(exchange: Exchange, name: str, token: _Token, seen: bool, profile: Profile) -> Life | None:
    expiry = token.issued + token.lifetime if token.lifetime is not None else None
    if token.dead_since is not None:
        late = exchange.sent >= token.dead_since + profile.revocation_budget_s
        return Life(exchange, name, False, seen, token.clause, token.because) if late else None
    if expiry is not None and exchange.received > expiry - EXPIRY_MARGIN_S:
        if exchange.sent < expiry + EXPIRY_MARGIN_S:
            return None
        return Life(exchange, name, False, seen, "N-6749-35", "its expires_in has passed")
    if token.hearsay:
        return None
    return Life(
        exchange, name, True, seen, token.clause or "F-05", token.because or "nothing happened to it since it was issued or accepted"
    )


def owner_of(request: Request) -> str:
    """Whose token a login asks for: the name of the user's slot group."""
    for key, value in request.form or ():
        if key == ("username",) and len(value) == 1 and isinstance(value[0], Slot):
            return value[0].name.removesuffix(".username")
    return ""


def _issued(exchange: Exchange, tokens: dict[str, _Token], profile: Profile) -> None:
    reply, owner = exchange.reply, owner_of(exchange.request)
    name = reply.token() if reply else None
    if reply is None or name is None:
        return
    for other_name, other in tokens.items():
        if other.owner != owner or other_name == name or other.dead_since is not None:
            continue
        if profile.issue_policy == "independent":
            other.survives("F-25", "a second login does not end the first token")
        else:
            other.hearsay = True
    if name not in tokens:
        tokens[name] = _Token(owner, exchange.sent, lifetime_of(exchange))


def _logged_out(exchange: Exchange, name: str, tokens: dict[str, _Token], profile: Profile) -> None:
    token = tokens[name]
    if token.dead_since is None:
        token.dead_since, token.clause, token.because = exchange.received, "L-02", "it was logged out"
    for other_name, other in tokens.items():
        if other_name == name or other.dead_since is not None:
            continue
        if other.owner != token.owner:
            other.hearsay = True
        elif profile.logout_scope == "token":
            other.survives("L-03", "logout ends the presented token only, as this server showed before")
        elif profile.logout_scope == "user":
            other.dead_since, other.clause = exchange.received, "L-03"
            other.because = "logout ends every token of the user, as this server showed before"
        else:
            other.hearsay = True


def lifetime_of(exchange: Exchange) -> float | None:
    """The life in seconds that a token reply promises, whatever its JSON type; None if it promises none."""
    value = members(exchange.reply).get("expires_in")
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None

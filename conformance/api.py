"""The API in verbs: builds symbolic requests from the contract, and conversations of several exchanges. Never does I/O.

A conversation is a generator that yields an effect (Send, Together, Sleep: the closed list) and receives what came of it.
"""

from collections.abc import Generator, Mapping
from functools import lru_cache
from typing import Any, TypeVar

import msgspec

from conformance.contract import Contract
from conformance.documented import role_of
from conformance.errors import Inconclusive, NotApplicable, NotObservable
from conformance.model import Edit, Exchange, Part, Request, Slot, Text
from conformance.profile import Profile, accepts

T = TypeVar("T")


class Send(msgspec.Struct, frozen=True):
    """Send one request; yields back its Exchange."""

    request: Request


class Together(msgspec.Struct, frozen=True):
    """Send several requests at once, each on a connection of its own; yields back the Exchanges in the same order.

    `at_once`: how many are under way at any time (0: all of them); the next one begins when another is answered.
    """

    requests: tuple[Request, ...]
    at_once: int = 0


class Sleep(msgspec.Struct, frozen=True):
    """Wait on the driver's clock, for so long or, as others go on meanwhile, a little longer; `punctual` lets none go on."""

    seconds: float
    punctual: bool = False


Effect = Send | Together | Sleep
Conversation = Generator[Effect, Any, T]

UNKNOWN_CLIENT = "harness-0b1f7c2e9d4a6853"
UNKNOWN_USER = "harness-51c9e07fa3b84d26"
UNKNOWN_TOKEN = "harness5f1d8a6c03e94b7d2a86c5e1f09b3d47"
MADE_UP_SECRET = "harness-made-up-secret-71"

SHORT_WAIT_S = 5
"""Up to here a wait for a logout to take effect holds the other checks up."""

PATIENCE_S = 3
"""How long a fresh token may be unknown to some replica before it counts as dead (H-19)."""


PAGE_EXAMPLE: Text = ("Basic ", "OZXhhbXBsZWNsaWVudGlkOmV4YW1wbGVzZWNyZXQ=")
"""The page's own example (line 78, D-15): 41 characters, which no rule of Base64 allows."""


def basic(client: Text, secret: Text, scheme: str = "Basic", encoding: str = "base64") -> Text:
    """The value of an Authorization header for this pair (RFC 7617)."""
    return (f"{scheme} ", Edit(encoding, (*client, ":", *secret)))


def credentials(client: str = "client", scheme: str = "Basic") -> Text:
    """The value of an Authorization header for the client with these slots."""
    return basic((Slot(f"{client}.id"),), (Slot(f"{client}.secret"),), scheme)


def bearer(token: Part, scheme: str = "Bearer") -> Text:
    """The value of an Authorization header for this token (RFC 6750)."""
    return (f"{scheme} ", token)


def edited(slot: str, op: str, *args: int | str) -> Text:
    """A slot's value, altered by one edit."""
    return (Edit(op, (Slot(slot),), args),)


Change = Mapping[str, str | Text | None]
"""Role or name of a parameter → its value, or None to leave it out."""


@lru_cache
def control_login(contract: Contract) -> Request:
    """The login with the target's own credentials, which must always succeed: whatever lies between two such logins counts."""
    return Api(contract).login()


class Api(msgspec.Struct, frozen=True):
    """What a check may use: the contract, the profile, the fixtures that the target has, and verbs over them.

    `special`: kind of credentials, such as `client:colon` → the slots that hold one. `wire`: requests go over connections to
    the server itself.
    """

    contract: Contract
    profile: Profile = Profile()
    fixtures: frozenset[str] = frozenset()
    special: Mapping[str, str] = {}
    resource_method: str = "GET"
    resource_alive: tuple[int, ...] = (200,)
    resource_dead: tuple[int, ...] = (401, 403)
    wire: bool = False

    def token_request(
        self,
        grant: str = "",
        *,
        authorization: Text | None = None,
        client: str = "client",
        fill: Mapping[str, str] | None = None,
        change: Change | None = None,
        fresh: bool = False,
    ) -> Request:
        """A token request with the parameters that the contract requires for the grant (the first one by default).

        `fill` says from which slots: {"user": "second_user"}. The header is the client's own unless `authorization` is given.
        The page stars the user's credentials for every grant (D-12), so a grant that has parameters of its own carries
        them, too: a server that needs them has them, and any other ignores them. A grant without goes bare.
        """
        operation = self.contract.operations["token"]
        form: dict[str, Text] = {}
        chosen, slots = operation.grant(grant), dict(fill or {})
        names = {role_of(schema): name for name, schema in {**operation.parameters, **chosen.parameters}.items()}
        starred = operation.grant().required if len(chosen.required) > 1 else ()
        for name in dict.fromkeys((*chosen.required, *starred)):
            schema = chosen.parameters.get(name) or operation.parameters[name]
            group, dot, leaf = schema.get("x-slot", "").partition(".")
            form[name] = (Slot(f"{slots.get(group, group)}{dot}{leaf}"),) if group else (str(schema["const"]),)
        for role, value in (change or {}).items():
            name = names.get(role, role)
            if value is None:
                form.pop(name, None)
            else:
                form[name] = (value,) if isinstance(value, str) else value
        header = credentials(client, operation.scheme.title()) if authorization is None else authorization
        headers: tuple[tuple[str, Text], ...] = (("Authorization", header), ("Content-Type", (operation.media_type,)))
        pairs = tuple(((name,), value) for name, value in form.items())
        return Request("token", operation.method, headers=headers if header else headers[1:], form=pairs, fresh=fresh)

    def login(
        self, *, authorization: Text | None = None, user: str = "user", client: str = "client", change: Change | None = None
    ) -> Request:
        """A token request with the credentials of a user; `authorization=()` leaves the header out."""
        return self.token_request(authorization=authorization, client=client, fill={"user": user}, change=change)

    def logout(self, authorization: Text | None, *, method: str = "", **parts: Any) -> Request:
        """A logout request with this Authorization header, or none; `parts` are further fields of the Request."""
        headers = ((("Authorization", authorization),) if authorization is not None else ()) + parts.pop("headers", ())
        return Request("logout", method or self.contract.operations["logout"].method, headers=headers, **parts)

    def use(self, token: Part, *, fresh: bool = False) -> Request:
        """A request of the protected resource with this token."""
        return Request("resource", self.resource_method, headers=(("Authorization", bearer(token)),), fresh=fresh)

    def granted(self, request: Request) -> Conversation[Exchange]:
        """Send a request that must yield a token; raises Inconclusive if it does not, for then nothing that follows would mean anything."""
        exchange = yield from self.send(request)
        if exchange.reply is None or exchange.reply.token(self.contract.presented) is None:
            raise Inconclusive("a token for valid credentials", describe(exchange))
        if self.profile.issue_lag_s:
            yield Sleep(self.profile.issue_lag_s)
        return exchange

    def good_token(self, user: str = "user", client: str = "client") -> Conversation[Slot]:
        """Log in; raises Inconclusive if that yields no token."""
        exchange = yield from self.granted(self.login(user=user, client=client))
        return self.token_of(exchange)

    def token_of(self, exchange: Exchange, kind: str = "") -> Slot:
        """The token that a reply handed out; raises Inconclusive if there is none."""
        slot = exchange.reply.token(kind or self.contract.presented) if exchange.reply else None
        if slot is None:
            raise Inconclusive(f"a {kind or self.contract.presented} in the reply", describe(exchange))
        return Slot(slot)

    def send(self, request: Request) -> Conversation[Exchange]:
        """Send and require an answer; raises Inconclusive if none came."""
        exchange: Exchange = yield Send(request)
        if exchange.reply is None:
            raise Inconclusive("an answer", describe(exchange))
        return exchange

    def logged_out(self, token: Slot) -> Conversation[Exchange]:
        """Log out; raises Inconclusive if that is refused. Waits for the declared revocation budget."""
        exchange = yield from self.send(self.logout(bearer(token)))
        if not accepts(exchange):
            raise Inconclusive("an accepted logout", describe(exchange))
        yield from self.settled()
        return exchange

    def settled(self) -> Conversation[None]:
        """Wait until a logout must have taken effect. A short wait lets no other check go on, for a server may cap the number of tokens."""
        budget = self.profile.revocation_budget_s
        yield Sleep(budget, punctual=budget <= SHORT_WAIT_S)

    def is_alive(self, token: Slot, *, fresh: bool = False, last: bool = False) -> Conversation[bool]:
        """Whether the token is accepted; raises NotObservable where nothing can tell.

        A `last` look may end the token: without a resource it is a logout, on servers that refuse the logout of dead tokens.
        """
        _, alive = yield from self.look(token, fresh=fresh, last=last)
        return alive

    def look(self, token: Slot, *, fresh: bool = False, last: bool = False) -> Conversation[tuple[Exchange, bool]]:
        """The exchange that shows whether the token is accepted, and whether it is; as `is_alive`."""
        if last and self.profile.liveness == "logout":
            exchange = yield from self.send(self.logout(bearer(token), fresh=fresh))
            return exchange, accepts(exchange)
        self.requires_liveness()
        exchange = yield from self.send(self.use(token, fresh=fresh))
        return exchange, self.tells_alive(exchange)

    def tells_alive(self, exchange: Exchange) -> bool:
        """What the resource's answer says of the token; raises Inconclusive if it is neither of the two kinds."""
        status = exchange.reply.status if exchange.reply else 0
        if status in self.resource_alive:
            return True
        if status in self.resource_dead:
            return False
        raise Inconclusive(f"one of {(*self.resource_alive, *self.resource_dead)} from the resource", describe(exchange))

    def requires_liveness(self, *, last: bool = False) -> None:
        """Raise NotObservable unless it can be seen whether a token lives (`last`: at the price of ending it)."""
        if self.profile.liveness != "resource" and not (last and self.profile.liveness == "logout"):
            raise NotObservable(
                self.profile.liveness_reason or "no way to see whether a token lives without ending it",
                "fixtures: {resource: {method: GET, path: /…}}",
            )

    def requires(self, fixture: str) -> None:
        """Raise NotObservable, naming the line to add, unless the target has this fixture."""
        if fixture not in self.fixtures:
            raise NotObservable(f"fixtures.{fixture} is missing", f"fixtures: {{{fixture}: {{…}}}}")

    def requires_wire(self) -> None:
        """Raise NotApplicable unless requests go over connections to the server itself."""
        if not self.wire:
            raise NotApplicable("a connection to the server", "no wire: the server is called in process, or a proxy stands between")

    def special_slots(self, kind: str) -> str:
        """The slots of special credentials such as `client:colon`; raises NotObservable if the target has none of the kind."""
        if kind not in self.special:
            who, _, what = kind.partition(":")
            line = f"fixtures: {{special_{who}s: [{{…}}]}}"
            raise NotObservable(f"no special {who} has credentials with {what.replace('-', ' ')}", line)
        return self.special[kind]


def describe(exchange: Exchange) -> str:
    """One exchange in words, for messages. The body is whole: whoever shows it takes secrets out first and cuts it then."""
    if exchange.reply is None:
        return f"no answer to {exchange.request.method} {exchange.request.operation}: {exchange.failure}"
    body = " ".join(exchange.reply.body.split())
    return f"status {exchange.reply.status}" + (f", body {body!r}" if body else ", no body")

"""The API in verbs: builds symbolic requests from the contract, and conversations of several exchanges. Never does I/O.

A conversation is a generator that yields an effect (Send, Together, Sleep: the closed list) and receives what came of it.
"""

from collections.abc import Generator
from typing import Any, TypeVar

import msgspec

from conformance.contract import Contract
from conformance.errors import Inconclusive, NotObservable
from conformance.model import Edit, Exchange, Part, Request, Slot, Text
from conformance.profile import Profile

T = TypeVar("T")


class Send(msgspec.Struct, frozen=True):
    """Send one request; yields back its Exchange."""

    request: Request


class Together(msgspec.Struct, frozen=True):
    """Send several requests at once, each on a connection of its own; yields back the Exchanges in the same order."""

    requests: tuple[Request, ...]


class Sleep(msgspec.Struct, frozen=True):
    """Wait on the driver's clock."""

    seconds: float


Effect = Send | Together | Sleep
Conversation = Generator[Effect, Any, T]

UNKNOWN_CLIENT = "harness-0b1f7c2e9d4a6853"
UNKNOWN_USER = "harness-51c9e07fa3b84d26"
UNKNOWN_TOKEN = "harness5f1d8a6c03e94b7d2a86c5e1f09b3d47"
MADE_UP_SECRET = "harness-made-up-secret-71"

CLIENT = (Slot("client.id"), Slot("client.secret"))


def basic(client: Text, secret: Text, scheme: str = "Basic") -> Text:
    """The value of an Authorization header for this pair (RFC 7617)."""
    return (f"{scheme} ", Edit("base64", (*client, ":", *secret)))


def bearer(token: Part, scheme: str = "Bearer") -> Text:
    """The value of an Authorization header for this token (RFC 6750)."""
    return (f"{scheme} ", token)


def edited(slot: str, op: str, *args: int | str) -> Text:
    """A slot's value, altered by one edit."""
    return (Edit(op, (Slot(slot),), args),)


VALID_BASIC = basic((CLIENT[0],), (CLIENT[1],))


class Api(msgspec.Struct, frozen=True):
    """What a check may use: the contract, the profile, the fixtures that the target has, and verbs over them."""

    contract: Contract
    profile: Profile = Profile()
    fixtures: frozenset[str] = frozenset()
    resource_method: str = "GET"
    resource_alive: tuple[int, ...] = (200,)
    resource_dead: tuple[int, ...] = (401, 403)

    def login(
        self,
        *,
        authorization: Text | None = VALID_BASIC,
        user: str = "user",
        change: dict[str, str | Text | None] | None = None,
        fresh: bool = False,
    ) -> Request:
        """A token request with the parameters that the contract requires; `change` replaces, adds or (None) removes some."""
        operation = self.contract.operations["token"]
        form: dict[str, Text] = {}
        for name in operation.required:
            schema = operation.parameters[name]
            slot = schema.get("x-slot", "").replace("user.", f"{user}.")
            form[name] = (Slot(slot),) if slot else (str(schema["const"]),)
        for name, value in (change or {}).items():
            if value is None:
                form.pop(name, None)
            else:
                form[name] = (value,) if isinstance(value, str) else value
        headers: tuple[tuple[str, Text], ...] = (("Content-Type", ("application/x-www-form-urlencoded",)),)
        if authorization is not None:
            headers = (("Authorization", authorization), *headers)
        pairs = tuple(((name,), value) for name, value in form.items())
        return Request("token", operation.method, headers=headers, form=pairs, fresh=fresh)

    def logout(self, authorization: Text | None, *, query: tuple[tuple[Text, Text], ...] = (), fresh: bool = False) -> Request:
        """A logout request with this Authorization header, or none."""
        headers = (("Authorization", authorization),) if authorization is not None else ()
        return Request("logout", self.contract.operations["logout"].method, query=query, headers=headers, fresh=fresh)

    def use(self, token: Part, *, fresh: bool = False) -> Request:
        """A request of the protected resource with this token."""
        return Request("resource", self.resource_method, headers=(("Authorization", bearer(token)),), fresh=fresh)

    def good_token(self, user: str = "user") -> Conversation[Slot]:
        """Log in; raises Inconclusive if that yields no token, for then nothing that follows would mean anything."""
        exchange = yield from self.send(self.login(user=user))
        slot = exchange.reply.token() if exchange.reply else None
        if slot is None:
            raise Inconclusive("a token for valid credentials", describe(exchange))
        return Slot(slot)

    def send(self, request: Request) -> Conversation[Exchange]:
        """Send and require an answer; raises Inconclusive if none came."""
        exchange: Exchange = yield Send(request)
        if exchange.reply is None:
            raise Inconclusive("an answer", describe(exchange))
        return exchange

    def is_alive(self, token: Slot, *, fresh: bool = False) -> Conversation[bool]:
        """Whether the resource accepts the token; raises NotObservable without that fixture."""
        self.requires_liveness()
        exchange = yield from self.send(self.use(token, fresh=fresh))
        return self.tells_alive(exchange)

    def tells_alive(self, exchange: Exchange) -> bool:
        """What the resource's answer says of the token; raises Inconclusive if it is neither of the two kinds."""
        status = exchange.reply.status if exchange.reply else 0
        if status in self.resource_alive:
            return True
        if status in self.resource_dead:
            return False
        raise Inconclusive(f"one of {(*self.resource_alive, *self.resource_dead)} from the resource", describe(exchange))

    def requires_liveness(self) -> None:
        """Raise NotObservable unless the resource tells living tokens from others."""
        if self.profile.liveness != "resource":
            raise NotObservable(
                self.profile.liveness_reason or "no way to see whether a token lives without ending it",
                "fixtures: {resource: {method: GET, path: /…}}",
            )

    def requires(self, fixture: str) -> None:
        """Raise NotObservable, naming the line to add, unless the target has this fixture."""
        if fixture not in self.fixtures:
            raise NotObservable(f"fixtures.{fixture} is missing", f"fixtures: {{{fixture}: {{…}}}}")


def describe(exchange: Exchange) -> str:
    """One exchange in a few words, for messages."""
    if exchange.reply is None:
        return f"no answer to {exchange.request.method} {exchange.request.operation}: {exchange.failure}"
    body = " ".join(exchange.reply.body.split())
    return f"status {exchange.reply.status}" + (f", body {body[:160]!r}" if body else ", no body")

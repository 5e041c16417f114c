"""Faults of the life of tokens: they die too early, too late, or of what happens to others."""

from dataclasses import replace

from conformance.reference.errors import INVALID_TOKEN, Refusal, internal
from conformance.reference.faults.declare import edited, fault
from conformance.reference.messages import Answer, Call, Token
from conformance.reference.server import Server


class _Uses(Server):
    """A server whose tokens serve a number of requests."""

    limit = 1

    def resource(self, call: Call) -> Answer:
        answer = super().resource(call)
        token = self.tokens[self.bearer(call)]
        token.uses += 1
        if token.uses >= self.limit:
            token.dead_at = self.now()
        return answer


@fault(
    breaks={"F-05": "fail"},
    also={
        "F-25": "a login between two uses seems to end the token",
        "T-28": "a second use fails before the end",
    },
)
class SingleUse(_Uses):
    """A token serves one request only."""


@fault(breaks={"F-05": "fail"})
class DeadAfterThreeUses(_Uses):
    """A token dies at its fourth use."""

    limit = 3


@fault(breaks={"F-05": "fail"})
class DeadAfterNineUses(_Uses):
    """A token dies at its tenth use."""

    limit = 9


@fault(breaks={"F-06": "fail", "N-6749-35": "fail"})
class TokenNeverExpires(Server):
    """A token lives on after its expires_in."""

    def lives(self, token: Token) -> bool:
        return not self.ended(token)


@fault(breaks={"F-06": "fail", "N-6749-35": "fail"})
class TokenLivesTwiceAsLong(Server):
    """A token lives for twice its expires_in."""

    def lives(self, token: Token) -> bool:
        return not self.ended(token) and self.now() < token.expires + (self.account(token.client).lifetime or self.lifetime)


@fault(breaks={"F-06": "fail", "N-6749-35": "fail"})
class EachUseExtends(Server):
    """Each use of a token starts its life again."""

    def resource(self, call: Call) -> Answer:
        answer = super().resource(call)
        token = self.tokens[self.bearer(call)]
        token.expires = self.now() + (self.account(token.client).lifetime or self.lifetime)
        return answer


@fault(breaks={"T-28": "fail"}, also={"F-05": "a use shortly before the end fails"})
class TokenDiesEarly(Server):
    """A token dies at nine tenths of its life, or half a second before its end."""

    def lives(self, token: Token) -> bool:
        return super().lives(token) and self.now() < token.expires - 0.5


@fault(breaks={"T-02": "fail"})
class ResourceOpen(Server):
    """The resource takes any token."""

    def resource(self, call: Call) -> Answer:
        self.bearer(call)
        return self.json(200, {"user": "somebody"})


@fault(breaks={"F-25": "fail"}, also={"F-05": "other things happened to the token, too"})
class LoginAfterUseEvicts(Server):
    """A login right after a use of a token ends that token."""

    just_used = ""

    def respond(self, call: Call) -> Answer:
        answer = super().respond(call)
        self.just_used = self.bearer(call) if (call.path, answer.status) == ("/resource", 200) else ""
        return answer

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        used = self.tokens.get(self.just_used)
        if used is not None and (used.client, used.user) == (client, user):
            used.dead_at = self.now()
        return super().issue(client, user, grant, scope)


@fault(breaks={"T-03": "fail", "L-14": "fail"})
class NextLogoutFails(Server):
    """A logout right after the logout of a token that was issued before, with no login between, is an internal error."""

    before = ("", 0)

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        values = list(self.tokens)
        fails = self.before[0] in values[: values.index(token.value)] and self.before[1] == self.issued
        self.before = (token.value, self.issued)
        if fails:
            raise replace(internal(), scheme="Bearer")


@fault(breaks={"F-12": "fail", "F-05": "fail"}, also={"F-25": "a login between issue and use seems to end the token"})
class FreshTokenUnknownAtFirst(Server):
    """A token is known to the resource only a second after its issue."""

    def resource(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.now() < token.expires - (self.account(token.client).lifetime or self.lifetime) + 1:
            raise Refusal(401, 2, INVALID_TOKEN, "invalid_token", "Bearer")
        return super().resource(call)


@fault(breaks={"F-05": "fail"})
class TokenBoundToUserAgent(Server):
    """A token serves only requests without a User-Agent, as the login was."""

    def resource(self, call: Call) -> Answer:
        if call.lines("user-agent"):
            raise Refusal(401, 2, INVALID_TOKEN, "invalid_token", "Bearer")
        return super().resource(call)


@fault(breaks={"S-25": "fail"})
class ClientTokenOpensFirstUser(Server):
    """The resource takes a client's own token for one of the first user."""

    def resource(self, call: Call) -> Answer:
        answer, token = super().resource(call), self.tokens.get(self.bearer(call))
        return edited(answer, subscriber=1) if token is not None and not token.user else answer


# Faults that take three steps or more to show: the programs find them, no single check does.


class _Generations(Server):
    """A server that knows which tokens came of a refresh, and of which."""

    @property
    def parents(self) -> dict[str, Token]:
        """Renewed token → the one that it renews."""
        return self.__dict__.setdefault("_parents", {})  # type: ignore[no-any-return]

    def refreshed(self, client: str, form: dict[str, str]) -> Token:
        found = self.refreshes.get(form.get("refresh_token", ""))
        token = super().refreshed(client, form)
        if found is not None:
            self.parents[token.value] = found.token
        return token


@fault(breaks={"L-02": "fail"})
class TwiceRefreshedSurvivesLogout(_Generations):
    """A token that came of a refresh of a refreshed one is told that it is logged out, and lives on."""

    def revoke(self, token: Token) -> None:
        parent = self.parents.get(token.value)
        if parent is None or parent.value not in self.parents:
            super().revoke(token)


@fault(breaks={"N-7009-03": "warn"})
class LogoutEndsRenewedSiblings(_Generations):
    """A logout ends the tokens that came of a refresh of other logins of the same user."""

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        for other in self.tokens.values():
            if other.value in self.parents and (other.client, other.user) == (token.client, token.user) and other.dead_at is None:
                self.end(other)


@fault(breaks={"S-47": "fail", "N-6749-35": "fail"})
class LoginRevivesExpired(Server):
    """A login gives another life to the tokens of the same client and user that were refused because they had expired."""

    def resource(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and not self.lives(token) and token.dead_at is None:
            token.uses = REFUSED
        return super().resource(call)

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        for token in self.tokens.values():
            if (token.client, token.user, token.uses) == (client, user, REFUSED):
                token.expires, token.uses = self.now() + (self.account(client).lifetime or self.lifetime), 0
        return super().issue(client, user, grant, scope)


REFUSED = -1
"""Stands in the number of a token's uses once it was refused as expired."""

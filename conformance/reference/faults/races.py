"""Faults that show only in time: at the same moment, a moment later, or again."""

from dataclasses import replace

from conformance.reference.errors import Refusal, internal
from conformance.reference.faults.declare import fault
from conformance.reference.messages import Answer, Call, Token
from conformance.reference.server import Server

MOMENT_S = 0.05
"""Calls that lie no further apart come at the same time."""


@fault(breaks={"L-02": "fail", "S-47": "fail"}, also={"N-7009-02": "one look at the token after its refusal finds it alive"})
class RevokedTokenFlaps(Server):
    """A logged-out token is refused at first, accepted at its third use after the logout, and refused from then on."""

    looks: dict[str, int] | None = None

    def resource(self, call: Call) -> Answer:
        token = self.tokens.get(self.bearer(call))
        if token is not None and self.ended(token):
            self.looks = self.looks or {}
            self.looks[token.value] = self.looks.get(token.value, 0) + 1
            if self.looks[token.value] == 3:
                return self.json(200, {"user": "somebody"})
        return super().resource(call)


@fault(breaks={"L-02": "fail"})
class LogoutAnsweredEarly(Server):
    """A logout that comes between uses of the same moment is answered first, and takes effect one use later."""

    uses = ("", -9.0, 0)
    spared = ""

    def resource(self, call: Call) -> Answer:
        value, last, count = self.uses
        given = self.bearer(call)
        token = self.tokens.get(given)
        self.uses = (given, self.now(), count + 1 if given == value and self.now() - last < MOMENT_S else 1)
        if token is not None and self.spared == given and self.now() - last < MOMENT_S:
            self.spared = ""
            return self.json(200, {"user": "somebody"})
        return super().resource(call)

    def revoke(self, token: Token) -> None:
        super().revoke(token)
        value, last, count = self.uses
        if value == token.value and count > 1 and self.now() - last < MOMENT_S:
            self.spared = value


class _LogoutsAtOnce(Server):
    """A server whose third logout of a token within a moment goes wrong, as `clash` says."""

    last = ("", -9.0, 0)

    def clash(self) -> Refusal:
        return self.refusal(6, scheme="Bearer")

    def logout(self, call: Call) -> Answer:
        value, last, count = self.last
        given = "".join(call.lines("authorization")).partition(" ")[2]
        at_once = given in self.tokens and given == value and self.now() - last < MOMENT_S
        self.last = (given, self.now(), count + 1 if at_once else 1)
        if self.last[2] == 3:
            raise self.clash()
        return super().logout(call)


@fault(
    breaks={"L-02": "fail", "L-14": "fail"},
    also={"L-16": "the third of them begins after the first was answered"},
)
class LogoutsAtOnceAreServerError(_LogoutsAtOnce):
    """The third logout of a token within a moment is an internal error."""

    def clash(self) -> Refusal:
        return replace(internal(), scheme="Bearer")


@fault(breaks={"L-16": "warn"})
class LogoutsAtOnceAreCode6(_LogoutsAtOnce):
    """The third logout of a token within a moment is reported as a bad header."""


@fault(
    breaks={"F-12": "fail", "F-25": "fail", "L-03": "fail"},
    also=dict.fromkeys(("S-40", "S-41", "N-9110-15"), "two logins come right after each other there, so the logout of one ends both"),
)
class LoginsAtOnceShareToken(Server):
    """Two logins of one user within a moment, with nothing between, get the same token."""

    before: tuple[str, str, str, float] = ("", "", "", -9.0)
    shared: Token | None = None

    def route(self, call: Call) -> Answer:
        if not call.path.endswith("/token"):
            self.shared = None
        return super().route(call)

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        who, when = (client, user, grant), self.before[3]
        if self.shared is None or self.before[:3] != who or self.now() - when > MOMENT_S:
            self.shared = super().issue(client, user, grant, scope)
        self.before = (*who, self.now())
        return self.shared


@fault(
    breaks={"F-12": "fail", "F-25": "fail"},
    also=dict.fromkeys(("N-9110-16", "F-05"), "one of two tokens from logins right after each other is dead"),
)
class LoginsAtOnceEndEachOther(Server):
    """Of two logins of one user within a moment, with nothing between, the first gets a token that is dead already."""

    first: Token | None = None
    when = -9.0

    def route(self, call: Call) -> Answer:
        if not call.path.endswith("/token"):
            self.first = None
        return super().route(call)

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        token = super().issue(client, user, grant, scope)
        if self.first is not None and (self.first.client, self.first.user) == (client, user) and self.now() - self.when < MOMENT_S:
            self.first.dead_at = self.now()
        self.first, self.when = token, self.now()
        return token


@fault(breaks={"F-25": "fail"}, also={"N-6749-22": "what is left of its life does not shrink"})
class DeadTokenHandedOutAgain(Server):
    """Every fifth login gets the token that was logged out last, with a new life, if that was more than two seconds ago."""

    ended_last: Token | None = None

    def end(self, token: Token) -> None:
        super().end(token)
        self.ended_last = token

    def issue(self, client: str, user: str, grant: str, scope: str = "") -> Token:
        token, old = super().issue(client, user, grant, scope), self.ended_last
        if self.issued % 5 or old is None or (old.client, old.user, old.scope) != (client, user, scope):
            return token
        if old.dead_at is None or self.now() < old.dead_at + 2:
            return token
        del self.tokens[token.value]
        old.dead_at, old.expires = None, token.expires
        return old

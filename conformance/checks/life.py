"""The life of every token, judged over all traffic of the run: what the oracle says of each use against what was seen."""

from collections.abc import Sequence

from conformance import oracle
from conformance.api import Api
from conformance.errors import NotApplicable, Violation
from conformance.model import Exchange, Severity
from conformance.registry import Differs, Script, rule
from conformance.scripts import ALIVE, DEAD, LOGIN, OK, line, logout, token, use


def touches_a_token(exchange: Exchange, api: Api) -> bool:
    """Every exchange: a token's life depends on all that happened before."""
    return exchange.request.operation in ("token", "logout", "resource")


def _life_rule(name: str, clause: str, title: str, right: Script, wrong: Sequence[Differs], axis: str = "") -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.CRITICAL,
        title=title,
        over="run",
        axis=axis,
        when=touches_a_token,
        right=right,
        wrong=wrong,
    )
    def lives_as_documented(exchanges: Sequence[Exchange], api: Api) -> tuple[Exchange, ...]:
        lives = oracle.lives(exchanges, api.profile, api.resource_alive, api.resource_dead)
        mine = [life for life in lives if life.clause == clause]
        if not mine:
            raise NotApplicable("no use of a token was seen that this clause decides", "no such use")
        for life in mine:
            if life.alive != life.seen_alive:
                status = life.exchange.reply.status if life.exchange.reply else 0
                want = "accepted" if life.alive else "refused"
                raise Violation(f"{life.token} {want}: {life.because}", f"status {status} in exchange {life.exchange.id}")
        return tuple(life.exchange for life in mine)


_life_rule(
    "life-token-reusable",
    "F-05",
    "A token is accepted whenever it is used, as long as nothing happened to it.",
    right=[line(LOGIN, token()), line(use(), ALIVE), line(use(), ALIVE)],
    wrong=[Differs(2, "status", 401)],
)
_life_rule(
    "life-second-login-spares-first",
    "F-25",
    "A second login does not end the token of the first.",
    axis="issue.policy",
    right=[line(LOGIN, token()), line(LOGIN, token("token#2")), line(use(), ALIVE)],
    wrong=[Differs(2, "status", 401)],
)
_life_rule(
    "life-dead-after-logout",
    "L-02",
    "A token is refused at every use after its logout.",
    right=[line(LOGIN, token()), line(logout(), OK), line(use(), DEAD)],
    wrong=[Differs(2, "status", 200)],
)
_life_rule(
    "life-logout-scope",
    "L-03",
    "Logout does to a sibling token always the same.",
    axis="logout.scope",
    right=[
        line(LOGIN, token()),
        line(LOGIN, token("token#2")),
        line(use(), ALIVE),
        line(logout("token#2"), OK),
        line(use(), ALIVE),
    ],
    wrong=[Differs(4, "status", 401)],
)
_life_rule(
    "life-ends-at-expiry",
    "N-6749-35",
    "A token is refused once its expires_in has passed.",
    right=[line(LOGIN, token(expires_in=-2)), line(use(), DEAD)],
    wrong=[Differs(1, "status", 200)],
)

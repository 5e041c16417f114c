"""The history of tokens: what overlaps a logout is not judged, a cap is told from a death, odd carriers leave a token open."""

import msgspec

from conformance import history
from conformance.api import bearer
from conformance.model import Exchange, Reply, Request, Slot
from conformance.scripts import ALIVE, API, DEAD, LOGIN, OK, logout, token, use


def exchange(number: int, request: Request, reply: Reply, sent: float, lasts: float = 0.1) -> Exchange:
    """An exchange of the history."""
    return Exchange(number, "test", request, sent, sent + lasts, reply)


def test_use_at_the_time_of_a_logout_is_not_judged() -> None:
    """Whatever a use that overlaps a logout shows, it breaks nothing; one that comes later is judged."""
    overlapping = [
        exchange(1, LOGIN, token(), 0),
        exchange(2, logout(), OK, 1.0, 0.3),
        exchange(3, use(), DEAD, 1.1),
        exchange(4, use(), ALIVE, 2.0),
    ]
    lives = history.lives(overlapping, API)
    assert [(life.exchange.id, life.alive, life.seen_alive, life.clause) for life in lives] == [(4, False, True, "L-02")]


def test_odd_carrier_leaves_the_token_open() -> None:
    """A token that was sent to logout in a query may live or not; nothing is concluded from it."""
    odd = API.logout(None, query=((("t",), (Slot("token#1"),)),))
    lives = history.lives([exchange(1, LOGIN, token(), 0), exchange(2, odd, OK, 1), exchange(3, use(), DEAD, 2)], API)
    assert lives == []


def test_token_of_the_client_itself_is_promised_no_life_at_the_resource() -> None:
    """Nobody says that a token of no user opens a user's resource, so its refusal there is no death."""
    alone = API.token_request(API.contract.operations["token"].grants[1].word)
    exchanges = [exchange(1, alone, token(), 0), exchange(2, use(), DEAD, 1), exchange(3, logout(), OK, 2), exchange(4, use(), ALIVE, 3)]
    assert [(life.exchange.id, life.alive) for life in history.lives(exchanges, API)] == [(4, False)]


def test_cap_explains_the_death_of_the_oldest() -> None:
    """Two tokens that died after as many later logins, while none lived on beyond, are a cap; one that died early is not."""
    names = [f"token#{number}" for number in range(1, 6)]
    issued = [exchange(number, LOGIN, token(name), number) for number, name in enumerate(names, 1)]
    ends = [exchange(10 + number, use(name), ALIVE if number >= 2 else DEAD, 20 + number) for number, name in enumerate(names)]
    assert history.cap_in(history.followed([*issued, *ends], API)) == 3
    assert [life.token for life in history.lives([*issued, *ends], API)] == ["token#3", "token#4", "token#5"]
    early = [*ends[:-1], msgspec.structs.replace(ends[-1], reply=DEAD)]
    assert history.cap_in(history.followed([*issued, *early], API)) is None


def test_expired_and_revoked_are_told_apart_at_logout() -> None:
    """A logout knows whether its token was living, revoked or expired before."""
    short = [
        exchange(1, LOGIN, token(expires_in=2), 0),
        exchange(2, API.logout(bearer(Slot("token#1"))), OK, 1),
        exchange(3, logout(), DEAD, 1.5),
        exchange(4, LOGIN, token("token#2", expires_in=2), 2),
        exchange(5, logout("token#2"), DEAD, 9),
    ]
    assert [(e.id, state) for e, state in history.states(short, API)] == [(2, "living"), (3, "revoked"), (5, "expired")]


def test_use_that_begins_after_its_logout_is_judged_whatever_goes_on() -> None:
    """A use of a logged-out token that overlaps the logout of another one breaks L-02."""
    busy = [
        exchange(1, LOGIN, token(), 0),
        exchange(2, LOGIN, token("token#2"), 0.2),
        exchange(3, logout(), OK, 1.0),
        exchange(4, use(), ALIVE, 1.2, 0.3),
        exchange(5, logout("token#2"), OK, 1.1, 0.9),
    ]
    lives = history.lives(busy, API)
    assert [(life.exchange.id, life.alive, life.seen_alive, life.clause) for life in lives] == [(4, False, True, "L-02")]


def test_token_that_comes_back_is_seen_within_any_budget() -> None:
    """An acceptance after a refusal is a flap, however long the budget; one that began before the refusal is none."""
    patient = msgspec.structs.replace(API, profile=msgspec.structs.replace(API.profile, revocation_budget_s=60))
    story = [
        exchange(1, LOGIN, token(), 0),
        exchange(2, logout(), OK, 1),
        exchange(3, use(), ALIVE, 2),
        exchange(4, use(), DEAD, 3, 0.5),
        exchange(5, use(), ALIVE, 3.2, 0.5),
        exchange(6, use(), ALIVE, 4),
    ]
    looks = list(history.looks_after_logout(story, patient))
    assert [(look.exchange.id, look.refused.id if look.refused else 0, look.alive) for look in looks] == [
        (3, 0, True),
        (4, 0, False),
        (5, 0, True),
        (6, 4, True),
    ]
    assert [life for life in history.lives(story, patient) if not life.alive] == []
    again = [*story[:4], exchange(5, LOGIN, token(), 4), exchange(6, use(), ALIVE, 5)]
    assert [look.alive for look in history.looks_after_logout(again, patient)] == [True, False]


def test_logouts_of_one_token_at_once_are_told_apart() -> None:
    """The second of two logouts at the same time is no logout of a dead token."""
    both = [
        exchange(1, LOGIN, token(), 0),
        exchange(2, logout(), OK, 1, 0.2),
        exchange(3, logout(), DEAD, 1.1, 0.2),
        exchange(4, logout(), DEAD, 2),
    ]
    assert [(e.id, state) for e, state in history.states(both, API)] == [(2, "living"), (3, "racing"), (4, "revoked")]


def test_renewed_token_has_the_owner_of_the_first_and_its_kin_is_not_judged() -> None:
    """A refresh may end the token that it renews, a logout what came of the same login; a sibling of another login survives both."""
    renewal = API.token_request(API.contract.operations["token"].grants[-1].word, fill={"refresh": "refresh#1"})
    told = [
        exchange(1, LOGIN, token(refresh="refresh#1"), 0),
        exchange(2, LOGIN, token("token#2"), 1),
        exchange(3, renewal, token("token#3"), 2),
        exchange(4, use("token#1"), DEAD, 3),
        exchange(5, use("token#2"), DEAD, 4),
        exchange(6, logout("token#1"), OK, 5),
        exchange(7, use("token#3"), DEAD, 6),
    ]
    lives = history.followed(told, API)
    assert [(life.exchange.id, life.alive, life.clause) for life in lives] == [(5, True, "F-05")]


def test_logout_of_a_dead_token_leaves_the_siblings_open() -> None:
    """Where logout ends every token of the user, that of a token which is dead already may end them or not; that of a living one does."""
    profile = msgspec.structs.replace(API.profile, readings=API.profile.readings | {"logout.scope": "user"})
    of_the_user = msgspec.structs.replace(API, profile=profile)
    again = [
        exchange(1, LOGIN, token(), 0),
        exchange(2, logout(), OK, 1),
        exchange(3, LOGIN, token("token#2"), 2),
        exchange(4, logout(), OK, 3),
        exchange(5, use("token#2"), ALIVE, 4),
        exchange(6, use("token#2"), DEAD, 5),
        exchange(7, LOGIN, token("token#3"), 6),
        exchange(8, LOGIN, token("token#4"), 7),
        exchange(9, logout("token#3"), OK, 8),
        exchange(10, use("token#4"), ALIVE, 9),
    ]
    lives = history.followed(again, of_the_user)
    assert [(life.exchange.id, life.alive, life.clause) for life in lives] == [(10, False, "L-03")]

"""The oracle: one fault is refused with one of at most two rows, several with the row of one of them, in whatever order."""

from collections.abc import Mapping
from functools import lru_cache

import pytest

from conformance import checks, contract
from conformance.api import MADE_UP_SECRET, PAGE_EXAMPLE, UNKNOWN_CLIENT, UNKNOWN_TOKEN, UNKNOWN_USER, basic, bearer, edited
from conformance.model import Request, Slot
from conformance.oracle import allowed, conditions
from conformance.precedence import combined
from conformance.profile import Profile
from conformance.reference.messages import Call
from conformance.reference.readings import READINGS
from conformance.reference.server import Server
from conformance.scripts import API
from tests.in_process import run_of

CODE, REFRESH = (grant.word for grant in API.contract.operations["token"].grants[2:])
SINGLE: dict[str, Request] = {
    "no-authorization": API.login(authorization=()),
    "wrong-scheme": API.login(authorization=bearer(UNKNOWN_TOKEN)),
    "undecodable-basic": API.login(authorization=PAGE_EXAMPLE),
    "no-colon": API.login(authorization=("Basic ", "YWJj")),
    "odd-basic": API.login(authorization=("Basic",)),
    "unknown-client": API.login(authorization=basic((UNKNOWN_CLIENT,), (MADE_UP_SECRET,))),
    "wrong-secret": API.login(authorization=basic((Slot("client.id"),), edited("client.secret", "reverse"))),
    "unapproved-client": API.login(client="unapproved_client"),
    "broken-client": API.login(client="broken_client"),
    "no-grant-type": API.login(change={"grant": None}),
    "unknown-grant-type": API.login(change={"grant": "nonsense"}),
    "grant-denied": API.login(client="client_without_grant"),
    "no-username": API.login(change={"user.username": None}),
    "no-password": API.login(change={"user.password": ""}),
    "unknown-user": API.login(change={"user.username": UNKNOWN_USER}),
    "wrong-password": API.login(change={"user.password": edited("user.password", "drop_last")}),
    "odd-user": API.login(change={"user.username": edited("user.username", "append", "\0x")}),
    "foreign-user": API.login(user="foreign_user"),
    "locked-user": API.login(user="locked_user"),
    "no-code": API.token_request(CODE, change={"code.code": None}),
    "unknown-code": API.token_request(CODE, change={"code.code": UNKNOWN_TOKEN}),
    "wrong-redirect": API.token_request(CODE, fill={"code": "authorization_codes.0"}, change={"code.redirect_uri": "https://x.invalid"}),
    "no-refresh-token": API.token_request(REFRESH, change={"refresh": None}),
    "unknown-refresh-token": API.token_request(REFRESH, change={"refresh": UNKNOWN_TOKEN}),
    "scope": API.login(change={"scope-wanted": UNKNOWN_TOKEN}),
    "refused-scope": API.login(change={"scope-wanted": (Slot("scopes.refused"),)}),
    "logout/no-authorization": API.logout(None),
    "logout/wrong-scheme": API.logout(("Token ", UNKNOWN_TOKEN)),
    "logout/empty-token": API.logout(("Bearer",)),
    "logout/malformed-token": API.logout(("Bearer a,b",)),
    "logout/unknown-token": API.logout(bearer(UNKNOWN_TOKEN)),
}
"""A request for each single fault that a request can show; `revoked-token` and `expired-token` are for the history to say."""

OPEN = {"scope": ("scope", "ignored"), "refused-scope": ("scope", "ignored"), "logout/unknown-token": ("logout.dead-token", "accepted")}
"""The faults with which a request may succeed, each under one reading only."""

CONCERNED = [
    {axis: word}
    for axis, words in READINGS.items()
    if API.contract.axes[axis].condition
    or axis in ("grant.other", "client.errors", "scope", "logout.dead-token", "errors.shape", "grant.user")
    for word in words
]


@lru_cache
def surveyed(readings: tuple[tuple[str, str], ...]) -> Profile:
    """What the survey makes of the reference server under these readings."""
    profile = run_of(Server, dict(readings)).run.survey()
    assert profile is not None
    return profile


def test_every_single_fault_is_in_the_table() -> None:
    """The table has each condition of the vocabulary, and the oracle sees in each request the fault that it stands for."""
    for name, request in SINGLE.items():
        assert conditions(request, API.contract) == frozenset({name.rpartition("/")[2]})
    assert {name.rpartition("/")[2] for name in SINGLE} == set(contract.CONDITIONS) - {"internal", "revoked-token", "expired-token"}


@pytest.mark.parametrize("readings", CONCERNED, ids=lambda readings: "".join(f"{axis}={word}" for axis, word in readings.items()))
def test_single_fault_allows_two_rows_at_most_and_never_success(readings: Mapping[str, str]) -> None:
    """Whatever choices the survey sees, a single fault is refused, with one of at most two rows."""
    profile = surveyed(tuple(readings.items()))
    for name, request in SINGLE.items():
        verdict = allowed(request, profile, API.contract)
        axis, word = OPEN.get(name, ("", ""))
        assert verdict.success == ("open" if axis and profile.reading(axis) == word else "forbidden"), name
        assert verdict.rows is None or 0 < len(verdict.rows) <= 2, name
        assert verdict.clause in API.contract.clauses or verdict.success == "open" or verdict.rows is None, name


def test_dead_token_has_a_row_at_logout() -> None:
    """What the history says of a token decides whether its logout must succeed, and which row refuses it."""
    request, profile = API.logout(bearer(Slot("token#1"))), surveyed(())
    assert allowed(request, profile, API.contract, "living").success == "required"
    assert allowed(request, profile, API.contract).success == "open"
    for state in ("revoked", "expired"):
        rows = allowed(request, profile, API.contract, state).rows
        assert rows is not None
        assert [row.code for row in rows] == [2]


def test_several_faults_allow_the_rows_of_each() -> None:
    """Two faults are refused with a row of either, and what the page writes itself must succeed."""
    for request in combined(API):
        wrong, verdict = conditions(request, API.contract), allowed(request, surveyed(()), API.contract)
        assert wrong is not None
        assert len(wrong) == 2
        assert verdict.success == "forbidden"
        assert {row.code for row in verdict.rows or ()} & {2, 20}
    assert allowed(API.login(user="second_user"), surveyed(()), API.contract).success == "required"
    assert allowed(API.login(user="second_user", client="second_client"), surveyed(()), API.contract).success == "open"


class Backwards(Server):
    """A correct server that looks at everything in the opposite order: scope, user, grant, client."""

    def authenticate(self, call: Call, form: dict[str, str]) -> str:
        grant = form.get("grant_type", "")
        if grant == "password":
            self.check_scope(form)
            self.check_user(form)
        self.check_grant(grant)
        return super().authenticate(call, form)


def test_any_order_is_legal_and_named() -> None:
    """A server that answers the last fault first fails nothing, and the profile holds its order."""
    record = run_of(Backwards, {}).conduct(checks.load(contract.load()))
    assert [finding.check for finding in record.findings if finding.outcome not in ("pass", "not-applicable")] == []
    assert record.profile is not None
    assert record.profile.order == {
        "no-authorization+no-grant-type": "no-grant-type",
        "undecodable-basic+unknown-grant-type": "unknown-grant-type",
        "unknown-client+unknown-grant-type": "unknown-grant-type",
        "unknown-client+unknown-user": "unknown-user",
        "unknown-grant-type+unknown-user": "unknown-grant-type",
        "scope+unknown-user": "scope",
    }

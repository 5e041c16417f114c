"""Replies and requests to write right= and wrong= scripts with: a server in miniature that does as the page says."""

import json
from typing import Any

from conformance import contract
from conformance.api import UNKNOWN_TOKEN, Api, basic, bearer
from conformance.dialect import Dialect
from conformance.model import Minted, Reply, Request, Slot
from conformance.profile import Profile
from conformance.registry import Differs, Line

JSON = ("Content-Type", "application/json")
DATE = ("Date", "Tue, 24 Nov 2026 12:00:00 GMT")
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"), DATE)


def token(slot: str = "token#1", refresh: str = "", **members: Any) -> Reply:
    """A token reply."""
    body = {"access_token": f"{{{slot}}}", "expires_in": 3600, "token_type": "Bearer"} | members
    minted = [Minted(slot, "token", 40, wellformed=True)]
    if refresh:
        body["refresh_token"] = f"{{{refresh}}}"
        minted.append(Minted(refresh, "refresh", 40, wellformed=True))
    return Reply(200, (JSON, *NO_STORE), json.dumps(body), minted=tuple(minted))


def error(code: int, message: str = "", status: int = 400, **headers: str) -> Reply:
    """An error reply in the dialect of PROFILE, with the message that the page has for the code at the token endpoint."""
    rows = contract.load().operations["token"].rows
    text = message or next((row.message for row in rows if row.code == code), "something else")
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, (JSON, *fields), json.dumps({"code": code, "message": text}))


def unauthorized(code: int) -> Reply:
    """An error about the client: 401 with a challenge."""
    return error(code, status=401, WWW_Authenticate='Basic realm="api"')


def invalid_token(status: int = 401) -> Reply:
    """Code 2 as logout means it."""
    return error(2, "Invalid access token", status, WWW_Authenticate='Bearer error="invalid_token"')


def bad_header(status: int = 401) -> Reply:
    """Code 6 as logout means it."""
    return error(6, status=status, WWW_Authenticate='Bearer realm="api"')


GRANTED = Differs(0, "json:access_token", "{token#1}")
"""The difference of a refusal that comes with a token."""

REFUSED_IN_200 = error(22, status=200)
"""A refusal that only the body tells (D-07 h): the page fixes no status, so it is a refusal all the same."""

OK = Reply(200, (("Content-Type", "text/plain"), ("Cache-Control", "no-store")), "OK!")
ALIVE = Reply(200, (JSON,), "{}")
DEAD = Reply(401, (("WWW-Authenticate", 'Bearer error="invalid_token"'),))
NOT_ALLOWED = Reply(405, (("Allow", "GET"), ("Content-Type", "text/plain")), "no")
NOT_FOUND = Reply(404, (("Content-Type", "text/plain"),), "no")

DIALECT = Dialect("code", "message", "number", "application/json")
PROFILE = Profile(
    dialects={"token": DIALECT, "logout": DIALECT},
    readings={"issue.policy": "independent", "logout.scope": "token", "logout.dead-token": "refused"},
    liveness="resource",
)
FIXTURES = (
    "resource second_user foreign_user locked_user second_client client_without_grant unapproved_client broken_client"
    " short_lived_client special_clients special_users authorization_codes scopes"
)
KINDS = ("colon", "percent", "plus", "space", "ampersand", "non-ascii", "beyond-bmp", "latin-1")
SPECIAL = {f"{who}:{kind}": f"special_{who}s.{n}" for who in ("client", "user") for n, kind in enumerate(KINDS)}
API = Api(contract.load(), PROFILE, fixtures=frozenset(FIXTURES.split()), special=SPECIAL, wire=True)

LOGIN = API.login()
LOGIN_NO_AUTHORIZATION = API.login(authorization=())
LOGIN_NO_GRANT = API.login(change={"grant": None})


def use(slot: str = "token#1") -> Request:
    """A use of the resource."""
    return API.use(Slot(slot))


def logout(slot: str = "token#1") -> Request:
    """A logout."""
    return API.logout(bearer(Slot(slot)))


LOGOUT_UNKNOWN = API.logout(bearer(UNKNOWN_TOKEN))
LOGOUT_BARE = API.logout(None)


def line(request: Request, reply: Reply) -> Line:
    """A line of a rule's script."""
    return Line(reply, request)


def unknown_client(**change: Any) -> Request:
    """A login by a client that does not exist."""
    return API.login(authorization=basic(("harness-nobody",), ("harness-nothing",)), **change)

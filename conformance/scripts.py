"""Replies and requests to write right= and wrong= scripts with: a server in miniature that does as the page says."""

import json
from typing import Any

from conformance import contract
from conformance.api import UNKNOWN_TOKEN, Api, basic, bearer
from conformance.dialect import Dialect
from conformance.model import Minted, Reply, Request, Slot
from conformance.profile import Profile
from conformance.registry import Line

JSON = ("Content-Type", "application/json")
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


def token(slot: str = "token#1", **members: Any) -> Reply:
    """A token reply."""
    body = {"access_token": f"{{{slot}}}", "expires_in": 3600, "token_type": "Bearer"} | members
    return Reply(200, (JSON, *NO_STORE), json.dumps(body), minted=(Minted(slot, "token", 40, wellformed=True),))


def error(code: int, message: str = "", status: int = 400, **headers: str) -> Reply:
    """An error reply in the dialect of PROFILE, with the message that the page has for the code at the token endpoint."""
    rows = contract.load().operations["token"].rows
    text = message or next(row.message for row in rows if row.code == code)
    fields = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, (JSON, *fields), json.dumps({"code": code, "message": text}))


def invalid_token(status: int = 401) -> Reply:
    """Code 2 as logout means it."""
    return error(2, "Invalid access token", status, WWW_Authenticate='Bearer error="invalid_token"')


REFUSED_IN_200 = error(22, status=200)
"""A refusal that only the body tells (D-07 h): the page fixes no status, so it is a refusal all the same."""

OK = Reply(200, (("Content-Type", "text/plain"),), "OK!")
ALIVE = Reply(200, (JSON,), "{}")
DEAD = Reply(401, (("WWW-Authenticate", 'Bearer error="invalid_token"'),))

DIALECT = Dialect("code", "message", "number")
PROFILE = Profile(
    dialects={"token": DIALECT, "logout": DIALECT},
    issue_policy="independent",
    logout_scope="token",
    dead_token_logout="refused",
    liveness="resource",
)
API = Api(contract.load(), PROFILE, fixtures=frozenset({"resource", "second_user"}))

LOGIN = API.login()
LOGIN_NO_AUTHORIZATION = API.login(authorization=None)
LOGIN_NO_GRANT = API.login(change={"grant_type": None})


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

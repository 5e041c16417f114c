"""What the second server is made of: its readings, the rows of the page, its accounts; and the target file that fits them."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

AXES = yaml.safe_load((Path(__file__).parents[1] / "openapi" / "interpretations.yaml").read_text(encoding="utf-8"))
FIRST: dict[str, str] = {name: next(iter(axis["readings"])) for name, axis in AXES.items() if axis["about"] == "server"}

VARIANTS: dict[str, dict[str, str]] = {
    "nested": {
        "token.path": "alias", "request.media-type": "multipart", "grant.user": "needed", "scope": "ignored",
        "username.case": "insensitive",
        "client.errors": "code-22", "basic.scheme": "code-22", "basic.undecodable": "code-22", "basic.no-colon": "code-22",
        "basic.encoding": "form", "client.in-body": "accepted", "expires_in.type": "string", "expires_in.value": "varies",
        "token_type": "lower-case", "token.format": "other", "refresh.rotation": "reusable", "refresh.after-logout": "survives",
        "errors.shape": "nested", "errors.code-type": "string", "errors.status": "all-400", "error.foreign-user": "code-20",
        "error.grant-denied": "code-5", "error.unapproved-client": "code-9", "error.broken-client": "code-9",
        "error.wrong-redirect": "code-4", "error.no-user": "code-2", "code-2": "message", "issue.policy": "same", "logout.scope": "user",
        "logout.revoked-token": "accepted", "logout.expired-token": "accepted", "logout.malformed": "code-2",
        "logout.doubled-prefix": "tolerated", "logout.body": "html", "logout.head": "harmless", "logout.post": "accepted",
        "logout.browser": "redirect",
    },
    "list": {
        "token.path": "redirect", "request.media-type": "any", "client.errors": "code-1", "basic.undecodable": "code-1",
        "basic.no-colon": "code-1", "basic.encoding": "both", "token_type": "absent", "token.format": "base64url",
        "refresh_token": "absent", "grant.other": "code-21", "errors.shape": "list", "errors.code-type": "composite",
        "errors.status": "other",
        "error.no-user": "code-9", "issue.policy": "revokes", "revocation.lag": "within-budget", "logout.body": "json",
        "logout.head": "revokes",
    },
    "xml": {
        "token.path": "other", "grant.other": "code-2", "refresh_token": "unusable", "errors.shape": "xml", "errors.code-type": "in-text",
        "errors.status": "in-200", "error.no-user": "other", "issue.policy": "capped", "logout.dead-token": "accepted",
        "logout.revoked-token": "accepted", "logout.expired-token": "accepted", "logout.body": "mislabelled", "logout.head": "harmless",
    },
    "words": {
        "errors.shape": "rfc", "errors.code-type": "none", "code-2": "message", "logout.body": "unlabelled", "token.format": "base64url",
        "logout.scope": "user", "expires_in.value": "varies", "refresh.rotation": "reusable",
    },
    "number": {"errors.shape": "rfc-and-code", "code-2": "endpoint", "token_type": "lower-case"},
    "plain": {"errors.shape": "text", "errors.code-type": "in-text", "logout.operation": "absent", "username.case": "insensitive"},
    "members": {
        "errors.shape": "members", "errors.code-type": "composite", "logout.malformed": "code-2", "logout.scope": "user",
        "error.unapproved-client": "code-9", "basic.scheme": "code-22", "client.errors": "code-22",
    },
    "gateway": {"errors.shape": "gateway", "errors.code-type": "string", "issue.policy": "capped", "scope": "ignored"},
}  # fmt: skip
"""The readings that each variant follows; an axis that one leaves out has the first reading of interpretations.yaml."""

GRANTS = ("password", "client_credentials", "authorization_code", "refresh_token")
LIFE_S, SCOPE = 3600, "subscriptions:read"


ROWS = {
    1: ("invalid_client", "Invalid client id"),
    2: ("invalid_request", "Missing or invalid grant_type"),
    4: ("invalid_grant", "Invalid authorization code"),
    5: ("unauthorized_client", "Not authorized to create access token"),
    6: ("invalid_client", "Missing or bad Authorization header"),
    7: ("invalid_grant", "Invalid refresh_token"),
    8: ("invalid_scope", "Illegal or non authorized scope"),
    9: ("invalid_client", "Invalid Client data"),
    12: ("invalid_grant", "Invalid RedirectURI"),
    16: ("invalid_client", "Invalid App Attributes.Please contact Telenor Admin"),
    20: ("invalid_grant", "Invalid resource owner credentials"),
    21: ("unauthorized_client", "Unsufficient permissions to use requested grant_type"),
    22: ("invalid_client", "Basic Authentication failed, bad username or password."),
    23: ("invalid_grant", "User credentials does not match granted client credentials"),
}
OTHER_STATUSES = {1: 401, 22: 401, 6: 401, 5: 403, 9: 403, 16: 403, 20: 401, 21: 403, 23: 403}


@dataclass(frozen=True)
class Client:
    """An application; `state` is ok, unapproved or broken."""

    secret: str
    life: float = LIFE_S
    grants: tuple[str, ...] = GRANTS
    state: str = "ok"


@dataclass(frozen=True)
class User:
    """A machine user, and whether it acts for this company's clients."""

    password: str
    ours: bool = True
    locked: bool = False


CLIENTS = {
    "fleet-portal": Client("Zr7kQm2TtVb9Lx4N"),
    "billing-sync": Client("p8HcW3yJdF6sGa1K"),
    "report-only": Client("Nn5vRz0BqXe8Uo2M", grants=("client_credentials",)),
    "pending-app": Client("aK4jTw9PyLi6Sh3C", state="unapproved"),
    "damaged-app": Client("uD1gVf7OxZm5Rb8E", state="broken"),
    "brief-app": Client("eQ6nHs2IwCk0Jt9Y", life=2),
    "odd app+1": Client("c:o%6Cl on+&ü"),
    "odd-app-2": Client("100%:+ -&-ñandú"),
}
USERS = {
    "api4790000001": User("m3Tro-Lamp.7"),
    "api4790000002": User("Kv8!quiet-sea"),
    "api4790000003": User("other*Company9", ours=False),
    "api4790000004": User("locked_Out-55", locked=True),
    "api+47&90 5": User("p:a%73s wo+rd&=ø"),
    "api4790000006": User("100%+ :& smørbrød 🎣"),
}
CODES = {f"Code.{number}-{'kLm9' * 5}": "https://fleet.example/return" for number in range(1, 5)}


def target(base_url: str, readings: Mapping[str, str], name: str = "second") -> dict[str, Any]:
    """The target file for this server, with every fixture."""
    users = [{"username": username, "password": user.password} for username, user in USERS.items()]
    clients = [{"id": client_id, "secret": client.secret} for client_id, client in CLIENTS.items()]
    names = ("second_client", "client_without_grant", "unapproved_client", "broken_client", "short_lived_client")
    fixtures: dict[str, Any] = dict(zip(("second_user", "foreign_user", "locked_user"), users[1:4], strict=True))
    fixtures |= dict(zip(names, clients[1:6], strict=True)) | {"short_lived_client": {**clients[5], "lifetime": 2}}
    return {
        "name": name, "base_url": base_url, "client": clients[0], "user": users[0],
        "fixtures": fixtures | {
            "special_clients": clients[6:], "special_users": users[4:],
            "authorization_codes": [{"code": code, "redirect_uri": uri} for code, uri in CODES.items()],
            "scopes": {"granted": SCOPE, "refused": "subscriptions:admin"},
            "resource": {"path": "/accounts/me", "alive": [200], "dead": [401]},
        },
        "revocation_budget_s": 1 if readings.get("revocation.lag") == "within-budget" else 0,
        "require": ["basic", "expires_in", "code-2", *([] if readings.get("logout.operation") == "absent" else ["logout"])],
    }  # fmt: skip

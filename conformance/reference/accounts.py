"""Who may log in at the reference server: clients, users and authorization codes, one of each kind that the documentation knows."""

from dataclasses import dataclass

GRANTS = ("password", "client_credentials", "authorization_code", "refresh_token")
SHORT_LIFE = 2
"""Seconds that a token of the short-lived client lives."""

SCOPE = "subscriptions"
"""The one scope that clients may have."""

REDIRECT = "https://app.example/after-logout"
"""The one address that the browser mode of logout redirects to."""


@dataclass(frozen=True)
class Client:
    """An application. `approved` and `sound` are what error rows 5 and 16 are about, `grants` what row 21 is."""

    secret: str
    grants: tuple[str, ...] = GRANTS
    approved: bool = True
    sound: bool = True
    lifetime: int | None = None
    company: str = "one"


@dataclass(frozen=True)
class User:
    """A machine user; a client serves the users of its own company only (row 23)."""

    password: str
    company: str = "one"
    locked: bool = False


@dataclass(frozen=True)
class Code:
    """An authorization code as a browser would have brought it; it serves once."""

    client: str
    user: str
    redirect_uri: str


CLIENTS = {
    "reference-client": Client("ref-Secret-Kq7vXw29"),
    "second-client": Client("ref-Secret-Mt4hZp83"),
    "short-lived-client": Client("ref-Secret-Jd6sGy51", lifetime=SHORT_LIFE),
    "client-without-grant": Client("ref-Secret-Vb8nRc37", grants=("client_credentials",)),
    "unapproved-client": Client("ref-Secret-Wq2xTf64", approved=False),
    "broken-client": Client("ref-Secret-Ln5dYk90", sound=False),
    "special-client-1": Client("ref:Secret:Hs3k"),
    "special-client-2": Client("ref%41Secret%zz9"),
    "special-client-3": Client("ref+Secret+Pw6m"),
    "special-client-4": Client("ref Secret Xc1v"),
    "special-client-5": Client("réf-Sécret-€7b"),
    "special-client-6": Client("réf-Sécret-ø5t"),
}
USERS = {
    "api7813370001": User("Pw-4hTzQ9rLk2"),
    "api7813370002": User("Pw-8mVbN3xYd6"),
    "api7813370003": User("Pw-1cFgH7jWs5", company="two"),
    "api7813370004": User("Pw-6kXpB2nMz8", locked=True),
    "api7813370005": User("Pw+9%26=&q Rt"),
    "api7813370006": User("Pw-øæå-€4LnB"),
    "api7813370007": User("Pw-\U0001d11e\U0001f511-8Rt"),
}
CODES = {
    f"code-{serial}": Code("reference-client", "api7813370001", f"https://app.example/back/{number}")
    for number, serial in enumerate(("Zt6Hq1Wc8N", "Bv3Rk9Xs5M", "Jf7Yd2Lp4G", "Ud5Nc8Tq1K", "Em2Wx6Vb9R", "Gs8Kp4Zh3D"))
}

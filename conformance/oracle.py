"""The documentation as a function: what is wrong with a request, and what may answer it. Shares no code with the reference server."""

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Literal

import msgspec

from conformance import edits
from conformance.api import PAGE_EXAMPLE, Api, bearer
from conformance.contract import Contract
from conformance.documented import ErrorRow, Grant, Operation, role_of
from conformance.model import Edit, Exchange, Request, Slot, Text
from conformance.profile import Profile

UNCLEAR = "unclear"
"""Stands among the conditions of a request of which the documentation does not say what it means."""

OF_THE_CLIENT = {"client_without_grant": "grant-denied", "unapproved_client": "unapproved-client", "broken_client": "broken-client"}
OF_THE_USER = {"foreign_user": "foreign-user", "locked_user": "locked-user"}
"""Fixtures with which a request has a fault although its credentials are right."""

ABOUT_BASIC = frozenset(
    {"no-authorization", "wrong-scheme", "undecodable-basic", "no-colon", "odd-basic", "unknown-client", "wrong-secret"}
)
"""The conditions under which the client is not authenticated."""


@lru_cache(maxsize=1 << 14)
def conditions(request: Request, contract: Contract) -> frozenset[str] | None:
    """What is wrong with a request, in the vocabulary of x-errors; empty if nothing is; None if we cannot tell."""
    if request.path or request.query or request.body is not None or not plain_http(request):
        return None
    if request.operation == "token":
        return _token_conditions(request, contract)
    if request.operation == "logout":
        return _logout_conditions(request, contract)
    return None


ASKS_OF_HTTP = {"expect", "transfer-encoding"}
"""Fields by which a request asks something of HTTP itself, which may be refused before the API sees it."""


def breaks_http(request: Request) -> bool:
    """Whether the request is none that HTTP/1.1 allows, so that it is not the API that answers it."""
    return "Host" in request.without or "host" in _names(request) or any(name != name.strip() for name, _ in request.headers)


def plain_http(request: Request) -> bool:
    """Whether the request asks nothing of HTTP itself that a server may refuse, or not understand."""
    return not breaks_http(request) and not _names(request) & ASKS_OF_HTTP


def _names(request: Request) -> set[str]:
    return {name.lower() for name, _ in request.headers}


def _token_conditions(request: Request, contract: Contract) -> frozenset[str] | None:
    operation = contract.operations["token"]
    form = request.form or ()
    names = [edits.literal(name) for name, _ in form]
    media = [value for key, value in request.headers if key.lower() == "content-type"]
    if request.method != operation.method or any(edits.spelled(text) for pair in form for text in pair):
        return None
    if len(set(names)) != len(names) or media != [(operation.media_type,)]:
        return None
    if not all(name in operation.parameters or (name or "").startswith("x-harness") for name in names):
        return None
    sent = {role_of(operation.parameters.get(name or "", {})): value for name, (_, value) in zip(names, form, strict=True)}
    word = edits.literal(sent.get("grant", ("",)))
    grants = {grant.word: grant for grant in operation.grants}
    found = set(_basic_conditions(request, word == operation.grant().word))
    if word == "":
        found |= {"no-grant-type", *_grant_conditions(sent, operation.grant())}
    elif word in grants:
        found |= set(_grant_conditions(sent, grants[word]))
    else:
        found |= {UNCLEAR} if word is None else {"unknown-grant-type", *_grant_conditions(sent, operation.grant())}
    return None if UNCLEAR in found else frozenset(found)


def _grant_conditions(sent: dict[str, Text], grant: Grant) -> Iterator[str]:
    """What is wrong with the parameters of a grant; the contract says which ones it requires."""
    required = {role_of(grant.parameters[name]) for name in grant.required}
    missing = {role for role in required if edits.literal(sent.get(role, ("",))) == ""}
    for role, condition in MISSING.items():
        if role in missing:
            yield condition
    if "user.username" in required and not missing & {"user.username", "user.password"}:
        yield from _user_conditions(sent["user.username"], sent["user.password"])
    if "code.code" in required - missing:
        yield from _code_conditions(sent["code.code"], sent.get("code.redirect_uri", ()))
    if "refresh" in required - missing and "refresh#" not in "".join(_slot(sent["refresh"])):
        yield "unknown-refresh-token"
    scope = sent.get("scope-wanted", ("",))
    if scope == (Slot("scopes.refused"),):
        yield "refused-scope"
    elif edits.literal(scope) != "" and scope != (Slot("scopes.granted"),):
        yield "scope"


MISSING = {"user.username": "no-username", "user.password": "no-password", "code.code": "no-code", "refresh": "no-refresh-token"}


def _slot(value: Text) -> tuple[str, ...]:
    """The name of the slot that is the whole value, if one is."""
    return (value[0].name,) if len(value) == 1 and isinstance(value[0], Slot) else ()


def _user_conditions(user: Text, password: Text) -> Iterator[str]:
    group = "".join(_slot(user)).removesuffix(".username")
    if group:
        if password != (Slot(f"{group}.password"),):
            yield "odd-user" if strange(password) else "wrong-password"
        elif group in OF_THE_USER:
            yield OF_THE_USER[group]
    elif edits.literal(user) is not None:
        yield "unknown-user"
    elif strange(user):
        yield "odd-user"
    else:
        # Whether user names are compared with regard to case is a reading (D-28).
        yield UNCLEAR if any(isinstance(part, Edit) and part.op == "swap_case" for part in user) else "unknown-user"


def _code_conditions(code: Text, redirect: Text) -> Iterator[str]:
    group = "".join(_slot(code)).removesuffix(".code")
    if not group:
        yield "unknown-code"
    else:
        # A code serves once; whether this one still does is not written in the request.
        yield UNCLEAR if redirect == (Slot(f"{group}.redirect_uri"),) else "wrong-redirect"


def _basic_conditions(request: Request, first_grant: bool) -> Iterator[str]:
    lines = [value for name, value in request.headers if name.lower() == "authorization"]
    if len(lines) != 1:
        yield UNCLEAR if lines else "no-authorization"
        return
    scheme, pair = _scheme(lines[0]), _basic_pair(lines[0])
    if scheme.lower() != "basic":
        yield "no-authorization" if lines[0] == ("",) else "wrong-scheme" if _readable(lines[0]) else "odd-basic"
    elif pair is not None:
        yield from _pair_conditions(*pair, first_grant)
    else:
        yield from _encoded_conditions(edits.literal(lines[0]) if edits.slots(lines[0]) == frozenset() else None)


def _pair_conditions(client: Text, secret: Text, first_grant: bool) -> Iterator[str]:
    """What is wrong with the id and secret of a header that `api.basic` built."""
    name = "".join(_slot(client))
    group = name.removesuffix(".id") if name.endswith(".id") else ""
    if any(slot.startswith("special_clients") for slot in edits.slots((*client, *secret))) or edits.spelled(secret):
        yield UNCLEAR  # how such credentials are to be encoded is a reading (D-08)
    elif group and secret == (Slot(f"{group}.secret"),):
        condition = OF_THE_CLIENT.get(group, "")
        if condition:
            yield condition if condition != "grant-denied" or first_grant else UNCLEAR
    elif any(len(part) > LONG for part in (*client, *secret) if isinstance(part, str)):
        yield UNCLEAR
    elif not client or strange((*client, *secret)):
        yield "odd-basic"
    else:
        yield "wrong-secret" if group else "unknown-client"


def strange(value: Text) -> bool:
    """Whether the value holds what a server may refuse before it compares it: control characters, or an edit that adds them."""
    added = [text for part in value if isinstance(part, Edit) for text in part.args if isinstance(text, str)]
    return not all(text.isprintable() for text in (*added, *(part for part in value if isinstance(part, str))))


LONG = 1000
"""How long a value may be before a server may refuse it for its length alone."""


def _encoded_conditions(value: str | None) -> Iterator[str]:
    """What is wrong with a `Basic` header whose credentials were written by hand, without any secret."""
    encoded = (value or "").partition(" ")[2].strip(" ")
    octets = edits.decode_base64(encoded)
    if value is None:
        yield UNCLEAR
    elif not encoded:
        yield "odd-basic"
    elif octets is None:
        # Other texts that are no Base64 may be no pair for one decoder and a pair for the next.
        yield "undecodable-basic" if value == edits.literal(PAGE_EXAMPLE) else "odd-basic"
    elif not octets.isascii() or not octets.decode("ascii").isprintable() or b":" in (octets[:1], octets[-1:]):
        yield "odd-basic"
    else:
        yield "unknown-client" if b":" in octets else "no-colon"


def _scheme(value: Text) -> str:
    """The word before the first space; none if the value begins with a slot."""
    first = value[0] if value else ""
    return first.partition(" ")[0] if isinstance(first, str) else ""


def _basic_pair(value: Text) -> tuple[Text, Text] | None:
    """The id and secret of a `Basic` header built by `api.basic`, else None."""
    if len(value) != 2 or not isinstance(value[1], Edit) or value[1].op != "base64" or ":" not in value[1].of or value[0][-1:] != " ":  # type: ignore[index]
        return None
    place = value[1].of.index(":")
    return value[1].of[:place], value[1].of[place + 1 :]


def _logout_conditions(request: Request, contract: Contract) -> frozenset[str] | None:
    lines = [value for name, value in request.headers if name.lower() == "authorization"]
    if request.method != contract.operations["logout"].method or len(lines) > 1 or len(request.headers) > len(lines):
        return None
    if token_presented(request):
        return frozenset()
    condition = _token_condition(lines[0] if lines else ("",))
    return frozenset({condition}) if condition else None


def _token_condition(value: Text) -> str:
    """What is wrong with a logout's Authorization that presents no token plainly; empty if we cannot tell."""
    scheme = _scheme(value)
    if value == ("",):
        return "no-authorization"
    if scheme.lower() != "bearer":
        # Whether a server understands the header's name within its value, as line 52 writes it, is a reading (D-26).
        return "wrong-scheme" if scheme.lower() != "authorization:" and _readable(value) else ""
    if edits.slots(value):
        # Of another value of a token we know that nobody issued it, but not whether it still has the form of a token.
        formless = {part.op for part in value if isinstance(part, Edit)} & {"append", "double", "quoted"}
        return "unknown-token" if any(edits.altered(value)) and not formless else ""
    token = (edits.literal(value) or "")[len(scheme) :].strip(" ")
    if set(token) & set(' ,"'):
        return "malformed-token"
    # Other characters that no token has are a bad header for one server, an invalid token for the next.
    return "empty-token" if not token else "unknown-token" if TOKEN68.fullmatch(token) else ""


def _readable(value: Text) -> bool:
    """Whether a field can be read as a scheme with what follows it; a front-end may refuse any other without asking the API."""
    literal = edits.literal(value)
    return literal is None or re.fullmatch(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+( [ -~]*)?", literal) is not None


TOKEN68 = re.compile(r"[A-Za-z0-9._~+/-]+=*")
"""What a Bearer token may be (RFC 9110 section 11.2)."""


def grant_of(request: Request, contract: Contract) -> str:
    """The grant_type that a token request names; empty where it names none."""
    parameters = contract.operations["token"].parameters
    for name, value in request.form or ():
        if role_of(parameters.get(edits.literal(name) or "", {})) == "grant":
            return edits.literal(value) or ""
    return ""


def token_presented(request: Request) -> str | None:
    """The slot of the token that the request presents as a Bearer, in any case of the scheme, else None."""
    for name, value in request.headers:
        if name == "Authorization" and len(value) == 2 and isinstance(value[1], Slot) and isinstance(value[0], str):
            return value[1].name if value[0].lower() == bearer("")[0].lower() else None  # type: ignore[union-attr]
    return None


def only_fault(name: str, operation: str = "token") -> Callable[[Exchange, Api], bool]:
    """The predicate of exchanges whose request has this fault and no other, a grant that the server may not serve included."""

    def holds(exchange: Exchange, api: Api) -> bool:
        request = exchange.request
        alone = request.operation == operation and conditions(request, api.contract) == frozenset({name})
        return alone and (has_the_stars(request, api.contract) if name in OF_OTHER_GRANTS else not names_other_grant(request, api.contract))

    return holds


OF_OTHER_GRANTS = ("no-code", "unknown-code", "wrong-redirect", "no-refresh-token", "unknown-refresh-token")
"""The conditions that only a request of another grant than the first can be in."""


def names_other_grant(request: Request, contract: Contract) -> bool:
    """Whether a token request names one of the grants of which the page documents the name and nothing else (D-12)."""
    return request.operation == "token" and grant_of(request, contract) in [g.word for g in contract.operations["token"].grants[1:]]


def for_the_client(request: Request, contract: Contract) -> bool:
    """Whether a token request asks for a token of no user, of which nobody promises that it opens a user's resource (S-25)."""
    return grant_of(request, contract) in [grant.word for grant in contract.operations["token"].grants if len(grant.required) == 1]


def has_the_stars(request: Request, contract: Contract) -> bool:
    """Whether a token request holds every parameter that the page stars for every grant (D-12); without, that alone may be its fault."""
    return {edits.literal(name) for name, _ in request.form or ()} >= set(contract.operations["token"].grant().required)


class Allowed(msgspec.Struct, frozen=True):
    """What may answer a request.

    `rows`: those of which a refusal must name one; None where the documentation has none for it, and any refusal will do.
    `clause`: the one that requires or forbids success; empty where the documentation leaves it open.
    """

    success: Literal["required", "forbidden", "open"]
    rows: tuple[ErrorRow, ...] | None = None
    clause: str = ""


def allowed(request: Request, profile: Profile, contract: Contract, state: str = "") -> Allowed:
    """What may answer this request on a server with this profile.

    A request with a single fault is refused, with one of at most two rows once the survey has seen the server's choices.
    Several faults allow the rows of each, for the documentation fixes no order; the one seen is in the profile's `order`.
    `state` is what the history says of the token that a logout presents: `living`, `revoked` or `expired`
    (`history.states`); without it, whether that succeeds is open.
    """
    wrong, operation = conditions(request, contract), contract.operations.get(request.operation)
    if wrong is None or operation is None or (operation.name == "logout" and profile.reading("logout.operation") == "absent"):
        return Allowed("open")
    if not wrong and operation.name == "logout":
        dead = f"{state}-token" if state in ("revoked", "expired") else ""
        return Allowed("open", rows_for(dead, operation, profile)) if dead else LIVING if state == "living" else Allowed("open")
    if not wrong:
        written = _as_documented(request, contract) and not names_other_grant(request, contract)
        return Allowed("required", clause="F-04") if written else Allowed("open")
    found = [rows_for(condition, operation, profile) for condition in wrong]
    rows = tuple(row for row in operation.rows if any(row in group for group in found)) if all(found) else None
    alone = len(wrong) == 1 and wrong <= set(OF_OTHER_GRANTS) and has_the_stars(request, contract)
    if names_other_grant(request, contract) and not alone:
        rows = None  # the server may not serve the grant, and what else is wrong comes on top
    if all(_tolerated(condition, profile) for condition in wrong):
        return Allowed("open", rows)
    return Allowed("forbidden", rows, "F-04" if operation.name == "token" and wrong - SCOPES else rows[0].clause if rows else "")


LIVING = Allowed("required", clause="L-01")


def together(wrong: frozenset[str]) -> str:
    """The name of a combination of faults, as the profile's `order` has it: `no-authorization+no-grant-type`."""
    return "+".join(sorted(wrong))


def rows_for(condition: str, operation: Operation, profile: Profile) -> tuple[ErrorRow, ...]:
    """The rows that may answer a single fault on this server; none where the documentation has none."""
    rows, invented = profile.allowed(operation, condition), profile.allowed(operation, "unknown-code")
    if condition == "no-code" and len(invented) == 1:
        # If the grant is not served, a missing code is answered like an invented one.
        return invented if code_unserved(operation, profile) else tuple(row for row in rows if "grant-denied" not in row.when)
    return rows


def code_unserved(operation: Operation, profile: Profile) -> bool:
    """Whether the row for an invented code tells that the grant of codes is not served, or not to this client."""
    invented = profile.allowed(operation, "unknown-code")
    return len(invented) == 1 and bool({"unknown-grant-type", "grant-denied"} & set(invented[0].when))


SCOPES = frozenset({"scope", "refused-scope"})
"""The conditions under which the credentials suffice, but not for what is wanted."""


def _tolerated(condition: str, profile: Profile) -> bool:
    """Whether a reading of the documentation lets a request with this fault succeed, and this server may follow it."""
    if condition in SCOPES:
        return profile.reading("scope") != "validated"
    return condition == "unknown-token" and profile.reading("logout.dead-token") != "refused"


def _as_documented(request: Request, contract: Contract) -> bool:
    """Whether a request without a fault is one that the page itself writes: its first grant, its header fields, its parameters.

    Of its client and user one at least is the target file's own: the others are promised to serve with those only.
    """
    names = sorted(str(edits.literal(name)) for name, _ in request.form or ())
    schemes = {key: value[:1] for key, value in request.headers}
    used = frozenset[str]().union(*map(edits.slots, edits.texts(request)))
    strangers = {slot.partition(".")[0] for slot in used} - {"client", "user"}
    plain = len(request.headers) == 2 and schemes.keys() == {"Authorization", "Content-Type"} and schemes["Authorization"] == ("Basic ",)
    return plain and names == sorted(contract.operations["token"].grant().required) and len(strangers) < 2 and strangers <= SERVED


SERVED = {"second_client", "second_user", "short_lived_client"}
"""The fixtures with which a login is promised to succeed."""


def spends(request: Request, contract: Contract) -> str | None:
    """The budget that the request draws on: `wrong_secrets`, `wrong_passwords` or none."""
    wrong = conditions(request, contract) or frozenset()
    altered = {slot for text in edits.texts(request) for slot in edits.altered(text)}
    pairs = [pair for name, value in request.headers if name == "Authorization" and (pair := _basic_pair(value)) is not None]
    if "wrong-secret" in wrong or any(slot.endswith(".secret") for slot in altered) or any(edits.spelled(secret) for _, secret in pairs):
        return "wrong_secrets"
    if any(slot.endswith((".password", ".username")) for slot in altered):
        return "wrong_passwords"
    return "wrong_passwords" if "wrong-password" in wrong and not wrong & {"no-authorization", "unknown-client"} else None

"""Generated traffic as data: strategies that draw JSON values.

Hypothesis and schemathesis are imported when they are needed: they take longer to load than a small run.
"""

import json
from collections.abc import Iterator
from functools import lru_cache, partial
from typing import Any

import msgspec

from conformance import edits
from conformance.api import Api, bearer, credentials
from conformance.contract import Contract
from conformance.documented import Operation, role_of
from conformance.model import Pairs, Request, Slot, Text
from conformance.search import Drawn

Move = list[str | int]
"""One change of a login's parameters: its name, then what it is applied to. `checks/parameters.py` carries it out."""


class Spelled(msgspec.Struct, frozen=True):
    """A login whose parameters are form-encoded in other ways: role → spellings of name and value; perhaps one is missing."""

    user: str
    spellings: dict[str, tuple[str, str]]
    without: str = ""


class Case(msgspec.Struct, frozen=True):
    """A request as schemathesis drew it; credentials stand in slots."""

    operation: str
    method: str
    valid_credentials: bool
    authorized: bool = True
    media_type: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    query: tuple[tuple[str, str], ...] = ()
    form: tuple[tuple[str, str], ...] | None = None


def programs(api: Api, seed: int) -> Any:
    """Lifecycle programs such as `[["issue"], ["refresh", 0], ["logout", 1], ["use", 0]]`; 0 is the last token, 1 the one before.

    A program is drawn as two numbers whose digits are steps: of a list of steps Hypothesis would draw many near copies.
    """
    from hypothesis import strategies as st

    half = st.integers(0, len(STEPS) ** HALF - 1)
    ends = [["use", place] for place in range(5)]
    return st.tuples(half, half).map(lambda drawn: [["issue"], ["use", 0], ["issue"], *_steps(drawn[0]), *_steps(drawn[1]), *ends])


HALF = 4
"""How many steps are drawn at once."""

STEPS: tuple[list[str | int] | None, ...] = (
    None,
    ["issue"],
    ["use", 0],
    ["logout", 0],
    ["logout", 0],
    ["logout", 1],
    ["logout", 2],
    ["refresh", 0],
    ["refresh", 0],
    ["refresh", 1],
    ["refresh", 2],
    ["other", 0],
    ["other", 1],
    ["again", 0],
    ["again", 1],
    ["issue"],
)
"""What a step may be: nothing, a login of the same or of another user or client, or what is done with one of the tokens."""


def _steps(number: int) -> list[list[str | int]]:
    digits = [STEPS[number // len(STEPS) ** place % len(STEPS)] for place in range(HALF)]
    return [step for step in digits if step is not None]


def parameter_moves(api: Api, seed: int) -> Any:
    """Changes of a login's parameters, such as `[["rename", "user.username", "upper"], ["extra", "x", "1", 0]]`."""
    from hypothesis import strategies as st

    operation = api.contract.operations["token"]
    roles = [role_of(operation.grant().parameters[name]) for name in operation.grant().required]
    known = {name.lower() for name in operation.parameters} | set(CLIENT_PARAMETERS)
    unknown = st.text("abxYZ019_-. é", min_size=1, max_size=8).filter(lambda name: name.lower() not in known)
    place = st.integers(0, 3)
    optional = sorted({*map(role_of, operation.parameters.values())} - set(roles))
    nothing: st.SearchStrategy[Move | None] = st.none()
    return st.tuples(
        st.tuples(st.just("turn"), place).map(list),
        nothing | st.tuples(st.just("extra"), unknown, st.text("abc019 &=+%é", max_size=6), place).map(list),
        st.lists(st.sampled_from(optional), unique=True, max_size=3),
        st.one_of(
            nothing,
            nothing,
            st.tuples(st.just("rename"), st.sampled_from(roles), st.sampled_from(["upper", "title", "swap"])).map(list),
            st.tuples(st.just("repeat"), st.sampled_from(roles), place).map(list),
            st.tuples(st.just("query"), st.sampled_from(roles)).map(list),
        ),
    ).map(lambda drawn: [move for move in (*drawn[:2], *(["empty", role, 0] for role in drawn[2]), drawn[3]) if move is not None])


CLIENT_PARAMETERS = ("client_id", "client_secret", "client_assertion", "client_assertion_type")
"""Parameters of RFC 6749 and RFC 7521 that servers know although the documentation does not name them."""


def spelled_logins(api: Api, seed: int) -> Any:
    """A login whose parameters are spelled octet by octet, in upper or lower case, or as usual; now and then one is missing."""
    from hypothesis import strategies as st

    operation = api.contract.operations["token"]
    roles = [role_of(operation.grant().parameters[name]) for name in operation.grant().required]
    special = sorted({slots for kind, slots in api.special.items() if kind.startswith("user:")})
    spelling = st.sampled_from(["", *edits.SPELLINGS])
    return st.builds(
        Spelled,
        user=st.sampled_from(["user", *special]),
        spellings=st.fixed_dictionaries({role: st.tuples(spelling, spelling) for role in roles}),
        without=st.sampled_from(["", "", "", *roles]),
    )


def junk_headers(api: Api, seed: int) -> Any:
    """Texts to stand in Authorization, none of which holds a credential; None is the right header."""
    from hypothesis import strategies as st

    return st.none() | st.lists(st.sampled_from(JUNK), min_size=1, max_size=5).map("".join)


JUNK = (
    "Basic",
    "Bearer",
    "basic",
    "Digest",
    "Basicx",
    " ",
    "  ",
    ",",
    "=",
    ":",
    ";",
    '"',
    "YWJj",
    "aGFybmVzczpoYXJuZXNz",
    "Og==",
    "%",
    "é",
    "\t",
    "x",
)
"""Of what junk in an Authorization field is made."""


class Body(msgspec.Struct, frozen=True):
    """A login as bytes: its pairs, with pieces before, between and behind them, in some media type, perhaps without the password."""

    pieces: tuple[str, ...] = ()
    place: int = 0
    media_type: str = ""
    repeat: int = 1
    password: bool = True


def bodies(api: Api, seed: int) -> Any:
    """Bodies with bad percent sequences, control characters, odd separators and charsets, and large ones."""
    from hypothesis import strategies as st

    media = api.contract.operations["token"].media_type
    types = ["", "", "", f"{media}; charset=utf-16", f"{media}; charset=x-none", f"{media};", "multipart/form-data; boundary=x", "text/xml"]
    return st.builds(
        Body,
        pieces=st.lists(st.sampled_from(PIECES), max_size=4).map(tuple),
        place=st.integers(0, 3),
        media_type=st.sampled_from(types),
        repeat=st.sampled_from([1, 1, 1, 2000]),
        password=st.booleans(),
    )


PIECES = (
    "&",
    "&&",
    "=",
    "&x=%",
    "&x=%zz",
    "&x=%0",
    "&%=1",
    "&x=%00",
    "&x=%ff%fe",
    "&x=\0",
    "&x=\r\n",
    "\r\n",
    ";",
    "&x=é",
    "&x",
    "&=1",
    "+",
    "&x=%u0041",
)
"""Of what bad bodies are made."""


def token_near_misses(api: Api, seed: int) -> Any:
    """Edits of a token, such as `[["drop_last"], ["replace_at", 7]]`, each of which makes another value of it."""
    from hypothesis import strategies as st

    return st.tuples(
        st.sampled_from([["drop_first"], ["drop_last"], ["double"], ["reverse"]]),
        st.tuples(st.sampled_from(["replace_at", "drop_at", "swap_case"]), st.integers(1, 60)).map(list),
        st.tuples(st.sampled_from(["append", "prepend"]), st.sampled_from(["x", "A", "0", "-", "."])).map(list),
    ).map(list)


def schemathesis_cases(api: Api, seed: int) -> Drawn:
    """Positive and negative requests of both operations: those of schemathesis's coverage phase, then drawn ones."""
    return Drawn(_coverage(api.contract), _fuzzing(api))


@lru_cache(maxsize=1)
def _coverage(contract: Contract) -> tuple[Case, ...]:
    """The boundary cases of every parameter, method and media type, each once; schemathesis makes them without chance."""
    from schemathesis import GenerationMode

    found: dict[bytes, Case] = {}
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    for name, schema, described in _described(contract):
        config = schema.config.generation_for(operation=described, phase="coverage")
        for case in schema.iter_coverage_cases(described, generation_modes=modes, generation_config=config):
            filled = case.body if isinstance(case.body, dict) else {}
            given = {filled.get(key, DEFAULT) for key, spec in contract.operations[name].parameters.items() if "user." in role_of(spec)}
            one = _as_case(name, case, valid=given <= {DEFAULT, ""}, authorized="Authorization" in (case.headers or {}))
            found.setdefault(msgspec.json.encode(one), one)
    return tuple(found.values())


DEFAULT = "0"
"""What schemathesis gives a text with which nothing is to be wrong: credentials take its place."""


def _fuzzing(api: Api) -> Any:
    """Requests that schemathesis draws, with all that is valid or with something that is not."""
    from hypothesis import strategies as st
    from schemathesis import GenerationMode

    strategies = []
    for name, _, described in _described(api.contract):
        for mode in GenerationMode:
            if api.contract.operations[name].grants or mode is GenerationMode.POSITIVE:
                valid = mode is GenerationMode.POSITIVE
                drawn = described.as_strategy(generation_mode=mode)
                strategies.append(drawn.map(partial(_as_case, name, valid=valid, authorized=True)))
    return st.one_of(strategies)


def _described(contract: Contract) -> Iterator[tuple[str, Any, Any]]:
    """Each operation, once for each of its grants, with the schema and operation that schemathesis makes of it."""
    import schemathesis
    from schemathesis.config import SchemathesisConfig

    config = SchemathesisConfig.from_dict({"base-url": "http://127.0.0.1", "cache": {"enabled": False}})
    for name, operation in contract.operations.items():
        for document in _one_grant_each(contract, operation):
            schema = schemathesis.openapi.from_dict(document, config=config)
            yield name, schema, schema[operation.path][operation.method]


def _as_case(name: str, drawn: Any, *, valid: bool, authorized: bool) -> Case:
    headers = {str(key): _one_line(value) for key, value in (drawn.headers or {}).items()}
    return Case(
        operation=name,
        method=drawn.method.upper(),
        valid_credentials=valid,
        authorized=authorized,
        media_type=next((value for key, value in headers.items() if key.lower() == "content-type"), ""),
        headers=tuple((key, value) for key, value in headers.items() if key.lower() != "authorization"),
        query=tuple((str(key), str(value)) for key, value in (drawn.query or {}).items()),
        form=tuple((str(key), str(value)) for key, value in drawn.body.items()) if isinstance(drawn.body, dict) else None,
    )


def _one_grant_each(contract: Contract, operation: Operation) -> Iterator[dict[str, Any]]:
    """The contract once for each alternative of the operation's form: drawing from a `oneOf` takes schemathesis seconds."""
    for index in range(max(1, len(operation.grants))):
        document = json.loads(json.dumps(contract.api.data))
        spec = document["paths"][operation.path][operation.method.lower()]
        for media in spec.get("requestBody", {}).get("content", {}).values():
            media["schema"] = media["schema"].get("oneOf", [media["schema"]])[index]
        spec["responses"]["200"].pop("links", None)
        yield document


def _one_line(value: Any) -> str:
    return "".join(char for char in str(value) if char.isprintable())


def request_of(case: Case, api: Api, token: Slot | None = None) -> Request:
    """The symbolic request of a case: the client's own credentials, or this token, and the user's stand in slots."""
    headers: tuple[tuple[str, Text], ...] = tuple((name, (value,)) for name, value in case.headers if _plain(name))
    if case.authorized:
        headers = (("Authorization", bearer(token) if token is not None else credentials()), *headers)
    form: Pairs | None = None
    if case.form is not None:
        operation = api.contract.operations[case.operation]
        slots = {name: role_of(schema) for name, schema in operation.parameters.items() if role_of(schema).startswith("user.")}
        form = tuple(
            ((name,), (Slot(slots[name]),) if case.valid_credentials and name in slots and value else (value,)) for name, value in case.form
        )
        headers = (*headers, ("Content-Type", (case.media_type or operation.media_type,)))
    elif case.media_type:
        headers = (*headers, ("Content-Type", (case.media_type,)))
    query = tuple(((name,), (value,)) for name, value in case.query)
    return Request(case.operation, case.method, query, headers, form)


def _plain(name: str) -> bool:
    """Whether a drawn header may be sent: a token, and not one that frames the message."""
    framing = ("host", "content-length", "transfer-encoding", "connection", "content-type", "expect", "accept-encoding", "upgrade")
    return name.lower() not in framing and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name) and name.isascii()

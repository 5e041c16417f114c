"""Generated traffic as data: strategies that draw JSON values, and the search that plays and shrinks them.

Hypothesis and schemathesis are imported when they are needed: they take longer to load than a small run.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from typing import Any

import msgspec

from conformance import edits
from conformance.api import Api, credentials
from conformance.documented import Operation, role_of
from conformance.errors import Violation
from conformance.model import Pairs, Request, Slot, Text

EXAMPLES = 25
"""How many values a campaign plays."""

SHRINK_BUDGET = 60
"""How many values a campaign may play after the first failure, to find a smaller one."""


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


def token_near_misses(api: Api, seed: int) -> Any:
    """Edits of a token, such as `[["drop_last"], ["replace_at", 7]]`, each of which makes another value of it."""
    from hypothesis import strategies as st

    return st.tuples(
        st.sampled_from([["drop_first"], ["drop_last"], ["double"], ["reverse"]]),
        st.tuples(st.sampled_from(["replace_at", "drop_at", "swap_case"]), st.integers(1, 60)).map(list),
        st.tuples(st.sampled_from(["append", "prepend"]), st.sampled_from(["x", "A", "0", "-", "."])).map(list),
    ).map(list)


def schemathesis_cases(api: Api, seed: int) -> Any:
    """Positive and negative requests of both operations, drawn by schemathesis from the contract."""
    import schemathesis
    from hypothesis import strategies as st
    from schemathesis import GenerationMode
    from schemathesis.config import SchemathesisConfig

    config = SchemathesisConfig.from_dict({"base-url": "http://127.0.0.1", "cache": {"enabled": False}})

    def as_case(name: str, mode: Any) -> Callable[[Any], Case]:
        def convert(drawn: Any) -> Case:
            form = drawn.body if isinstance(drawn.body, dict) else None
            return Case(
                operation=name,
                method=drawn.method.upper(),
                valid_credentials=mode is GenerationMode.POSITIVE,
                headers=tuple((str(k), _one_line(v)) for k, v in (drawn.headers or {}).items()),
                query=tuple((str(k), str(v)) for k, v in (drawn.query or {}).items()),
                form=tuple((str(k), str(v)) for k, v in form.items()) if form is not None else None,
            )

        return convert

    strategies = []
    for name, operation in api.contract.operations.items():
        for document in _one_grant_each(api, operation):
            schema = schemathesis.openapi.from_dict(document, config=config)
            modes = (GenerationMode.POSITIVE, GenerationMode.NEGATIVE) if operation.grants else (GenerationMode.POSITIVE,)
            strategies += [schema[operation.path][operation.method].as_strategy(generation_mode=m).map(as_case(name, m)) for m in modes]
    return st.one_of(strategies)


def _one_grant_each(api: Api, operation: Operation) -> Iterator[dict[str, Any]]:
    """The contract once for each alternative of the operation's form: drawing from a `oneOf` takes schemathesis seconds."""
    for index in range(max(1, len(operation.grants))):
        document = json.loads(json.dumps(api.contract.api.data))
        spec = document["paths"][operation.path][operation.method.lower()]
        for media in spec.get("requestBody", {}).get("content", {}).values():
            media["schema"] = media["schema"].get("oneOf", [media["schema"]])[index]
        spec["responses"]["200"].pop("links", None)
        yield document


def _one_line(value: Any) -> str:
    return "".join(char for char in str(value) if char.isprintable())


def request_of(case: Case, api: Api) -> Request:
    """The symbolic request of a case: the Authorization of a token request is the client's; valid users stand in slots."""
    headers: tuple[tuple[str, Text], ...] = tuple((name, (value,)) for name, value in case.headers if _plain(name))
    if case.operation == "token":
        headers = (*((k, v) for k, v in headers if k.lower() != "authorization"), ("Authorization", credentials()))
    form: Pairs | None = None
    if case.form is not None:
        operation = api.contract.operations[case.operation]
        slots = {name: role_of(schema) for name, schema in operation.parameters.items() if role_of(schema).startswith("user.")}
        form = tuple(((name,), (Slot(slots[name]),) if case.valid_credentials and name in slots else (value,)) for name, value in case.form)
        headers = (*headers, ("Content-Type", (operation.media_type,)))
    query = tuple(((name,), (value,)) for name, value in case.query)
    return Request(case.operation, case.method, query, headers, form)


def _plain(name: str) -> bool:
    """Whether a drawn header may be sent: a token, and not one that frames the message."""
    framing = ("host", "content-length", "transfer-encoding", "connection", "content-type", "expect", "accept-encoding", "upgrade")
    return name.lower() not in framing and all(char.isalnum() or char in "!#$%&'*+-.^_`|~" for char in name) and name.isascii()


class Search(msgspec.Struct):
    """What a campaign found: how many values were played, and the smallest that failed with why."""

    played: int = 0
    failing: Any = None
    violation: Violation | None = None


def search(strategy: Any, play: Callable[[Any], None], seed: int, examples: int = EXAMPLES) -> Search:
    """Play values from the strategy until one raises Violation, then shrink it within SHRINK_BUDGET.

    What `play` raises besides Violation ends the search and passes through. The same seed draws the same values.
    """
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import seed as seeded

    result = Search()
    known: dict[bytes, Violation | None] = {}
    stopped: list[BaseException] = []

    def attempt(value: Any) -> None:
        key = msgspec.json.encode(value)
        if stopped or (key not in known and result.violation is not None and result.played >= budget[0]):
            return
        if key not in known:
            result.played += 1
            known[key] = None
            try:
                play(value)
            except Violation as violation:
                known[key] = violation
                if result.violation is None:
                    budget[0] = result.played + SHRINK_BUDGET
            except Exception as problem:
                stopped.append(problem)
                return
        seen = known[key]
        if seen is not None:
            if result.failing is None or len(key) <= len(msgspec.json.encode(result.failing)):
                result.failing, result.violation = value, seen
            raise seen

    budget = [0]
    quiet = settings(
        max_examples=examples,
        database=None,
        deadline=None,
        phases=[Phase.generate, Phase.shrink],
        suppress_health_check=list(HealthCheck),
        report_multiple_bugs=False,
        print_blob=False,
    )
    explore: Any = quiet(given(strategy)(attempt))  # type: ignore[no-untyped-call]
    with contextlib.suppress(Violation):
        seeded(seed)(explore)()
    if stopped:
        raise stopped[0]
    return result

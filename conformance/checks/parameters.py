"""How the parameters of a token request are read: unknown, empty, renamed, repeated, moved, in the query, spelled in other ways."""

from collections.abc import Callable

import msgspec

from conformance import expect
from conformance.api import Api, Conversation, control_login, describe
from conformance.documented import role_of
from conformance.errors import NotApplicable, Violation
from conformance.generate import Move, Spelled, parameter_moves, spelled_logins
from conformance.model import Edit, Exchange, Pairs, Request, Severity, Slot, Text
from conformance.profile import accepts
from conformance.registry import Differs, check
from conformance.scripts import GRANTED, REFUSED_IN_200, error, token

SUBJECT = "token"
CASES: dict[str, Callable[[str], str]] = {"upper": str.upper, "title": str.title, "swap": lambda name: name[:-1] + name[-1:].swapcase()}


class Moved(msgspec.Struct):
    """A login under changes: the pairs as they are sent, those that count, and whether one that counts stands twice."""

    form: list[tuple[Text, Text]]
    query: list[tuple[Text, Text]]
    counts: dict[Text, Text]
    repeated: bool = False

    def move(self, change: Move, names: dict[str, str], touched: set[object]) -> None:
        """Carry one change out; a parameter is changed once, and `counts` follows what the documentation makes of it."""
        kind, what, *more = change
        name = (names.get(str(what), str(what)),)
        pair = next((pair for pair in self.form if pair[0] == name), None)
        if kind == "turn":
            place = int(what) % len(self.form) if self.form else 0
            self.form = self.form[place:] + self.form[:place]
        elif kind in ("extra", "empty") and pair is None and name not in touched:
            touched.add(name)
            self.form.insert(int(more[-1]) % (len(self.form) + 1), (name, (str(more[0]) if kind == "extra" else "",)))
        elif kind in ("rename", "repeat", "query") and pair is not None and name not in touched:
            touched.add(name)
            if kind == "repeat":
                self.form.insert(int(more[0]) % (len(self.form) + 1), pair)
                self.repeated = True
                return
            del self.counts[name]
            if kind == "query":
                self.form.remove(pair)
                self.query.append(pair)
            else:
                self.form[self.form.index(pair)] = ((CASES[str(more[0])](name[0]),), pair[1])


@check(
    "parameters-as-documented",
    clause="T-53",
    severity=Severity.HIGH,
    draws=parameter_moves,
    sample=[["rename", "user.username", "upper"], ["extra", "x", "1", 0]],
    right=[error(20), error(20)],
    wrong=[GRANTED],
)
def parameters_as_documented(api: Api, moves: list[Move]) -> Conversation[None]:
    """Unknown, empty and reordered parameters change nothing; repeated ones, and ones in another case or in the query, do not serve."""
    login, operation = api.login(), api.contract.operations["token"]
    names = {role_of(schema): name for name, schema in operation.parameters.items()}
    pairs = login.form or ()
    moved = Moved(list(pairs), [], dict(pairs))
    touched: set[object] = set()
    for change in moves:
        moved.move(change, names, touched)
    odd = msgspec.structs.replace(login, form=tuple(moved.form), query=tuple(moved.query))
    exchange: Exchange = yield from api.send(odd)
    if moved.repeated:
        expect.refused(exchange)
    else:
        yield from _like_the_plain_one(exchange, msgspec.structs.replace(login, form=tuple(moved.counts.items())), api)


def _like_the_plain_one(exchange: Exchange, plain: Request, api: Api) -> Conversation[None]:
    """The server did what it does for the same parameters in their plain form, which are sent unless every run sends them."""
    granted = plain == control_login(api.contract) or accepts((yield from api.send(plain)))
    if granted and not accepts(exchange):
        raise Violation("a token, as for the same parameters in their plain form", describe(exchange))
    if not granted:
        expect.refused(exchange)


@check(
    "parameters-in-any-spelling",
    clause="N-6749-41",
    severity=Severity.HIGH,
    draws=spelled_logins,
    sample=Spelled("special_users.5", {"grant": ("", ""), "user.username": ("octets", "octets_lower"), "user.password": ("", "octets")}),
    right=[token(), token("token#2")],
    wrong=[Differs(0, "status", 400)],
)
def parameters_in_any_spelling(api: Api, drawn: Spelled) -> Conversation[None]:
    """Names and values are read as UTF-8 in any form-encoding: octet by octet, in upper or lower case, or as usual."""
    plain = api.login(user=drawn.user, change={drawn.without: None} if drawn.without else None)
    roles = {(name,): role_of(schema) for name, schema in api.contract.operations["token"].parameters.items()}
    form: Pairs = tuple(_spelled(name, value, drawn.spellings.get(roles.get(name, ""), ("", ""))) for name, value in plain.form or ())  # type: ignore[arg-type]
    exchange = yield from api.send(msgspec.structs.replace(plain, form=form))
    yield from _like_the_plain_one(exchange, plain, api)


def _spelled(name: Text, value: Text, spellings: tuple[str, str]) -> tuple[Text, Text]:
    of_name, of_value = spellings
    return (Edit(of_name, name),) if of_name else name, (Edit(of_value, value),) if of_value else value


@check(
    "password-beyond-bmp",
    clause="N-6749-40",
    severity=Severity.MEDIUM,
    right=[token()],
    wrong=[Differs(0, "status", 400)],
)
def password_beyond_bmp(api: Api) -> Conversation[None]:
    """A password with characters that take four octets in UTF-8 logs its user in."""
    expect.granted((yield from api.send(api.login(user=api.special_slots("user:beyond-bmp")))))


def _bracketed(name: str, title: str, *ways: tuple[str, str, Text]) -> None:
    @check(
        f"bracketed-parameter[{name}]",
        clause="S-18",
        severity=Severity.HIGH,
        title=title,
        right=[REFUSED_IN_200, REFUSED_IN_200] * len(ways),
        wrong=[Differs(2 * at + 1, "json:access_token", "{token#1}") for at in range(len(ways))],
    )
    def brackets_do_not_pass(api: Api) -> Conversation[None]:
        grant = api.contract.operations["token"].grant()
        refused = 0
        for role, behind, value in ways:
            without = yield from api.send(api.login(change={role: None}))
            exchange = yield from api.send(api.login(change={role: None, grant.named(role) + behind: value}))
            if not accepts(without):
                expect.refused(exchange)
                refused += 1
        if not refused:
            raise NotApplicable("a parameter without which there is no token", "a token without each of them")


_bracketed(
    "array",
    "A parameter in array syntax (`name[]`, `name[0]`) does not pass for the plain one.",
    ("user.username", "[]", (Slot("user.username"),)),
    ("user.password", "[0]", (Slot("user.password"),)),
)
_bracketed(
    "operator",
    "A parameter in object syntax (`name[$ne]`) is no query that the server runs.",
    ("user.password", "[$ne]", ("harness",)),
    ("user.username", "[$gt]", ("",)),
)

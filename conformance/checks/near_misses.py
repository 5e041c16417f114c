"""Near misses of user names, passwords and tokens, and the further ones of secrets and client ids. What costs failed logins is a table."""

from conformance import expect
from conformance.api import Api, Conversation, basic, edited
from conformance.errors import Violation
from conformance.generate import Move, token_near_misses
from conformance.model import Edit, Severity, Slot, Text
from conformance.registry import Differs, check
from conformance.scripts import DEAD, GRANTED, REFUSED_IN_200, token

SUBJECT = "token"
ID, SECRET, USER = (Slot("client.id"),), (Slot("client.secret"),), (Slot("user.username"),)


def _no_login(name: str, clause: str, title: str, change: dict[str, Text], authorization: Text | None = None) -> None:
    @check(name, clause=clause, severity=Severity.CRITICAL, title=title, right=[REFUSED_IN_200], wrong=[GRANTED])
    def nobody_is_logged_in(api: Api) -> Conversation[None]:
        expect.refused((yield from api.send(api.login(authorization=authorization, change=change))))


for _name, _clause, _header in (
    ("secret-near-miss[full-width]", "S-02", basic(ID, edited("client.secret", "widen"))),
    ("secret-near-miss[nul-behind]", "S-13", basic(ID, edited("client.secret", "append", "\0x"))),
    ("client-id-near-miss[extended]", "S-05", basic(edited("client.id", "append", "x"), SECRET)),
    ("client-id-near-miss[doubled]", "S-05", basic(edited("client.id", "double"), SECRET)),
):
    _what, _, _how = _name.rstrip("]").partition("-near-miss[")
    _no_login(_name, _clause, f"The client {_what.removeprefix('client-')} with one edit ({_how}) authenticates nobody.", {}, _header)

for _name, _op, _args in (
    ("case", "swap_case", (0,)),
    ("cut", "drop_last", ()),
    ("extended", "append", ("x",)),
    ("space-behind", "append", (" ",)),
    ("full-width", "widen", ()),
    ("nul-behind", "append", ("\0x",)),
    ("doubled", "double", ()),
    ("beheaded", "drop_first", ()),
    ("space-before", "prepend", (" ",)),
    ("last-character", "replace_last", ()),
    ("after-eight", "replace_after", (8,)),
):
    _title = f"The user's password with one edit ({_name}) logs nobody in."
    _no_login(f"password-near-miss[{_name}]", "S-06", _title, {"user.password": edited("user.password", _op, *_args)})

for _name, _op, _args in (
    ("cut", "drop_last", ()),
    ("extended", "append", ("x",)),
    ("doubled", "double", ()),
    ("nul-behind", "append", ("\0x",)),
    ("full-width", "widen", ()),
):
    _title = f"The user name with one edit ({_name}) logs nobody in."
    _no_login(f"username-near-miss[{_name}]", "S-07", _title, {"user.username": edited("user.username", _op, *_args)})

for _name, _value in (
    ("percent", ("%",)),
    ("star", ("*",)),
    ("cut-and-percent", (Edit("drop_last", USER), "%")),
    ("cut-and-star", (Edit("drop_last", USER), "*")),
    ("cut-and-underscore", (Edit("drop_last", USER), "_")),
    ("or-true", ("harness' OR '1'='1",)),
    ("comment", (*USER, "' --")),
):
    _no_login(
        f"username-pattern[{_name}]", "S-08", f"A user name with a pattern or query ({_name}) is nobody's.", {"user.username": _value}
    )


@check(
    "token-near-misses",
    clause="S-38",
    severity=Severity.CRITICAL,
    draws=token_near_misses,
    sample=[["drop_last"], ["replace_at", 7]],
    right=[token(), DEAD, DEAD],
    wrong=[Differs(1, "status", 200), Differs(2, "status", 200)],
)
def token_near_misses_open_nothing(api: Api, edits: list[Move]) -> Conversation[None]:
    """A token that is cut, extended, doubled, or differs in one character or its case is refused by the resource."""
    api.requires_liveness()
    living = yield from api.good_token()
    for op, *args in edits:
        exchange = yield from api.send(api.use(Edit(str(op), (living,), tuple(args))))
        status = expect.answered(exchange).status
        if status in api.resource_alive:
            raise Violation("a refusal of a near miss", f"status {status} for the token after {op}")

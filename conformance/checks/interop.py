"""What real client libraries choke on in `expires_in` (table 3.5 of the ground truth): one rule a row."""

from collections.abc import Callable, Sequence

from conformance.api import Api
from conformance.checks.expires_in import digits
from conformance.errors import Violation
from conformance.model import Exchange, Severity
from conformance.profile import accepts, told
from conformance.registry import Differs, Script, rule
from conformance.scripts import LOGIN, line, token

SUBJECT = "expires_in"


def _for_clients(name: str, clause: str, title: str, breaks: Callable[[object], bool], right: Script, wrong: Sequence[object]) -> None:
    @rule(
        name,
        clause=clause,
        severity=Severity.MEDIUM,
        title=title,
        when=lambda exchange, api: exchange.request.operation == "token" and accepts(exchange),
        right=right,
        wrong=[Differs(0, "json:expires_in", value) for value in wrong],
    )
    def clients_cope_with_expires_in(exchange: Exchange, api: Api) -> None:
        value = told(exchange, api.contract, "lifetime")
        if breaks(value):
            raise Violation(title.partition(", ")[0], f"expires_in is {value!r}" if value is not None else "expires_in is missing or null")


_RIGHT = [line(LOGIN, token())]
for _name, _clause, _title, _breaks, _wrong in (
    (
        "clients-expires-in-zero",
        "I-06",
        "expires_in is not zero, which many clients take for never",
        lambda v: str(v) in ("0", "0.0"),
        (0, "0"),
    ),
    ("clients-expires-in-missing", "I-08", "expires_in is there, without which most clients never renew", lambda v: v is None, (None,)),
    (
        "clients-expires-in-fraction",
        "I-09",
        "expires_in has no fraction, which several clients refuse",
        lambda v: "." in str(v),
        (3599.5, "3599.5"),
    ),
    (
        "clients-expires-in-words",
        "I-10",
        "expires_in holds no words, which several clients crash on",
        lambda v: isinstance(v, str) and not v.lstrip("-").replace(".", "").isdigit(),
        ("1 hour",),
    ),
    (
        "clients-expires-in-negative",
        "I-11",
        "expires_in is not negative, which some clients refuse",
        lambda v: str(v).startswith("-"),
        (-1,),
    ),
    (
        "clients-expires-in-huge",
        "I-12",
        "expires_in fits into 31 bits, as some clients store it",
        lambda v: digits(v) and len(str(v)) < 30 and int(str(v)) >= 2**31,
        (99_999_999_999,),
    ),
    (
        "clients-expires-in-boolean",
        "I-13",
        "expires_in is no boolean, which some clients take for a second",
        lambda v: isinstance(v, bool),
        (True,),
    ),
    (
        "clients-expires-in-string",
        "I-05",
        "expires_in is a number, for not every client reads strings",
        lambda v: isinstance(v, str) and digits(v),
        ("3600",),
    ),
):
    _for_clients(_name, _clause, _title, _breaks, _RIGHT, _wrong)

"""Faults that junk brings out: headers that are hardly any, bodies that are no form, media types that nobody expects."""

from conformance.reference.accounts import CLIENTS
from conformance.reference.errors import internal
from conformance.reference.faults.declare import fault
from conformance.reference.messages import Answer, Call
from conformance.reference.server import Server


@fault(breaks={"T-42": "fail", "F-04": "fail"})
class ColonInHeaderIsAClient(Server):
    """An Authorization field without a scheme and with a colon authenticates the first client."""

    def check_basic(self, value: str) -> str:
        return next(iter(CLIENTS)) if " " not in value and ":" in value else super().check_basic(value)


@fault(breaks={"L-13": "fail"})
class SchemeByItsBeginning(Server):
    """At logout, a scheme that begins like Basic is taken for a farewell of the client and answered with OK!"""

    def logout(self, call: Call) -> Answer:
        value = "".join(call.lines("authorization")).lower()
        return self.farewell() if value.startswith("basic") and not value.startswith("basic ") else super().logout(call)


@fault(breaks={"T-49": "fail"})
class BadPercentIsServerError(Server):
    """A percent sign without two hexadecimal digits in the body is an internal error."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        if any(not _is_hex(part[:2]) for part in call.body.split(b"%")[1:]):
            raise internal()
        return super().pairs(call)


def _is_hex(digits: bytes) -> bool:
    return len(digits) == 2 and all(digit in b"0123456789abcdefABCDEF" for digit in digits)


@fault(breaks={"T-49": "fail"})
class PlainTextIsServerError(Server):
    """A body that says it is plain text is an internal error."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        if "text/plain" in call.lines("content-type"):
            raise internal()
        return super().pairs(call)

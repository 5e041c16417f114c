"""Faults that show only where a request has several things wrong with it, or nothing at all."""

from collections.abc import Mapping

from conformance.reference.faults.declare import fault
from conformance.reference.messages import Answer, Call
from conformance.reference.server import Server


class _Several(Server):
    """A server that knows when a token request has a bad grant_type beside a client that is not authenticated."""

    def several(self, call: Call) -> bool:
        lines = call.lines("authorization")
        nobody = not lines or "aGFybmVzcy" in lines[0]
        return nobody and dict(self.pairs(call)).get("grant_type") in (None, "harness-unknown")


@fault(breaks={"T-51": "fail"})
class OrderOfChecksFlips(_Several):
    """Of a client and a grant_type that are both wrong, the one and the other is answered by turns."""

    turn = 0

    def token(self, call: Call) -> Answer:
        if call.method == "POST" and self.several(call):
            self.turn += 1
            if self.turn % 2:
                raise self.refusal(2)
        return super().token(call)


@fault(breaks={"T-50": "fail"})
class SeveralFaultsAreCode9(_Several):
    """A client and a grant_type that are both wrong are reported with code 9, which is for neither."""

    def token(self, call: Call) -> Answer:
        if call.method == "POST" and self.several(call):
            raise self.refusal(9)
        return super().token(call)


@fault(breaks={"F-04": "fail"})
class SeveralFaultsCancelOut(_Several):
    """A client and a grant_type that are both wrong obtain a token."""

    def token(self, call: Call) -> Answer:
        if call.method == "POST" and self.several(call):
            return self.success(self.issue("reference-client", "", "client_credentials"), call)
        return super().token(call)


@fault(breaks={"F-04": "fail"})
class SecondUserRefused(Server):
    """The second user's right credentials are refused."""

    def check_user(self, form: dict[str, str]) -> str:
        user = super().check_user(form)
        if user == "api7813370002":
            raise self.refusal(20)
        return user


def _other_code(name: str, axis: str, code: int, clause: str, title: str, also: Mapping[str, str] | None = None) -> None:
    class Other(Server):
        def code_of(self, axis_: str) -> int:
            return code if axis_ == axis else super().code_of(axis_)

    Other.__doc__ = title
    fault({clause: "fail"}, also, name)(Other)


_other_code(
    "no-colon-is-code20",
    "basic.no-colon",
    20,
    "T-12",
    "Credentials without a colon are reported as wrong user credentials.",
    {"T-42": "no credentials have no colon either"},
)
_other_code("foreign-user-is-code9", "error.foreign-user", 9, "T-39", "A foreign user is reported with code 9.")
_other_code("grant-denied-is-code9", "error.grant-denied", 9, "T-37", "A client that may not use the grant is reported with code 9.")
_other_code("unapproved-client-is-code20", "error.unapproved-client", 20, "T-41", "An unapproved client is reported as a wrong user.")


@fault(breaks={"T-40": "fail"})
class MissingCodeIsCode20(Server):
    """A missing authorization code is reported as wrong user credentials."""

    def check_code(self, client: str, form: dict[str, str]) -> str:
        if not form.get("code"):
            raise self.refusal(20)
        return super().check_code(client, form)

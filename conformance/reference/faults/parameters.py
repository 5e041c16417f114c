"""Faults of how parameters are read: names, order, spelling, patterns, near misses. Some show only in unusual combinations."""

import fnmatch
import re
import unicodedata
from dataclasses import replace
from urllib.parse import parse_qsl

from conformance.reference.accounts import USERS
from conformance.reference.faults.declare import fault
from conformance.reference.messages import Answer, Call
from conformance.reference.server import Server


@fault(breaks={"T-53": "fail"})
class ParameterNamesInAnyCase(Server):
    """The names of parameters are compared without regard to case."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in super().pairs(call)]


@fault(breaks={"T-53": "fail"}, also={"F-04": "drawn requests have another order, too"})
class GrantMustComeFirst(Server):
    """The grant_type counts only where it stands before the other parameters."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if "grant_type" in form and list(form).index("grant_type") > list(form).index("password" if "password" in form else "grant_type"):
            raise self.refusal(2)
        return form


@fault(breaks={"T-53": "fail"})
class LackingParameterFromQuery(Server):
    """A parameter that the body lacks is taken from the query, if the body has others."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        found = super().pairs(call)
        names = {name for name, _ in found}
        return found + [(name, value) for name, value in parse_qsl(call.query) if names and name not in names]


@fault(breaks={"N-6749-41": "fail"})
class LowerCaseHexNotDecoded(Server):
    """A percent-encoding with hexadecimal digits in lower case is left as it is."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return super().pairs(replace(call, body=re.sub(rb"%(?=[0-9A-F]?[a-f])", b"%25", call.body)))


@fault(breaks={"N-6749-41": "fail"})
class EncodedNameUnknown(Server):
    """The name of a parameter is not form-decoded."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return super().pairs(replace(call, body=b"&".join(_with_raw_name(pair) for pair in call.body.split(b"&"))))


def _with_raw_name(pair: bytes) -> bytes:
    name, equals, value = pair.partition(b"=")
    return name.replace(b"%", b"%25") + equals + value


@fault(breaks={"N-6749-40": "fail"})
class PasswordInThreeOctets(Server):
    """Characters beyond the Basic Multilingual Plane become question marks in a password that is checked."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches("".join("?" if ord(char) > 0xFFFF else char for char in given), password)


@fault(breaks={"S-18": "fail"})
class BracketsPassForNames(Server):
    """Brackets and what they hold are taken off the names of parameters."""

    def pairs(self, call: Call) -> list[tuple[str, str]]:
        return [(re.sub(r"\[\d*\]$", "", name), value) for name, value in super().pairs(call)]


@fault(breaks={"S-18": "fail"})
class OperatorInPassword(Server):
    """A password with an operator in its name is a query, which the right password answers."""

    def form(self, call: Call) -> dict[str, str]:
        form = super().form(call)
        if "password[$ne]" in form and form.get("username") in USERS:
            form["password"] = USERS[form["username"]].password
        return form


class _Matching(Server):
    """A server that finds a user by more than the whole name."""

    def check_user(self, form: dict[str, str]) -> str:
        given = form.get("username", "")
        known = next((user for user in USERS if given and given not in USERS and self.finds(given, user)), given)
        return super().check_user(form | {"username": known} if given else form)

    def finds(self, given: str, user: str) -> bool:
        """Whether the given name finds this user."""
        raise NotImplementedError


@fault(
    breaks={"S-07": "fail", "F-04": "fail"}, also={"T-36": "it has no other fault and is granted", "S-08": "so is a name with a comment"}
)
class UserByPrefix(_Matching):
    """A user is found by the beginning of the name, or by a name that goes on behind it."""

    def finds(self, given: str, user: str) -> bool:
        return user.startswith(given) or given.startswith(user)


@fault(breaks={"S-08": "fail", "F-04": "fail"}, also={"T-36": "the request has no other fault and is granted"})
class UserByPattern(_Matching):
    """Percent sign, underscore and star in a user name are wildcards."""

    def finds(self, given: str, user: str) -> bool:
        pattern = given.replace("%", "*").replace("_", "?")
        return "[" not in pattern and fnmatch.fnmatchcase(user, pattern)


@fault(breaks={"S-08": "fail", "F-04": "fail"}, also={"T-36": "the request has no other fault and is granted"})
class UserByQuery(_Matching):
    """A quote in a user name ends the text in the query that finds the user."""

    def finds(self, given: str, user: str) -> bool:
        before, quote, behind = given.partition("'")
        return bool(quote) and ("'1'='1" in behind or before == user)


@fault(breaks={"S-06": "fail", "F-04": "fail"})
class PasswordNormalised(Server):
    """A password is brought into compatibility form before it is compared."""

    def password_matches(self, given: str, password: str) -> bool:
        return super().password_matches(unicodedata.normalize("NFKC", given), password)


@fault(breaks={"S-02": "fail", "F-04": "fail"})
class SecretNormalised(Server):
    """A secret is brought into compatibility form before it is compared."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(unicodedata.normalize("NFKC", given), secret)


@fault(breaks={"S-13": "fail", "F-04": "fail"})
class NulEndsTheSecret(Server):
    """A NUL ends the secret; what follows is lost."""

    def secret_matches(self, given: str, secret: str) -> bool:
        return super().secret_matches(given.partition("\0")[0], secret)


@fault(breaks={"S-38": "fail"})
class ResourceIgnoresTokenCase(Server):
    """The resource compares tokens without regard to case."""

    def resource(self, call: Call) -> Answer:
        given = self.bearer(call)
        return super().resource(_presenting(call, next((value for value in self.tokens if value.lower() == given.lower()), given)))


@fault(breaks={"S-38": "fail"})
class ResourceComparesTwentyCharacters(Server):
    """The resource finds a token by its first twenty characters."""

    def resource(self, call: Call) -> Answer:
        given = self.bearer(call)
        found = given if given in self.tokens else next((value for value in self.tokens if value[:20] == given[:20]), given)
        return super().resource(_presenting(call, found))


def _presenting(call: Call, token: str) -> Call:
    """The call with this token in its header."""
    others = tuple(pair for pair in call.headers if pair[0] != "authorization")
    return replace(call, headers=(*others, ("authorization", f"Bearer {token}")))

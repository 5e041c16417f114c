"""Challenges: the value of WWW-Authenticate taken apart (RFC 9110 section 11.6.1). Knows nothing of OAuth."""

import re

import msgspec

_WORD = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_NEXT = re.compile(
    rf'[\s,]*(?:(?P<name>{_WORD})\s*=\s*(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<plain>{_WORD}))'
    rf"|(?P<scheme>{_WORD})(?:\s+(?P<token68>[A-Za-z0-9._~+/-]+=*)(?=\s*(?:,|$)))?)"
)


class Challenge(msgspec.Struct, frozen=True):
    """One challenge: its scheme in lower case, and its parameters in order, names in lower case."""

    scheme: str
    parameters: tuple[tuple[str, str], ...] = ()

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a parameter."""
        return tuple(value for key, value in self.parameters if key == name)


def parse(value: str) -> tuple[Challenge, ...]:
    """The challenges of a field value; what cannot be understood ends the list."""
    found: list[Challenge] = []
    at = 0
    while match := _NEXT.match(value, at):
        at = match.end()
        if match["scheme"]:
            found.append(Challenge(match["scheme"].lower()))
        elif found:
            text = match["plain"] if match["quoted"] is None else re.sub(r"\\(.)", r"\1", match["quoted"])
            found[-1] = Challenge(found[-1].scheme, (*found[-1].parameters, (match["name"].lower(), text)))
    return tuple(found)

"""Declares claims: @check for traffic that nothing else makes, @rule for a claim about every exchange of a kind or about the history."""

import inspect
import json
import re
import sys
from collections.abc import Callable, Sequence
from typing import Any, Literal

import msgspec

from conformance.api import Api
from conformance.contract import Contract
from conformance.errors import ContractError
from conformance.model import Exchange, Minted, Reply, Request, Severity


class Line(msgspec.Struct, frozen=True):
    """One line of a script: a reply, and for a rule the request that it answers."""

    reply: Reply
    request: Request | None = None


class Differs(msgspec.Struct, frozen=True):
    """The one field of one reply that a wrong script changes: `status`, `body`, `header:NAME` or `json:MEMBER`; None removes it."""

    line: int
    field: str
    value: Any

    def apply(self, script: Sequence[Line]) -> tuple[Line, ...]:
        """The script with this one difference."""
        lines = list(script)
        lines[self.line] = msgspec.structs.replace(lines[self.line], reply=_changed(lines[self.line].reply, self.field, self.value))
        return tuple(lines)


def _changed(reply: Reply, field: str, value: Any) -> Reply:
    kind, _, name = field.partition(":")
    if kind == "header":
        kept = tuple((key, old) for key, old in reply.headers if key.lower() != name.lower())
        return msgspec.structs.replace(reply, headers=kept if value is None else (*kept, (name, value)))
    if kind == "json":
        members = json.loads(reply.body)
        members.pop(name, None)
        if value is not None:
            members[name] = value
        minted = tuple(m for m in reply.minted if m.kind != _KINDS.get(name))
        if name in _KINDS and isinstance(value, str) and (slot := re.fullmatch(r"\{(\w+#\d+)\}", value)):
            minted += (Minted(slot[1], _KINDS[name], 40, wellformed=True),)
        return msgspec.structs.replace(reply, body=json.dumps(members), minted=minted)
    if kind == "body":
        return msgspec.structs.replace(reply, body=value, minted=())
    return msgspec.structs.replace(reply, **{kind: value})


_KINDS: dict[str, Literal["token", "refresh"]] = {"access_token": "token", "refresh_token": "refresh"}


class Claim(msgspec.Struct, frozen=True):
    """A check or rule: one clause, one severity, a one-line title, and the scripts that prove it both ways."""

    id: str
    kind: Literal["check", "rule"]
    clause: str
    severity: Severity
    title: str
    subject: str
    play: Callable[..., Any]
    right: tuple[Line, ...]
    wrong: tuple[Differs, ...]
    when: Callable[[Exchange, Api], bool] | None = None
    over: Literal["each", "run"] = "each"
    control: bool = False
    draws: Callable[[Api, int], Any] | None = None
    sample: Any = None
    axis: str = ""


def demands_refusal(claim: Claim) -> bool:
    """Whether a claim holds only if the server refuses something: one of its wrong scripts turns a refusal into an acceptance.

    A claim with an axis is content with either answer; it names the one that it saw.
    """
    for differs in claim.wrong if not claim.axis else ():
        before, after = claim.right[differs.line].reply, differs.apply(claim.right)[differs.line].reply
        if not _grants(before) and (_grants(after) or (before.status >= 400 and after.status // 100 == 2)):
            return True
    return False


def _grants(reply: Reply) -> bool:
    return reply.status // 100 == 2 and reply.token() is not None


Script = Sequence[Line | Reply]
_claims: dict[str, Claim] = {}


def _declare(claim: Claim) -> None:
    where = f"{claim.play.__module__}.{claim.play.__name__}: {claim.id!r}"
    if not re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*(\[[a-z0-9._-]+\])?", claim.id):
        raise ContractError(f"{where}: an id is written in kebab-case")
    if claim.id in _claims and _claims[claim.id].play.__qualname__ != claim.play.__qualname__:
        raise ContractError(f"{where}: the id is used twice")
    if not claim.title or "\n" in claim.title:
        raise ContractError(f"{where}: a docstring of one line is the title; it is {claim.title!r}")
    if not claim.wrong:
        raise ContractError(f"{where}: a claim needs a wrong= script")
    if claim.kind == "check" and not inspect.isgeneratorfunction(claim.play):
        raise ContractError(f"{where}: a check is a generator")
    _claims[claim.id] = claim


def _lines(script: Script) -> tuple[Line, ...]:
    return tuple(line if isinstance(line, Line) else Line(line) for line in script)


def _subject(function: Callable[..., Any]) -> str:
    """What the claim is about: the SUBJECT of its module, or the module's name."""
    module = sys.modules[function.__module__]
    return str(getattr(module, "SUBJECT", module.__name__.rpartition(".")[2]))


def check(
    name: str,
    *,
    clause: str,
    severity: Severity,
    right: Script,
    wrong: Sequence[Differs],
    draws: Callable[[Api, int], Any] | None = None,
    sample: Any = None,
    axis: str = "",
    title: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a conversation as a check. With `draws`, it plays each value drawn; `sample` is one for its scripts.

    Its value is the reading that it saw, if the claim has an axis; or a pair of that and of what it measured, which the finding shows.
    """

    def declare(play: Callable[..., Any]) -> Callable[..., Any]:
        text = title or (play.__doc__ or "").strip()
        _declare(
            Claim(
                name,
                "check",
                clause,
                severity,
                text,
                _subject(play),
                play,
                _lines(right),
                tuple(wrong),
                draws=draws,
                sample=sample,
                axis=axis,
            )
        )
        return play

    return declare


def rule(
    name: str,
    *,
    clause: str,
    severity: Severity,
    when: Callable[[Exchange, Api], bool],
    right: Script,
    wrong: Sequence[Differs],
    over: Literal["each", "run"] = "each",
    control: bool = False,
    axis: str = "",
    title: str = "",
    subject: str = "",
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Declare a rule about each exchange for which `when` holds, or (`over="run"`) about all of them together.

    The function returns the reading that it saw, if its claim has an axis; with `over="run"` it may return its evidence.
    """

    def declare(play: Callable[..., Any]) -> Callable[..., Any]:
        text = title or (play.__doc__ or "").strip()
        claim = Claim(
            name, "rule", clause, severity, text, subject or _subject(play), play, _lines(right), tuple(wrong), when, over, control
        )
        _declare(msgspec.structs.replace(claim, axis=axis))
        return play

    return declare


def declared(contract: Contract) -> tuple[Claim, ...]:
    """All claims declared so far, checks before rules and campaigns last among checks.

    Raises ContractError for a clause or axis that is not in the contract.
    """
    for claim in _claims.values():
        if claim.clause not in contract.clauses:
            raise ContractError(f"{claim.id}: unknown clause {claim.clause!r}; it is not in clauses.yaml")
        if contract.clauses[claim.clause].binds != "server":
            raise ContractError(f"{claim.id}: clause {claim.clause} does not bind the server")
        if claim.axis and claim.axis not in contract.axes:
            raise ContractError(f"{claim.id}: unknown interpretation {claim.axis!r}; it is not in interpretations.yaml")
    return tuple(sorted(_claims.values(), key=lambda claim: (claim.kind != "check", claim.draws is not None, claim.id)))

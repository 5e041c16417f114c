"""What a request may cost on a live account, and what a run may spend: classes of risk and budgets. Sends nothing."""

from pathlib import Path
from urllib.parse import urlsplit

import msgspec

from conformance import edits, oracle
from conformance.contract import Contract
from conformance.errors import NotObservable
from conformance.ledger import Ledger
from conformance.model import Request
from conformance.target import Risk, Target

CLASSES = {
    "R0": "no valid secret is sent",
    "R1": "valid credentials or a token; a login issues a token",
    "R2": "ends a token",
    "R3": "a login with a wrong secret of a client",
    "R4": "a login with a wrong password of a user, which may lock it",
    "R5": "needs a fixture of the target file",
    "R6": "of a claim that waits for a token to expire",
}
"""The classes of risk; a request has the highest that it belongs to, but R3 and R4 come before R5 and R6."""

SECRETS = (".secret", ".password", ".code")
OWN = ("client", "user")


def class_of(request: Request, contract: Contract, *, waits: bool = False) -> str:
    """The class of a request; `waits`: its claim waits for a token to expire."""
    budget = oracle.spends(request, contract)
    if budget is not None:
        return "R4" if budget == "wrong_passwords" else "R3"
    if waits:
        return "R6"
    sent = edits.mentioned(request)
    if any(not is_token(slot) and slot.partition(".")[0] not in OWN for slot in sent):
        return "R5"
    tokens = {slot for slot in sent if is_token(slot)}
    if request.operation == "logout" and tokens:
        return "R2"
    return "R1" if tokens or any(slot.endswith(SECRETS) for slot in sent) else "R0"


def is_token(slot: str) -> bool:
    """Whether the slot is that of a token which the server issued, such as `token#3`."""
    return "#" in slot


BUDGETS = ("wrong_secrets", "wrong_passwords")


class Budgets:
    """What is left of the budgets of a target file while a run goes on; with a ledger, what earlier runs spent counts too."""

    def __init__(self, risk: Risk, contract: Contract, ledger: Ledger | None = None) -> None:
        self._risk, self._contract, self._ledger = risk, contract, ledger
        self.requests = 0
        self._spent = dict.fromkeys(BUDGETS, 0)

    def spend(self, request: Request) -> None:
        """Count a request that is about to be sent; raises NotObservable, naming the line to raise, when a budget is used up."""
        limit = self._risk.requests
        if limit is not None and self.requests >= limit:
            raise NotObservable("the budget of requests is used up", f"risk: {{requests: {limit * 2 or 100}}}")
        budget = oracle.spends(request, self._contract)
        limit = getattr(self._risk, budget) if budget is not None else None
        if budget is not None and limit is not None:
            self._draw(budget, limit)
        self.requests += 1

    def _draw(self, budget: str, limit: int) -> None:
        mine = self._spent[budget]
        if limit > 0 and (self._ledger.take(budget, limit) if self._ledger is not None else mine < limit):
            self._spent[budget] += 1
            return
        spent = self._ledger.spent(budget) if limit > 0 and self._ledger is not None else mine
        earlier = f" ({spent - mine} of it by earlier runs within 24 hours)" if spent > mine else ""
        raise NotObservable(f"the budget of {budget} is used up{earlier}", f"risk: {{{budget}: {max(spent, limit) + 1}}}")


def ledger_of(target: Target, folder: Path) -> Ledger | None:
    """The ledger of the target's account, if its target file sets a budget of failed logins; without one nothing is kept."""
    if not any(getattr(target.risk, budget) for budget in BUDGETS):
        return None
    return Ledger(folder, (urlsplit(target.base_url).netloc.lower(), target.client.id, target.user.username))


def left_of(risk: Risk, ledger: Ledger | None) -> Risk:
    """The budgets less what earlier runs spent."""
    if ledger is None:
        return risk
    limits = {budget: getattr(risk, budget) for budget in BUDGETS}
    left = {budget: max(0, limit - ledger.spent(budget)) for budget, limit in limits.items() if limit is not None}
    return msgspec.structs.replace(risk, **left)

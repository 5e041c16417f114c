"""Whose fault it was: a Verdict says that the target is wrong or cannot be judged, a ConformanceError that we or the user are.

Verdict                 ends a conversation or a rule with an outcome
├── Violation           the claim does not hold
├── Ambiguous           a client cannot tell two documented meanings apart
├── NotObservable       something is missing that the target file could provide
├── NotApplicable       the target has no such feature
└── Inconclusive        tried, and could not decide
ConformanceError        ends the command with an exit code and one clear message
├── UsageError          exit 2
├── TargetError         exit 2: the target file
├── ContractError       exit 2: openapi/, or a claim that does not fit it
└── RecordError         exit 3: a record that cannot be read or written
"""

from collections.abc import Sequence

from conformance.model import Exchange, Outcome


class Verdict(Exception):
    """An outcome with what was expected and what was seen instead."""

    outcome = Outcome.ERROR

    def __init__(self, expected: str, actual: str = "", evidence: Sequence[Exchange] = ()) -> None:
        super().__init__(f"expected {expected}; got {actual}" if actual else expected)
        self.expected = expected
        self.actual = actual
        self.evidence = evidence


class Violation(Verdict):
    """The claim does not hold; becomes fail, or warn where the clause only says SHOULD."""

    outcome = Outcome.FAIL


class Ambiguous(Verdict):
    """Two documented meanings that a client cannot tell apart."""

    outcome = Outcome.AMBIGUOUS


class NotObservable(Verdict):
    """`expected` says what is missing, `actual` gives the line to add to the target file."""

    outcome = Outcome.NOT_OBSERVABLE


class NotApplicable(Verdict):
    """The target lacks the feature that the claim is about."""

    outcome = Outcome.NOT_APPLICABLE


class Inconclusive(Verdict):
    """A control failed, or no answer came."""

    outcome = Outcome.INCONCLUSIVE


class ConformanceError(Exception):
    """Something that the user can mend; the message says what, where and how."""

    exit_code = 2


class UsageError(ConformanceError):
    """A wrong option, or a selection that matches nothing."""


class TargetError(ConformanceError):
    """The target file is wrong, or names a target that may not be tested."""


class ContractError(ConformanceError):
    """A file under openapi/ is wrong, or a claim does not fit it."""


class RecordError(ConformanceError):
    """A record that cannot be written, or is damaged or incomplete."""

    exit_code = 3

"""Runs the claims: survey, checks, campaigns, final control, then the rules over all traffic. Turns what happened into findings."""

import bisect
import json
import traceback
from collections.abc import Callable, Generator, Iterator, Sequence
from typing import Any

import msgspec

from conformance.api import Effect, Sleep, control_login
from conformance.campaign import Campaigns
from conformance.contract import Contract
from conformance.driver import Driver
from conformance.errors import ConformanceError, Verdict
from conformance.model import Exchange, Finding, Outcome
from conformance.profile import Profile, accepts
from conformance.redact import distinctive
from conformance.registry import Claim, demands_refusal
from conformance.rules import judge_rule
from conformance.survey import opening, survey
from conformance.target import Target

AMBIGUOUS_READING = "endpoint"
"""The reading of the only axis that can be ambiguous: nothing but the endpoint tells the meanings of code 2 apart."""

LISTED = 20
"""How many exchanges a finding lists; `evidence` counts them all."""


APART = ("independent", "token")
"""Issue policy and logout scope under which the tokens of one check have nothing to fear from another check."""


class _Play(msgspec.Struct):
    """A check that is being played: its conversation (none for a campaign), and when it wants to go on."""

    claim: Claim
    conversation: Generator[Effect, Any, Any] | None
    due: float = 0


class Run:
    """One run against one target. Call `survey`, then `perform` for each check, then `judge` for the rules."""

    def __init__(self, contract: Contract, target: Target, driver: Driver, exchanges: list[Exchange], seed: int = 0) -> None:
        self.contract, self.target, self.driver, self.seed = contract, target, driver, seed
        self.exchanges = exchanges
        self.profile: Profile | None = None
        self.api = msgspec.structs.replace(opening(contract, target), wire=driver.wire)
        self.campaigns = Campaigns(driver, exchanges, self.api, seed)
        self.replay: dict[str, list[Any]] = {}
        self.broken = ""
        self._traffic: dict[str, list[int]] = {}
        self._controls: list[tuple[int, bool]] = []
        self._looked_at = 0
        self._refusals: set[str] = set()

    def survey(self) -> Profile | None:
        """Play the survey; without a good login there is no profile, and nothing can be concluded."""
        try:
            profile = self.driver.play(survey(self.api), "survey")
        except Verdict as verdict:
            self.broken = self.driver.redactor.message(f"the survey could not be completed: {verdict}")
            return None
        secrets = {name: value for name, value in self.target.secrets().items() if not name.startswith("headers.")}
        indistinct = tuple(sorted(name for name, value in secrets.items() if not distinctive(value)))
        self.profile = msgspec.structs.replace(profile, indistinct_secrets=indistinct)
        self.api = msgspec.structs.replace(self.api, profile=self.profile)
        self.campaigns = Campaigns(self.driver, self.exchanges, self.api, self.seed)
        return self.profile

    def control(self) -> bool:
        """A login that must succeed, for what happened since the last one to count."""
        try:
            self.driver.play(self.api.good_token(), "control")
        except Verdict as verdict:
            self.broken = self.broken or self.driver.redactor.message(f"the control login failed: {verdict}")
            return False
        return True

    def perform(self, claim: Claim, rules: Sequence[Claim] = ()) -> Finding:
        """Play one check (or campaign, judged by `rules` too) and say what came of it; final only after `settle`."""
        return next(iter(self.perform_all([claim], rules).values()))

    def perform_all(
        self, claims: Sequence[Claim], rules: Sequence[Claim] = (), progress: Callable[[Claim], None] = lambda claim: None
    ) -> dict[str, Finding]:
        """Play several checks; while one waits for a token to expire, others go on. Returns id → finding, in the order of the checks.

        Where a login or a logout of one check ends tokens of another, each check waits for itself.
        """
        self._refusals |= {claim.id for claim in claims if demands_refusal(claim)}
        found: dict[str, Finding] = {}
        waiting: list[_Play] = []
        apart = self.profile is None or (self.profile.reading("issue.policy"), self.profile.reading("logout.scope")) != APART
        for claim in claims:
            progress(claim)
            self._resume(waiting, found, rules, until=self.driver.now())
            play = _Play(claim, claim.play(self.api) if claim.draws is None else None)
            self._advance(play, rules, found, waiting)
            if apart:
                self._resume(waiting, found, rules)
        self._resume(waiting, found, rules)
        return {claim.id: found[claim.id] for claim in claims}

    def _resume(self, waiting: list["_Play"], found: dict[str, Finding], rules: Sequence[Claim], until: float = float("inf")) -> None:
        """Go on with the checks that have waited long enough, or (without `until`) with all, in the order in which they are due."""
        while waiting and (play := min(waiting, key=lambda one: one.due)).due <= until:
            waiting.remove(play)
            self.driver.sleep(max(0.0, play.due - self.driver.now()))
            self._advance(play, rules, found, waiting)

    def _advance(self, play: "_Play", rules: Sequence[Claim], found: dict[str, Finding], waiting: list["_Play"]) -> None:
        """Play a check until it ends, which goes to `found`, or wants to wait."""
        if self.profile is None:
            found[play.claim.id] = self._finding(play.claim, Outcome.INCONCLUSIVE, "a completed survey", self.broken, ())
            return
        finding = self._played(play, rules)
        if finding is None:
            waiting.append(play)
        elif finding.outcome is Outcome.PASS and not finding.evidence:
            found[play.claim.id] = msgspec.structs.replace(
                finding, outcome=Outcome.ERROR, expected="evidence", actual="no exchange took place"
            )
        else:
            found[play.claim.id] = finding

    def _played(self, play: "_Play", rules: Sequence[Claim]) -> Finding | None:
        """What came of a check, or None if it waits."""
        claim, reading, example = play.claim, None, ""
        outcome, expected, actual = Outcome.PASS, "", ""
        try:
            if play.conversation is None:
                expected, actual, example = self.campaigns.play(claim, rules, self.replay.get(claim.id, ()))
                outcome = Outcome.FAIL if example else Outcome.PASS
            else:
                pause = self.driver.advance(play.conversation, claim.id)
                if isinstance(pause, Sleep):
                    play.due = self.driver.now() + pause.seconds
                    return None
                reading, actual = pause.value if isinstance(pause.value, tuple) else (pause.value, "")
        except Verdict as verdict:
            outcome, expected, actual = verdict.outcome, verdict.expected, verdict.actual
        except ConformanceError:
            raise
        except Exception as problem:
            outcome, expected, actual = Outcome.ERROR, "the check to run", _where(problem)
        mine = [exchange for exchange in self.exchanges if exchange.by == claim.id]
        self._traffic[claim.id] = [exchange.id for exchange in mine]
        found = msgspec.structs.replace(self._finding(claim, outcome, expected, actual, mine), example=example)
        return self._read(claim, found, reading if isinstance(reading, str) else "")

    def settle(self, finding: Finding) -> Finding:
        """A check's outcome counts only if the nearest control logins before and after its traffic succeeded."""
        traffic = self._traffic.get(finding.check, [])
        if not traffic or finding.outcome in (Outcome.ERROR, Outcome.INCONCLUSIVE):
            return finding
        trusted = self._trust()
        if all(trusted(exchange_id) for exchange_id in traffic):
            return self._beside_an_accepted_logout(finding)
        return msgspec.structs.replace(
            finding,
            outcome=Outcome.INCONCLUSIVE,
            expected="a good login before and after",
            actual=f"a control login failed (valid-login-yields-token); what was seen: {finding.actual or finding.outcome}",
        )

    def _beside_an_accepted_logout(self, finding: Finding) -> Finding:
        """That a logout is refused proves nothing on a server that accepts none: such a pass is inconclusive."""
        if finding.outcome is not Outcome.PASS or finding.check not in self._refusals or not finding.exchanges:
            return finding
        logouts = {exchange.id: accepts(exchange) for exchange in self.exchanges if exchange.request.operation == "logout"}
        if finding.exchanges[-1] not in logouts or any(logouts.values()):
            return finding
        return msgspec.structs.replace(
            finding,
            outcome=Outcome.INCONCLUSIVE,
            expected="a logout that is accepted, for a refusal to mean something",
            actual="none was in this run (logout-valid-token)",
        )

    def _trust(self) -> Callable[[int], bool]:
        """Whether an exchange lies between two good control logins."""
        control = control_login(self.contract)
        new = self.exchanges[self._looked_at :]
        self._looked_at += len(new)
        self._controls += [(e.id, accepts(e)) for e in new if e.request == control]
        controls = self._controls
        ids = [number for number, _ in controls]

        def trusted(exchange_id: int) -> bool:
            after = bisect.bisect_left(ids, exchange_id)
            before = bisect.bisect_right(ids, exchange_id) - 1
            return before >= 0 and after < len(ids) and controls[before][1] and controls[after][1]

        return trusted

    def judge(self, rules: Sequence[Claim]) -> Iterator[Finding]:
        """Every rule's finding over the traffic of the run that lies between good logins."""
        trusted = self._trust()
        between = [exchange for exchange in self.exchanges if trusted(exchange.id)]
        self._refusals |= {rule.id for rule in rules if demands_refusal(rule)}
        for rule in rules:
            yield self._beside_an_accepted_logout(self._judged(rule, self.exchanges if rule.control else between))

    def _judged(self, rule: Claim, exchanges: Sequence[Exchange]) -> Finding:
        if self.profile is None and not rule.control:
            return self._finding(rule, Outcome.INCONCLUSIVE, "a completed survey", self.broken, ())
        reading = ""
        evidence: Sequence[Exchange] = ()
        outcome, expected, actual = Outcome.PASS, "", ""
        try:
            reading, evidence = judge_rule(rule, exchanges, self.api)
        except Verdict as verdict:
            outcome, expected, actual = verdict.outcome, verdict.expected, verdict.actual
            evidence = verdict.evidence
        except Exception as problem:
            outcome, expected, actual = Outcome.ERROR, "the rule to run", _where(problem)
        if outcome is Outcome.PASS and (not evidence or self.profile is None):
            if self.profile is None or (self.broken and not exchanges):
                outcome, expected, actual = Outcome.INCONCLUSIVE, "traffic between two good logins", self.broken
            else:
                outcome, expected, actual = Outcome.NOT_APPLICABLE, "an exchange of this kind", "none was seen in this run"
        finding = self._finding(rule, outcome, expected, actual, evidence)
        if rule.id in self.campaigns.examples and outcome is Outcome.FAIL:
            finding = msgspec.structs.replace(finding, example=json.dumps(self.campaigns.examples[rule.id]))
        return self._read(rule, finding, reading)

    def _hidden(self, claim: Claim) -> str:
        """Why a claim does not apply to this server under a reading that the survey saw, or nothing."""
        readings = self.profile.readings if self.profile is not None else {}
        for axis, word in readings.items():
            if claim.axis != axis and claim.clause in self.contract.axes[axis].readings[word].hides:
                return f"{axis} is {word}"
        absent = claim.subject == "logout" and claim.axis != "logout.operation" and readings.get("logout.operation") == "absent"
        return "logout.operation is absent" if absent else ""

    def _read(self, claim: Claim, finding: Finding, reading: str) -> Finding:
        """Name the reading of the claim's axis, hold it against the pinned one; leave out what the readings hide."""
        hidden = self._hidden(claim)
        if hidden and finding.outcome.rank < Outcome.ERROR.rank:
            return msgspec.structs.replace(
                finding, outcome=Outcome.NOT_APPLICABLE, expected="another reading of the documentation", actual=hidden
            )
        if not claim.axis or self.profile is None:
            return finding
        if finding.outcome is Outcome.AMBIGUOUS:
            reading = AMBIGUOUS_READING
        if finding.outcome.rank < Outcome.FAIL.rank:
            reading = reading or self.profile.readings.get(claim.axis, "")
        finding = msgspec.structs.replace(finding, reading=reading)
        ids = self.profile.evidence.get(claim.axis, ())
        if finding.outcome is Outcome.NOT_APPLICABLE and reading and ids:
            finding = msgspec.structs.replace(
                finding, outcome=Outcome.PASS, expected="", actual="", evidence=len(ids), exchanges=ids[:LISTED]
            )
        pinned = self.target.expect.get(claim.axis)
        if pinned and reading and pinned != reading and finding.outcome.rank < Outcome.FAIL.rank:
            return msgspec.structs.replace(
                finding, outcome=Outcome.FAIL, expected=f"{claim.axis} as {pinned} (pinned by expect)", actual=f"{claim.axis} is {reading}"
            )
        return finding

    def _finding(self, claim: Claim, outcome: Outcome, expected: str, actual: str, evidence: Sequence[Exchange]) -> Finding:
        clause = self.contract.clauses[claim.clause]
        if outcome is Outcome.FAIL and not clause.level.mandatory:
            outcome = Outcome.WARN
        shown = evidence[-LISTED:] if outcome.rank >= Outcome.AMBIGUOUS.rank else evidence[:LISTED]
        message = self.driver.redactor.message
        return Finding(
            check=claim.id,
            kind=claim.kind,
            clause=claim.clause,
            layer=clause.layer,
            level=clause.level.value,
            severity=claim.severity.value,
            subject=claim.subject,
            title=claim.title,
            outcome=outcome,
            expected=message(expected),
            actual=message(actual),
            evidence=len(evidence),
            exchanges=tuple(exchange.id for exchange in shown),
        )


def _where(problem: BaseException) -> str:
    frame = traceback.extract_tb(problem.__traceback__)[-1]
    return f"{type(problem).__name__} at {frame.filename.rpartition('/')[2]}:{frame.lineno}"


def conduct(
    run: Run,
    claims: Sequence[Claim],
    on_profile: Callable[[Profile], None],
    on_finding: Callable[[Finding], None],
    progress: Callable[[str], None] = lambda step: None,
) -> list[Finding]:
    """The whole run: survey, checks with a control login after each that needs one, campaigns, final control, rules."""
    checks = [claim for claim in claims if claim.kind == "check"]
    rules = [claim for claim in claims if claim.kind == "rule"]
    progress("survey")
    profile = run.survey()
    if profile is not None:
        on_profile(profile)

    def begins(claim: Claim) -> None:
        progress(claim.id)
        if claim is checks[len(checks) // 2] and run.profile is not None:
            run.control()

    pending = run.perform_all(checks, rules, begins).values()
    findings = []
    progress("rules")
    if run.profile is not None:
        run.control()
    for finding in [*(run.settle(finding) for finding in pending), *run.judge(rules)]:
        on_finding(finding)
        findings.append(finding)
    return findings

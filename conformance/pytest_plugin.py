"""The pytest plugin: each check an item, each rule an item that runs last, one shared run. Off until --conformance-target."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from conformance.errors import ConformanceError


def pytest_addoption(parser: pytest.Parser) -> None:
    """The plugin's options."""
    group = parser.getgroup("conformance", "conformance of an OAuth API with its documentation")
    group.addoption("--conformance-target", metavar="FILE", help="target file; adds one test per claim")
    group.addoption("--conformance-gate", metavar="LAYER,…", default="document", help="layers whose failures fail (default: document)")
    group.addoption("--conformance-seed", metavar="N", type=int, default=0, help="seed of the generated traffic")


class _Suite:
    """The run that all items share; nothing is sent before the first item runs."""

    def __init__(self, config: pytest.Config) -> None:
        from conformance import checks, contract
        from conformance import target as targets
        from conformance.session import Options, Session, gate_of

        spec = contract.load()
        self.claims = checks.load(spec)
        self.gate = gate_of(config.getoption("--conformance-gate"))
        target = targets.load(Path(config.getoption("--conformance-target")), spec)
        options = Options(self.gate, seed=config.getoption("--conformance-seed"))
        self.session = Session(spec, target, options, kind="real")
        self.rules = [claim for claim in self.claims if claim.kind == "rule"]
        self.findings: list[Any] = []
        self._surveyed = self._controlled = False

    def finding(self, claim: Any) -> Any:
        """Perform a check between two control logins, or judge a rule over all traffic so far."""
        run = self.session.run
        if not self._surveyed:
            self._surveyed = True
            run.survey()
        if claim.kind == "check":
            found = run.perform(claim, self.rules)
            if run.profile is not None:
                run.control()
            found = run.settle(found)
        else:
            if not self._controlled and run.profile is not None:
                self._controlled = True
                run.control()
            (found,) = run.judge([claim])
        from conformance.record import redacted

        self.findings.append(found)
        return redacted(found, self.session.redactor)

    def undecided(self) -> tuple[str, ...]:
        """Why a run of all claims proves nothing; raises Skipped for a run of some."""
        from conformance.verdict import judge

        if len(self.findings) < len(self.claims):
            pytest.skip("not all claims were run; a selection is held to no requirement")
        require = self.session.target.require
        return judge(self.findings, self.gate, strict=False, require=require).unmet


class ClaimItem(pytest.Item):
    """One claim as a test."""

    def __init__(self, *, claim: Any, suite: _Suite, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.claim, self.suite = claim, suite
        self.finding: Any = None

    def setup(self) -> None:
        """Get the finding; what could not be decided is an error, what is missing a skip."""
        self.finding = finding = self.suite.finding(self.claim)
        for name in ("outcome", "clause", "layer", "reading"):
            self.user_properties.append((name, str(getattr(finding, name))))
        message = f"{finding.title} Expected {finding.expected}; got {finding.actual}."
        if finding.outcome in ("not-applicable", "not-observable"):
            pytest.skip(f"{finding.outcome}: {finding.expected}: {finding.actual}")
        if finding.outcome in ("inconclusive", "error"):
            if finding.layer in self.suite.gate or finding.outcome == "error":
                raise Undecided(f"{finding.outcome}: {message}")
            pytest.skip(f"{finding.outcome}: {message}")

    def runtest(self) -> None:
        """Fail, or say that a layer that is not gated fails."""
        message = f"{self.finding.clause}: {self.finding.title} Expected {self.finding.expected}; got {self.finding.actual}."
        if self.finding.outcome == "fail":
            if self.finding.layer not in self.suite.gate:
                pytest.xfail(f"layer {self.finding.layer} is not gated: {message}")
            raise Broken(message)
        if self.finding.outcome in ("warn", "ambiguous"):
            self.add_report_section("call", "conformance", f"{self.finding.outcome}: {message}")

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One message instead of a traceback for what the target or the user did."""
        if isinstance(excinfo.value, Broken | Undecided | ConformanceError):
            return str(excinfo.value)
        return super().repr_failure(excinfo)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where the claim stands: the clause instead of a file."""
        return self.path, None, f"{self.claim.clause}: {self.claim.id}"


class CompleteItem(pytest.Item):
    """The last item: a whole run that decided too little is an error, as it is exit 3 of the command."""

    def __init__(self, *, suite: _Suite, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite = suite

    def setup(self) -> None:
        """Hold the run to `require` and to the gate."""
        unmet = self.suite.undecided()
        if unmet:
            raise Undecided("; ".join(unmet))

    def runtest(self) -> None:
        """Nothing is left to do."""

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """One message."""
        return str(excinfo.value) if isinstance(excinfo.value, Undecided) else super().repr_failure(excinfo)


class Broken(Exception):
    """A claim in a gated layer fails."""


class Undecided(Exception):
    """A claim could not be decided."""


class Claims(pytest.Collector):
    """The node that holds all claims."""

    def __init__(self, *, suite: _Suite, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.suite = suite

    def collect(self) -> Iterator[pytest.Item]:
        """One item per claim, rules last, and one that holds the run to its requirements."""
        for claim in self.suite.claims:
            yield ClaimItem.from_parent(self, name=claim.id, claim=claim, suite=self.suite)
        yield CompleteItem.from_parent(self, name="the-run-is-complete", suite=self.suite)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the claims behind the tests that were collected, before -k and --lf choose."""
    if config.getoption("--conformance-target") is None:
        return
    try:
        suite = _Suite(config)
    except ConformanceError as problem:
        raise pytest.UsageError(str(problem)) from None
    config.add_cleanup(suite.session.driver.close)
    node = Claims.from_parent(session, name="conformance", suite=suite, nodeid="conformance")
    items.extend(node.collect())

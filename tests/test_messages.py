"""What verdicts quote of replies: no part of a secret is left in them, wherever it stands and however long the reply is."""

import itertools
from pathlib import Path

from conformance import checks, contract, target
from conformance.redact import SHOWN
from conformance.session import Options, Session
from tests import servers

HALF = servers.SECRETS["SECRET"][:7]


def test_no_part_of_a_secret_is_quoted(tmp_path: Path) -> None:
    """A server that repeats the secret, behind ever more padding, gets no part of it into an artefact or an endless message."""
    padding = itertools.cycle(range(10, SHOWN + 20, 7))

    class Padding(servers.Foreign):
        def error(self, status: int, *_: object) -> None:
            body = f"<html>{'x' * next(padding)}{servers.SECRETS['SECRET']}{'y' * SHOWN}"
            self.answer(status, body, ("Content-Type", "text/html"))

    spec, out = contract.load(), tmp_path / "r"
    with servers.serving(Padding, tmp_path) as path:
        session = Session(spec, target.load(path, spec), Options(), kind="real", out=out)
        record = session.conduct([claim for claim in checks.load(spec) if claim.draws is None])
    quoting = [finding for finding in record.findings if "xxxxxxx" in finding.actual]
    assert len(quoting) > 5
    assert max(len(finding.actual) for finding in record.findings) <= 2 * SHOWN
    assert {path.name for path in out.iterdir() if HALF in path.read_text(encoding="utf-8")} == set()

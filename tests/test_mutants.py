"""No constraint of token-api.yaml can change unnoticed, and what only the lock of facts in kill-matrix.json notices is known by kind.

Of every kind of change (part of the contract, change, keyword) the first place and the middle one stand for all: some 180 of
640 mutants, each in a process of its own, too short-lived for its garbage to matter; about two minutes of one core.
"""

import gc
import multiprocessing
from collections import Counter
from functools import partial

from tests import mutants

PLACES = 2
"""How many mutants of each kind are judged."""

ONLY_LOCKED = {
    "tells where in the documentation a constraint stands; claims name their clauses themselves": {
        "operation delete x-clause": 2,
        "operation change x-clause": 2,
        "operation delete clause": 1,
        "operation change clause": 1,
        "request delete x-clause": 2,
        "request change x-clause": 2,
        "reply delete x-clause": 1,
        "reply change x-clause": 2,
    },
    "tells which clause a row is listed under in evidence, where no claim is about this row alone": {
        "row change clause": 2,
    },
    "an error row is told by its code; its text counts only as the text of another code": {
        "row change message": 2,
    },
    "only schemathesis reads it, to draw requests that keep it or break it; its campaign is not played here": {
        "request delete required": 1,
        "request change required": 1,
        "request delete type": 2,
        "request change type": 2,
        "request delete minLength": 2,
        "request change minLength": 2,
        "request delete additionalProperties": 2,
        "request change additionalProperties": 2,
    },
    "an optional parameter of a grant that checks send without it (D-12)": {
        "request delete properties item": 1,
        "request delete x-slot": 1,
        "request change x-slot": 1,
    },
    "OpenAPI demands it and the harness knows no alternative: the version, the type http, a field that is a string": {
        "operation delete openapi": 1,
        "operation change openapi": 1,
        "operation delete type": 2,
        "operation change type": 2,
        "reply delete type": 1,
        "reply change type": 1,
    },
    "the page documents neither status nor shape of an error (D-07); the response Error has no constraint": {
        "reply delete $ref": 1,
        "reply change $ref": 1,
    },
}
"""Why only the lock of facts notices some mutants → their kinds, each with how many of the sample it holds."""


def test_every_mutant_is_noticed() -> None:
    """By the load, the inventory of claims, the clean run, a fault that loses its killer, or the lock, alone only where listed."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["pytest", "tests.mutants"])
    with context.Pool(2, initializer=gc.disable, maxtasksperchild=1) as pool:
        base = pool.apply(mutants.unchanged)
        same = pool.apply(mutants.judged, (mutants.Mutant(("openapi",), "change", mutants.PARSED["token-api.yaml"].data["openapi"]), base))
        judgements = list(pool.imap(partial(mutants.judged, base=base), mutants.sample(PLACES)))
        faults = sorted({judgement.said for judgement in judgements if judgement.by == "fault"})
        caught = pool.map(mutants.declared_by, faults, chunksize=1)
        pool.close()
        pool.join()
    assert {seen.partition(" ")[2] for seen in base.outcomes.values()} == {"pass", "not-applicable"}
    assert same.by == "nothing", same
    assert [fault for fault, well in zip(faults, caught, strict=True) if not well] == []
    assert [judgement for judgement in judgements if judgement.by == "nothing"] == []
    assert Counter(j.mutant.kind for j in judgements if j.by == "lock") == {
        k: n for kinds in ONLY_LOCKED.values() for k, n in kinds.items()
    }

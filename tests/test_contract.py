"""The contract is valid OpenAPI 3.1, and what does not fit together is refused with file, line and value."""

import shutil
from pathlib import Path

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator

from conformance import contract
from conformance.errors import ContractError

OPENAPI = contract.directory()

MISTAKES = [
    ("token-api.yaml", "clause: T-34,", "clause: T-99,", r"token-api.yaml:\d+: unknown clause 'T-99'"),
    (
        "token-api.yaml",
        "minLength: T-25, pattern: L-06}",
        "pattern: L-06}",
        r"token-api.yaml:\d+: access_token: 'minLength' names no clause",
    ),
    (
        "token-api.yaml",
        '"#/components/schemas/Token"',
        '"#/components/schemas/Tokken"',
        r"token-api.yaml:\d+: '#/components/schemas/Tokken' leads nowhere",
    ),
    ("token-api.yaml", "when: [scope, ", "when: [scop, ", r"token-api.yaml:\d+: unknown condition 'scop'; one of"),
    ("token-api.yaml", "x-clause: T-01", "x-clause: T-01\n      x-clause: T-01", r"token-api.yaml:\d+: duplicate key 'x-clause'"),
    (
        "token-api.yaml",
        "operationId: logout\n              par",
        "operationId: exit\n              par",
        r"token-api.yaml: the link leads to 'exit', which is no",
    ),
    (
        "token-api.yaml",
        "security: [{basic: []}]",
        "security: []",
        r"token-api.yaml: something that the harness needs is missing .*: IndexError",
    ),
    ("clauses.yaml", "F-05: {", "F-04: {", r"clauses.yaml:\d+: duplicate key 'F-04'"),
    ("clauses.yaml", "F-05: {layer: document", "F-05: {layer: documents", r"clauses.yaml:\d+: F-05: unknown layer 'documents'"),
    ("clauses.yaml", "level: MUST, binds: server", "level: OUGHT, binds: server", r"clauses.yaml:\d+: F-02: .*'OUGHT'"),
    ("clauses.yaml", "untested: binds", "untested: too hard", r"clauses.yaml:\d+: F-13: untested 'too hard'"),
    ("clauses.yaml", "F-05: {layer", "F-05: {layr: x, layer", r"clauses.yaml:\d+: F-05: .*unknown field `layr`"),
    ("interpretations.yaml", "hides: [F-25]", "hides: [F-99]", r"interpretations.yaml:\d+: .*hides unknown clause 'F-99'"),
]


def test_contract_is_valid_openapi() -> None:
    """A public validator accepts token-api.yaml."""
    assert not list(OpenAPIV31SpecValidator(contract.load().api.data).iter_errors())


@pytest.mark.parametrize(("file", "old", "new", "message"), MISTAKES, ids=[new for _, _, new, _ in MISTAKES])
def test_mistake_is_refused_by_name(tmp_path: Path, file: str, old: str, new: str, message: str) -> None:
    """Dangling, duplicate and unknown ids are refused with file, line and value."""
    folder = tmp_path / "openapi"
    shutil.copytree(OPENAPI, folder)
    text = (folder / file).read_text(encoding="utf-8")
    assert old in text
    (folder / file).write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(ContractError, match=message):
        contract.load(folder)


def test_the_oracle_speaks_the_vocabulary() -> None:
    """Every condition that the contract may name stands in the oracle or in a check."""
    package = Path(contract.__file__).parent
    source = (package / "oracle.py").read_text() + "".join(path.read_text() for path in (package / "checks").glob("*.py"))
    assert not {word for word in contract.CONDITIONS if f'"{word}"' not in source}


def test_hash_changes_with_any_file(tmp_path: Path) -> None:
    """The contract's hash tells two contracts apart."""
    folder = tmp_path / "openapi"
    shutil.copytree(OPENAPI, folder)
    assert contract.load(folder).hash == contract.load().hash
    (folder / "clauses.yaml").write_text((folder / "clauses.yaml").read_text(encoding="utf-8") + "# \n", encoding="utf-8")
    contract.load.cache_clear()
    assert contract.load(folder).hash != contract.load().hash

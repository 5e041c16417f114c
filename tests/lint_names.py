"""A lint: the API's names (parameters, members, grants, media types, paths) stand in the contract only, never in code that makes requests.

The scripts that prove a claim, in decorators and module constants, may hold them: they are what the code is held against.
"""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

from conformance import contract

MODULES = ("api", "oracle", "history", "survey", "generate", "runner", "driver", "expect", "profile", "checks/*")
OURS = {*contract.CONDITIONS, "code"}
"""Words that are names of the API and of our own vocabulary alike."""


def names(spec: contract.Contract) -> set[str]:
    """Every name that the contract gives."""
    found: set[str] = set()
    for operation in spec.operations.values():
        found |= {operation.path, operation.other_path, operation.media_type, operation.reply.media_type}
        found |= {*operation.parameters, *(grant.word for grant in operation.grants), *operation.reply.schema.get("properties", {})}
    return {name for name in found if name} - OURS


def literals(source: str) -> Iterator[tuple[int, str]]:
    """The texts in the bodies of functions, docstrings aside, with their lines."""
    for function in ast.walk(ast.parse(source)):
        if isinstance(function, ast.FunctionDef):
            decorators = {id(node) for part in function.decorator_list for node in ast.walk(part)}
            nested = {
                id(node)
                for inner in ast.walk(function)
                if isinstance(inner, ast.FunctionDef) and inner is not function
                for part in inner.decorator_list
                for node in ast.walk(part)
            }
            docstrings = {id(node.value) for node in ast.walk(function) if isinstance(node, ast.Expr)}
            for node in ast.walk(function):
                if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in decorators | nested | docstrings:
                    yield node.lineno, node.value


def breaches(package: Path) -> list[str]:
    """Where a name of the contract stands as a literal."""
    forbidden = names(contract.load())
    return sorted(
        {
            f"{path}:{line}: {text!r} is a name of the contract; read it from there (by its role)"
            for pattern in MODULES
            for path in package.glob(f"{pattern}.py")
            for line, text in literals(path.read_text(encoding="utf-8"))
            if text in forbidden
        }
    )


if __name__ == "__main__":
    found = breaches(Path(contract.__file__).parent)
    sys.stdout.write("".join(f"{text}\n" for text in found) or "no name of the contract stands in the code\n")
    sys.exit(bool(found))

"""Sessions for people and CI; `nox --list` names them."""

import nox

nox.needs_version = ">=2025.2"
nox.options.sessions = ["lint", "typing", "tests", "selftest", "conformance"]
nox.options.error_on_missing_interpreters = True

GROUPS = nox.project.load_toml("pyproject.toml")


def group(name: str) -> list[str]:
    """The requirements of a dependency group."""
    return list(nox.project.dependency_groups(GROUPS, name))


@nox.session
def conformance(session: nox.Session) -> None:
    """Run the harness; arguments are passed on: nox -s conformance -- --target FILE."""
    session.install(".")
    session.run("conformance", "run", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """Run the tests, a file to a worker; arguments go to pytest."""
    session.install(".", *group("tests"))
    session.run("python", "-m", "pytest", "-n", "auto", "--dist", "loadfile", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """Check style, formatting and the direction of imports."""
    session.install(".", *group("lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")
    session.run("lint-imports")
    session.run("python", "tests/lint_names.py")


@nox.session
def typing(session: nox.Session) -> None:
    """Check types, strictly, in package, tests and this file."""
    session.install(".", *group("typing"))
    session.run("mypy", *session.posargs)
    session.run("mypy", "noxfile.py")


@nox.session
def selftest(session: nox.Session) -> None:
    """Run the suite against every fault and compare the kill matrix with the committed one."""
    session.install(".")
    session.run("conformance", "selftest", "--lock", "kill-matrix.json", *session.posargs)

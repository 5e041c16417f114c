"""What runs have spent of an account's failed logins in the last 24 hours, kept on disk, so that repeated runs count together."""

import hashlib
import os
import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import msgspec

from conformance.errors import UsageError

WINDOW_S = 24 * 3600
"""How long a failed login counts."""


class Book(msgspec.Struct, forbid_unknown_fields=True):
    """The file: account → budget → when something was spent of it (seconds since the epoch). Accounts are salted hashes, never names."""

    salt: str
    accounts: dict[str, dict[str, list[float]]] = {}


def state_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """Where the file is: below $XDG_STATE_HOME, which must be absolute, or ~/.local/state."""
    named = Path(environ.get("XDG_STATE_HOME", ""))
    return (named if named.is_absolute() else Path.home() / ".local" / "state") / "oauth-conformance"


class Ledger:
    """The failed logins of one account: a host, a client and a user. Raises UsageError if the file cannot be read or written."""

    def __init__(self, folder: Path, account: tuple[str, ...], now: Callable[[], float] = time.time) -> None:
        self._folder, self._account, self._now = folder, account, now
        self.path = folder / "failed-logins.json"

    def spent(self, budget: str) -> int:
        """How many failed logins of this kind count now."""
        return len(self._entries(self._read(), budget))

    def take(self, budget: str, limit: int) -> bool:
        """Write down one failed login that is about to happen, unless so many count already; says whether there was room."""
        with self._locked():
            book = self._read()
            entries = self._entries(book, budget)
            if len(entries) >= limit:
                return False
            book.accounts.setdefault(self._key(book), {})[budget] = [*entries, self._now()]
            self._write(book)
        return True

    def _entries(self, book: Book, budget: str) -> list[float]:
        """What still counts. An entry of the future counts too: then a clock was set back."""
        return [when for when in book.accounts.get(self._key(book), {}).get(budget, ()) if self._now() - when < WINDOW_S]

    def _key(self, book: Book) -> str:
        return hashlib.sha256("\0".join((book.salt, *self._account)).encode("utf-8", "surrogateescape")).hexdigest()

    def _read(self) -> Book:
        try:
            return msgspec.json.decode(self.path.read_bytes(), type=Book)
        except FileNotFoundError:
            return Book(secrets.token_hex(16))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError) as problem:
            raise UsageError(
                f"{self.path}: what earlier runs spent of the budgets cannot be read: {getattr(problem, 'strerror', None) or problem};"
                " delete the file if no account can have been used in the last 24 hours"
            ) from None

    def _write(self, book: Book) -> None:
        """Replace the file as a whole: a crash leaves the old one or the new one."""
        trial = self.path.with_suffix(".new")
        try:
            with os.fdopen(os.open(trial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(msgspec.json.encode(book))
                file.flush()
                os.fsync(file.fileno())
            trial.replace(self.path)
        except OSError as problem:
            raise self._unwritable(problem) from None

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The only one on this machine who reads and writes."""
        try:
            import fcntl

            self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            handle = os.open(self._folder / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as problem:
            raise self._unwritable(problem) from None
        except ImportError:
            raise UsageError("risk: budgets of failed logins need a system with file locks (POSIX); take wrong_* out") from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    def _unwritable(self, problem: OSError) -> UsageError:
        return UsageError(
            f"{problem.filename or self.path}: what this run spends of the budgets cannot be written: {problem.strerror};"
            " let XDG_STATE_HOME name a folder of yours"
        )

"""A run's look at its own artefacts before it ends: whether a secret stands in one, and what is done about it then."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec

from conformance.leaks import Scanner
from conformance.record import Footer, Header

EXIT = 3


class Scan(msgspec.Struct, frozen=True):
    """What a look at the artefacts found: `secrets` counts what was looked for, `hits` says which stand where, by name."""

    secrets: int
    files: tuple[str, ...]
    hits: Mapping[str, tuple[str, ...]] = {}

    @property
    def said(self) -> str:
        """One line for people; a hit names the file and the slots, never a value."""
        if not self.hits:
            return f"Artefacts scanned: none of {self.secrets} secrets found in {len(self.files)} files"
        return f"SECRETS FOUND: {self.reason}; please report it"

    @property
    def reason(self) -> str:
        """What was found where, and what became of it."""
        found = "; ".join(f"{name} held {', '.join(slots)}" for name, slots in self.hits.items())
        return f"{found}: withheld, so that they go nowhere"


def scanned(out: Path, names: Sequence[str], scanner: Scanner) -> Scan:
    """Search the files of these names that the folder holds; one that cannot be read counts as one with a hit."""
    hits: dict[str, tuple[str, ...]] = {}
    present = tuple(name for name in names if (out / name).is_file())
    for name in present:
        try:
            found = scanner.found_in(out / name)
        except OSError as problem:
            found = (f"something unknown ({problem.strerror})",)
        if found:
            hits[name] = found
    return Scan(scanner.count, present, hits)


def incomplete(footer: Footer | None, scan: Scan) -> Footer | None:
    """The footer of a run whose artefacts held a secret: whatever it found, it is not complete."""
    if footer is None or not scan.hits:
        return footer
    return msgspec.structs.replace(footer, verdict="incomplete", exit_code=EXIT, unmet=(*footer.unmet, scan.reason))


def withheld(out: Path, record: str, scan: Scan, header: Header) -> None:
    """Take the secrets out of the record, which loses its lines, and whatever says that the run is complete."""
    if record in scan.hits:
        (out / record).write_bytes(msgspec.json.encode(header) + b"\n")
        return
    with (out / record).open("r+b") as file:
        begins = 0
        for line in file:
            if line.startswith(_FOOTER):
                file.truncate(begins)
                return
            begins += len(line)


_FOOTER = b'{"type":"footer"'

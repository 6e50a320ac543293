"""A zip that depends on what is in it and on nothing else: sorted, one date, two modes."""

from __future__ import annotations

import hashlib
import zipfile
from dataclasses import dataclass
from pathlib import Path

# The oldest date that a zip can hold.
DATE = (1980, 1, 1, 0, 0, 0)
READ, RUN = 0o644, 0o755
UNIX = 3
REGULAR_FILE = 0o100000
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Contents:
    """Hold what a layer's zip has in it; sizes in bytes."""

    files: int
    zipped: int
    unpacked: int
    bytecode: int
    sha256: str


def pack(folder: Path, archive: Path) -> None:
    """Write all files below the folder into the archive; the same content gives the same bytes."""
    paths = sorted(
        (path.relative_to(folder).as_posix(), path) for path in folder.rglob("*") if path.is_file()
    )
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as target:
        for name, path in paths:
            target.writestr(_entry(name), path.read_bytes())


def _entry(name: str) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, DATE)
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = UNIX
    # Lambda runs as a user of its own, which must be able to read everything.
    entry.external_attr = (REGULAR_FILE | (RUN if ".so" in Path(name).suffixes else READ)) << 16
    return entry


def look_into(archive: Path) -> Contents:
    """Return the figures of a zip."""
    with zipfile.ZipFile(archive) as source:
        entries = source.infolist()
    return Contents(
        files=len(entries),
        zipped=archive.stat().st_size,
        unpacked=sum(entry.file_size for entry in entries),
        bytecode=sum(entry.file_size for entry in entries if entry.filename.endswith(".pyc")),
        sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
    )

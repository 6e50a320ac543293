"""Take out of installed wheels what no function reads at run time."""

from __future__ import annotations

import shutil
from pathlib import Path

# Programs of the wheels (`bin`), and what only their makers run.
FOLDERS = frozenset({"bin", "tests", "test", "benchmarks", "__pycache__"})
# Stubs are for type checkers; .c, .h, .pyx and .pxd for who builds the wheel.
SUFFIXES = frozenset({".pyi", ".c", ".h", ".pyx", ".pxd", ".pyc"})
# pip's own book-keeping, wrong once anything is gone. METADATA and entry_points.txt stay: `importlib.metadata`
# reads them. So do WHEEL, which says what the wheel was built for, and every licence.
BOOK_KEEPING = frozenset({"RECORD", "INSTALLER", "REQUESTED", "direct_url.json"})


def trim(folder: Path) -> int:
    """Remove what is not needed below the folder; return the bytes that it took."""
    before = size(folder)
    for path in sorted(folder.rglob("*")):
        if not path.exists():  # went with its folder
            continue
        if path.is_dir() and path.name in FOLDERS:
            shutil.rmtree(path)
        elif path.is_file() and _useless(path):
            path.unlink()
    return before - size(folder)


def _useless(path: Path) -> bool:
    in_metadata = path.parent.name.endswith(".dist-info")
    return path.suffix in SUFFIXES or (in_metadata and path.name in BOOK_KEEPING)


def size(folder: Path) -> int:
    """Return the bytes of all files below the folder."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())

"""PIPELINE_VERSION: the package's version and a hash over everything that decides a record's result."""

from __future__ import annotations

from hashlib import blake2b
from pathlib import Path

from sluice import __version__

_PACKAGE = Path(__file__).parent
_RULES = ("pipeline.py", "decode.py", "validate.py", "identify.py", "enrich.py", "reasons.py")


def pipeline_version(package: Path = _PACKAGE) -> str:
    """Return `<package version>+<8 hex>`; the hex changes with any step, chain, rule or schema."""
    files = [package / name for name in _RULES]
    files += sorted((package / "clean").glob("*.py")) + sorted((package / "schemas").glob("*/*.json"))
    digest = blake2b(digest_size=4)
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}:{len(content)}:".encode())
        digest.update(content)
    return f"{__version__}+{digest.hexdigest()}"

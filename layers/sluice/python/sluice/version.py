"""PIPELINE_VERSION: the package's version and a hash over everything that decides a record's result."""

from __future__ import annotations

from collections.abc import Mapping
from hashlib import blake2b
from pathlib import Path
from types import MappingProxyType

from sluice import __version__

_PACKAGE = Path(__file__).parent
_RULES = (
    "pipeline.py", "judge.py", "decode.py", "validate.py", "fingerprint.py", "identify.py", "impute.py", "enrich.py", "reasons.py",
)  # fmt: skip
_FOLDERS = ("clean/*.py", "features/*.py", "history/*.py", "redact/*.py", "redact/*.toml", "schemas/*/*.json")


def pipeline_version(package: Path = _PACKAGE, chosen: Mapping[str, str] = MappingProxyType({})) -> str:
    """Return `<package version>+<8 hex>`; the hex changes with any step, chain, rule or schema.

    `chosen` are the settings that decide a record's result, as far as they are not the default.
    """
    files = [package / name for name in _RULES]
    files += [path for pattern in _FOLDERS for path in sorted(package.glob(pattern))]
    digest = blake2b(digest_size=4)
    for path in files:
        content = path.read_bytes()
        digest.update(f"{path.relative_to(package).as_posix()}:{len(content)}:".encode())
        digest.update(content)
    for name, value in sorted(chosen.items()):
        digest.update(f"{name}={value}:".encode())
    return f"{__version__}+{digest.hexdigest()}"

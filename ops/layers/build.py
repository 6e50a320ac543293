"""Build a layer once for its inputs, and find it again afterwards.

A finished layer lies in `.cache/layers` under the hash of everything that decides its content: lock or sources,
target, the Python that writes bytecode, and the code of this folder. A second synth builds nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from ops.layers.archive import pack
from ops.layers.bytecode import Interpreter, compile_tree, find_python
from ops.layers.lock import read_lock
from ops.layers.target import Target
from ops.layers.trim import trim
from ops.layers.wheels import install

REPOSITORY = Path(__file__).resolve().parents[2]
LOCK = REPOSITORY / "layers" / "vendor" / "requirements.txt"
PACKAGE = REPOSITORY / "layers" / "sluice"
CACHE = REPOSITORY / ".cache" / "layers"


@dataclass(frozen=True)
class Recipe:
    """Hold how one layer is made: `fill` puts its files into a folder, `inputs` is all that they depend on."""

    name: str
    target: Target
    python: Interpreter | None
    inputs: bytes = field(repr=False)
    fill: Callable[[Path], None] = field(repr=False, compare=False)

    @property
    def key(self) -> str:
        """Return the hash of the inputs, 64 hex digits."""
        compiler = self.python.version if self.python else "none"
        return _digest(
            [self.name.encode(), str(self.target).encode(), compiler.encode(), _builder(), self.inputs]
        )

    def build(self, cache: Path = CACHE) -> Path:
        """Return the layer's zip, made now unless it lies in the cache; raises LayerError."""
        archive = cache / f"{self.name}-{self.target}-{self.key[:16]}.zip"
        if archive.is_file():
            return archive
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as scratch:
            folder = Path(scratch) / "layer"
            self.fill(folder / "python")
            if self.python is not None:
                compile_tree(folder, self.python)
            finished = Path(scratch) / archive.name
            pack(folder, finished)
            # A rename is atomic: two synths at once do no harm.
            finished.replace(archive)
        return archive


def vendor(target: Target, lock: Path = LOCK) -> Recipe:
    """Return the recipe of the third-party layer; raises LayerError when the lock is not whole."""
    pins = read_lock(lock.read_text(), target)

    def fill(folder: Path) -> None:
        install(pins, target, folder)
        trim(folder)

    inputs = "".join(f"{pin}\n" for pin in pins).encode()
    return Recipe("vendor", target, find_python(target.python), inputs, fill)


def sluice(target: Target, package: Path = PACKAGE) -> Recipe:
    """Return the recipe of the project's own layer: sources, schemas and bytecode."""
    root = package / "python"

    def fill(folder: Path) -> None:
        shutil.copytree(root, folder, ignore=shutil.ignore_patterns("__pycache__", "*.pyc"))

    return Recipe("sluice", target, find_python(target.python), _tree(root), fill)


RECIPES: dict[str, Callable[[Target], Recipe]] = {"vendor": vendor, "sluice": sluice}


def _tree(root: Path) -> bytes:
    files = sorted(path for path in root.rglob("*") if path.is_file() and path.suffix != ".pyc")
    return _digest(part for path in files for part in (_relative(path, root), path.read_bytes())).encode()


def _builder() -> bytes:
    return _tree(Path(__file__).parent)


def _relative(path: Path, root: Path) -> bytes:
    return path.relative_to(root).as_posix().encode()


def _digest(parts: Iterable[bytes]) -> str:
    digest = hashlib.sha256()
    for part in parts:
        # With lengths, so that no two lists of parts read the same.
        digest.update(b"%d:" % len(part) + part)
    return digest.hexdigest()

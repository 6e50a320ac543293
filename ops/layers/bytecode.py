"""Bytecode for the target's Python, which only a Python of that version can write.

`unchecked-hash`: the loader takes the file as it is and never looks at its source's date, which a zip does not keep.
Without bytecode every cold start compiles the sources anew, since a layer's folder is read-only.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from ops.layers.target import LayerError

# Where a layer's content lies in the runtime: tracebacks name the files there.
MOUNT = "/opt"
_ASK = "import sys; print('.'.join(map(str, sys.version_info[:3])), sys.version_info[3], sys.implementation.name)"


@dataclass(frozen=True)
class Interpreter:
    """Hold a Python that was found: its path and its whole version."""

    path: Path
    version: str


@cache
def find_python(python: str) -> Interpreter | None:
    """Return a released CPython of this version (`3.13`), None when the machine has none."""
    for candidate in _candidates(python):
        version = _version(candidate)
        if version.startswith(f"{python}."):
            return Interpreter(candidate, version)
    return None


def _candidates(python: str) -> Iterator[Path]:
    yield Path(sys.executable)
    for name in (f"python{python}", "python3"):
        found = shutil.which(name)
        if found:
            yield Path(found)
    # Installed by pyenv or uv, yet not on the PATH (pyenv's shims are, and refuse unless the version is chosen).
    homes = [Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv") / "versions"]
    homes += [Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share") / "uv" / "python"]
    for home in homes:
        yield from sorted(home.glob(f"*{python}.*/bin/python{python}"))


def _version(path: Path) -> str:
    try:
        done = subprocess.run(
            [path, "-I", "-S", "-c", _ASK], capture_output=True, text=True, timeout=20, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    words = done.stdout.split()
    return words[0] if done.returncode == 0 and words[1:] == ["final", "cpython"] else ""


def compile_tree(folder: Path, python: Interpreter) -> None:
    """Write bytecode beside every source below `folder`; raises LayerError when a source does not compile."""
    options = ["--invalidation-mode", "unchecked-hash", "-s", str(folder), "-p", MOUNT, "-q", "-f"]
    command = [str(python.path), "-P", "-s", "-S", "-m", "compileall", *options, str(folder)]
    # A fixed seed: the order of a constant set would otherwise be another one each time.
    environment = {"PYTHONHASHSEED": "0", "PATH": os.defpath}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    if done.returncode:
        raise LayerError(f"Python {python.version} cannot compile the layer: {done.stdout.strip()[-500:]}")

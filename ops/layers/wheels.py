"""Install the wheels of a target that need not be this machine, and see that they are the pinned ones."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Sequence
from importlib.metadata import Distribution, distributions
from pathlib import Path

from packaging.utils import canonicalize_name

from ops.layers.lock import Pin
from ops.layers.target import LayerError, Target


def install(pins: Sequence[Pin], target: Target, folder: Path) -> None:
    """Fill the folder with the pins' wheels; raises LayerError when one is not to be had for the target."""
    folder.mkdir(parents=True)
    requirements = folder.with_name("requirements.txt")
    requirements.write_text("".join(f"{pin}\n" for pin in pins))
    command = [sys.executable, "-m", "pip", "install", "--target", str(folder), *_options(target)]
    done = subprocess.run([*command, "-r", str(requirements)], capture_output=True, text=True, check=False)
    requirements.unlink()
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.startswith("ERROR:")]
        last = (words or done.stderr.strip().splitlines() or ["no word"])[-1]
        raise LayerError(
            f"pip has no wheels for {target} at the pinned versions: {last.removeprefix('ERROR: ')}"
        )
    faults = [*wrong_versions(folder, pins), *wrong_platforms(folder, target)]
    if faults:
        raise LayerError(f"the layer for {target} is not what was pinned: {'; '.join(faults)}")


def _options(target: Target) -> list[str]:
    options = ["--only-binary=:all:", "--no-deps", "--require-hashes", "--no-compile"]
    options += ["--disable-pip-version-check", "--no-input", "--quiet", "--no-warn-conflicts"]
    options += ["--implementation", "cp", "--python-version", target.python]
    return options + [word for platform in target.platforms for word in ("--platform", platform)]


def wrong_versions(folder: Path, pins: Iterable[Pin]) -> list[str]:
    """Return a line for every package that is missing, too many or at another version than its pin's.

    pip that is left a choice takes an old release whose wheel fits, without a word.
    """
    wanted: dict[str, str] = {pin.name: pin.version for pin in pins}
    found: dict[str, str] = {
        canonicalize_name(each.name): each.version for each in distributions(path=[str(folder)])
    }
    return [
        f"{name} is {found.get(name, 'missing')}, pinned is {wanted.get(name, 'nothing')}"
        for name in sorted(wanted.keys() | found.keys())
        if found.get(name) != wanted.get(name)
    ]


def wrong_platforms(folder: Path, target: Target) -> list[str]:
    """Return a line for every package whose wheel was made for another machine than the target's."""
    return [
        f"{each.name} is built for {platform}"
        for each in distributions(path=[str(folder)])
        for platform in _platforms(each)
        if platform != "any" and not platform.endswith(f"_{target.machine}")
    ]


def _platforms(distribution: Distribution) -> list[str]:
    lines = (distribution.read_text("WHEEL") or "").splitlines()
    return [line.rpartition("-")[2].strip() for line in lines if line.startswith("Tag:")]

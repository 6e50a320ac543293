"""`python -m ops.layers`: build both layers, copy them to `build/layers` and print what they weigh."""

from __future__ import annotations

import argparse
import shutil
import sys
from pathlib import Path

from ops.layers.archive import MEGABYTE, look_into
from ops.layers.build import RECIPES, REPOSITORY, Recipe
from ops.layers.target import MACHINES, LayerError, Target, host_target


def main(arguments: list[str]) -> int:
    """Build both layers for a target and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m ops.layers", description=__doc__)
    parser.add_argument("--architecture", choices=[*MACHINES, "host"], default=Target().architecture)
    parser.add_argument("--python", metavar="3.x|host", default=Target().python)
    parser.add_argument("--out", type=Path, default=REPOSITORY / "build" / "layers")
    given = parser.parse_args(arguments)
    try:
        for make in RECIPES.values():
            print(_build(make(_target(given.architecture, given.python)), given.out))
    except LayerError as error:
        print(f"layers: {error}", file=sys.stderr)
        return 1
    return 0


def _target(architecture: str, python: str) -> Target:
    host = host_target()
    return Target(
        host.architecture if architecture == "host" else architecture,
        host.python if python == "host" else python,
    )


def _build(recipe: Recipe, out: Path) -> str:
    out.mkdir(parents=True, exist_ok=True)
    copy = out / f"{recipe.name}-{recipe.target}.zip"
    shutil.copyfile(recipe.build(), copy)
    found = look_into(copy)
    compiled = (
        f"bytecode {found.bytecode / MEGABYTE:.1f} MB by Python {recipe.python.version}"
        if recipe.python
        else f"NO bytecode: there is no Python {recipe.target.python} here; cold starts compile the sources"
    )
    return (
        f"{copy}\n  {found.files} files, {found.unpacked / MEGABYTE:.1f} MB unpacked, "
        f"{found.zipped / MEGABYTE:.1f} MB zipped; {compiled}\n  sha256 {found.sha256}"
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

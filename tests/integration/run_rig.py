"""Seeded inputs and layers for tests of the runner."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import subprocess
import sys
from pathlib import Path

import orjson

from ops.twin.config import REPOSITORY
from ops.twin.options import LAYER
from ops.twin.resident import FOLDER

SERVERS = ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "REDIS_MODE")
_BAD = (
    b"",
    b"no json",
    b"[1]",
    b'{"agent_id":"a"}',
    b"\xff\xfe",
    b'{"agent_id":"a","timestamp":"x","text":"t"}',
)


def write_input(path: Path, seed: int, records: int, agents: int = 40) -> Path:
    """Write records of which some repeat, some conflict and some are bad; return the path."""
    rng = random.Random(seed)
    lines: list[bytes] = []
    good: list[dict[str, str]] = []
    for number in range(records):
        dice = rng.random()
        if dice < 0.02:
            lines.append(rng.choice(_BAD))
        elif dice < 0.08 and good:
            lines.append(orjson.dumps(rng.choice(good[-3000:])))
        elif dice < 0.11 and good:
            lines.append(orjson.dumps({**rng.choice(good[-3000:]), "text": f"another text {number}"}))
        else:
            good.append(_record(rng, number, agents))
            lines.append(orjson.dumps(good[-1]))
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def _record(rng: random.Random, number: int, agents: int) -> dict[str, str]:
    hour, minute, second = number // 3600 % 24, number // 60 % 60, number % 60
    return {
        "agent_id": f"agent-{rng.randrange(agents)}",
        "timestamp": f"2026-03-{1 + number // 86400:02d}T{hour:02d}:{minute:02d}:{second:02d}Z",
        "text": f"text {number} " + "see https://example.org/page for more  " * rng.randrange(1, 9),
    }


def patched_layer(folder: Path, module: str, code: str) -> Path:
    """Copy the package's layer and append code to one of its modules; return the copy."""
    layer = folder / "layer"
    shutil.copytree(LAYER, layer, ignore=shutil.ignore_patterns("__pycache__"))
    with (layer / "sluice" / module).open("a") as file:
        file.write(code)
    return layer


def left_over(folder: Path) -> list[str]:
    """Return the processes that know a folder: by their command line, environment or working directory."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            known = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            if str(folder).encode() in known or str((process / "cwd").readlink()).startswith(str(folder)):
                found.append(f"{process.name} {known[:80]!r}")
    return found


def runner(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[bytes]:
    """Start `python -m ops.twin run` with a temporary folder of its own, by which its processes are known."""
    given = {name: value for name, value in os.environ.items() if name not in SERVERS}
    folder.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-m", "ops.twin", "run", *arguments],
        cwd=REPOSITORY,
        env={**given, "TMPDIR": str(folder), FOLDER: str(folder / "twin"), **environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )

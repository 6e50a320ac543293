"""Seeded inputs and layers for tests of the runner."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

import orjson

from ops.twin.run import LAYER

_BAD = (b"", b"no json", b"[1]", b'{"agent_id":"a"}', b"\xff\xfe", b'{"agent_id":"a","timestamp":"x","text":"t"}')


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

"""How long a function's import takes, beside `import boto3`: fresh interpreters in turn."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

from ops.bench.figures import ratios, spread
from ops.bench.rivals import LAYER
from ops.twin.config import REPOSITORY

MODULES = ("boto3", "preprocess", "lookup")
_PROGRAM = "import time; t = time.perf_counter(); import {}; print(time.perf_counter() - t)"


def import_seconds(module: str) -> float:
    """Return the seconds that a fresh interpreter takes for the import."""
    environment = {**os.environ, "PYTHONPATH": f"{REPOSITORY / 'functions'}:{LAYER}"}
    program = _PROGRAM.format(module)
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=True
    )
    return float(done.stdout)


def measure_imports(rounds: int) -> dict[str, Any]:
    """Return milliseconds and ratios to boto3; a first round, not counted, writes the byte code."""
    taken: dict[str, list[float]] = {module: [] for module in MODULES}
    for number in range(rounds + 1):
        for module in MODULES:
            seconds = import_seconds(module)
            if number:
                taken[module].append(seconds)
    return {
        module: {
            "ms": spread([second * 1000 for second in seconds]).as_dict(),
            "over_boto3": ratios(seconds, taken["boto3"]).as_dict(),
        }
        for module, seconds in taken.items()
    }

"""CPU time of other processes, as the kernel counts it."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

from ops.twin.twin import Twin

_TICKS = os.sysconf("SC_CLK_TCK")
# The event source's processes and the functions'; `runtime` is the Python of an execution environment.
MEASURED = ("poller", "runtime")
AROUND = ("lambda", "rie")


def cpu_seconds(pids: Iterable[int]) -> float:
    """Return user and system time of the processes, all threads, in seconds."""
    return sum(_ticks(Path(f"/proc/{pid}/stat").read_text()) for pid in pids) / _TICKS


def _ticks(stat: str) -> int:
    # The second field is the command in parentheses and may hold blanks.
    fields = stat.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def twin_cpu(twin: Twin) -> dict[str, float]:
    """Return the CPU seconds so far by kind of process."""
    return {kind: cpu_seconds(twin.pids(kind)) for kind in MEASURED + AROUND}

"""`python -m ops.bench`: measure, print one table, write it as JSON."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ops.bench.cleaning import measure_cleaning
from ops.bench.end_to_end import measure_partitions, run_twin
from ops.bench.imports import measure_imports
from ops.bench.inputs import Workload
from ops.bench.latency import measure_latency
from ops.bench.lookups import measure_lookups
from ops.bench.memory import measure_memory
from ops.bench.servers import Servers
from ops.bench.speed import measure_linearity, measure_speed
from ops.bench.table import render
from ops.bench.targets import BUDGET, REQUIRED, judge
from ops.twin.config import REPOSITORY

REAL = REPOSITORY.parent / "shared" / "data" / "tau_airline.jsonl.gz"
RESULTS = REPOSITORY / ".cache" / "bench.json"
GENERATED = (Workload("500 B", 500), Workload("2 kB", 2_000), Workload("8 kB", 8_000))
SECTIONS = ("speed", "cleaning", "linearity", "memory", "imports", "lookup", "twin", "partitions", "latency")


@dataclass(frozen=True)
class Sizes:
    """Say how much is measured; `records` a round and text length, `end_to_end` records a twin."""

    rounds: int
    records: dict[str, int]
    linear: tuple[int, ...]
    linear_rounds: int
    memory_events: int
    import_rounds: int
    lookups: int
    end_to_end: int
    latency_seconds: int


FULL = Sizes(
    7, {"500 B": 10_000, "2 kB": 6_000, "8 kB": 3_000}, (2_000, 20_000, 200_000), 3, 50, 7, 2_000, 40_000, 20
)
QUICK = Sizes(5, {"500 B": 1_000, "2 kB": 400, "8 kB": 200}, (500, 1_000, 2_000), 1, 3, 1, 200, 8_000, 2)
REAL_RECORDS = 3_618


def _arguments(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m ops.bench", description=__doc__)
    parser.add_argument(
        "--json", type=Path, default=RESULTS, help="file for the results (default .cache/bench.json)"
    )
    parser.add_argument("--real", type=Path, default=REAL, help="real messages, one a line, gzip")
    parser.add_argument(
        "--only", default=",".join(SECTIONS), help=f"sections, comma-separated: {', '.join(SECTIONS)}"
    )
    parser.add_argument("--rounds", type=int, help="rounds of the speed section (default 7)")
    parser.add_argument("--quick", action="store_true", help="few records: shows that it works, not how fast")
    parser.add_argument("--check", action="store_true", help="exit with 1 when a target is missed")
    options = parser.parse_args(arguments)
    unknown = set(options.only.split(",")) - set(SECTIONS)
    if unknown:
        parser.error(f"unknown sections: {', '.join(sorted(unknown))}")
    return options


class Bench:
    """Measure one section after the other, and tell on stderr which."""

    def __init__(self, sizes: Sizes, real: Path) -> None:
        """Choose the workloads; the real one only when its file is there."""
        self.results: dict[str, Any] = {"machine": _machine(), "notes": []}
        self._sizes = sizes
        self._workloads = list(GENERATED)
        if real.is_file():
            self._workloads.append(Workload("real", real=real))
        else:
            self.results["notes"].append(f"no real data: {real.name} is not there (--real FILE)")

    def run(self, sections: Sequence[str]) -> None:
        """Measure the sections in their order."""
        for section in SECTIONS:
            if section in sections:
                measure: Callable[[], Any] = getattr(self, f"_{section}")
                self.results[section] = measure()

    def _records(self, workload: Workload) -> int:
        return min(
            self._sizes.records.get(workload.name, REAL_RECORDS), REAL_RECORDS if workload.real else 10**9
        )

    def _speed(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        with Servers() as servers:
            for workload in self._workloads:
                rounds = measure_speed(servers, workload, self._records(workload), self._sizes.rounds)
                for number, result in rounds:
                    _tell(f"speed, {workload.name}: round {number + 1} of {self._sizes.rounds}")
                    found[workload.name] = result
        return found

    def _cleaning(self) -> dict[str, Any]:
        _tell("cleaning: operator by operator")
        return measure_cleaning(self._sizes.rounds)

    def _linearity(self) -> dict[str, Any]:
        _tell(f"linearity: {', '.join(f'{size:,}' for size in self._sizes.linear)} records")
        with Servers() as servers:
            return measure_linearity(servers, GENERATED[0], self._sizes.linear, self._sizes.linear_rounds)

    def _memory(self) -> dict[str, Any]:
        _tell(f"memory: {self._sizes.memory_events} events of 6 MB")
        with Servers() as servers:
            return measure_memory(servers, GENERATED[0], self._sizes.memory_events)

    def _imports(self) -> dict[str, Any]:
        _tell("imports")
        return measure_imports(self._sizes.import_rounds)

    def _lookup(self) -> dict[str, Any]:
        _tell(f"lookup: {self._sizes.lookups:,} calls")
        with Servers() as servers:
            return measure_lookups(servers, GENERATED[0], self._sizes.lookups)

    def _twin(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for workload in self._workloads:
            _tell(f"end to end: {workload.name}")
            found[workload.name] = run_twin(workload, self._sizes.end_to_end, 2)
        return found

    def _partitions(self) -> dict[str, Any]:
        _tell("end to end: 1, 2 and 4 partitions")
        return measure_partitions(GENERATED[0], self._sizes.end_to_end, (1, 2, 4))

    def _latency(self) -> dict[str, Any]:
        _tell(f"latency: {self._sizes.latency_seconds} s")
        return measure_latency(GENERATED[0], self._sizes.latency_seconds)


def _machine() -> dict[str, Any]:
    return {"python": platform.python_version(), "machine": platform.machine(), "cpus": os.cpu_count()}


def _tell(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks; return the exit code."""
    options = _arguments(arguments)
    sizes = QUICK if options.quick else FULL
    bench = Bench(sizes, options.real)
    bench.run(options.only.split(","))
    required, budget = judge(bench.results, REQUIRED), judge(bench.results, BUDGET)
    bench.results["targets"] = [verdict.as_dict() for verdict in required + budget]
    options.json.parent.mkdir(parents=True, exist_ok=True)
    options.json.write_text(json.dumps(bench.results, indent=2, ensure_ascii=False) + "\n")
    print(render(bench.results, required + budget), end="")
    return 1 if options.check and not all(verdict.met for verdict in required) else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""CPU per record of the handler, its stages, the seed loop and the floor: rounds in which they take turns."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

from ops.bench.figures import Spread, deviation, ratios, spread
from ops.bench.inputs import Workload
from ops.bench.rivals import Worker, config, play
from ops.bench.servers import Servers

CONTENDERS = ("whole", "stages", "floor", "bare_floor", "seed")
# The seed loop needs milliseconds a record; so many are enough for a second a round.
SEED_RECORDS = 400

Rounds = dict[str, list[dict[str, Any]]]


def measure_speed(
    servers: Servers, workload: Workload, records: int, rounds: int
) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yield after every round its number and the results so far."""
    with ExitStack() as stack:
        workers = {kind: stack.enter_context(Worker(kind, config(servers))) for kind in CONTENDERS}
        # The first round pays for imports, page faults and the servers' own start.
        for kind, worker in workers.items():
            play(worker, servers, workload, min(records, 200), f"warm-{kind}")
        played: Rounds = defaultdict(list)
        for number in range(rounds):
            for kind, worker in _turn(workers, number):
                count = min(SEED_RECORDS, records) if kind == "seed" else records
                played[kind].append(play(worker, servers, workload, count, f"{kind}-{number}"))
            yield number, _sum_up(played, records)


def _turn(workers: Mapping[str, Worker], number: int) -> Sequence[tuple[str, Worker]]:
    """Return the contenders, each round beginning with the next one."""
    order = list(workers.items())
    first = number % len(order)
    return order[first:] + order[:first]


def per_record(rounds: Sequence[Mapping[str, Any]], clock: str) -> list[float]:
    """Return µs a record, round by round, of the clock `cpu` or `wall`."""
    return [one[clock] / one["records"] * 1e6 for one in rounds]


def _sum_up(played: Rounds, records: int) -> dict[str, Any]:
    cpu = {kind: per_record(rounds, "cpu") for kind, rounds in played.items()}
    whole, staged = spread(cpu["whole"]), spread(cpu["stages"])
    wall = spread([1e6 / each for each in per_record(played["whole"], "wall")])
    return {
        "records": records,
        "rounds": len(cpu["whole"]),
        "cpu_us": {kind: spread(figures).as_dict() for kind, figures in cpu.items() if kind != "stages"},
        "stages_us": {name: figure.as_dict() for name, figure in _stages(played["stages"]).items()},
        # What the handler does besides its stages: wiring, bookkeeping, conservation, metrics, the log line.
        "rest_us": whole.median - staged.median,
        "records_per_second": wall.as_dict(),
        "seed_over_sluice": ratios(cpu["seed"], cpu["whole"]).as_dict(),
        "sluice_over_floor": ratios(cpu["whole"], cpu["floor"]).as_dict(),
        "sluice_over_bare_floor": ratios(cpu["whole"], cpu["bare_floor"]).as_dict(),
    }


def _stages(rounds: Sequence[Mapping[str, Any]]) -> dict[str, Spread]:
    names = list(rounds[0]["stages"])
    return {name: spread([one["stages"][name] / one["records"] * 1e6 for one in rounds]) for name in names}


def measure_linearity(
    servers: Servers, workload: Workload, sizes: Sequence[int], rounds: int
) -> dict[str, Any]:
    """Return CPU per record at each number of records, and how far apart their least figures are.

    The least, since whatever else this machine does only adds, and a long round meets more of it.
    """
    figures: dict[int, list[float]] = {size: [] for size in sizes}
    with Worker("whole", config(servers)) as worker:
        play(worker, servers, workload, 1_000, "linear-warm")
        for number in range(rounds):
            for size in sizes:
                # Few records are over in a moment: repeat them, so that a moment's noise evens out.
                times = max(1, min(5, sizes[-1] // size // 4))
                played = [play(worker, servers, workload, size, f"linear-{number}-{i}") for i in range(times)]
                cpu, count = sum(one["cpu"] for one in played), sum(one["records"] for one in played)
                figures[size].append(cpu / count * 1e6)
    spreads = {size: spread(each) for size, each in figures.items()}
    return {
        "cpu_us": {str(size): each.as_dict() for size, each in spreads.items()},
        "deviation": deviation([each.low for each in spreads.values()]),
    }

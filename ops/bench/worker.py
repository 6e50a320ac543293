"""A contender in a process of its own: `python -m ops.bench.worker KIND CONFIG`.

Requests and answers are lines of JSON on stdin and stdout. What a contender itself prints goes to
/dev/null, its native threads count, and no other contender's threads or garbage get in its way.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, Protocol

Request = dict[str, Any]


class Contender(Protocol):
    """One round: prepare (not measured), run batch by batch (measured), close."""

    def batches(self) -> Iterator[Any]:
        """Yield the batches; making one is not measured."""
        ...

    def work(self, batch: Any) -> int:
        """Do the work of one batch and return the number of records."""
        ...

    def close(self) -> None:
        """Let go of this round's clients."""
        ...


def _values(request: Request) -> list[bytes]:
    return Path(request["values"]).read_bytes().splitlines()


def _seed(config: Request) -> Callable[[Request], Request]:
    from ops.bench.baselines.seed import Seed  # noqa: PLC0415 -- a contender loads its own libraries only

    seed = Seed(config["bootstrap"], config["redis_url"])

    def answer(request: Request) -> Request:
        seed.prepare(_values(request), request["raw_topic"], request["cleaned_topic"])
        return measure(seed)

    return answer


def _floor(config: Request, *, bare: bool = False) -> Callable[[Request], Request]:
    from ops.bench.baselines.floor import BareFloor, Floor  # noqa: PLC0415
    from ops.bench.inputs import batches, polled  # noqa: PLC0415

    floor = (BareFloor if bare else Floor)(config["bootstrap"], config["redis_url"])

    def answer(request: Request) -> Request:
        cut = batches(polled(_values(request)), request["most"])
        encoded = [[json.loads(record.json)["value"] for record in batch] for batch in cut]
        floor.prepare(encoded, request["cleaned_topic"])
        return measure(floor)

    return answer


def _whole(config: Request) -> Callable[[Request], Request]:
    from ops.bench.contenders import Whole  # noqa: PLC0415

    whole = Whole(config["environment"])

    def answer(request: Request) -> Request:
        whole.prepare(_values(request), request["cleaned_topic"], request["most"])
        return measure(whole)

    return answer


def _stages(config: Request) -> Callable[[Request], Request]:
    from ops.bench.contenders import Stages  # noqa: PLC0415

    stages = Stages(config["environment"])

    def answer(request: Request) -> Request:
        stages.prepare(_values(request), request["cleaned_topic"], request["most"])
        measured = measure(stages)
        return {**measured, "stages": stages.seconds}

    return answer


def _lookups(config: Request) -> Callable[[Request], Request]:
    from ops.bench.contenders import Lookups  # noqa: PLC0415

    lookups = Lookups(config["environment"])
    return lambda request: {"seconds": lookups.run(request["requests"])}


def _memory(config: Request) -> Callable[[Request], Request]:
    from ops.bench.contenders import Events  # noqa: PLC0415

    events = Events(config["environment"])
    return lambda request: events.handle(Path(request["payload"]))


KINDS: dict[str, Callable[[Request], Callable[[Request], Request]]] = {
    "seed": _seed,
    "floor": _floor,
    "bare_floor": partial(_floor, bare=True),
    "whole": _whole,
    "stages": _stages,
    "lookups": _lookups,
    "memory": _memory,
}


def measure(contender: Contender) -> Request:
    """Run one prepared round and return its records, CPU and wall-clock seconds."""
    gc.collect()
    records, cpu, wall = 0, 0.0, 0.0
    for batch in contender.batches():
        wall_before, cpu_before = time.perf_counter(), time.process_time()
        records += contender.work(batch)
        cpu += time.process_time() - cpu_before
        wall += time.perf_counter() - wall_before
    contender.close()
    return {"records": records, "cpu": cpu, "wall": wall}


def main(arguments: list[str]) -> None:
    """Answer requests until stdin ends."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    answer = KINDS[arguments[0]](json.loads(arguments[1]))
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line))), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])

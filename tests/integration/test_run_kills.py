"""SIGKILL and SIGSTOP in the middle of a run: nothing is lost, by the runner's own check.

A seed picks the moment within its share of the stream; several seeds strike one run, so that a run also
has to live with the next fault after the last. SLUICE_KILL_SEEDS sets how many seeds each kind gets.
"""

from __future__ import annotations

import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest

from ops.twin.config import EventSource
from ops.twin.options import RunOptions
from ops.twin.run import Moment, Result, run
from ops.twin.twin import Twin
from tests.integration.run_rig import write_input

pytestmark = [pytest.mark.integration, pytest.mark.slow]

SEEDS = int(os.environ.get("SLUICE_KILL_SEEDS", "10"))
SEEDS_A_RUN = 5
RECORDS_A_SEED = 2_500
# Small, so that there are many batches, and little that a batch which died can excuse.
BATCH = 250
PAUSE_SECONDS = 5.0


class Fault(NamedTuple):
    """One kind of fault: strike it while the poller with this number has a batch in flight."""

    strike: Callable[[Twin, int, random.Random], None]
    emptied_cache: bool = False
    died: bool = False
    relieve: Callable[[Twin], None] = lambda _: None


def _kill_cache(twin: Twin, _poller: int, _rng: random.Random) -> None:
    os.kill(twin.pids("cache")[0], signal.SIGKILL)


def _kill_lambda(twin: Twin, _poller: int, rng: random.Random) -> None:
    busy = [environment for environment in twin.environments() if environment["busy"]]
    environment = rng.choice(busy or twin.environments())
    os.kill(rng.choice([environment["rie"], *environment["runtime"]]), signal.SIGKILL)


def _kill_poller(twin: Twin, poller: int, _rng: random.Random) -> None:
    os.kill(twin.pids("poller")[poller], signal.SIGKILL)


def _pause_broker(twin: Twin, _poller: int, _rng: random.Random) -> None:
    os.kill(twin.pids("broker")[0], signal.SIGSTOP)


def _continue_broker(twin: Twin) -> None:
    time.sleep(PAUSE_SECONDS)
    os.kill(twin.pids("broker")[0], signal.SIGCONT)


FAULTS = {
    "cache": Fault(_kill_cache, emptied_cache=True),
    "lambda": Fault(_kill_lambda, died=True),
    "poller": Fault(_kill_poller, died=True),
    "broker-pause": Fault(_pause_broker, relieve=_continue_broker),
}


class Striker:
    """Strike once for each seed, each time in the middle of an invocation."""

    def __init__(self, fault: Fault, seeds: Sequence[int], records: int) -> None:
        # Within the first four fifths, so that the last seed, too, has batches to wait for.
        share = 0.8 * records / len(seeds)
        self._fault = fault
        self._todo = [
            (seed, share * (at + random.Random(seed).uniform(0.1, 0.8))) for at, seed in enumerate(seeds)
        ]
        self.struck: list[int] = []

    def __call__(self, moment: Moment) -> None:
        """Strike when the next seed's moment has come and a batch is in flight; if it ended just then, again."""
        if not self._todo or moment.settled < self._todo[0][1]:
            return
        seed = self._todo[0][0]
        before = moment.twin.poller_stats()
        poller = next((at for at, stats in enumerate(before) if stats["in_flight"]), None)
        up = all(moment.twin.pids(kind) for kind in ("broker", "cache", "lambda"))
        if poller is None or not up or len(moment.twin.pids("poller")) < len(before):
            return  # what the last strike felled is not up again yet
        self._fault.strike(moment.twin, poller, random.Random(seed))
        after = moment.twin.poller_stats()
        self._fault.relieve(moment.twin)
        if after[poller] == before[poller]:
            self.struck.append(seed)
            del self._todo[0]


def strike(kind: str, seeds: Sequence[int], folder: Path) -> tuple[Result, Striker]:
    records = RECORDS_A_SEED * len(seeds)
    path = write_input(folder / "in.jsonl", seeds[0], records)
    striker = Striker(FAULTS[kind], seeds, records)
    options = RunOptions(source=str(path), event_source=EventSource(batch_size=BATCH, window_seconds=0.1))
    return run(options, during=striker), striker


def groups() -> list[list[int]]:
    seeds = iter(range(SEEDS))
    return list(iter(lambda: list(islice(seeds, SEEDS_A_RUN)), []))


@pytest.mark.parametrize("seeds", groups(), ids=lambda seeds: f"{seeds[0]}-{seeds[-1]}")
@pytest.mark.parametrize("kind", FAULTS)
def test_nothing_is_lost(kind: str, seeds: list[int], tmp_path: Path) -> None:
    """Each fault strikes a batch in flight, and yet every record is accounted for."""
    result, striker = strike(kind, seeds, tmp_path)
    fault = FAULTS[kind]

    assert striker.struck == seeds
    assert result.differences == []
    assert result.summary["lost"] == 0
    assert result.summary["received"] == RECORDS_A_SEED * len(seeds)
    assert any("the cache was restarted" in note for note in result.notes) is fault.emptied_cache
    assert any("invocations died" in note for note in result.notes) is fault.died


class BrokerKiller:
    """Kill the broker twice, each time just after it acknowledged raw and cleaned records: it saves twice a second."""

    def __init__(self) -> None:
        self._settled: list[int] = []
        self.killed: list[int] = []

    def __call__(self, moment: Moment) -> None:
        self._settled.append(moment.settled)
        fresh = len(self._settled) > 2 and self._settled[-3] < self._settled[-1]
        due = moment.settled > 2_000 and (not self.killed or moment.sent > self.killed[-1] + 2_000)
        in_flight = any(stats["in_flight"] for stats in moment.twin.poller_stats())
        if len(self.killed) < 2 and due and fresh and in_flight:
            os.kill(moment.twin.pids("broker")[0], signal.SIGKILL)
            self.killed.append(moment.sent)


def test_the_embedded_broker_forgets(tmp_path: Path) -> None:
    """A killed embedded broker forgets what it acknowledged: the run ends, on a new producer, and reports the loss."""
    path = write_input(tmp_path / "in.jsonl", seed=1, records=12_000)
    event_source = EventSource(batch_size=BATCH, window_seconds=0.1)
    replaced = 0
    # A kill between two publishes leaves no producer to be replaced; the next run meets another moment.
    for _ in range(3):
        kill = BrokerKiller()
        result = run(RunOptions(source=str(path), event_source=event_source, stall_seconds=15), during=kill)

        assert kill.killed
        assert result.differences != []
        assert result.summary["lost"] > 0 or any("not sent" in line for line in result.differences)
        replaced += result.totals.producers_replaced
        if replaced:
            break
    assert replaced > 0

"""Every single fault and every pair of them: whatever breaks, nothing is lost and no law is broken."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from typing import NamedTuple

import pytest
from hypothesis import settings

from sluice.record import Message, Origin
from sluice.wiring import build_pipeline
from tests.fakes.event_source import READINGS, Batch, Reading, drive
from tests.fakes.laws import Laws
from tests.fakes.schedule import BASIC, MODES, Faults, Mode
from tests.fakes.world import Verdicts, World

Note = Callable[[str, object], None]
# Single faults come in all modes, those of a pair do when there is time for it: `make fuzz`.
PAIRED: frozenset[Mode] = frozenset(Mode) if settings.get_current_profile_name() == "fuzz" else BASIC


def message(partition: int, offset: int, agent: str, text: str) -> Message:
    value = {"agent_id": agent, "timestamp": "2026-11-23T08:15:00Z", "text": text}
    origin = Origin("agent_raw_output", partition, offset)
    return Message(origin, 1_763_885_700_000 + offset, None, json.dumps(value).encode(), ())


# An original, its conflict, its duplicate, and one that the broker refuses; then in the other partition a poison,
# a duplicate of the first partition's original, a record of another key, and one more conflict.
MESSAGES = (
    message(0, 10, "planner", "first"),
    message(0, 11, "planner", "second, of the same moment"),
    message(0, 12, "planner", "first"),
    message(0, 13, "planner-4", "too much for the broker " * 100),
    message(1, 20, "critic", "not JSON")._replace(value=b"{"),
    message(1, 21, "planner", "first"),
    message(1, 22, "critic", "third"),
    message(1, 23, "planner", "fourth"),
)
VERDICTS: Verdicts = dict(zip(MESSAGES, build_pipeline().judge(MESSAGES, "0123abcd"), strict=True))


class Run:
    """One schedule, driven to its end and held against the laws."""

    def __init__(self, faults: Faults, reading: Reading, *, patient: bool) -> None:
        self._faults = faults
        self._world = World(VERDICTS, faults, patient=patient)
        self._laws = Laws(self._world, VERDICTS)
        # How things stood, and after how many operations, when the first invocation after the last fault began.
        self.after: tuple[int, Hashable] = (sys.maxsize, None)
        self.named = drive(self._world, [MESSAGES], reading, self._laws.answer, self._begin)
        self._laws.end(MESSAGES)
        assert self._world.schedule.struck == len(faults)

    def _begin(self, waiting: Sequence[Batch]) -> None:
        schedule = self._world.schedule
        if self.after[1] is None and schedule.struck == len(self._faults):
            self.after = (len(schedule.points), (tuple(waiting), self._world.state(), self._laws.state()))

    def worse(self, modes: Collection[Mode], end: int = sys.maxsize) -> Iterator[Faults]:
        """Yield these faults and one more, at every operation after the last of them and before `end`."""
        points = self._world.schedule.points
        for place in range(max(self._faults, default=-1) + 1, min(end, len(points))):
            for mode in MODES.get(points[place], ()):
                if mode in modes:
                    yield {**self._faults, place: mode}


class Tally(NamedTuple):
    singles: int
    pairs: int
    equal: int
    named: int

    def __str__(self) -> str:
        return f"{self.singles} single, {self.pairs} pairs, {self.equal} of them from a state seen before"


def every_fault_and_every_pair(reading: Reading, *, patient: bool) -> Tally:
    """Run them all; two single faults that leave all as one left it are followed up once."""
    singles = pairs = equal = named = 0
    seen: set[Hashable] = set()
    for single in Run({}, reading, patient=patient).worse(tuple(Mode)):
        singles += 1
        run = Run(single, reading, patient=patient)
        named += run.named
        if not PAIRED.issuperset(single.values()):
            continue
        end, state = run.after
        known = state in seen
        seen.add(state)
        ahead = list(run.worse(PAIRED, end if known else sys.maxsize))
        for pair in ahead:
            named += Run(pair, reading, patient=patient).named
        all_ahead = sum(1 for _ in run.worse(PAIRED))
        equal += all_ahead - len(ahead)
        pairs += all_ahead
    return Tally(singles, pairs, equal, named)


@pytest.mark.parametrize("reading", READINGS, ids=lambda reading: reading.name)
def test_retried_by_the_event_source(reading: Reading, record_property: Note) -> None:
    """A function without time to retry breaks no law under no fault, under every one and under every pair."""
    tally = every_fault_and_every_pair(reading, patient=False)

    record_property(f"fault schedules, hurried, {reading.name}", tally)
    assert tally.singles > 60
    assert tally.pairs > 10 * tally.singles
    assert tally.named > tally.singles


def test_retried_inside(record_property: Note) -> None:
    """A function with time to retry breaks no law either, and leaves nothing but kills to the event source."""
    tally = every_fault_and_every_pair(READINGS[0], patient=True)

    record_property("fault schedules, patient, any reading", tally)
    assert tally.singles > 60
    assert tally.pairs > 10 * tally.singles
    # Nothing was named, so the readings do not differ here.
    assert tally.named == 0

"""Dropped near-duplicates under any faults: each has an original that lives."""

from __future__ import annotations

import json
from collections.abc import Sequence

import orjson
from hypothesis import example, given, settings, strategies as st

from sluice.deadline import Deadline
from sluice.deliver import Delivery, deliver
from sluice.features import Group
from sluice.history.histories import Histories
from sluice.history.store import Remembered
from sluice.outcome import Cleaned, DeadLetter
from sluice.record import Message, Origin, Record
from sluice.wiring import build_pipeline
from tests.fakes.event_source import READINGS, Batch, Reading, drive
from tests.fakes.laws import Laws, origin_of
from tests.fakes.schedule import Faults, Killed, Mode
from tests.fakes.world import TTL, World
from tests.unit.history.rig import OTHER, TEXT

FEATURES: tuple[Group, ...] = ("simhash",)
PIPELINE = build_pipeline(version="test", features=FEATURES, near="drop")
WHAT = Remembered(profile=False, near=True, fields={}, record_ttl=TTL)
SOURCE = "0123abcd"
# The last but one is more than the broker takes.
TEXTS = (TEXT, f"{TEXT} Yes.", OTHER, "too much for the broker " * 100, "")
TIMES = ("2026-11-23T08:15:00Z", "2026-11-23T08:16:00Z")

Choice = tuple[int, str, str]
CHOICES = st.lists(
    st.tuples(st.integers(0, 1), st.sampled_from(TIMES), st.sampled_from(TEXTS)), min_size=2, max_size=9
)
FAULTS = st.dictionaries(st.integers(0, 60), st.sampled_from(Mode), max_size=6)


class Dropping(World):
    """A function that drops near-duplicates: it judges anew in every invocation, by what it remembers."""

    dropped: frozenset[str] = frozenset()

    def invoke(self, messages: Sequence[Message]) -> Delivery:
        self.clock.start()
        deadline = Deadline(self.clock.remaining_ms, self.clock.sleep, jitter=lambda: 0.5)
        histories = Histories(WHAT, self.cache, deadline, lambda: self.clock.now)
        try:
            judged = PIPELINE.judge(messages, SOURCE, histories.recall)
            records = [verdict for verdict in judged if isinstance(verdict, Record)]
            self.dropped |= {record.origin_id for record in records if record.dropped_for}
            delivery = deliver(messages, judged, self._sinks, deadline)
            histories.remember(delivery)
        except Killed:
            self._sinks = self._start()
            raise
        return delivery


class DroppingLaws(Laws):
    """The laws for records whose flags depend on what was there before: known by origin, not by their bytes."""

    def _kept(self, published: set[str], letters: dict[str, str]) -> None:
        stored = {orjson.loads(value)["_prep"]["origin"] for value in self._world.cache.values()}
        for name, outcome in self._acknowledged.items():
            if isinstance(outcome, Cleaned):
                assert name in published, "acknowledged, not published"
                assert name in stored, "acknowledged, not stored"
            elif isinstance(outcome, DeadLetter):
                assert name in letters, "acknowledged, its bytes are lost"

    def _in_order(self, messages: Sequence[Message]) -> None:
        # What was to be dropped in a run that was retried may be published in the next one, after what follows it,
        # if its original was not remembered.
        assert isinstance(self._world, Dropping)
        late = self._world.dropped
        for log in self._world.broker.logs:
            names = dict.fromkeys(origin_of(stored) for stored in log)
            for partition in {message.origin.partition for message in messages}:
                own = {m.origin.id: m.origin.offset for m in messages if m.origin.partition == partition}
                seen = [own[name] for name in names if name in own and name not in late]
                assert seen == sorted(seen), "a first occurrence comes late"


def batches_of(choices: Sequence[Choice], *, together: bool) -> list[Batch]:
    messages = []
    for offset, (partition, time, text) in enumerate(choices):
        value = (
            json.dumps({"agent_id": "planner", "timestamp": time, "text": text}).encode() if text else b"{"
        )
        messages.append(Message(Origin("agent_raw_output", partition, offset), 1, None, value, ()))
    messages.sort()
    if together:
        return [tuple(messages)]
    return [(one,) for one in messages]


def run(
    choices: Sequence[Choice], faults: Faults, reading: Reading, *, patient: bool, together: bool
) -> Dropping:
    batches = batches_of(choices, together=together)
    messages = [one for batch in batches for one in batch]
    verdicts = dict(zip(messages, PIPELINE.judge(messages, SOURCE), strict=True))
    world = Dropping(verdicts, faults, patient=patient)
    laws = DroppingLaws(world, verdicts)
    # One after the other: what follows in a partition waits until what precedes it is done.
    for batch in batches:
        drive(world, [batch], reading, laws.answer)
    laws.end(messages)
    return world


@given(CHOICES, FAULTS, st.sampled_from(READINGS), st.booleans(), st.booleans())
# The second one's claim outlives a run that failed, and the first one is found to repeat it.
@example([(0, TIMES[0], TEXT)] * 2, {0: Mode.BEFORE, 1: Mode.ALONE}, READINGS[0], False, True)
@settings(deadline=None)
def test_laws(choices: list[Choice], faults: Faults, reading: Reading, patient: bool, together: bool) -> None:
    """Whatever is dropped, wherever it breaks, in one batch or in many: its original is published, dead or to come."""
    run(choices, faults, reading, patient=patient, together=together)


def test_some_are_dropped() -> None:
    """The property above is about something: of such records some are dropped, in one batch and in many."""
    choices = [(0, TIMES[0], TEXT), (0, TIMES[1], f"{TEXT} Yes."), (1, TIMES[1], TEXT)]

    assert run(choices, {}, READINGS[0], patient=True, together=True).dropped
    assert run(choices, {}, READINGS[0], patient=True, together=False).dropped
    assert all(
        not isinstance(verdict, DeadLetter)
        for verdict in PIPELINE.judge(batches_of(choices, together=True)[0], SOURCE)
    )

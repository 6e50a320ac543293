"""Sluice's delivery between fakes: one environment that invocations share until one is killed."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import UTC, datetime

from sluice.deadline import Deadline
from sluice.deliver import Delivery, Sinks, deliver
from sluice.outcome import DeadLetter
from sluice.record import Message, Record
from sluice.sinks.dead_letters import DeadLetterBucket
from sluice.sinks.topic import CleanedTopic, producer_config
from tests.fakes.broker import FakeBroker, Stored
from tests.fakes.bucket import FakeS3
from tests.fakes.cache import FakeCache
from tests.fakes.schedule import Clock, Faults, Killed, Schedule

TTL = 3600
Verdicts = dict[Message, Record | DeadLetter]


class World:
    """Cache, broker and bucket under one schedule, and the function that writes to them.

    A `patient` function has time to retry by itself, the other one leaves every retry to the event source.
    """

    def __init__(
        self,
        verdicts: Verdicts,
        faults: Faults | None = None,
        *,
        patient: bool = True,
        max_bytes: int = 2_000,
    ) -> None:
        self._verdicts = verdicts
        self.schedule = Schedule(faults)
        self.clock = Clock(60.0 if patient else 0.03)
        self.cache = FakeCache(self.schedule, self.clock)
        self.broker = FakeBroker(self.schedule, max_bytes=max_bytes)
        self.broker.on_append = self._stored_first
        self.s3 = FakeS3(self.schedule)
        self._sinks = self._start()

    def state(self) -> Hashable:
        """Return all that makes a difference to the next invocation or to the laws: not the repeats, say."""
        entries = frozenset(
            (key, entry.value) for key, entry in self.cache.keys().items() if type(entry.value) is bytes
        )
        logs = tuple(tuple(dict.fromkeys(stored.value for stored in log)) for log in self.broker.logs)
        waiting = tuple(len(producer) for producer in self.broker.producers[-1:])
        return entries, logs, frozenset(self.s3.objects), waiting

    def invoke(self, messages: Sequence[Message]) -> Delivery:
        """Run one invocation; Killed comes out of it after the environment was made anew."""
        self.clock.start()
        deadline = Deadline(self.clock.remaining_ms, self.clock.sleep, jitter=lambda: 0.5)
        judged = [self._fresh(message) for message in messages]
        try:
            return deliver(messages, judged, self._sinks, deadline)
        except Killed:
            self._sinks = self._start()
            raise

    def _fresh(self, message: Message) -> Record | DeadLetter:
        """Return the verdict as it was before any claim: each invocation judges anew."""
        verdict = self._verdicts[message]
        if isinstance(verdict, Record):
            verdict.stored_key, verdict.conflict = "", False
        return verdict

    def _start(self) -> Sinks:
        config = producer_config("broker.test:9092", 1_000_000, 2.0, {})
        return Sinks(
            self.cache,
            CleanedTopic("agent_cleaned", config, self.broker.producer),
            DeadLetterBucket("letters", lambda: self.s3),
            TTL,
            "test",
            lambda: datetime.fromtimestamp(self.clock.now, UTC),
        )

    def _stored_first(self, message: Stored) -> None:
        assert message.value in self.cache.values(), "published, not stored"

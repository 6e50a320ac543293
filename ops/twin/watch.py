"""Watch a run: how much is settled, and whether anything is still to be hoped for."""

from __future__ import annotations

import time

from confluent_kafka import KafkaError, KafkaException

from ops.twin.collect import RawTopics
from ops.twin.config import TwinError
from ops.twin.feed import Feeder
from ops.twin.ledger import Ledger
from ops.twin.twin import Twin

_LOOK_SECONDS = 0.05
# How long committed offsets may stand at the end of a topic that should be longer.
_SHORT_SECONDS = 5.0
_GONE = (KafkaError._UNKNOWN_PARTITION, KafkaError._UNKNOWN_TOPIC, KafkaError.UNKNOWN_TOPIC_OR_PART)  # noqa: SLF001


class Watch:
    """Follow the event source's committed offsets; `complaints` say why a run ended early."""

    def __init__(self, twin: Twin, ledger: Ledger, topics: RawTopics, stall_seconds: float) -> None:
        """Begin with nothing settled."""
        self.settled = 0
        self.complaints: list[str] = []
        self._twin, self._ledger, self._topics = twin, ledger, topics
        self._stall_seconds = stall_seconds
        self._committed: dict[int, int] = {}
        self._next_look = 0.0
        self._state: tuple[int, int] = (0, 0)
        self._moved = time.monotonic()
        self._next_probe = 0.0

    def look(self) -> None:
        """Ask for the committed offsets, some twenty times a second. Raises TwinError when a child is gone."""
        now = time.monotonic()
        if now < self._next_look:
            return
        self._twin.alive()
        try:
            self._committed = self._twin.committed()
        except TwinError:
            # A broker that does not answer may come back; the stall limit ends the wait.
            pass
        else:
            self.settled = sum(self._committed.values())
        if (state := (self.settled, self._ledger.delivered)) != self._state:
            self._state, self._moved = state, time.monotonic()
        self._next_look = time.monotonic() + _LOOK_SECONDS

    def done(self, feeder: Feeder) -> bool:
        """Say whether the run is over: all settled, or nothing more to come (then with a complaint)."""
        if feeder.pending():
            return self._stalled("the broker does not take the rest of the input")
        ends = self._ledger.next_offsets()
        if all(self._committed.get(partition, 0) >= end for partition, end in ends.items()):
            return True
        return self._topic_is_short() or self._stalled("the functions do not settle the rest")

    def _stalled(self, complaint: str) -> bool:
        if time.monotonic() - self._moved < self._stall_seconds:
            return False
        missing = sum(self._ledger.next_offsets().values()) - self.settled
        self.complaints.append(
            f"no progress for {self._stall_seconds:.0f} s with {missing} records open: {complaint}"
        )
        return True

    def _topic_is_short(self) -> bool:
        """Say whether all that the broker still has is settled, though it once acknowledged more."""
        now = time.monotonic()
        if now - self._moved < _SHORT_SECONDS or now < self._next_probe:
            return False
        self._next_probe = now + 1.0
        missing = 0
        for partition, promised in self._ledger.next_offsets().items():
            try:
                end = self._topics.end_offset(self._twin.raw_topic, partition)
            except KafkaException as error:
                if error.args[0].code() not in _GONE:
                    return False
                end = 0
            if self._committed.get(partition, 0) < end:
                return False
            missing += max(0, promised - end)
        if missing:
            self.complaints.append(f"the broker lost {missing} raw records that it had acknowledged")
        return bool(missing)

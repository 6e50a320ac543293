"""Forming batches: by count and by the bytes of the event they make. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Set as AbstractSet

from ops.twin.events import Polled


class Batch:
    """Collect records in polling order until the count or the payload limit is met.

    `closed` says that nothing more will be taken. A record that alone exceeds the limit makes a batch of its own,
    with `oversized` set.
    """

    def __init__(self, max_records: int, max_bytes: int, opening: bytes) -> None:
        self._max_records = max_records
        self._max_bytes = max_bytes
        self._slots: set[str] = set()
        self._empty_size = len(opening) + 2  # the two closing braces
        self.size = self._empty_size
        self.records: list[Polled] = []
        self.closed = False

    @property
    def oversized(self) -> bool:
        """Tell whether this is one record that no event can carry."""
        return self.size > self._max_bytes

    @property
    def room(self) -> int:
        """Return how many more records the count allows."""
        return 0 if self.closed else self._max_records - len(self.records)

    def _cost(self, record: Polled) -> int:
        if record.slot in self._slots:
            return len(record.json) + 1
        # `"slot":[]`, and a comma before every slot but the first
        return len(record.json) + len(record.slot.encode()) + 5 + bool(self._slots)

    def take(self, waiting: deque[Polled]) -> None:
        """Move records from the front of `waiting` into the batch as long as they fit."""
        while waiting and self.room:
            cost = self._cost(waiting[0])
            if self.records and self.size + cost > self._max_bytes:
                self.closed = True
                return
            record = waiting.popleft()
            self._slots.add(record.slot)
            self.records.append(record)
            self.size += cost
        self.closed = self.closed or self.room == 0 or self.oversized

    def drop(self, slots: AbstractSet[str]) -> None:
        """Forget the records of slots that this poller no longer owns."""
        kept = deque(record for record in self.records if record.slot not in slots)
        self._slots, self.records, self.size, self.closed = set(), [], self._empty_size, False
        self.take(kept)

"""The histories of one batch's agents: asked for in the midst of judging, written when all is done."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final

from sluice.claim import Commands
from sluice.deadline import Deadline
from sluice.deliver import Delivery
from sluice.history.store import Remembered, recall, remember
from sluice.outcome import Cleaned
from sluice.record import Record

# For a help the records do not wait longer.
_LONGEST_SECONDS: Final = 1.0


class Histories:
    """Read and write what is known of a batch's agents, once each; failures are counted, never raised."""

    def __init__(
        self, what: Remembered, cache: Commands, deadline: Deadline, now: Callable[[], float] = time.time
    ) -> None:
        """Keep what is to be remembered and where; `now` returns epoch seconds."""
        self._what = what
        self._cache = cache
        self._deadline = deadline
        self._now = now
        self._missed = 0

    def recall(self, records: Sequence[Record]) -> None:
        """Give the records their agents' history."""
        wait = self._deadline.wait(longest=_LONGEST_SECONDS)
        self._missed += recall(records, self._cache, wait, int(self._now()))

    def remember(self, delivery: Delivery) -> None:
        """Write down what the batch's acknowledged records add, and note in the delivery what was missed."""
        cleaned = [outcome.record for outcome in delivery.outcomes if type(outcome) is Cleaned]
        if cleaned and self._what.anything:
            wait = self._deadline.wait(longest=_LONGEST_SECONDS)
            self._missed += remember(cleaned, self._what, self._cache, wait)
        delivery.histories_missed = self._missed

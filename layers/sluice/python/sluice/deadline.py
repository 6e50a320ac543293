"""The invocation's remaining time, from which every time-out and every retry comes."""

from __future__ import annotations

import random
import time
from collections.abc import Callable

# What is kept for the answer: the last attempt of each sink, the metrics and the return.
MARGIN_SECONDS = 5.0
_FIRST_PAUSE, _LONGEST_PAUSE = 0.05, 1.0
_SHORTEST_WAIT, _LONGEST_WAIT = 0.25, 2.0


class Deadline:
    """Tell how long work may go on; `remaining_ms` is Lambda's `get_remaining_time_in_millis`.

    Functions with less than four times the margin keep a quarter of their time instead.
    """

    def __init__(
        self,
        remaining_ms: Callable[[], int],
        sleep: Callable[[float], None] = time.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        """Start from the time that is left now."""
        self._remaining_ms = remaining_ms
        self._sleep = sleep
        self._jitter = jitter
        self._margin = min(MARGIN_SECONDS, remaining_ms() / 1000 / 4)

    def left(self) -> float:
        """Return the seconds until the margin begins; zero or less means: stop and answer."""
        return self._remaining_ms() / 1000 - self._margin

    def wait(self, longest: float = _LONGEST_WAIT) -> float:
        """Return the seconds that one call of a client may take: within what is left, never nothing.

        The floor of 0.25 s (an eighth of the margin, were it all used) lets each sink try once.
        """
        return max(min(longest, self.left()), min(_SHORTEST_WAIT, self._margin / 8))

    def pause(self, attempt: int) -> bool:
        """Sleep before retry number `attempt` (from 0), doubling with jitter; False when no time is left."""
        pause = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2**attempt) * (0.5 + self._jitter() / 2)
        if self.left() <= pause:
            return False
        self._sleep(pause)
        return True

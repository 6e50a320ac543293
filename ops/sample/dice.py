"""Random choices that are the same in every Python."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Dice:
    """Choose by `random.random()` alone, whose sequence for an integer seed Python guarantees.

    The other methods of `random` have changed how they use it between versions.
    """

    def __init__(self, seed: int) -> None:
        """Begin the sequence of this seed."""
        self._random = random.Random(seed).random

    def below(self, limit: int) -> int:
        """Return an integer from 0 to limit - 1."""
        return int(self._random() * limit)

    def between(self, low: int, high: int) -> int:
        """Return an integer from low to high, both included."""
        return low + self.below(high - low + 1)

    def chance(self, probability: float) -> bool:
        """Return True in so many of the cases."""
        return self._random() < probability

    def pick(self, items: Sequence[T]) -> T:
        """Return one of the items."""
        return items[self.below(len(items))]

"""What a chain is made of."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sluice.clean.segment import KINDS, Kind

Wash = Callable[[str], str]

EVERYTHING: frozenset[Kind] = frozenset(KINDS)


class Operator(NamedTuple):
    """Hold a function that washes a text and what it may touch.

    One that may touch every kind gets the text whole. Another gets each part of its kinds by itself, and of JSON each
    string that is a value; it neither removes nor adds a character with a meaning in JSON.
    """

    wash: Wash
    kinds: frozenset[Kind] = EVERYTHING
    # Characters that go at the text's beginning where it is prose; white space at its end goes with them.
    trims: str = ""
    # Nearly every text has white space to collapse: a flag on all records says nothing.
    silent: bool = False

    @property
    def name(self) -> str:
        """Return the name that flags and documentation use."""
        return self.wash.__name__

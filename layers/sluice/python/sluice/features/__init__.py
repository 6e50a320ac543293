"""What a text is like, in figures: one group of features a file, the order is a literal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final, Literal, get_args

from sluice.features.counts import counts
from sluice.features.kinds import kinds
from sluice.features.language import language
from sluice.features.ratios import ratios
from sluice.features.repetition import is_degenerate, repetition
from sluice.features.simhash import simhash
from sluice.record import Record, Step

Group = Literal[
    # always: bytes of the message, characters, words and estimated tokens of the cleaned text
    "counts",
    # shares of characters: digits, symbols, and URLs before cleaning
    "ratios",
    # shares of what occurred before: lines, and runs of five words
    "repetition",
    # the language of the prose by CLD3, "und" where it is not sure
    "language",
    # the kinds of segments that the text has: prose, code, json, …
    "kinds",
    # 64-bit SimHash of the words; near-duplicates are found by it
    "simhash",
    # flags against the agent's own running profile; brings `ratios` along
    "outliers",
]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)

_Measure = Callable[[Record, dict[str, Any]], None]
_MEASURES: Final[tuple[tuple[Group, _Measure], ...]] = (
    ("ratios", ratios),
    ("repetition", repetition),
    ("language", language),
    ("kinds", kinds),
    ("simhash", simhash),
)


def measuring(groups: Collection[Group] = ()) -> Step:
    """Build the step that fills a record's features of these groups and flags degenerate text.

    Counts and the flag cost about a microsecond and are always there; everything else has to be asked for.
    """
    wanted = {*groups, "ratios"} if "outliers" in groups else set(groups)
    measures = tuple(measure for group, measure in _MEASURES if group in wanted)

    def measure(record: Record) -> None:
        features = record.features = counts(record)
        if is_degenerate(record.written):
            record.flags.append("degenerate")
        for add in measures:
            add(record, features)

    return measure

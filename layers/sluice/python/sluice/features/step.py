"""The measuring step: a record's features, group by group; the order is a literal."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, Final

from sluice.features import Group
from sluice.features.counts import counts
from sluice.features.kinds import kinds
from sluice.features.language import language
from sluice.features.ratios import ratios
from sluice.features.repetition import is_degenerate, repetition
from sluice.features.simhash import simhash
from sluice.record import Record, Step

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

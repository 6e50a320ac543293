"""How much of it was said before in the same text, and whether its writer was caught in a loop."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from sluice.clean.segment import may_hold_structure, segment
from sluice.record import Record

# Of a longer text its first and its last half of this are read: a loop goes on to the end, and the sets below
# would need hundreds of MB for a message of 6 MB.
MAX_CHARS: Final = 65_536
# Runs of five words: the shortest for which Gopher (Rae et al. 2021, table A1) limits what occurs twice.
_RUN: Final = 5
# Text without spaces (Chinese, a blob) is read by runs of so many characters, data-juicer's default.
_CHAR_RUN: Final = 10
_LONG_WORDS: Final = 20
# data-juicer's limit for repeated word and character runs.
LOOP_RATIO: Final = 0.5
# dolma's repetition tagger wants a text four times in a row before it speaks of a loop.
_LOOP_TIMES: Final = 4
# A loop over half of the text passes through its middle, and four rounds of it bring that back within a quarter
# of the text on one side. Long enough that prose seldom does.
_PROBE: Final = 16
_SHORTEST_LOOP: Final = 160
# The rows of a table, the keys of a JSON array and the lines of a log are alike in the best of texts.
_FREE: Final = frozenset({"prose", "code"})


def repetition(record: Record, features: dict[str, Any]) -> None:
    """Add `repeated_lines`, the share of characters in lines that occurred before, and `repeated_runs`.

    The latter is the share of five-word runs that occurred before. Both are of the text before cleaning,
    which collapses what they count, and rounded to three places. Linear in the text.
    """
    text = _sample(record.written)
    features["repeated_lines"] = round(_repeated_lines(text), 3)
    features["repeated_runs"] = round(_repeated_runs(text), 3)


def is_degenerate(text: str) -> bool:
    """Tell whether more than half of the text is a loop of four rounds or more, in prose or code.

    Nearly every text is settled by one search around its middle: 0.3 µs for 500 B.
    """
    size = len(text)
    if size < _SHORTEST_LOOP:
        return False
    middle, reach = size // 2, size // _LOOP_TIMES
    probe = text[middle : middle + _PROBE]
    if (
        text.find(probe, middle + 1, middle + reach + _PROBE) < 0
        and text.rfind(probe, middle - reach, middle) < 0
    ):
        return False
    return text.count(probe) >= _LOOP_TIMES and _repeated_runs(_sample(text)) > LOOP_RATIO and _is_free(text)


def _is_free(text: str) -> bool:
    """Tell whether at least half of the text is in kinds of segments whose form does not repeat by itself."""
    text = _sample(text)
    free = (
        sum(len(part.text) for part in segment(text) if part.kind in _FREE)
        if may_hold_structure(text)
        else len(text)
    )
    return 2 * free >= len(text)


def _sample(text: str) -> str:
    half = MAX_CHARS // 2
    return text if len(text) <= MAX_CHARS else f"{text[:half]}\n{text[-half:]}"


def _repeated_lines(text: str) -> float:
    if "\n" not in text:
        return 0.0
    lines = [line for raw in text.split("\n") if (line := raw.strip())]
    everything = sum(map(len, lines))
    return 1 - sum(map(len, set(lines))) / everything if everything else 0.0


def _repeated_runs(text: str) -> float:
    words: Sequence[str] = text.split()
    length = _RUN
    if len(words) * _LONG_WORDS < len(text):
        words, length = text, _CHAR_RUN
    if len(words) < 2 * length:
        return 0.0
    runs = set(zip(*(words[at:] for at in range(length)), strict=False))
    return 1 - len(runs) / (len(words) - length + 1)

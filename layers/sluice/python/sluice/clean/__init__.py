"""The chains of operators that wash a text: one operator a file, the order is a literal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from sluice.clean.collapse_whitespace import collapse_whitespace
from sluice.clean.fix_mojibake import fix_mojibake
from sluice.clean.normalise_unicode import normalise_unicode
from sluice.clean.plain import clean_plain
from sluice.clean.remove_invisible import remove_invisible
from sluice.clean.remove_urls import remove_urls
from sluice.clean.strip_terminal_escapes import strip_terminal_escapes

Operator = Callable[[str], str]

# Escapes first, while ESC still marks them. Mojibake before the invisible: its halves are often invisible
# (the soft hyphen of "Ã\xad"). Invisible before NFC and URLs, both of which it can interrupt.
STANDARD: Final[tuple[Operator, ...]] = (
    strip_terminal_escapes,
    fix_mojibake,
    remove_invisible,
    normalise_unicode,
    remove_urls,
    collapse_whitespace,
)

# Nearly every text has white space to collapse: a flag on all records says nothing.
_SILENT: Final = frozenset({collapse_whitespace})

# Two rounds settle what occurs in practice. Hostile text can nest mojibake in decomposed mojibake, but each
# level at least doubles what it wraps, so the longest message there can be (6 MB) holds no more than 22.
MAX_ROUNDS: Final = 24


class CleaningDidNotSettle(ValueError):  # noqa: N818
    """The text still changed in the last round, so cleaning it again would not be a repeat."""


def clean(text: str, chain: tuple[Operator, ...] = STANDARD) -> tuple[str, tuple[str, ...]]:
    """Repeat the chain until it changes nothing; return the text and the operators that changed it.

    The operators are named in the order of the chain, those in _SILENT are not.
    Raises CleaningDidNotSettle after MAX_ROUNDS.
    """
    # Most texts need a single look: what the short cut returns is known to be a fixed point.
    if chain is STANDARD and (plain := clean_plain(text)) is not None:
        return plain
    fired: set[Operator] = set()
    for _ in range(MAX_ROUNDS):
        before = text
        for operator in chain:
            if (washed := operator(text)) != text:
                fired.add(operator)
                text = washed
        if text == before or (chain is STANDARD and clean_plain(text) == (text, ())):
            return text, tuple(step.__name__ for step in chain if step in fired and step not in _SILENT)
    raise CleaningDidNotSettle(f"the text still changed in round {MAX_ROUNDS}")

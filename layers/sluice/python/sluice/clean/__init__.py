"""Wash a text: run a profile's chain over it, and over its parts, until nothing changes."""

from __future__ import annotations

from typing import Final

from sluice.clean.json_strings import map_values
from sluice.clean.operator import EVERYTHING, Operator
from sluice.clean.plain import clean_plain, is_clean_ascii
from sluice.clean.profiles import STANDARD, Chain
from sluice.clean.segment import Segment, segment

# Two rounds settle what occurs in practice. Hostile text can nest mojibake in decomposed mojibake, but each
# level at least doubles what it wraps, so the longest message there can be (6 MB) holds no more than 22.
MAX_ROUNDS: Final = 24


class CleaningDidNotSettle(ValueError):  # noqa: N818
    """The text still changed in the last round, so cleaning it again would not be a repeat."""


def clean(text: str, chain: Chain = STANDARD) -> tuple[str, tuple[str, ...]]:
    """Repeat the chain until it changes nothing; return the text and the operators that changed it.

    The operators are named in the order of the chain, silent ones are not.
    Raises CleaningDidNotSettle after MAX_ROUNDS.
    """
    # Most texts need a single look: what the short cut returns is known to be a fixed point.
    if chain is STANDARD and (plain := clean_plain(text)) is not None:
        return plain
    fired: set[str] = set()
    for _ in range(MAX_ROUNDS):
        before = text
        text = _run(text, chain, fired)
        if text == before or (chain is STANDARD and clean_plain(text) == (text, ())):
            return text, _flags(chain, fired) if fired else ()
    raise CleaningDidNotSettle(f"the text still changed in round {MAX_ROUNDS}")


def _flags(chain: Chain, fired: set[str]) -> tuple[str, ...]:
    return tuple(operator.name for operator in chain if operator.name in fired and not operator.silent)


def _run(text: str, chain: Chain, fired: set[str]) -> str:
    """Run the chain once: first what takes the text whole, then what takes it by parts."""
    # Nothing that takes a text whole finds anything in ASCII without controls.
    dirty = not is_clean_ascii(text)
    parts: list[Segment] | None = None
    for operator in chain:
        if operator.kinds is EVERYTHING:
            if dirty and (washed := operator.wash(text)) != text:
                fired.add(operator.name)
                text = washed
        else:
            if parts is None:
                parts = segment(text)
            if _wash_parts(parts, operator):
                fired.add(operator.name)
    return text if parts is None else "".join([part.text for part in parts])


def _wash_parts(parts: list[Segment], operator: Operator) -> bool:
    """Wash the parts that the operator may touch, in their places; tell whether one changed."""
    changed, last = False, len(parts) - 1
    for place, (kind, text) in enumerate(parts):
        if kind not in operator.kinds:
            continue
        washed = operator.wash(text)
        if kind == "json" and washed != text:
            # The raw text was only a probe: what changes nothing there changes no string in it, either.
            washed = map_values(text, operator.wash)
        if operator.trims and kind == "prose":
            washed = washed.lstrip(operator.trims) if place == 0 else washed
            washed = washed.rstrip() if place == last else washed
        if washed != text:
            parts[place] = Segment(kind, washed)
            changed = True
    return changed

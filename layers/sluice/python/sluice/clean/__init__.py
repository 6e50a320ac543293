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
    fired: set[Operator] = set()
    for _ in range(MAX_ROUNDS):
        before = text
        text = _run(text, chain, fired)
        if text == before or (chain is STANDARD and clean_plain(text) == (text, ())):
            return text, tuple(step.name for step in chain if step in fired and not step.silent)
    raise CleaningDidNotSettle(f"the text still changed in round {MAX_ROUNDS}")


def _run(text: str, chain: Chain, fired: set[Operator]) -> str:
    """Run the chain once: first what takes the text whole, then what takes it by parts."""
    # Nothing that takes a text whole finds anything in ASCII without controls.
    dirty = not is_clean_ascii(text)
    parts: list[Segment] | None = None
    for operator in chain:
        if operator.kinds is EVERYTHING:
            if dirty and (washed := operator.wash(text)) != text:
                fired.add(operator)
                text = washed
        else:
            parts = segment(text) if parts is None else parts
            if (washed_parts := _wash_parts(parts, operator)) != parts:
                fired.add(operator)
                parts = washed_parts
    return text if parts is None else "".join([part.text for part in parts])


def _wash_parts(parts: list[Segment], operator: Operator) -> list[Segment]:
    washed = [_wash_part(part, operator) if part.kind in operator.kinds else part for part in parts]
    if operator.trims and washed:
        if washed[0].kind == "prose":
            washed[0] = Segment("prose", washed[0].text.lstrip(operator.trims))
        if washed[-1].kind == "prose":
            washed[-1] = Segment("prose", washed[-1].text.rstrip())
    return washed


def _wash_part(part: Segment, operator: Operator) -> Segment:
    washed = operator.wash(part.text)
    if washed == part.text:
        return part
    # Of JSON the raw text is only a probe: what changes nothing there changes no string in it, either.
    return Segment(part.kind, map_values(part.text, operator.wash) if part.kind == "json" else washed)

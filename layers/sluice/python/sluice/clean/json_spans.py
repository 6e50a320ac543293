"""Where JSON values stand in a text."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

import orjson

Span = tuple[int, int]

# What begins a value worth keeping apart: `[1]` in prose is a footnote.
_OPENER = re.compile(r'[{\[]\s*+["{\[]')
# Numbers stay text: reading one of many digits takes quadratic time.
_DECODER = json.JSONDecoder(parse_int=str, parse_float=str)
# Attempts that fail may read the text so many times in all, or hostile text would take quadratic time.
_READINGS = 3


def is_json(text: str) -> bool:
    """Tell whether the whole text is one JSON object or array, or a string that holds one (double-encoded)."""
    first = text[:1]
    if first not in {"{", "["} and not (first == '"' and '\\"' in text):
        return False
    try:
        value = orjson.loads(text)
        return type(value) is not str or is_json(value)
    except orjson.JSONDecodeError:
        return False


def json_spans(text: str, fences: Sequence[Span]) -> list[Span]:
    """Return start and end of every object and array outside the fences that parses, outermost first found."""
    spans: list[Span] = []
    if '"' not in text or ("{" not in text and "[" not in text):
        return spans
    budget, at = _READINGS * len(text) + 2_000, 0
    brace, bracket = text.find("{"), text.find("[")
    walls = iter([*fences, (len(text), len(text))])
    wall, beyond = next(walls)
    while budget >= 0 and (brace >= 0 or bracket >= 0):
        start = min(brace, bracket) if brace >= 0 and bracket >= 0 else max(brace, bracket)
        while start >= wall:
            at = max(at, beyond)
            wall, beyond = next(walls)
        end, spent = _read(text, start) if start >= at and _OPENER.match(text, start) else (0, 0)
        budget -= spent
        if start < end <= wall:
            spans.append((start, end))
            at = end
        at = max(at, start + 1)
        # Two searches by str.find, each made anew only when it is behind: ten times as fast as a class of characters.
        brace = text.find("{", at) if 0 <= brace < at else brace
        bracket = text.find("[", at) if 0 <= bracket < at else bracket
    return spans


def _read(text: str, start: int) -> tuple[int, int]:
    """Return where the value ends, 0 when there is none, and how many characters a failure cost."""
    try:
        return _DECODER.raw_decode(text, start)[1], 0
    except json.JSONDecodeError as error:
        # An unterminated string is reported where it begins, but was read to the end. The exception itself costs
        # as much as 200 characters, and counts the lines before it.
        end = len(text) if error.msg.startswith("Unterminated") else error.pos
        return 0, end - start + 200 + start // 32
    except RecursionError:
        return 0, len(text)

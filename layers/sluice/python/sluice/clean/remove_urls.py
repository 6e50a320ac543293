"""Web addresses → nothing."""

from __future__ import annotations

import re

from sluice.clean.find_urls import find_urls

_PAIRS = {"(": ")", "<": ">"}
_TITLE = re.compile(r"[ \t]++(?:\"[^\"\n]*+\"|'[^'\n]*+')(?=\))")  # of a Markdown link
# Two halves that would, joined, begin an address.
_BEGINS, _GOES_ON = frozenset("hHtTpPsS:/\\"), frozenset("tTpPsS:/\\")


def remove_urls(text: str) -> str:
    """Remove every http and https URL with the sentence's punctuation behind it; a word such as "httpd" stays.

    Brackets that hold nothing but a URL go with it: of a Markdown link the text in its square brackets stays.
    """
    if "/" not in text:
        return text
    pieces, at = [], 0
    for first, last in find_urls(text):
        start, end = _with_brackets(text, at, first, last)
        pieces.append(text[at:start])
        left = text[start - 1 : start] if start > at else ""
        if left in _BEGINS and text[end : end + 1] in _GOES_ON:
            pieces.append(" ")
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text


def _with_brackets(text: str, free: int, start: int, end: int) -> tuple[int, int]:
    opener = text[start - 1 : start] if start > free else ""
    closer = _PAIRS.get(opener)
    if closer is not None:
        title = _TITLE.match(text, end) if text[max(free, start - 2) : start] == "](" else None
        close = title.end() if title else end
        if text[close : close + 1] == closer:
            return start - 1, close + 1
    while end < len(text) and text[end] in ".,;:!?":
        end += 1
    return start, end

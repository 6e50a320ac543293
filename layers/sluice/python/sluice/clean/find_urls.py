"""Where web addresses stand in a text: what the URL operators share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

Span = tuple[int, int]

# Classes instead of IGNORECASE, which also takes the long s (ſ) for an s.
_SCHEME = re.compile(r"[Hh][Tt][Tt][Pp][Ss]?\Z")
_LONGEST_SCHEME = len("https")
# As JSON may write it: PHP escapes slashes, Go the ampersand.
_ESCAPED_SLASHES = r":\/\/"
_AMPERSAND = r"\\u00(?:26|3[Dd]|2[Bb]|27)"
# What no address holds: white space, quotes, angle brackets, a bar, a backslash, and full-width punctuation, which
# ends a sentence in scripts that write no spaces. An apostrophe stays inside of a word. Hosts are Unicode.
_SLASHES = re.compile(r":\\?/\\?/")
_BODY = re.compile(
    rf"(?:[^\s\"<>`|\\'“”‘’«»„。，、；：？！（）「」『』【】《》〈〉…()\[\]{{}}]|'(?=\w)|\\/|{_AMPERSAND})*+"
)
_CLOSES: Final = {")": "(", "]": "[", "}": "{"}
_OPENERS: Final = frozenset(_CLOSES.values())
MARKS: Final = ".,;:!?*_~'"


def find_urls(text: str) -> Iterator[Span]:
    """Yield start and end of each http and https URL, the sentence's punctuation behind it left out.

    A closing bracket ends it unless it was opened within: `(see https://a.b/c_(d))` holds `https://a.b/c_(d)`.
    """
    escaped = _ESCAPED_SLASHES in text
    at, free = _find(text, 0, escaped), 0
    while at >= 0:
        scheme = _SCHEME.search(text, max(free, at - _LONGEST_SCHEME), at)
        if scheme is None:
            at = _find(text, at + 1, escaped)
            continue
        free = _end(text, at)
        yield scheme.start(), _without_marks(text, at + 1, free)
        at = _find(text, free, escaped)


def _find(text: str, start: int, escaped: bool) -> int:
    # str.find is ten times as fast as a pattern that begins with a letter.
    plain = text.find("://", start)
    if not escaped:
        return plain
    other = text.find(_ESCAPED_SLASHES, start)
    return max(plain, other) if plain < 0 or other < 0 else min(plain, other)


def _end(text: str, start: int) -> int:
    """Return where the address ends: at the first bracket, too, that closes what it did not open."""
    opened: list[str] = []
    at = _SLASHES.match(text, start).end()  # type: ignore[union-attr]  # it was found there
    while True:
        at = _BODY.match(text, at).end()  # type: ignore[union-attr]  # nothing is a match, too
        bracket = text[at : at + 1]
        if bracket in _OPENERS:
            opened.append(bracket)
        elif bracket not in _CLOSES or not opened or opened.pop() != _CLOSES[bracket]:
            return at
        at += 1


def _without_marks(text: str, start: int, end: int) -> int:
    while end > start and text[end - 1] in MARKS:
        end -= 1
    return end


def replace_urls(text: str, put: Callable[[str], str]) -> str:
    """Put something else in place of every URL."""
    pieces, at = [], 0
    for start, end in find_urls(text):
        pieces += [text[at:start], put(text[start:end])]
        at = end
    return "".join([*pieces, text[at:]]) if pieces else text

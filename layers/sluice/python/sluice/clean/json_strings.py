"""The strings of a JSON text that are values."""

from __future__ import annotations

import re
from collections.abc import Callable

# A name is a string before a colon.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*+:)?')


def map_values(text: str, wash: Callable[[str], str]) -> str:
    """Wash the inside of every string that is no name, escapes as they stand; names hold an object together."""

    def put(match: re.Match[str]) -> str:
        return match[0] if match[2] else f'"{wash(match[1])}"'

    return _STRING.sub(put, text)

"""The strings of a JSON text that are values."""

from __future__ import annotations

import re
from collections.abc import Callable

import orjson

# A name is a string before a colon.
_STRING = re.compile(r'"((?:[^"\\]|\\.)*+)"(\s*+:)?')


def map_values(text: str, wash: Callable[[str], str]) -> str:
    """Wash the inside of every string that is no name, escapes as they stand; names hold an object together.

    Of JSON that is itself a JSON string (double-encoded) the inner one is washed and encoded anew.
    """
    if text.startswith('"'):
        return orjson.dumps(map_values(orjson.loads(text), wash)).decode()

    def put(match: re.Match[str]) -> str:
        return match[0] if match[2] else f'"{wash(match[1])}"'

    return _STRING.sub(put, text)

"""JSON pointers (RFC 6901) into a message: read, write and take away what they point at."""

from __future__ import annotations

import re
from typing import Any, Final

from sluice.record import JsonObject

Pointer = tuple[str, ...]
# What points at nothing.
MISSING: Final = object()
_FORM: Final = re.compile(r"(/([^~/]|~[01])*)*")


def parse(text: str) -> Pointer:
    """Return a pointer's names; raises ValueError for what is none."""
    if not _FORM.fullmatch(text):
        raise ValueError('a JSON pointer begins with "/" and writes "~" as "~0"')
    return tuple(name.replace("~1", "/").replace("~0", "~") for name in text.split("/")[1:])


def read(body: JsonObject, pointer: Pointer) -> Any:
    """Return what the pointer points at, MISSING when that is nothing."""
    value: Any = body
    for name in pointer:
        if isinstance(value, dict):
            value = value.get(name, MISSING)
        elif isinstance(value, list) and name.isascii() and name.isdecimal() and int(name) < len(value):
            value = value[int(name)]
        else:
            return MISSING
    return value


def write(body: JsonObject, pointer: Pointer, value: Any) -> bool:
    """Set a member of an object that is there; False when there is no such object."""
    parent = read(body, pointer[:-1])
    if not isinstance(parent, dict):
        return False
    parent[pointer[-1]] = value
    return True


def take(body: JsonObject, pointer: Pointer) -> Any:
    """Take a member out of its object and return it, MISSING when there is none."""
    parent = read(body, pointer[:-1])
    return parent.pop(pointer[-1], MISSING) if isinstance(parent, dict) else MISSING

"""What the repair rules `cast` and `parse_time` make of one value; MISSING where they can make nothing of it."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import orjson

from sluice.replay.pointer import MISSING

# As many digits as fit 64 bits whatever they are.
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,3})?")
# In seconds the year 5138, in milliseconds March 1973: below it an epoch is in seconds.
_SECONDS_BELOW: Final = 100_000_000_000
# The years that RFC 3339 can write.
_EARLIEST, _LATEST = -62_135_596_800, 253_402_300_799


def _to_string(value: Any) -> Any:
    return orjson.dumps(value).decode() if type(value) in {int, float, bool} else MISSING


def _to_integer(value: Any) -> Any:
    if type(value) is float and value.is_integer() and abs(value) < 2**53:
        return int(value)
    return int(value) if type(value) is str and _INTEGER.fullmatch(value) else MISSING


def _to_number(value: Any) -> Any:
    if type(value) is not str or not _NUMBER.fullmatch(value):
        return MISSING
    number = int(value) if _INTEGER.fullmatch(value) else float(value)
    return number if math.isfinite(number) else MISSING


def _to_boolean(value: Any) -> Any:
    return {"true": True, "false": False}.get(value, MISSING) if type(value) is str else MISSING


CASTS: Final[Mapping[str, Callable[[Any], Any]]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
}


def to_rfc3339(value: Any) -> Any:
    """Return an epoch in seconds or milliseconds, or an RFC 2822 date, as RFC 3339 in UTC."""
    if type(value) is str and _NUMBER.fullmatch(value):
        value = float(value)
    if type(value) in {int, float}:
        seconds = value if abs(value) < _SECONDS_BELOW else value / 1000
        return _written(datetime.fromtimestamp(seconds, UTC)) if _EARLIEST <= seconds <= _LATEST else MISSING
    if type(value) is not str:
        return MISSING
    try:
        return _written(parsedate_to_datetime(value))
    except (ValueError, TypeError, IndexError, OverflowError):
        return MISSING


def _written(when: datetime) -> str:
    # "-0000" says that the zone is unknown and the time is UTC: such dates have no zone in Python.
    utc = when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    detail = "milliseconds" if utc.microsecond else "seconds"
    return utc.isoformat(timespec=detail).replace("+00:00", "Z")

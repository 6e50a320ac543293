"""Bytes → a JSON object, or the reason why not."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import orjson

from sluice.outcome import Rejected
from sluice.record import Record, Step

BOM = b"\xef\xbb\xbf"
MAX_DEPTH = 64
INT64_MIN, UINT64_MAX = -(2**63), 2**64 - 1
_LONGEST_INT = len(str(INT64_MIN))
# Values that nest nothing and that orjson never bends: most records hold no others.
_PLAIN = frozenset({str, bool, int, type(None)})


def decoding(max_bytes: int, max_depth: int = MAX_DEPTH) -> Step:
    """Build the step that parses a record's value; `max_bytes` caps it before anything is parsed.

    The step raises Rejected: empty, too_large, not_utf8, not_json, not_object, too_deep,
    number_out_of_range.
    """

    def decode(record: Record) -> None:
        value = record.message.value
        if value is None:
            raise Rejected("empty", "the message has no value")
        if len(value) > max_bytes:
            raise Rejected("too_large", f"{len(value)} bytes, allowed are {max_bytes}")
        if value.startswith(BOM):
            value = value[len(BOM) :]
            record.flags.append("bom_stripped")
        body = _parse(value)
        if type(body) is not dict:
            raise Rejected("not_object", f"the JSON text is {_kind(body)}, not an object")
        if not _PLAIN.issuperset(map(type, body.values())):
            check_leaves(body, value, max_depth)
        if body.pop("_prep", None) is not None:
            record.flags.append("prep_stripped")
        record.body = body

    return decode


def _parse(value: bytes) -> Any:
    try:
        return orjson.loads(value)
    except orjson.JSONDecodeError as error:
        _explain(value, error)


def _explain(value: bytes, error: orjson.JSONDecodeError) -> NoReturn:
    """Find out, at leisure, why orjson refused the value."""
    try:
        text = value.decode()
    except UnicodeDecodeError as bad:
        raise Rejected("not_utf8", f"invalid UTF-8 at byte {bad.start}") from None
    try:
        _parse_exactly(text)
    except RecursionError:
        raise Rejected("too_deep", "the JSON text nests beyond what the parser takes") from None
    except json.JSONDecodeError:
        pass
    # orjson's own message names the fault and the place, never the content.
    if "depth limit" in error.msg:
        raise Rejected("too_deep", "the JSON text nests beyond what the parser takes")
    raise Rejected("not_json", f"{error.msg} at character {error.pos}")


def _parse_exactly(text: str) -> None:
    """Raise Rejected when a number of the JSON text does not fit 64 bits or a double."""
    json.loads(text, parse_int=_check_int, parse_float=_check_float)


def _check_int(digits: str) -> None:
    if len(digits) > _LONGEST_INT or not INT64_MIN <= int(digits) <= UINT64_MAX:
        raise Rejected("number_out_of_range", "an integer does not fit 64 bits")


def _check_float(digits: str) -> None:
    number = float(digits)
    mantissa = digits.lower().partition("e")[0]
    if number in (float("inf"), float("-inf")) or (number == 0 and mantissa.strip("-0.")):
        raise Rejected("number_out_of_range", "a float does not fit a double")


def check_leaves(body: dict[str, Any], value: bytes, max_depth: int) -> None:
    """Raise Rejected when the object nests too deep or holds a number that orjson had to bend.

    orjson turns an integer beyond 64 bits into a float and a float below double range into 0.0
    without a word, so a float of such a size sends the text through the exact parser.
    """
    level: list[Any] = [body]
    suspicious = False
    for _ in range(max_depth):
        deeper: list[Any] = []
        for container in level:
            for leaf in container.values() if type(container) is dict else container:
                kind = type(leaf)
                if kind is dict or kind is list:
                    deeper.append(leaf)
                elif kind is float and (leaf == 0.0 or leaf >= UINT64_MAX or leaf <= INT64_MIN):
                    suspicious = True
        if not deeper:
            break
        level = deeper
    else:
        raise Rejected("too_deep", f"arrays and objects nest deeper than {max_depth} levels")
    if suspicious:
        _parse_exactly(value.decode())


def _kind(body: object) -> str:
    names = {list: "an array", str: "a string", bool: "a boolean", type(None): "null"}
    return names.get(type(body), "a number")

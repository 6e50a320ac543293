"""The reference validator: `jsonschema` with its known faults mended; it also writes the error detail."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import date
from functools import lru_cache
from typing import Any, Final, cast

import re2
from jsonschema import Draft202012Validator, FormatChecker
from jsonschema.exceptions import ValidationError, best_match
from jsonschema.protocols import Validator
from jsonschema.validators import extend
from referencing import Registry

# RFC 3339, section 5.6. `[0-9]`, because `\d` takes the digits of every script.
_DATE_TIME: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.[0-9]+)?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)
_MINUTES_A_DAY: Final = 24 * 60
_LEAP_SECOND: Final = 60
_CONSTRAINT_CHARS: Final = 200


def is_date_time(value: str) -> bool:
    """Tell whether `value` is an RFC 3339 date-time: nothing before or after it, leap seconds at 23:59:60Z only."""
    match = _DATE_TIME.fullmatch(value)
    if match is None:
        return False
    year, month, day, hour, minute, second = map(int, match.groups()[:6])
    try:
        date(year or 4, month, day)  # Python has no year 0, which is a leap year like 4
    except ValueError:
        return False
    sign, off_hours, off_minutes = match[7], int(match[8] or 0), int(match[9] or 0)
    if hour > 23 or minute > 59 or second > _LEAP_SECOND or off_hours > 23 or off_minutes > 59:
        return False
    if second < _LEAP_SECOND:
        return True
    offset = (off_hours * 60 + off_minutes) * (-1 if sign == "-" else 1)
    return (hour * 60 + minute - offset) % _MINUTES_A_DAY == _MINUTES_A_DAY - 1


# Where ECMAScript, whose regexes JSON Schema means, and RE2 differ: code points are \uXXXX or \u{X}, not
# \x{X}, and \s knows all of Unicode's spaces.
_TOKEN: Final = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|u\{([0-9A-Fa-f]+)\}|.)|.", re.DOTALL)
_SPACES: Final = r"\t-\r \x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}\x{feff}"
_NO_SPACES: Final = (
    r"\x{0}-\x{8}\x{e}-\x{1f}!-\x{9f}\x{a1}-\x{167f}\x{1681}-\x{1fff}\x{200b}-\x{2027}\x{202a}-\x{202e}"
    r"\x{2030}-\x{205e}\x{2060}-\x{2fff}\x{3001}-\x{fefe}\x{ff00}-\x{10ffff}"
)


def _translate(pattern: str) -> str:
    parts: list[str] = []
    in_class = False
    for match in _TOKEN.finditer(pattern):
        piece = match[0]
        if piece in {"[", "]"}:
            in_class = piece == "["
        elif match[1] or match[2]:
            piece = f"\\x{{{match[1] or match[2]}}}"
        elif piece in {r"\s", r"\S"}:
            ranges = _SPACES if piece == r"\s" else _NO_SPACES
            piece = ranges if in_class else f"[{ranges}]"
        parts.append(piece)
    return "".join(parts)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    options = re2.Options()
    options.log_errors = False
    return re2.compile(_translate(pattern), options)


def _pattern(_: Validator, pattern: str, instance: Any, __: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and not _compiled(pattern).search(instance):
        yield ValidationError("does not match the pattern")


def _pattern_properties(validator: Any, patterns: Any, instance: Any, _: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    for pattern, subschema in patterns.items():
        for name, value in instance.items():
            if _compiled(pattern).search(name):
                yield from validator.descend(value, subschema, path=name, schema_path=pattern)


def _additional_properties(
    validator: Any, allowed: Any, instance: Any, schema: Any
) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    patterns = list(schema.get("patternProperties", {}))
    for name, value in instance.items():
        if name in schema.get("properties", {}) or any(
            _compiled(pattern).search(name) for pattern in patterns
        ):
            continue
        if allowed is False:
            yield ValidationError("an additional property")
        elif isinstance(allowed, dict):
            yield from validator.descend(value, allowed, path=name)


_CHECKER: Final = FormatChecker(formats=())


@_CHECKER.checks("date-time")
def _check_date_time(value: object) -> bool:
    return not isinstance(value, str) or is_date_time(value)


_MENDED: Final[type[Validator]] = extend(  # type: ignore[no-untyped-call]
    Draft202012Validator,
    {
        "pattern": _pattern,
        "patternProperties": _pattern_properties,
        "additionalProperties": _additional_properties,
    },
)


def reference_validator(document: dict[str, Any]) -> Validator:
    """Build the reference validator of a schema; it fetches nothing and checks formats."""
    return _MENDED(document, registry=Registry(), format_checker=_CHECKER)


@lru_cache(maxsize=64)
def _cached(document: str) -> Validator:
    return reference_validator(json.loads(document))


def explain(document: dict[str, Any], body: dict[str, Any]) -> str:
    """Say in one line where and by which rule `body` breaks the schema, never with a value of it.

    Property names appear only where the schema itself declares them; others read `*`.
    """
    try:
        error = best_match(_cached(json.dumps(document)).iter_errors(body))
    except re2.error:  # a pattern that only the compiled validator understands
        error = None
    if error is None:
        return "refused by the compiled validator"
    names = _declared(document)
    path = "".join(f".{_step(step, names)}" for step in error.absolute_path)
    return f"${path}: {error.validator or 'nothing is allowed'} {_constraint(error)}".rstrip()


def _step(step: str | int, names: frozenset[str]) -> str:
    return str(step) if isinstance(step, int) or step in names else "*"


def _declared(node: Any) -> frozenset[str]:
    if isinstance(node, list):
        return frozenset().union(*map(_declared, node))
    if not isinstance(node, dict):
        return frozenset()
    own = frozenset(node["properties"]) if isinstance(node.get("properties"), dict) else frozenset[str]()
    return own.union(*map(_declared, node.values()))


def _constraint(error: ValidationError) -> str:
    if error.validator == "required" and isinstance(error.instance, dict):
        return ", ".join(
            name for name in cast("list[str]", error.validator_value) if name not in error.instance
        )
    if error.validator in {
        None,  # the schema `false`
        "additionalProperties",
        "properties",
        "items",
        "anyOf",
        "oneOf",
        "allOf",
        "not",
        "$ref",
    }:
        return ""
    return json.dumps(error.validator_value, ensure_ascii=True)[:_CONSTRAINT_CHARS]

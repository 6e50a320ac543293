"""Repair rules: what an operator declares to mend letters with, before they are validated again.

A closed list of operations, applied in the order in which they are written; `docs/reference.md` shows an
example of each. What a rule cannot do (no such field, a text that is no number) it leaves as it is: the
schema then has its say.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, NamedTuple

import orjson
import re2

from sluice.decode import MAX_DEPTH, check_leaves
from sluice.outcome import Rejected
from sluice.record import JsonObject, Record, Step
from sluice.replay import pointer
from sluice.replay.casts import CASTS, to_rfc3339
from sluice.replay.pointer import MISSING, Pointer

Change = Callable[[JsonObject], bool]
FLAG: Final = "repaired"
MAX_RULES: Final = 50
# As often as somebody may have serialised what was serialised already.
_MAX_UNWRAPS: Final = 4


class Condition(NamedTuple):
    """When a rule applies: to letters of one reason, to messages with such a value."""

    reason: str | None
    holds: Callable[[JsonObject], bool] | None


class Rule(NamedTuple):
    """One rule, ready to run; `change` tells whether it changed the message, None unwraps the whole of it."""

    change: Change | None
    when: Condition


def renaming(source: Pointer, target: Pointer) -> Change:
    """Build the rule that moves a value to another name, unless that one is taken."""

    def rename(body: JsonObject) -> bool:
        if pointer.read(body, source) is MISSING or pointer.read(body, target) is not MISSING:
            return False
        value = pointer.take(body, source)
        if value is MISSING:
            return False
        if pointer.write(body, target, value):
            return True
        pointer.write(body, source, value)  # there is no object to hold it: as it was
        return False

    return rename


def defaulting(at: Pointer, value: Any) -> Change:
    """Build the rule that fills in what is absent or null."""

    def set_default(body: JsonObject) -> bool:
        if pointer.read(body, at) not in (MISSING, None):
            return False
        return pointer.write(
            body, at, orjson.loads(orjson.dumps(value))
        )  # a copy of its own for each message

    return set_default


def replacing(at: Pointer, convert: Callable[[Any], Any]) -> Change:
    """Build the rule that replaces a value by what `convert` makes of it; MISSING leaves it."""

    def replace(body: JsonObject) -> bool:
        value = pointer.read(body, at)
        made = MISSING if value is MISSING else convert(value)
        return made is not MISSING and pointer.write(body, at, made)

    return replace


def dropping(at: Pointer) -> Change:
    """Build the rule that takes a field away."""

    def drop(body: JsonObject) -> bool:
        return pointer.take(body, at) is not MISSING

    return drop


def unwrap(value: Any) -> Any:
    """Return the object or array that a text holds as JSON, MISSING when it holds none."""
    if type(value) is not str:
        return MISSING
    try:
        made = orjson.loads(value)
        if type(made) not in {dict, list}:
            return MISSING
        check_leaves({"": made}, value.encode(), MAX_DEPTH)
    except (orjson.JSONDecodeError, UnicodeEncodeError, Rejected):
        return MISSING  # a number beyond 64 bits among them, which would come out as another one
    return made


def unwrap_message(value: bytes | None) -> bytes | None:
    """Return the JSON text that a message holds as a JSON string, however often; None when it holds none."""
    inner = value
    for _ in range(_MAX_UNWRAPS):
        try:
            text = orjson.loads(inner or b"")
        except orjson.JSONDecodeError:
            break
        if type(text) is not str:
            break
        inner = text.encode()
    return None if inner == value else inner


def same(left: Any, right: Any) -> bool:
    """Tell whether two JSON values are equal: 1 is 1.0, and true is not 1."""
    options = orjson.OPT_SORT_KEYS
    if type(left) in {int, float} and type(right) in {int, float}:
        return bool(left == right)
    return orjson.dumps(left, option=options) == orjson.dumps(right, option=options)


def condition(
    at: Pointer, *, equals: Any = MISSING, matches: str | None = None
) -> Callable[[JsonObject], bool]:
    """Build the test of one value; `matches` is an RE2 expression that is searched for in a text."""
    pattern = None if matches is None else re2.compile(matches)

    def holds(body: JsonObject) -> bool:
        value = pointer.read(body, at)
        if value is MISSING:
            return False
        if equals is not MISSING and not same(value, equals):
            return False
        return pattern is None or (type(value) is str and pattern.search(value) is not None)

    return holds


def for_reason(rules: tuple[Rule, ...], reason: str) -> tuple[Rule, ...]:
    """Return the rules that may concern a letter of this reason."""
    return tuple(rule for rule in rules if rule.when.reason in (None, reason))


def unwrapping(rules: tuple[Rule, ...]) -> tuple[Step, ...]:
    """Return the step that goes before decode: the message itself out of its string."""
    if not any(rule.change is None for rule in rules):
        return ()

    def unwrap_json(record: Record) -> None:
        inner = unwrap_message(record.message.value)
        if inner is not None:
            record.message = record.message._replace(value=inner)
            record.flags.append(FLAG)

    return (unwrap_json,)


def repairing(rules: tuple[Rule, ...]) -> tuple[Step, ...]:
    """Return the step that goes between decode and validate."""
    inside = [(rule.change, rule.when.holds) for rule in rules if rule.change is not None]
    if not inside:
        return ()

    def repair(record: Record) -> None:
        changed = False
        for change, holds in inside:
            if holds is None or holds(record.body):
                changed = change(record.body) or changed
        if changed:
            # What was put in may nest deeper than decode allows.
            check_leaves(record.body, orjson.dumps(record.body), MAX_DEPTH)
            if FLAG not in record.flags:
                record.flags.append(FLAG)

    return (repair,)


OPERATIONS: Final[Mapping[str, tuple[str, ...]]] = {
    # What each takes beside `op` and `when`.
    "rename": ("from", "to"),
    "set_default": ("at", "value"),
    "cast": ("at", "to"),
    "parse_time": ("at",),
    "unwrap_json": ("at",),
    "drop": ("at",),
}


def build(operation: str, given: Mapping[str, Any]) -> Change | None:
    """Return one operation's change; `given` holds what OPERATIONS names, pointers parsed."""
    if operation == "rename":
        return renaming(given["from"], given["to"])
    if operation == "set_default":
        return defaulting(given["at"], given["value"])
    if operation == "cast":
        return replacing(given["at"], CASTS[given["to"]])
    if operation == "parse_time":
        return replacing(given["at"], to_rfc3339)
    if operation == "drop":
        return dropping(given["at"])
    return replacing(given["at"], unwrap) if given["at"] else None

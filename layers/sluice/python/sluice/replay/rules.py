"""Read repair rules: everything about them is checked here, before any letter is touched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import re2

from sluice.reasons import REASONS
from sluice.replay import pointer
from sluice.replay.casts import CASTS
from sluice.replay.pointer import MISSING, Pointer
from sluice.replay.repair import MAX_RULES, OPERATIONS, Condition, Rule, build, condition

# One example of each operation: in the reference, and tested.
EXAMPLES: Final[Mapping[str, tuple[str, dict[str, Any], dict[str, Any], dict[str, Any]]]] = {
    # What it does, a rule, a message before and after.
    "rename": (
        "moves a value to another name, unless something has that name",
        {"op": "rename", "from": "/agent", "to": "/agent_id"},
        {"agent": "planner-7"},
        {"agent_id": "planner-7"},
    ),
    "set_default": (
        "fills in a field that is absent or null",
        {"op": "set_default", "at": "/text", "value": "", "when": {"at": "/kind", "equals": "ping"}},
        {"kind": "ping"},
        {"kind": "ping", "text": ""},
    ),
    "cast": (
        "makes a value a `string`, `integer`, `number` or `boolean` where that loses nothing",
        {"op": "cast", "at": "/agent_id", "to": "string"},
        {"agent_id": 7},
        {"agent_id": "7"},
    ),
    "parse_time": (
        "writes an epoch (in seconds or milliseconds) or an RFC 2822 date as RFC 3339 in UTC",
        {"op": "parse_time", "at": "/timestamp", "when": {"reason": "schema_invalid"}},
        {"timestamp": 1763885700},
        {"timestamp": "2025-11-23T08:15:00Z"},
    ),
    "unwrap_json": (
        'puts what a text holds as JSON in the text\'s place; `at` "" is the message itself',
        {"op": "unwrap_json", "at": "/meta"},
        {"meta": '{"step":3}'},
        {"meta": {"step": 3}},
    ),
    "drop": (
        "takes a field away",
        {"op": "drop", "at": "/debug", "when": {"at": "/debug", "matches": "^trace "}},
        {"debug": "trace 17", "text": "done"},
        {"text": "done"},
    ),
}


class RuleError(ValueError):
    """Raised for a rule that is not understood; the message names its place and its field."""


def read_rules(given: Any) -> tuple[Rule, ...]:
    """Return the rules, ready to run; raises RuleError for the first that is not understood."""
    if type(given) is not list or len(given) > MAX_RULES:
        raise RuleError(f"repair must be a list of at most {MAX_RULES} rules")
    return tuple(_rule(f"repair[{number}]", rule) for number, rule in enumerate(given))


def _rule(where: str, given: Any) -> Rule:
    operation = given.get("op") if isinstance(given, dict) else None
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise RuleError(f"{where}.op must be one of {', '.join(OPERATIONS)}")
    fields = OPERATIONS[operation]
    _known(where, given, {"op", "when", *fields})
    ready = {field: _field(f"{where}.{field}", operation, field, given) for field in fields}
    change = build(operation, ready)
    when = _condition(f"{where}.when", given.get("when", {}))
    if change is None and when.holds is not None:
        raise RuleError(f'{where}.when may only ask for the reason: with at "" there are no fields yet')
    return Rule(change, when)


def _known(where: str, given: Mapping[str, Any], known: set[str]) -> None:
    for name in sorted(given.keys() - known):
        raise RuleError(f"{where}.{name} is not a field, known are {', '.join(sorted(known))}")


def _field(where: str, operation: str, field: str, given: Mapping[str, Any]) -> Any:
    if field not in given:
        raise RuleError(f"{where} is missing")
    if field == "value":
        return given[field]
    if operation == "cast" and field == "to":
        if given[field] not in tuple(CASTS):
            raise RuleError(f"{where} must be one of {', '.join(CASTS)}")
        return given[field]
    return _pointer(where, given[field], root=operation == "unwrap_json")


def _pointer(where: str, given: Any, *, root: bool) -> Pointer:
    try:
        parsed = pointer.parse(given)
    except (ValueError, TypeError):
        raise RuleError(f'{where} must be a JSON pointer, such as "/agent_id"') from None
    if not parsed and not root:
        raise RuleError(f"{where} must point into the message, not at all of it")
    return parsed


def _condition(where: str, given: Any) -> Condition:
    if not isinstance(given, dict):
        raise RuleError(f"{where} must be an object")
    _known(where, given, {"reason", "at", "equals", "matches"})
    reason = given.get("reason")
    if reason is not None and reason not in REASONS:
        raise RuleError(f"{where}.reason must be one of {', '.join(REASONS)}")
    if "at" not in given:
        if "equals" in given or "matches" in given:
            raise RuleError(f"{where}.at is missing: it says where the value is")
        return Condition(reason, None)
    at = _pointer(f"{where}.at", given["at"], root=False)
    try:
        holds = condition(at, equals=given.get("equals", MISSING), matches=given.get("matches"))
    except (re2.error, TypeError):
        raise RuleError(f"{where}.matches must be a regular expression as RE2 takes it") from None
    return Condition(reason, holds)

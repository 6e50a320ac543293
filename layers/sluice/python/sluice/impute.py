"""Missing values, filled in as the schema declares: `x-sluice-impute` on a field, read once at load.

Missing is a field that is absent or null. The agent's last value comes first, then another field's, then the
constant: the first that there is and that the field's own schema allows. Identity and required fields have none.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any, Final, NamedTuple

from sluice.history.agent import History
from sluice.record import Record, Step

IMPUTE_KEYWORD: Final = "x-sluice-impute"
IMPUTE_EXAMPLE: Final = (
    '"region": {"type": "string", "x-sluice-impute": {"last": true, "field": "zone", "constant": "unknown"}}'
)
_KNOWN: Final = frozenset({"last", "field", "constant"})
Compile = Callable[[Any], Callable[[Any], bool]]


class Rule(NamedTuple):
    """Say where a field's missing value comes from; `constant` is empty or holds the one value."""

    field: str
    last: bool
    other: str
    constant: tuple[Any, ...]
    is_valid: Callable[[Any], bool]


class RuleNotUsableError(ValueError):
    """Raised at load for a declaration that could never work; the text says why."""


def read_rules(
    document: Mapping[str, Any], forbidden: Collection[str], compile_field: Compile
) -> tuple[Rule, ...]:
    """Return the rules that a schema declares for its fields; `compile_field` makes a field's own check.

    Raises RuleNotUsableError for a `forbidden` (identity) or required field, and for what is no declaration.
    """
    fields = document.get("properties", {})
    declared = [name for name, said in fields.items() if isinstance(said, dict) and IMPUTE_KEYWORD in said]
    for name in declared:
        if name in forbidden or name in document.get("required", ()):
            raise RuleNotUsableError(
                f"{name} is required, so it is never missing: {IMPUTE_KEYWORD} does nothing"
            )
    return tuple(_rule(name, fields, compile_field(fields[name])) for name in declared)


def _rule(name: str, fields: Mapping[str, Any], is_valid: Callable[[Any], bool]) -> Rule:
    said = fields[name][IMPUTE_KEYWORD]
    if not isinstance(said, dict) or not said or not said.keys() <= _KNOWN:
        raise RuleNotUsableError(
            f"{IMPUTE_KEYWORD} of {name} must be an object of {', '.join(sorted(_KNOWN))}"
        )
    other, last = said.get("field", ""), said.get("last", False)
    if type(last) is not bool or type(other) is not str or other == name or (other and other not in fields):
        raise RuleNotUsableError(
            f"{IMPUTE_KEYWORD} of {name}: last is true or false, field another one's name"
        )
    constant = (said["constant"],) if "constant" in said else ()
    if not all(map(is_valid, constant)) or None in constant:
        raise RuleNotUsableError(f"{IMPUTE_KEYWORD} of {name}: its own schema does not allow the constant")
    return Rule(name, last, other, constant, is_valid)


def imputing(rules: Mapping[str, Collection[Rule]]) -> Step:
    """Build the step that fills in missing fields by the rules of the record's schema.

    An imputed record has the flag `imputed` and says of each field where its value is from.
    """
    by_schema = {schema: tuple(of_schema) for schema, of_schema in rules.items() if of_schema}

    def impute(record: Record) -> None:
        if record.schema not in by_schema:
            return
        imputed = {}
        for rule in by_schema[record.schema]:
            if record.body.get(rule.field) is None:
                for source, value in _candidates(rule, record):
                    if value is not None and rule.is_valid(value):
                        record.body[rule.field] = value
                        imputed[rule.field] = source
                        break
        if imputed:
            record.flags.append("imputed")
            record.note("imputed", imputed)

    return impute


def _candidates(rule: Rule, record: Record) -> list[tuple[str, Any]]:
    history: History | None = record.history
    found: list[tuple[str, Any]] = []
    if rule.last and history is not None:
        found.append(("last", history.state.values.get(last_value_key(record.schema, rule.field))))
    if rule.other:
        found.append((f"field {rule.other}", record.body.get(rule.other)))
    return found + [("constant", value) for value in rule.constant]


def last_value_key(schema: str, field: str) -> str:
    """Return the name under which an agent's history keeps a field's last value."""
    return f"{schema} {field}"


def remembered_fields(rules: Mapping[str, Collection[Rule]]) -> dict[str, tuple[str, ...]]:
    """Return by schema the fields whose last values a history has to keep."""
    return {
        schema: tuple(rule.field for rule in of_schema if rule.last) for schema, of_schema in rules.items()
    }

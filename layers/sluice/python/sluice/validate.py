"""A decoded message against the schema that it names."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, NamedTuple, NoReturn

import jsonschema_rs

from sluice.clean.profiles import DEFAULT_PROFILE, PROFILES
from sluice.impute import IMPUTE_KEYWORD, Rule, read_rules
from sluice.outcome import Rejected
from sluice.record import Record, Step

SCHEMAS: Final = Path(__file__).parent / "schemas"
DEFAULT_SCHEMA: Final = "agent_output/1"
SCHEMA_HEADER: Final = "sluice-schema"
PROFILE_KEYWORD: Final = "x-sluice-profile"
# What keys, index and cleaning rely on: every schema says at least this of these fields.
IDENTITY: Final[dict[str, dict[str, Any]]] = {
    "agent_id": {
        "type": "string",
        "minLength": 1,
        "maxLength": 256,
        "pattern": r"^[^#\u0000-\u001f\u007f-\u009f][^\u0000-\u001f\u007f-\u009f]*$",
    },
    "timestamp": {"type": "string", "format": "date-time"},
    "text": {"type": "string"},
}
# Both validators must agree on a format; this is the one that they were tested on.
FORMATS: Final = frozenset({"date-time"})
MAX_DETAIL: Final = 512
# jsonschema-rs 0.60.3 reads a date-time in words of eight bytes and takes * + , - . / for digits, so the
# shape is checked beside its check of the values: 0.2 µs more.
_DATE_TIME_SHAPE: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$"
)
_SCHEMAS_BY_NAME: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})
_LITERALS: Final = frozenset({"const", "enum", "default", "examples", IMPUTE_KEYWORD})


class SchemaNotUsableError(ValueError):
    """Raised at load for a schema that the pipeline could not check in linear time and without a network."""


class Schema(NamedTuple):
    """Hold one compiled schema: the fast verdict, and the document for whoever writes the detail."""

    name: str
    document: dict[str, Any]
    is_valid: Callable[[Any], bool]
    # the cleaning profile of its messages, by `x-sluice-profile`
    profile: str = DEFAULT_PROFILE
    # what fills in a missing field, by `x-sluice-impute`
    impute: tuple[Rule, ...] = ()


def load_schemas(folder: Path = SCHEMAS) -> dict[str, Schema]:
    """Compile every `<name>/<version>.json` under `folder`, by `name/version`.

    Raises SchemaNotUsableError, naming the file and the way out, when one cannot be used.
    """
    schemas: dict[str, Schema] = {}
    for path in sorted(folder.glob("*/*.json")):
        name = f"{path.parent.name}/{path.stem}"
        document = json.loads(path.read_bytes())
        _check_identity(name, document)
        schemas[name] = compile_schema(name, document)
    return schemas


def _check_identity(name: str, document: Any) -> None:
    known = document if isinstance(document, dict) else {}
    for field, rules in IDENTITY.items():
        said = known.get("properties", {}).get(field)
        if field not in known.get("required", []):
            _refuse(name, f"it must require {field}")
        if not isinstance(said, dict) or not rules.items() <= said.items():
            _refuse(name, f"of {field} it must say at least {json.dumps(rules)}")


def compile_schema(name: str, document: dict[str, Any]) -> Schema:
    """Compile one schema with the fast validator, remote references and backtracking regexes refused."""
    for keyword, value in _keywords(document):
        _check_keyword(name, keyword, value)
    try:
        is_valid = _check_of(document)
        # A field's own schema may refer to the definitions of the whole.
        definitions = {"$defs": document.get("$defs", {})}
        rules = read_rules(document, IDENTITY, lambda field: _check_of(definitions | field))
    except (jsonschema_rs.ValidationError, jsonschema_rs.ReferencingError, ValueError) as error:
        _refuse(name, str(error))
    return Schema(name, document, is_valid, _profile(name, document), rules)


def _check_of(document: Any) -> Callable[[Any], bool]:
    validator = jsonschema_rs.Draft202012Validator(
        _mended(document),
        validate_formats=True,
        # The regex crate: linear time, and look-around or back-references fail here, at load.
        pattern_options=jsonschema_rs.RegexOptions(),
        retriever=_no_network,
    )
    return validator.is_valid


def _profile(name: str, document: dict[str, Any]) -> str:
    profile = document.get(PROFILE_KEYWORD, DEFAULT_PROFILE)
    if profile not in tuple(PROFILES):
        _refuse(name, f"{PROFILE_KEYWORD} is {profile!r}, allowed are {', '.join(PROFILES)}")
    return str(profile)


def _mended(node: Any) -> Any:
    """Return the schema with the shape of a date-time required wherever the format is."""
    if isinstance(node, list):
        return [_mended(item) for item in node]
    if not isinstance(node, dict):
        return node
    mended = {keyword: _mended_value(keyword, value) for keyword, value in node.items()}
    if node.get("format") == "date-time":
        mended["allOf"] = [*mended.get("allOf", []), {"pattern": _DATE_TIME_SHAPE}]
    return mended


def _mended_value(keyword: str, value: Any) -> Any:
    if keyword in _SCHEMAS_BY_NAME and isinstance(value, dict):
        return {name: _mended(schema) for name, schema in value.items()}
    return value if keyword in _LITERALS else _mended(value)


def _no_network(uri: str) -> NoReturn:
    msg = f"remote reference {uri}: copy what it names into the schema's own $defs"
    raise ValueError(msg)


def _refuse(name: str, why: str) -> NoReturn:
    msg = f"schema {name} cannot be used: {why}"
    raise SchemaNotUsableError(msg)


def _keywords(node: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(node, dict):
        for keyword, value in node.items():
            yield keyword, value
            if keyword != IMPUTE_KEYWORD:  # its constant may look like a schema
                yield from _keywords(value)
    elif isinstance(node, list):
        for item in node:
            yield from _keywords(item)


def _check_keyword(name: str, keyword: str, value: Any) -> None:
    if keyword == "format" and isinstance(value, str) and value not in FORMATS:
        _refuse(name, f"format {value!r} is not checked here; known are {sorted(FORMATS)}, else use pattern")
    if keyword == "unevaluatedProperties":
        _refuse(name, "unevaluatedProperties is not supported; use additionalProperties")


def validating(schemas: Mapping[str, Schema]) -> Step:
    """Build the step that checks a record's body against the schema it names.

    The step raises Rejected: schema_unknown, schema_invalid.
    """
    default = schemas[DEFAULT_SCHEMA]

    def validate(record: Record) -> None:
        named = _name_of(record)
        schema = default if named is None else schemas.get(named)
        if schema is None:
            raise Rejected(
                "schema_unknown", f"the message names a schema that is not one of {sorted(schemas)}"
            )
        record.schema = schema.name
        if not schema.is_valid(record.body):
            raise Rejected("schema_invalid", _explain(schema, record.body))

    return validate


def _name_of(record: Record) -> str | None:
    for header, value in record.message.headers:
        if header == SCHEMA_HEADER:
            return value.decode(errors="replace")
    named = record.body.get("schema")
    # A field `schema` of another type names nothing that the registry could hold.
    return named if named is None or type(named) is str else ""


def _explain(schema: Schema, body: dict[str, Any]) -> str:
    # jsonschema costs 150 ms to import, and only bad records need it.
    from sluice.validate_reference import explain  # noqa: PLC0415

    return explain(schema.document, body)[:MAX_DETAIL]

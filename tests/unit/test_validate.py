"""A message against its schema: which one, what it refuses, and how it says so."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.decode import decoding
from sluice.outcome import DeadLetter
from sluice.pipeline import Pipeline
from sluice.record import Record
from sluice.validate import (
    DEFAULT_SCHEMA,
    MAX_DETAIL,
    Schema,
    compile_schema,
    load_schemas,
    validating,
)
from sluice.validate_reference import explain, is_date_time
from tests.unit.samples import GOOD, SOURCE, letter_of, message, record_of

IDENTITY = {"required": ["agent_id", "timestamp", "text"]}
SCHEMAS = load_schemas()


def schema(**keywords: Any) -> Schema:
    return compile_schema("own/1", {"type": "object", **IDENTITY, **keywords})


def judge_by(own: Schema, body: dict[str, Any]) -> Record | DeadLetter:
    """Judge a body by decode and validate alone, under a schema of our own."""
    steps = (decoding(10_000), validating(SCHEMAS | {own.name: own}))
    return Pipeline("test", steps).judge([message(body, (("sluice-schema", own.name.encode()),))], SOURCE)[0]


def refusal(own: Schema, **fields: Any) -> DeadLetter:
    verdict = judge_by(own, GOOD | fields)
    assert isinstance(verdict, DeadLetter)
    assert verdict.reason == "schema_invalid"
    return verdict


DATE_TIMES = [
    "2026-11-23T08:15:00Z",
    "2026-11-23t08:15:00z",
    "2026-11-23T08:15:00.123456789+05:45",
    "2026-11-23T08:15:00-00:00",
    "2024-02-29T23:59:59Z",
    "2016-12-31T23:59:60Z",
    "2016-12-31T15:59:60-08:00",
    "0001-01-01T00:00:00+23:59",
    "9999-12-31T23:59:59-23:59",
]
NOT_DATE_TIMES = [
    "",
    "2026-11-23",
    "08:15:00Z",
    "2026-11-23 08:15:00Z",
    "2026-11-23T08:15:00",
    "2026-11-23T08:15Z",
    "2026-11-23T08:15:00Z\n",
    "\n2026-11-23T08:15:00Z",
    "2026-11-23T08:15:00Z ",
    "2026-02-29T08:15:00Z",
    "2026-13-01T08:15:00Z",
    "2026-11-00T08:15:00Z",
    "2026-11-23T24:00:00Z",
    "2026-11-23T08:60:00Z",
    "2026-11-23T08:15:61Z",
    "2026-11-23T08:15:60Z",
    "2026-11-23T08:15:00.Z",
    "2026-11-23T08:15:00,5Z",
    "2026-11-23T08:15:00+0100",
    "2026-11-23T08:15:00+24:00",
    "2026-11-23T08:15:00+01:60",
    "2026-11-23T08:15:00UTC",
    "26-11-23T08:15:00Z",
    "2026-W48-1T08:15:00Z",
    "1763885700",
    "٢٠٢٦-11-23T08:15:00Z",
    "2026-11-23T08:15:00Z#",
]


@pytest.mark.parametrize("timestamp", DATE_TIMES)
def test_date_times(timestamp: str) -> None:
    """An RFC 3339 date-time is valid, leap seconds and lower case included, for both validators."""
    assert record_of(message(timestamp=timestamp)).timestamp == timestamp
    assert is_date_time(timestamp)


@pytest.mark.parametrize("timestamp", NOT_DATE_TIMES)
def test_not_date_times(timestamp: str) -> None:
    """Everything else is not, for both validators, and the detail names the field and the format."""
    letter = letter_of(message(timestamp=timestamp))

    assert (letter.reason, letter.detail) == ("schema_invalid", '$.timestamp: format "date-time"')
    assert not is_date_time(timestamp)


@pytest.mark.parametrize(
    "agent", ["a", "a" * 256, "é" * 256, "😀" * 256, "a#b", "a:b", " ", "a b", "\u00a0", "{}", "~"]
)
def test_identities(agent: str) -> None:
    """An identity is 1 to 256 characters of nearly any kind."""
    assert record_of(message(agent_id=agent)).agent_id == agent


@pytest.mark.parametrize(
    "agent",
    ["", "a" * 257, "😀" * 257, "#", "#recent:a", "\0", "a\0", "\na", "a\n", "a\tb", "\x1f", "\x7f", "a\x7f"],
)
def test_not_identities(agent: str) -> None:
    """An identity neither opens with the cache's own mark, nor holds control characters, nor is too long."""
    letter = letter_of(message(agent_id=agent))

    assert letter.reason == "schema_invalid"
    assert letter.detail.startswith("$.agent_id: ")


@pytest.mark.parametrize("field", ["agent_id", "timestamp", "text"])
@pytest.mark.parametrize("value", [None, 7, 1.5, True, ["a"], {"a": "b"}])
def test_identities_are_strings(field: str, value: object) -> None:
    """Agent, timestamp and text are strings."""
    letter = letter_of(message(GOOD | {field: value}))

    assert (letter.reason, letter.detail) == ("schema_invalid", f'$.{field}: type "string"')


@pytest.mark.parametrize("field", ["agent_id", "timestamp", "text"])
def test_required_fields(field: str) -> None:
    """A missing field is named."""
    letter = letter_of(message({name: GOOD[name] for name in GOOD if name != field}))

    assert letter.detail == f"$: required {field}"


def test_further_fields() -> None:
    """Fields that the schema does not know pass."""
    extra = {"tool": {"name": "x", "args": [1, None]}, "": 0, "#": "#"}

    assert record_of(message(GOOD | extra)).body.items() >= extra.items()


ANY: dict[str, Any] = {name: {} for name in GOOD}
OWN = compile_schema("own/1", IDENTITY | {"properties": {"mood": {"type": "string"}}})


def _schema_of(body: dict[str, Any], *headers: tuple[str, bytes]) -> str:
    steps = (decoding(10_000), validating(SCHEMAS | {"own/1": OWN}))
    verdict = Pipeline("test", steps).judge([message(body, headers)], SOURCE)[0]
    return verdict.reason if isinstance(verdict, DeadLetter) else verdict.schema


def test_naming_the_schema() -> None:
    """The header names the schema, else the field does, else it is the default; the first header wins."""
    own, default, unknown = b"own/1", DEFAULT_SCHEMA.encode(), b"none/1"
    named = GOOD | {"schema": "own/1"}

    assert _schema_of(GOOD) == DEFAULT_SCHEMA
    assert _schema_of(GOOD | {"schema": None}) == DEFAULT_SCHEMA
    assert _schema_of(named) == "own/1"
    assert _schema_of(GOOD, ("sluice-schema", own)) == "own/1"
    assert _schema_of(named, ("sluice-schema", default)) == DEFAULT_SCHEMA
    assert _schema_of(GOOD | {"schema": "none/1"}, ("sluice-schema", own)) == "own/1"
    assert _schema_of(GOOD | {"schema": 7}, ("sluice-schema", own)) == "own/1"
    assert _schema_of(GOOD, ("other", unknown), ("sluice-schema", own), ("sluice-schema", unknown)) == "own/1"


@pytest.mark.parametrize(
    "name",
    ["none/1", "", "own", "own/2", "OWN/1", "own/1 ", "own/1\n", "../own/1", 1, 0, False, [], {}, ["own/1"]],
)
def test_unknown_schemas(name: object) -> None:
    """A name that the registry does not hold, or a name of another type, is `schema_unknown`."""
    assert _schema_of(GOOD | {"schema": name}) == "schema_unknown"


@pytest.mark.parametrize("name", [b"none/1", b"", b"\xff", b"own/1\0"])
def test_unknown_schemas_in_the_header(name: bytes) -> None:
    """A header that names nothing is `schema_unknown`, even when the field names a schema that exists."""
    assert _schema_of(GOOD | {"schema": "own/1"}, ("sluice-schema", name)) == "schema_unknown"


def test_letters_name_the_schema() -> None:
    """A letter carries the schema that was broken, and none when the name was unknown."""
    assert letter_of(message(text=1)).schema == DEFAULT_SCHEMA
    assert letter_of(message(schema="none/1")).schema == ""
    assert DEFAULT_SCHEMA in letter_of(message(schema="none/1")).detail


PROPERTIES = {
    "mood": {"enum": ["calm", "tense"]},
    "list": {"items": {"type": "object", "properties": {"deep": {"type": "integer"}}}},
    "size": {"maximum": 10},
    "code": {"pattern": "^[a-z]+$"},
    "none": False,
    "kind": {"const": "k"},
}
DETAILS = [
    ({"mood": "canary"}, '$.mood: enum ["calm", "tense"]'),
    ({"list": [{}, {"deep": "canary"}]}, '$.list.1.deep: type "integer"'),
    ({"list": [1]}, '$.list.0: type "object"'),
    ({"size": 31337}, "$.size: maximum 10"),
    ({"code": "CANARY"}, '$.code: pattern "^[a-z]+$"'),
    ({"none": "canary"}, "$: nothing is allowed"),
    ({"kind": "canary"}, '$.kind: const "k"'),
]


@pytest.mark.parametrize(
    ("fields", "detail"), DETAILS, ids=lambda v: next(iter(v)) if isinstance(v, dict) else ""
)
def test_details(fields: dict[str, Any], detail: str) -> None:
    """The detail says where and by which rule, as the schema words it."""
    assert refusal(schema(properties=PROPERTIES), **fields).detail == detail


def test_details_hide_names() -> None:
    """A property that the schema does not declare reads `*` in the detail."""
    own = schema(additionalProperties={"type": "string"}, properties=ANY)

    assert refusal(own, canary=1).detail == '$.*: type "string"'


@pytest.mark.parametrize(
    "keywords",
    [
        {"additionalProperties": False, "properties": ANY},
        {"propertyNames": {"maxLength": 9}},
        {"maxProperties": 3},
        {"patternProperties": {"^canary": False}},
        {"patternProperties": {"^canary": {"type": "array"}}},
        {"dependentRequired": {"text": ["other"]}},
        {"not": {"required": ["canary-name"]}},
        {"anyOf": [{"required": ["x"]}, {"properties": {"canary-name": {"type": "array"}}}]},
        {"properties": {"text": {"minLength": 1_000}}},
        {"if": {"required": ["canary-name"]}, "then": False},
    ],
    ids=lambda keywords: next(iter(keywords)),
)
def test_details_hold_no_values(keywords: dict[str, Any]) -> None:
    """Whatever rule is broken, the detail holds neither a value nor an undeclared name of the message."""
    declared = json.dumps(keywords)
    letter = refusal(schema(**keywords), **{"canary-name": "canary-value"})

    assert "canary-value" not in letter.detail
    assert "canary-name" not in letter.detail or "canary-name" in declared


def test_details_are_short() -> None:
    """A detail is cut at 512 characters, however long the schema's own names are."""
    name = "x" * 600
    letter = refusal(schema(properties={name: {"type": "string"}}), **{name: 1})

    assert len(letter.detail) == MAX_DETAIL


@pytest.mark.parametrize("pattern", [r"^\p{Script=Greek}+$", r"^[0-9]{1,2000}$", "(?x) a b"])
def test_patterns_the_reference_does_not_know(pattern: str) -> None:
    """A pattern that only the fast validator understands still refuses, with a plain detail."""
    letter = refusal(schema(properties={"text": {"pattern": pattern}}))

    assert letter.detail == "refused by the compiled validator"


def test_escapes_of_patterns() -> None:
    r"""The reference reads \u as ECMAScript does, and leaves an escaped backslash alone."""
    document = {"patternProperties": {"^\\u0061$": {"pattern": "^\\\\u0041$"}}}

    assert explain(document, {"a": "x"}) == '$.*: pattern "^\\\\\\\\u0041$"'
    assert (
        explain(document, {"a": "\\u0041"})
        == explain(document, {"b": "x"})
        == "refused by the compiled validator"
    )


@given(st.text(), st.text(), st.text())
def test_any_identity_that_passes_is_safe(agent: str, timestamp: str, text: str) -> None:
    """What passes has an identity that cannot be mistaken for the cache's own keys, whatever the fields hold."""
    body = {"agent_id": agent, "timestamp": timestamp, "text": text}
    if SCHEMAS[DEFAULT_SCHEMA].is_valid(body):
        assert 0 < len(agent) <= 256
        assert agent[0] != "#"
        assert not any(char < " " or char == "\x7f" for char in agent)
        assert is_date_time(timestamp)

"""Which schemas are refused at load, and which can be used."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sluice.decode import decoding
from sluice.outcome import DeadLetter
from sluice.pipeline import Pipeline
from sluice.record import Record
from sluice.validate import (
    DEFAULT_SCHEMA,
    IDENTITY as RULES,
    Schema,
    SchemaNotUsableError,
    compile_schema,
    load_schemas,
    validating,
)
from tests.unit.samples import GOOD, SOURCE, message

IDENTITY = {"required": ["agent_id", "timestamp", "text"]}
SCHEMAS = load_schemas()
USABLE = {**IDENTITY, "properties": RULES}


def schema(**keywords: Any) -> Schema:
    return compile_schema("own/1", {"type": "object", **IDENTITY, **keywords})


def judge_by(own: Schema, body: dict[str, Any]) -> Record | DeadLetter:
    """Judge a body by decode and validate alone, under a schema of our own."""
    steps = (decoding(10_000), validating(SCHEMAS | {own.name: own}))
    return Pipeline("test", steps).judge([message(body, (("sluice-schema", own.name.encode()),))], SOURCE)[0]


UNUSABLE = [
    ({"$ref": "https://example.com/schema.json"}, "remote reference"),
    ({"$ref": "http://127.0.0.1:9/schema.json"}, "remote reference"),
    ({"$ref": "file:///etc/hostname"}, "remote reference"),
    ({"properties": {"a": {"$ref": "other.json"}}}, ""),
    ({"properties": {"a": {"$ref": "#/$defs/none"}}}, ""),
    ({"properties": {"text": {"pattern": "^(?!x)"}}}, ""),
    ({"properties": {"text": {"pattern": "(?<=x)y"}}}, ""),
    ({"properties": {"text": {"pattern": r"(a)\1"}}}, ""),
    ({"properties": {"text": {"pattern": "("}}}, ""),
    ({"patternProperties": {"^(?=x)": {}}}, ""),
    ({"properties": {"a": {"format": "email"}}}, "format 'email' is not checked here"),
    ({"properties": {"a": {"anyOf": [{"format": "uri"}]}}}, "format 'uri' is not checked here"),
    ({"unevaluatedProperties": False}, "unevaluatedProperties is not supported"),
    ({"allOf": [{"unevaluatedProperties": {"type": "string"}}]}, "unevaluatedProperties is not supported"),
    ({"type": "objekt"}, ""),
    ({"properties": {"a": {"minLength": "3"}}}, ""),
]


@pytest.mark.parametrize(("keywords", "why"), UNUSABLE, ids=lambda v: json.dumps(v)[:60])
def test_schemas_refused_at_load(keywords: dict[str, Any], why: str) -> None:
    """A schema that needs a network, backtracks, is not checked the same by both validators, or is none at all."""
    with pytest.raises(SchemaNotUsableError, match=rf"(?s)^schema own/1 cannot be used: .*{why}"):
        schema(**keywords)


IDENTITY_MISSING = [
    ({}, "it must require agent_id"),
    ({"required": ["agent_id", "timestamp"], "properties": RULES}, "it must require text"),
    ({"properties": {"agent_id": {"type": "string"}}}, "of agent_id it must say at least"),
    ({"properties": {**RULES, "timestamp": {"type": "string"}}}, "of timestamp it must say at least"),
    ({"properties": {**RULES, "text": True}}, "of text it must say at least"),
    ([], "it must require agent_id"),
]


@pytest.mark.parametrize(("change", "why"), IDENTITY_MISSING, ids=lambda v: json.dumps(v)[:60])
def test_the_identity_is_fixed(tmp_path: Path, change: Any, why: str) -> None:
    """No schema may loosen what keys, index and cleaning rely on."""
    (tmp_path / "thought").mkdir()
    whole = not change or "required" in change or isinstance(change, list)
    document = change if whole else USABLE | change
    (tmp_path / "thought/2.json").write_text(json.dumps(document))

    with pytest.raises(SchemaNotUsableError, match=f"^schema thought/2 cannot be used: {why}"):
        load_schemas(tmp_path)


def test_references_inside() -> None:
    """A reference within the schema is followed, by both validators."""
    own = schema(properties={"mood": {"$ref": "#/$defs/mood"}}, **{"$defs": {"mood": {"enum": ["calm"]}}})

    assert isinstance(judge_by(own, GOOD | {"mood": "calm"}), Record)
    letter = judge_by(own, GOOD | {"mood": "tense"})
    assert isinstance(letter, DeadLetter)
    assert letter.detail == '$.mood: enum ["calm"]'


def test_words_that_are_no_keywords() -> None:
    """A property may be called `format`."""
    own = schema(properties={"format": {"type": "string"}, "$ref": {"type": "string"}})

    assert isinstance(judge_by(own, GOOD | {"format": "email"}), Record)


def test_loading_a_folder(tmp_path: Path) -> None:
    """Schemas are known by folder and file, and a bad one is named."""
    (tmp_path / "thought").mkdir()
    (tmp_path / "thought/2.json").write_text(json.dumps(USABLE))
    assert list(load_schemas(tmp_path)) == ["thought/2"]

    (tmp_path / "thought/3.json").write_text(json.dumps(USABLE | {"type": 7}))
    with pytest.raises(SchemaNotUsableError, match="schema thought/3"):
        load_schemas(tmp_path)


def test_the_registry() -> None:
    """The package ships the default schema, under its own name."""
    assert DEFAULT_SCHEMA in SCHEMAS
    assert all(known.document["$id"] == known.name == name for name, known in SCHEMAS.items())


def test_keywords_of_objects() -> None:
    """Rules for objects pass over what is none, and further properties may be allowed outright, in the detail, too."""
    rules = {"patternProperties": {"^a": False}, "additionalProperties": True}
    own = schema(
        properties={"list": rules | {"type": "string"}, "more": {"additionalProperties": {"type": "null"}}}
    )

    for fields, detail in (
        ({"list": [1]}, '$.list: type "string"'),
        ({"list": {"b": 1}}, '$.list: type "string"'),
        ({"list": "", "more": {"x": 1}}, '$.more.*: type "null"'),
    ):
        letter = judge_by(own, GOOD | fields)
        assert isinstance(letter, DeadLetter)
        assert letter.detail == detail
    assert isinstance(judge_by(own, GOOD | {"list": "", "more": [1]}), Record)

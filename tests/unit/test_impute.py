"""Missing values: where they come from, and which declarations are refused."""

from __future__ import annotations

import json
from typing import Any

import orjson
import pytest

from sluice.history.agent import History, State
from sluice.history.profile import NO_PROFILE
from sluice.impute import IMPUTE_KEYWORD, imputing, remembered_fields
from sluice.record import Record
from sluice.validate import IDENTITY, SchemaNotUsableError, compile_schema, load_schemas
from tests.unit.samples import GOOD, message

NAME = "own/1"
LAST = {"last": True}


def document(**declared: Any) -> dict[str, Any]:
    """Make a schema with these declarations on string fields, or with whole fields of its own."""
    fields = {
        name: said if "type" in said else {"type": ["string", "null"], IMPUTE_KEYWORD: said}
        for name, said in declared.items()
    }
    return {"type": "object", "required": list(IDENTITY), "properties": {**IDENTITY, "zone": {}, **fields}}


def imputed(body: dict[str, Any], last: Any = None, **declared: Any) -> Record:
    """Impute a body by these declarations; `last` is the agent's last value of every field."""
    rules = compile_schema(NAME, document(**declared)).impute
    record = Record(message(), "0123abcd")
    record.body, record.schema = dict(body), NAME
    if last is not None:
        values = {f"{NAME} {name}": last for name in declared}
        record.history = History(0, state=State(NO_PROFILE, values, {}))
    imputing({NAME: rules})(record)
    return record


ALL = {"last": True, "field": "zone", "constant": "unknown"}
SOURCES = {
    "there": ({"region": "eu"}, "us", "eu", None),
    "empty is there": ({"region": ""}, "us", "", None),
    "the last value": ({"zone": "z"}, "us", "us", "last"),
    "null is missing": ({"region": None}, "us", "us", "last"),
    "no history": ({"zone": "z"}, None, "z", "field zone"),
    "neither": ({}, None, "unknown", "constant"),
    "a last value that is not allowed": ({"zone": "z"}, 7, "z", "field zone"),
    "another field that is not allowed": ({"zone": 7}, None, "unknown", "constant"),
}


@pytest.mark.parametrize(("body", "last", "value", "source"), SOURCES.values(), ids=SOURCES)
def test_sources(body: dict[str, Any], last: Any, value: str, source: str | None) -> None:
    """The agent's last value comes first, then the other field, then the constant; what is there stays."""
    record = imputed(body, last, region=ALL)

    assert record.body["region"] == value
    assert record.flags == (["imputed"] if source else [])
    assert record.notes.get("imputed") == ({"region": source} if source else None)


def test_nothing_to_take() -> None:
    """Where there is no source a missing field stays missing, and nothing is flagged."""
    record = imputed({"other": 1}, region=LAST)

    assert (record.body, record.flags, dict(record.notes)) == ({"other": 1}, [], {})


def test_several() -> None:
    """Each field says where its value is from; a field that was imputed can be the source of the next."""
    record = imputed({}, zone={"type": "string", IMPUTE_KEYWORD: {"constant": "z"}}, region={"field": "zone"})

    assert record.body == {"zone": "z", "region": "z"}
    assert record.flags == ["imputed"]
    assert record.notes["imputed"] == {"zone": "constant", "region": "field zone"}


def test_definitions() -> None:
    """A field's own schema may refer to the schema's definitions."""
    field = {"$ref": "#/$defs/mood", "type": "string", IMPUTE_KEYWORD: {"field": "zone", "constant": "calm"}}
    own = document(mood=field) | {"$defs": {"mood": {"enum": ["calm", "tense"]}}}
    record = Record(message(), "0123abcd")
    record.body, record.schema = {"zone": "rash"}, NAME
    imputing({NAME: compile_schema(NAME, own).impute})(record)

    assert record.body["mood"] == "calm"


REFUSED = {
    "identity": ({"text": {**IDENTITY["text"], IMPUTE_KEYWORD: LAST}}, "text is required"),
    "no object": ({"region": {"type": "string", IMPUTE_KEYWORD: "unknown"}}, "must be an object of"),
    "nothing": ({"region": {"type": "string", IMPUTE_KEYWORD: {}}}, "must be an object of"),
    "unknown": ({"region": {"mean": True}}, "must be an object of constant, field, last"),
    "last is no boolean": ({"region": {"last": 1}}, "last is true or false"),
    "no such field": ({"region": {"field": "nowhere"}}, "field another one's name"),
    "itself": ({"region": {"field": "region"}}, "field another one's name"),
    "a constant that is not allowed": ({"region": {"constant": 7}}, "does not allow the constant"),
    "null": ({"region": {"constant": None}}, "does not allow the constant"),
}


@pytest.mark.parametrize(("declared", "why"), REFUSED.values(), ids=REFUSED)
def test_refused_at_load(declared: dict[str, Any], why: str) -> None:
    """A declaration that could never work is refused when the schema is loaded, with the reason."""
    with pytest.raises(SchemaNotUsableError, match=f"schema own/1 cannot be used: .*{why}"):
        compile_schema(NAME, document(**declared))


def test_required_fields_are_never_missing() -> None:
    """A required field is not imputed: without it the message is refused before."""
    own = document(region=LAST)
    own["required"].append("region")

    with pytest.raises(SchemaNotUsableError, match="region is required"):
        compile_schema(NAME, own)


def test_what_has_to_be_remembered() -> None:
    """Only fields that take the agent's last value are remembered, schema by schema; the shipped one has none."""
    own = compile_schema(NAME, document(region=LAST, mood={"constant": "calm"}))

    assert remembered_fields({NAME: own.impute}) == {NAME: ("region",)}
    assert {name: schema.impute for name, schema in load_schemas().items()} == {"agent_output/1": ()}


def test_words_of_the_constant_are_no_keywords() -> None:
    """A constant may look like a schema without being read as one."""
    constant = {"format": "email", "unevaluatedProperties": 1}
    own = document(extra={"type": "object", IMPUTE_KEYWORD: {"constant": constant}})

    assert compile_schema(NAME, json.loads(orjson.dumps(own))).impute[0].constant == (constant,)


def test_identity_is_not_touched() -> None:
    """Imputation changes neither agent, time and text nor what the message is known by."""
    record = imputed(GOOD, "us", region=ALL)

    assert {name: record.body[name] for name in GOOD} == GOOD
    assert not hasattr(record, "content")

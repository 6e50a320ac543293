"""Repair rules: each operation, what it leaves alone, and what is refused before anything runs."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.decode import decoding
from sluice.outcome import Rejected
from sluice.record import Record
from sluice.replay import pointer
from sluice.replay.pointer import MISSING
from sluice.replay.repair import OPERATIONS, for_reason, repairing, unwrapping
from sluice.replay.rules import EXAMPLES, RuleError, read_rules
from tests.unit.samples import SOURCE, message

NESTED = "[" * 63 + "]" * 63


def repaired(body: Any, *rules: dict[str, Any], reason: str = "schema_invalid") -> Record:
    """Run the rules where the replay runs them."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    ready = for_reason(read_rules(list(rules)), reason)
    record = Record(message(raw), SOURCE)
    for step in (*unwrapping(ready), decoding(10_000), *repairing(ready)):
        step(record)
    return record


@pytest.mark.parametrize("operation", EXAMPLES)
def test_examples(operation: str) -> None:
    """The example of each operation in the reference does what it says."""
    _, rule, before, after = EXAMPLES[operation]

    assert rule["op"] == operation
    assert repaired(before, rule).body == after
    assert repaired(before, rule).flags == ["repaired"]


def test_examples_are_all() -> None:
    """Each operation has an example, and no other."""
    assert EXAMPLES.keys() == OPERATIONS.keys()


# Rule, message before, message after; the same object where nothing changes.
TABLE: list[tuple[dict[str, Any], Any, Any]] = [
    ({"op": "rename", "from": "/a", "to": "/b"}, {"a": None}, {"b": None}),
    ({"op": "rename", "from": "/a", "to": "/b"}, {"a": 1, "b": 2}, {"a": 1, "b": 2}),
    ({"op": "rename", "from": "/a", "to": "/b"}, {"c": 1}, {"c": 1}),
    ({"op": "rename", "from": "/a/x", "to": "/b"}, {"a": {"x": 1, "y": 2}}, {"a": {"y": 2}, "b": 1}),
    ({"op": "rename", "from": "/a", "to": "/b/c"}, {"a": 1}, {"a": 1}),
    ({"op": "rename", "from": "/a", "to": "/a/b"}, {"a": {"x": 1}}, {"a": {"x": 1}}),
    ({"op": "rename", "from": "/l/0", "to": "/b"}, {"l": [1]}, {"l": [1]}),
    ({"op": "rename", "from": "/a~1b", "to": "/m~0n"}, {"a/b": 1}, {"m~n": 1}),
    ({"op": "set_default", "at": "/a", "value": 1}, {}, {"a": 1}),
    ({"op": "set_default", "at": "/a", "value": 1}, {"a": None}, {"a": 1}),
    ({"op": "set_default", "at": "/a", "value": 1}, {"a": 0}, {"a": 0}),
    ({"op": "set_default", "at": "/a", "value": 1}, {"a": False}, {"a": False}),
    ({"op": "set_default", "at": "/a/b", "value": 1}, {}, {}),
    ({"op": "set_default", "at": "/l/0/b", "value": 1}, {"l": [{}]}, {"l": [{"b": 1}]}),
    ({"op": "cast", "at": "/a", "to": "string"}, {"a": 1.5}, {"a": "1.5"}),
    ({"op": "cast", "at": "/a", "to": "string"}, {"a": True}, {"a": "true"}),
    ({"op": "cast", "at": "/a", "to": "string"}, {"a": None}, {"a": None}),
    ({"op": "cast", "at": "/a", "to": "string"}, {"a": {}}, {"a": {}}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": "-12"}, {"a": -12}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": "9" * 19}, {"a": "9" * 19}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": "1.0"}, {"a": "1.0"}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": 2.0}, {"a": 2}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": 2.5}, {"a": 2.5}),
    ({"op": "cast", "at": "/a", "to": "integer"}, {"a": "１"}, {"a": "１"}),
    ({"op": "cast", "at": "/a", "to": "number"}, {"a": "1e3"}, {"a": 1000.0}),
    ({"op": "cast", "at": "/a", "to": "number"}, {"a": "7"}, {"a": 7}),
    ({"op": "cast", "at": "/a", "to": "number"}, {"a": "1e999"}, {"a": "1e999"}),
    ({"op": "cast", "at": "/a", "to": "number"}, {"a": "NaN"}, {"a": "NaN"}),
    ({"op": "cast", "at": "/a", "to": "boolean"}, {"a": "false"}, {"a": False}),
    ({"op": "cast", "at": "/a", "to": "boolean"}, {"a": 1}, {"a": 1}),
    ({"op": "parse_time", "at": "/a"}, {"a": 1_763_885_700_123}, {"a": "2025-11-23T08:15:00.123Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": "1763885700"}, {"a": "2025-11-23T08:15:00Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": 1_763_885_700.5}, {"a": "2025-11-23T08:15:00.500Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": 0}, {"a": "1970-01-01T00:00:00Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": -1}, {"a": "1969-12-31T23:59:59Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": 99_999_999_999}, {"a": "5138-11-16T09:46:39Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": 100_000_000_000}, {"a": "1973-03-03T09:46:40Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": 10**18}, {"a": 10**18}),
    ({"op": "parse_time", "at": "/a"}, {"a": True}, {"a": True}),
    (
        {"op": "parse_time", "at": "/a"},
        {"a": "Sun, 23 Nov 2025 09:15:00 +0100"},
        {"a": "2025-11-23T08:15:00Z"},
    ),
    ({"op": "parse_time", "at": "/a"}, {"a": "23 Nov 2025 08:15:00 -0000"}, {"a": "2025-11-23T08:15:00Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": "2025-11-23T08:15:00Z"}, {"a": "2025-11-23T08:15:00Z"}),
    ({"op": "parse_time", "at": "/a"}, {"a": "soon"}, {"a": "soon"}),
    ({"op": "unwrap_json", "at": "/a"}, {"a": "[1]"}, {"a": [1]}),
    ({"op": "unwrap_json", "at": "/a"}, {"a": '"x"'}, {"a": '"x"'}),
    ({"op": "unwrap_json", "at": "/a"}, {"a": "7"}, {"a": "7"}),
    ({"op": "unwrap_json", "at": "/a"}, {"a": "{"}, {"a": "{"}),
    ({"op": "unwrap_json", "at": "/a"}, {"a": 7}, {"a": 7}),
    # Numbers that a double cannot hold would come out as others.
    ({"op": "unwrap_json", "at": "/a"}, {"a": '{"n":' + "9" * 30 + "}"}, {"a": '{"n":' + "9" * 30 + "}"}),
    ({"op": "drop", "at": "/a"}, {"a": 1, "b": 2}, {"b": 2}),
    ({"op": "drop", "at": "/a/b"}, {"a": {"b": 1}}, {"a": {}}),
    ({"op": "drop", "at": "/c"}, {"a": 1}, {"a": 1}),
]


@pytest.mark.parametrize(("rule", "before", "after"), TABLE)
def test_operations(rule: dict[str, Any], before: Any, after: Any) -> None:
    """Each operation does what it can, leaves alone what it cannot, and flags what it changed."""
    record = repaired(before, rule)

    assert record.body == after
    assert [type(one) for one in record.body.values()] == [type(one) for one in after.values()]
    assert record.flags == (
        [] if before == after and json.dumps(before) == json.dumps(after) else ["repaired"]
    )


@pytest.mark.parametrize(
    ("rule", "before"), [(rule, before) for rule, before, _ in TABLE if rule["op"] != "unwrap_json"]
)
def test_twice(rule: dict[str, Any], before: Any) -> None:
    """A rule has nothing left to do where it has been."""
    once = repaired(before, rule).body
    assert repaired(once, rule).body == once


def test_whole_message() -> None:
    """A message that was serialised twice, or three times, comes out of its string, once flagged."""
    body = {"agent_id": "a"}
    once = json.dumps(json.dumps(body)).encode()
    twice = json.dumps(once.decode()).encode()
    rule = {"op": "unwrap_json", "at": ""}

    for raw in (once, twice):
        record = repaired(raw, rule, {"op": "drop", "at": "/agent_id"})
        assert (record.body, record.flags) == ({}, ["repaired"])
    assert repaired(body, rule).flags == []


def test_whole_message_of_another_kind() -> None:
    """What a string holds that is no object is still no object, and a number beyond 64 bits still one."""
    rule = {"op": "unwrap_json", "at": ""}
    for raw, reason in (
        (b'"7"', "not_object"),
        (b'"x"', "not_json"),
        (b'"{\\"n\\":' + b"9" * 30 + b'}"', "number_out_of_range"),
    ):
        with pytest.raises(Rejected) as caught:
            repaired(raw, rule)
        assert caught.value.reason == reason


def test_depth() -> None:
    """What a rule puts in may not nest deeper than a message may."""
    with pytest.raises(Rejected) as caught:
        repaired({"a": {"b": {"c": NESTED}}}, {"op": "unwrap_json", "at": "/a/b/c"})

    assert caught.value.reason == "too_deep"


def test_rules_run_in_order() -> None:
    """A rule sees what the rules before it made."""
    rules = [{"op": "rename", "from": "/ts", "to": "/timestamp"}, {"op": "parse_time", "at": "/timestamp"}]

    assert repaired({"ts": 0}, *rules).body == {"timestamp": "1970-01-01T00:00:00Z"}
    assert repaired({"ts": 0}, *reversed(rules)).body == {"timestamp": 0}


@pytest.mark.parametrize(
    ("when", "body", "applies"),
    [
        ({}, {"a": 1}, True),
        ({"reason": "schema_invalid"}, {"a": 1}, True),
        ({"reason": "not_json"}, {"a": 1}, False),
        ({"at": "/k"}, {"a": 1, "k": None}, True),
        ({"at": "/k"}, {"a": 1}, False),
        ({"at": "/k", "equals": 1}, {"a": 1, "k": 1.0}, True),
        ({"at": "/k", "equals": 1}, {"a": 1, "k": True}, False),
        ({"at": "/k", "equals": 0}, {"a": 1, "k": False}, False),
        ({"at": "/k", "equals": None}, {"a": 1, "k": None}, True),
        ({"at": "/k", "equals": None}, {"a": 1}, False),
        ({"at": "/k", "equals": {"x": [1], "y": 2}}, {"a": 1, "k": {"y": 2, "x": [1]}}, True),
        ({"at": "/k", "matches": "^v[0-9]"}, {"a": 1, "k": "v2 beta"}, True),
        ({"at": "/k", "matches": "^v[0-9]"}, {"a": 1, "k": "av2"}, False),
        ({"at": "/k", "matches": "."}, {"a": 1, "k": 5}, False),
        ({"at": "/k/1", "matches": "b"}, {"a": 1, "k": ["a", "b"]}, True),
        ({"at": "/k", "equals": "v2", "matches": "3"}, {"a": 1, "k": "v2"}, False),
        ({"at": "/k", "equals": "v2", "reason": "not_json"}, {"a": 1, "k": "v2"}, False),
    ],
)
def test_conditions(when: dict[str, Any], body: dict[str, Any], applies: bool) -> None:
    """A rule applies where reason, value and expression all hold."""
    record = repaired(copy.deepcopy(body), {"op": "drop", "at": "/a", "when": when})

    assert ("a" not in record.body) == applies


@pytest.mark.parametrize(
    ("rule", "message"),
    [
        (7, "repair[0].op must be one of rename, set_default, cast, parse_time, unwrap_json, drop"),
        ({}, "repair[0].op must be one of"),
        ({"op": ["drop"]}, "repair[0].op must be one of"),
        ({"op": "drop"}, "repair[0].at is missing"),
        ({"op": "drop", "at": "a"}, "repair[0].at must be a JSON pointer"),
        ({"op": "drop", "at": "/a~2"}, "repair[0].at must be a JSON pointer"),
        ({"op": "drop", "at": 7}, "repair[0].at must be a JSON pointer"),
        ({"op": "drop", "at": ""}, "repair[0].at must point into the message"),
        ({"op": "drop", "at": "/a", "to": "/b"}, "repair[0].to is not a field, known are at, op, when"),
        ({"op": "rename", "from": "/a"}, "repair[0].to is missing"),
        ({"op": "rename", "from": "", "to": "/b"}, "repair[0].from must point into"),
        ({"op": "set_default", "at": "/a"}, "repair[0].value is missing"),
        ({"op": "cast", "at": "/a", "to": "date"}, "repair[0].to must be one of string, integer"),
        ({"op": "cast", "at": "/a", "to": {}}, "repair[0].to must be one of string, integer"),
        ({"op": "drop", "at": "/a", "when": []}, "repair[0].when must be an object"),
        ({"op": "drop", "at": "/a", "when": {"if": 1}}, "repair[0].when.if is not a field"),
        ({"op": "drop", "at": "/a", "when": {"reason": "bad"}}, "repair[0].when.reason must be one of empty"),
        ({"op": "drop", "at": "/a", "when": {"equals": 1}}, "repair[0].when.at is missing"),
        ({"op": "drop", "at": "/a", "when": {"matches": "x"}}, "repair[0].when.at is missing"),
        ({"op": "drop", "at": "/a", "when": {"at": "/b", "matches": "("}}, "repair[0].when.matches must be"),
        ({"op": "drop", "at": "/a", "when": {"at": "/b", "matches": 7}}, "repair[0].when.matches must be"),
        (
            {"op": "unwrap_json", "at": "", "when": {"at": "/a"}},
            "repair[0].when may only ask for the reason",
        ),
    ],
)
def test_wrong_rules(rule: Any, message: str) -> None:
    """A rule that is not understood is refused by its place and its field."""
    with pytest.raises(RuleError) as caught:
        read_rules([rule])

    assert str(caught.value).startswith(message)


def test_the_wrong_one_is_named() -> None:
    """Of several rules the wrong one is named."""
    with pytest.raises(RuleError, match=r"repair\[1\]\.at"):
        read_rules([{"op": "drop", "at": "/a"}, {"op": "drop", "at": "b"}])


def test_defaults_are_not_shared() -> None:
    """Messages that get one default do not share it."""
    rules = read_rules([{"op": "set_default", "at": "/a", "value": []}])
    first: dict[str, Any] = {}
    second: dict[str, Any] = {}
    for body in (first, second):
        assert rules[0].change is not None
        rules[0].change(body)

    assert first["a"] is not second["a"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=3), JSON, max_size=4), st.sampled_from([r for r, *_ in TABLE]))
def test_any_message(body: dict[str, Any], rule: dict[str, Any]) -> None:
    """No message makes a rule fail: it is changed, or left as it is."""
    try:
        record = repaired(copy.deepcopy(body), rule)
    except Rejected:
        return
    assert record.body == body or record.flags == ["repaired"]


@pytest.mark.parametrize(
    ("text", "names"),
    [("", ()), ("/", ("",)), ("/a/b", ("a", "b")), ("/~01/~10", ("~1", "/0")), ("//", ("", ""))],
)
def test_pointers(text: str, names: tuple[str, ...]) -> None:
    """A pointer is read as RFC 6901 says."""
    assert pointer.parse(text) == names


def test_pointing() -> None:
    """A pointer goes through objects and arrays, and points at nothing where there is nothing."""
    body = {"a": [{"b": 1}], "": 2}

    assert pointer.read(body, ("a", "0", "b")) == 1
    assert pointer.read(body, ("",)) == 2
    for missing in (("a", "1"), ("a", "-"), ("a", "²"), ("a", "0", "b", "c"), ("x",)):
        assert pointer.read(body, missing) is MISSING

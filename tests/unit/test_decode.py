"""Bytes → object: what is refused and why."""

from __future__ import annotations

import json
import sys
from typing import Any

import orjson
import pytest
from hypothesis import example, given, strategies as st

from sluice.decode import BOM, MAX_DEPTH, decoding
from sluice.outcome import Rejected
from sluice.reasons import REASONS
from sluice.record import JsonObject, Record
from tests.unit.samples import SOURCE, message, tombstone

BIG = 10**9


def decode(value: bytes, max_bytes: int = BIG) -> Record:
    record = Record(message(value), SOURCE)
    decoding(max_bytes)(record)
    return record


def reason(value: bytes, max_bytes: int = BIG) -> str:
    with pytest.raises(Rejected) as caught:
        decode(value, max_bytes)
    return caught.value.reason


def outcome(value: bytes) -> tuple[JsonObject | None, str]:
    """Decode to a body, or to the reason why not."""
    try:
        return decode(value).body, ""
    except Rejected as no:
        return None, no.reason


def nested(depth: int, *, arrays: bool = True) -> bytes:
    """Make an object in which containers nest `depth` deep, the object included."""
    if arrays:
        return b'{"a":' + b"[" * (depth - 1) + b"]" * (depth - 1) + b"}"
    return b'{"a":' * (depth - 1) + b"{}" + b"}" * (depth - 1)


def test_tombstone() -> None:
    """No value is `empty`; a value of no bytes is not JSON."""
    with pytest.raises(Rejected) as caught:
        decoding(BIG)(Record(tombstone(), SOURCE))

    assert caught.value.reason == "empty"
    assert reason(b"") == "not_json"
    assert reason(b" \n") == "not_json"


def test_byte_order_mark() -> None:
    """One byte order mark is stripped and flagged; a second one is not JSON."""
    marked = decode(BOM + b'{"a":1}')

    assert (marked.body, marked.flags) == ({"a": 1}, ["bom_stripped"])
    assert decode(b'{"a":1}').flags == []
    assert reason(BOM + BOM + b"{}") == "not_json"
    assert reason(BOM) == "not_json"


@pytest.mark.parametrize(
    "value", [b'{"a":"0123456789"}', BOM + b'{"a":"0123456"}', b'{"a":"\xc3\xa9\xc3\xa9012345"}']
)
def test_size_cap(value: bytes) -> None:
    """A value of exactly the allowed bytes passes, one byte more does not; the mark counts."""
    assert len(value) == 18

    assert decode(value, 18).body
    assert reason(value, 17) == "too_large"


@pytest.mark.parametrize("value", [b"\xff" * 11, b"no JSON....", nested(2_000), b"[1e309,1e309"])
def test_size_comes_before_parsing(value: bytes) -> None:
    """What is too large is refused for that, whatever else is wrong with it."""
    assert reason(value, 10) == "too_large"


@pytest.mark.parametrize(
    "bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x80"]
)
@pytest.mark.parametrize("place", [b'{"a":"%s"}', b'{"%s":1}', b'%s{"a":1}', b'{"a":1}%s', b'{"a":%s}'])
def test_invalid_utf8_anywhere(place: bytes, bad: bytes) -> None:
    """Bytes that are not UTF-8 are `not_utf8`, in a string, a name, before, between and after."""
    assert reason(place.replace(b"%s", bad)) == "not_utf8"


@pytest.mark.parametrize("text", [r"\ud800", r"\udfff", r"\udc00\ud800", r"\ud83d", r"\ud83d\u0041"])
def test_lone_surrogates(text: str) -> None:
    """An escaped half of a surrogate pair is not JSON, as value or as name."""
    assert reason(f'{{"a":"{text}"}}'.encode()) == "not_json"
    assert reason(f'{{"{text}":1}}'.encode()) == "not_json"


def test_surrogate_pairs() -> None:
    """An escaped surrogate pair is one character, an escaped NUL is NUL."""
    assert decode(rb'{"a":"\ud83d\ude00\u0000"}').body == {"a": "😀\0"}


@pytest.mark.parametrize("arrays", [True, False])
@pytest.mark.parametrize(
    ("depth", "allowed"),
    [(2, True), (MAX_DEPTH, True), (MAX_DEPTH + 1, False), (1_024, False), (2_000, False)],
)
def test_depth(depth: int, arrays: bool, allowed: bool) -> None:
    """Containers nest 64 deep and no deeper, whether the parser itself gives up or not."""
    value = nested(depth, arrays=arrays)

    assert decode(value).body if allowed else reason(value) == "too_deep"


def test_depth_beyond_the_interpreters() -> None:
    """Too deep is too deep, also where the interpreter's own limit is higher than the parser's."""
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(10_000)
    try:
        assert reason(nested(1_100)) == "too_deep"
    finally:
        sys.setrecursionlimit(limit)


def test_brackets_in_strings() -> None:
    """Brackets inside strings do not nest."""
    body = {"a": "[{" * 2_000, "[" * 2_000: '"[' * 100}

    assert decode(json.dumps(body).encode()).body == body


def test_depth_of_what_is_not_json() -> None:
    """Brackets without end are refused, not a fault of the program."""
    assert reason(b"[" * 1_000_000) in {"too_deep", "not_json"}
    assert reason(b'{"a":' * 100_000) in {"too_deep", "not_json"}


@pytest.mark.parametrize(
    "value",
    [
        b'{"a":NaN}',
        b'{"a":Infinity}',
        b'{"a":-Infinity}',
        b"{}{}",
        b"{} x",
        b"{'a':1}",
        b'{"a":1,}',
        b'{"a":01}',
        b'{"a":+1}',
        b'{"a":.5}',
        b'{"a":1.}',
        b'{"a":"\n"}',
        b"{",
        b'{"a"}',
        b'{"a":1}\0',
        b"//\n{}",
        b'{"a":0x1}',
    ],
)
def test_not_json(value: bytes) -> None:
    """What some parsers let pass is not JSON: literals, trailing commas, comments, several texts."""
    assert reason(value) == "not_json"


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        (b"[]", "an array"),
        (b'"{}"', "a string"),
        (b"true", "a boolean"),
        (b"false", "a boolean"),
        (b"null", "null"),
        (b"7", "a number"),
        (b"-0.5", "a number"),
    ],
)
def test_not_an_object(value: bytes, kind: str) -> None:
    """A JSON text that is not an object is `not_object`, and the detail says what it is."""
    with pytest.raises(Rejected, match=f"is {kind}, not an object") as caught:
        decode(value)

    assert caught.value.reason == "not_object"


def test_repeated_names() -> None:
    """Of a name that occurs twice the last value counts, at any depth."""
    assert decode(b'{"a":1,"b":{"c":1,"c":2},"a":[3]}').body == {"a": [3], "b": {"c": 2}}


@pytest.mark.parametrize("prep", [b"{}", b'{"origin":"t-0-0"}', b'"x"', b"0", b"false", b"[[]]"])
def test_prep_is_stripped(prep: bytes) -> None:
    """What an earlier run added is stripped and flagged, whatever it is; `_prep` deeper down is data."""
    record = decode(b'{"a":{"_prep":1},"_prep":' + prep + b"}")

    assert (record.body, record.flags) == ({"a": {"_prep": 1}}, ["prep_stripped"])


def test_null_prep_is_nothing() -> None:
    """A null `_prep` goes without a flag."""
    record = decode(b'{"_prep":null}')

    assert (record.body, record.flags) == ({}, [])


@given(st.binary())
@example(b'{"\xff": 1}')
def test_any_bytes(value: bytes) -> None:
    """Whatever the bytes, the step returns or raises Rejected."""
    body, why = outcome(value)

    assert (body is None) == (why in REASONS)


def _no_constants(name: str) -> None:
    raise ValueError(name)


@given(st.text(alphabet='{}[]":,0123456789.eE+-\\u d8truefalsn\n\ud7ff', max_size=60))
def test_nearly_json(text: str) -> None:
    """What looks like JSON returns or raises Rejected, and agrees with the standard library on what is JSON."""
    try:
        expected = json.loads(text, parse_constant=_no_constants)
    except ValueError:
        expected = None
    body, why = outcome(text.encode())

    if why == "":
        assert body == expected
    elif isinstance(expected, dict):
        # What the standard library lets pass: numbers beyond range, halves of surrogate pairs.
        assert why == "number_out_of_range" or (why == "not_json" and r"\ud" in text)


LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    LEAVES | NAMES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4),
    max_leaves=10,
)


@given(
    st.dictionaries(NAMES.filter("_prep".__ne__), VALUES, max_size=6),
    st.booleans(),
    st.sampled_from([None, 2]),
)
def test_any_object(body: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    """Every object that both parsers read alike is accepted unchanged."""
    value = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode()
    assert orjson.loads(value) == json.loads(value)

    assert decode(value).body == body

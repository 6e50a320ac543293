"""Bytes → object: what is refused and why, against an oracle that knows no parser."""

from __future__ import annotations

import json
import re
from decimal import Decimal, localcontext
from typing import Any

import orjson
import pytest
from hypothesis import example, given, strategies as st

from sluice.decode import BOM, MAX_DEPTH, decoding
from sluice.outcome import Rejected
from sluice.record import Record
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


@pytest.mark.parametrize("value", [b'{"a":"0123456789"}', BOM + b'{"a":"0123456"}', b'{"a":"\xc3\xa9\xc3\xa9012345"}'])
def test_size_cap(value: bytes) -> None:
    """A value of exactly the allowed bytes passes, one byte more does not; the mark counts."""
    assert len(value) == 18

    assert decode(value, 18).body
    assert reason(value, 17) == "too_large"


@pytest.mark.parametrize("value", [b"\xff" * 11, b"no JSON....", nested(2_000), b"[1e309,1e309"])
def test_size_comes_before_parsing(value: bytes) -> None:
    """What is too large is refused for that, whatever else is wrong with it."""
    assert reason(value, 10) == "too_large"


@pytest.mark.parametrize("bad", [b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xf4\x90\x80\x80", b"\xc0\xaf", b"\x80"])
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


NUMBERS_THAT_FIT = [
    str(2**63 - 1),
    str(2**63),
    str(2**64 - 1),
    str(-(2**63)),
    "-0",
    "0.0",
    "-0.0",
    "0e10",
    "0E-999",
    "0.000",
    "1e308",
    "1.7976931348623157e308",
    "-1e308",
    "1e20",
    "1E+25",
    "-12345678901234567890123.5",
    "18446744073709551616.0",
    "5e-324",
    "1e-323",
    "0." + "0" * 300 + "1",
    "1" * 400 + "e-390",
]
NUMBERS_THAT_DO_NOT = [
    str(2**64),
    str(-(2**63) - 1),
    "1" + "0" * 400,
    "-" + "9" * 5_000,
    "100000000000000000000",
    "1e309",
    "-1e309",
    "1.8e308",
    "1e-400",
    "-1e-400",
    "2e-324",
    "0." + "0" * 400 + "1",
    "9" * 400 + ".5",
]
PLACES = ['{"a":%s}', '{"a":[1,[%s]]}', '{"a":{"b":{"c":%s}},"d":0}', '{"a":[{"b":[]},{"c":[%s , 1]}]}']


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", NUMBERS_THAT_FIT)
def test_numbers_that_fit(place: str, number: str) -> None:
    """Integers of 64 bits and floats of a double pass unchanged, at any depth."""
    text = place.replace("%s", number)

    assert decode(text.encode()).body == json.loads(text)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("number", NUMBERS_THAT_DO_NOT, ids=lambda n: n[:24])
def test_numbers_that_do_not_fit(place: str, number: str) -> None:
    """Integers beyond 64 bits and floats beyond a double's range are refused, at any depth."""
    text = place.replace("%s", number)

    assert reason(text.encode()) == "number_out_of_range"
    assert reason(BOM + text.encode()) == "number_out_of_range"


@pytest.mark.parametrize("number", NUMBERS_THAT_DO_NOT, ids=lambda n: n[:24])
def test_digits_in_strings(number: str) -> None:
    """Digits inside a string or a name are text, also beside a float that has to be looked at twice."""
    body = {"a": number, number: [f"[{number},0.0]"], "b": 0.0, "c": 1e20, "d": f'"\\{number}'}

    assert decode(json.dumps(body).encode()).body == body


@pytest.mark.parametrize("arrays", [True, False])
@pytest.mark.parametrize(
    ("depth", "allowed"), [(2, True), (MAX_DEPTH, True), (MAX_DEPTH + 1, False), (1_024, False), (2_000, False)]
)
def test_depth(depth: int, arrays: bool, allowed: bool) -> None:
    """Containers nest 64 deep and no deeper, whether the parser itself gives up or not."""
    value = nested(depth, arrays=arrays)

    assert decode(value).body if allowed else reason(value) == "too_deep"


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
    [b'{"a":NaN}', b'{"a":Infinity}', b'{"a":-Infinity}', b"{}{}", b"{} x", b"{'a':1}", b'{"a":1,}', b'{"a":01}']
    + [b'{"a":+1}', b'{"a":.5}', b'{"a":1.}', b'{"a":"\n"}', b"{", b'{"a"}', b'{"a":1}\0', b"//\n{}", b'{"a":0x1}'],
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
    try:
        decode(value)
    except Rejected as no:
        assert no.detail


def _no_constants(name: str) -> None:
    raise ValueError(name)


@given(st.text(alphabet='{}[]":,0123456789.eE+-\\u d8truefalsn\n\ud7ff', max_size=60))
def test_nearly_json(text: str) -> None:
    """What looks like JSON returns or raises Rejected, and agrees with the standard library on what is JSON."""
    try:
        expected = json.loads(text, parse_constant=_no_constants)
    except ValueError:
        expected = None
    try:
        assert decode(text.encode()).body == expected
    except Rejected as no:
        assert not isinstance(expected, dict) or no.reason in {"number_out_of_range", "not_json"}
        assert no.reason != "not_json" or expected is None or r"\ud" in text.lower()


LEAVES = st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
NAMES = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    LEAVES | NAMES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=20
)


@given(st.dictionaries(NAMES.filter("_prep".__ne__), VALUES, max_size=6), st.booleans(), st.sampled_from([None, 2]))
def test_any_object(body: dict[str, Any], ascii_only: bool, indent: int | None) -> None:
    """Every object that both parsers read alike is accepted unchanged."""
    value = json.dumps(body, ensure_ascii=ascii_only, indent=indent).encode()
    assert orjson.loads(value) == json.loads(value)

    assert decode(value).body == body


# The oracle: a regex takes strings out, counts brackets, and reads numbers as exact decimals.
STRING = re.compile(r'"(?:[^"\\]|\\.)*"')
NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")
# Half a step beyond the greatest double: from here on rounding leaves the range. Below, half the least one.
BEYOND = Decimal(2**1024 - 2**970)


def _fits(token: str) -> bool:
    if re.fullmatch(r"-?[0-9]+", token):
        return -(2**63) <= Decimal(token) < 2**64
    with localcontext() as context:
        context.prec = 2_000
        number = abs(Decimal(token))
        return number == 0 or Decimal(2) ** -1075 < number < BEYOND


def oracle(text: str) -> set[str]:
    bare = STRING.sub("", text)
    depth = deepest = 0
    for char in bare:
        depth += (char in "[{") - (char in "]}")
        deepest = max(deepest, depth)
    reasons = {"too_deep"} if deepest > MAX_DEPTH else set()
    if not all(_fits(match[0]) for match in NUMBER.finditer(bare)):
        reasons.add("number_out_of_range")
    return reasons


DIGITS = st.integers(0, 10**25).map(str)
NUMBER_TOKENS = (
    st.sampled_from(NUMBERS_THAT_FIT + NUMBERS_THAT_DO_NOT)
    | st.integers(2**63 - 3, 2**64 + 3).flatmap(lambda n: st.sampled_from([str(n), str(-n)]))
    | st.builds("{}{}.{}".format, st.sampled_from(["", "-"]), DIGITS, DIGITS)
    | st.builds("{}{}e{}".format, st.sampled_from(["", "-"]), DIGITS, st.integers(-350, 320))
)
FITTING_TOKENS = st.sampled_from(NUMBERS_THAT_FIT) | st.integers(-9, 9).map(str)
STRING_TOKENS = st.sampled_from(['"["', '"]}"', '"1e999"', r'"\"[[1e999"', r'"\\"', '""'])


def _json_texts(numbers: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    items = st.recursive(
        numbers | STRING_TOKENS,
        lambda inner: (
            st.lists(inner, max_size=3).map(lambda parts: f"[{', '.join(parts)}]")
            | st.lists(inner, max_size=3).map(_object)
            | st.tuples(inner, st.integers(1, 70)).map(lambda pair: "[" * pair[1] + pair[0] + "]" * pair[1])
        ),
        max_leaves=6,
    )
    return st.lists(items, min_size=1, max_size=3).map(_object)


def _object(parts: list[str]) -> str:
    return "{" + ",".join(f'"[{number}":{part}' for number, part in enumerate(parts)) + "}"


@given(_json_texts(NUMBER_TOKENS) | _json_texts(FITTING_TOKENS))
def test_numbers_and_depth_agree_with_the_oracle(text: str) -> None:
    """A JSON object is refused exactly when the oracle finds a number or a depth out of range, and for that."""
    found = oracle(text)
    try:
        body = decode(text.encode()).body
    except Rejected as no:
        assert no.reason in found
    else:
        assert not found
        assert body == json.loads(text)

"""Numbers and depth: what no double and no 64 bits hold is refused, against an oracle that knows no parser."""

from __future__ import annotations

import json
import re
from decimal import Decimal, localcontext

import pytest
from hypothesis import given, strategies as st

from sluice.decode import BOM, MAX_DEPTH, decoding
from sluice.outcome import Rejected
from sluice.record import JsonObject, Record
from tests.unit.samples import SOURCE, message


def decode(value: bytes) -> JsonObject:
    record = Record(message(value), SOURCE)
    decoding(10**9)(record)
    return record.body


def reason(value: bytes) -> str:
    with pytest.raises(Rejected) as caught:
        decode(value)
    return caught.value.reason


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

    assert decode(text.encode()) == json.loads(text)


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

    assert decode(json.dumps(body).encode()) == body


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

    if found:
        assert reason(text.encode()) in found
    else:
        assert decode(text.encode()) == json.loads(text)

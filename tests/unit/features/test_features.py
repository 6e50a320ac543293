"""All groups of features together."""

from __future__ import annotations

import math

import orjson
import pytest
from hypothesis import example, given

from sluice.features import GROUPS, Group
from sluice.features.step import _MEASURES, measuring
from tests.unit.clean.laws import LINEAR, growth
from tests.unit.features.rig import features_of, record_with, texts

NAMES: dict[Group, set[str]] = {
    "counts": {"bytes", "chars", "words", "tokens"},
    "ratios": {"digit_ratio", "symbol_ratio", "url_ratio"},
    "repetition": {"repeated_lines", "repeated_runs"},
    "language": {"language", "language_confidence"},
    "kinds": {"kinds"},
    "simhash": {"simhash"},
    "outliers": {"digit_ratio", "symbol_ratio", "url_ratio"},
}


@pytest.mark.parametrize("group", GROUPS)
def test_groups(group: Group) -> None:
    """Each group adds its own features to the counts, which are always there."""
    assert features_of("All is well.", group).keys() == NAMES["counts"] | NAMES[group]


def test_every_measure_is_a_group() -> None:
    """No measure stands outside the closed list, and none is there twice."""
    names = [group for group, _ in _MEASURES]

    assert len(set(names)) == len(names)
    assert set(names) <= set(GROUPS)


@given(texts)
@example("")
@example("\x00")
@example("\u2028\xa0")
def test_total(text: str) -> None:
    """Whatever the text, its features are finite, shares lie between 0 and 1, and JSON can carry them."""
    features = features_of(text, *GROUPS)

    assert orjson.loads(orjson.dumps(features)) == features
    for name, value in features.items():
        assert not isinstance(value, float) or (math.isfinite(value) and 0 <= value <= 1), name


@given(texts)
def test_pure(text: str) -> None:
    """Measuring changes neither the text nor what a second measuring finds."""
    record = record_with(text)
    measure = measuring(GROUPS)
    measure(record)
    first, flags = record.features, record.flags.copy()
    measure(record)

    assert record.features == first
    assert record.flags == flags * 2
    assert record.body == {"text": text}


@pytest.mark.parametrize(
    "unit", ["word ", '{"a": [1]}\n', "a", "日本語", "x\n", "https://a.b ", "0", "    x\n"]
)
@pytest.mark.parametrize("group", [group for group, _ in _MEASURES])
def test_is_linear(group: Group, unit: str) -> None:
    """Ten times the text takes about ten times as long, whatever it is made of."""
    assert growth(lambda text: features_of(text, group), unit) < LINEAR

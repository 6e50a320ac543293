from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, strategies as st

from sluice.clean.normalise_unicode import normalise_unicode
from tests.unit.clean.laws import LINEAR, MARKS, assert_lawful, growth

TABLE = {
    "composed": ("café", "café"),
    "decomposed": ("cafe\u0301", "café"),
    "Hangul": ("\u1112\u1161\u11ab", "한"),
    "singleton": ("\u212b", "Å"),
    "order of marks": ("q\u0307\u0323", "q\u0323\u0307"),
    "compatibility forms stay": ("10³ ﬁ ①", "10³ ﬁ ①"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Canonically equal spellings become one; what only looks alike stays apart."""
    assert normalise_unicode(text) == expected


@given(st.lists(st.sampled_from(MARKS) | st.characters(), max_size=30).map("".join))
def test_fuzz(text: str) -> None:
    """The result is NFC, and a second pass finds nothing."""
    assert assert_lawful(normalise_unicode, text) == unicodedata.normalize("NFC", text)


@given(st.text(st.sampled_from("".join(MARKS) + "\u0f71\u0f72\u1ead\u3099か"), min_size=35, max_size=120))
def test_long_rows_of_marks(text: str) -> None:
    """Sorting a long row of marks beforehand does not change what it is composed to."""
    assert normalise_unicode(text) == unicodedata.normalize("NFC", text)


@pytest.mark.parametrize(
    "unit", ["\u0315\u0300", "e\u0301", "e" + "\u0315" * 40 + "\u0300" * 40, "\u1112\u1161"]
)
def test_is_linear(unit: str) -> None:
    """Ten times as many marks, in whatever order, take about ten times as long."""
    assert growth(normalise_unicode, unit) < LINEAR

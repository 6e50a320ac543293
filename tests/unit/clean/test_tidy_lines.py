from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.tidy_lines import tidy_lines
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

TABLE = {
    "clean": ("a  b\n   - c\n\nd", "a  b\n   - c\n\nd"),
    "trailing blanks": ("a \t\nb\xa0\n", "a\nb\n"),
    "blanks at the end, where a part may follow": ("Action: ", "Action: "),
    "blank lines": ("a\n\n\n \n\nb", "a\n\nb"),
    "other line ends": ("a\u2028b\x85c\x0bd", "a\nb\nc\nd"),
    "separators of ASCII": ("a\x1cb", "a b"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Lines, indents and one blank line stay; blanks that nobody sees go."""
    assert tidy_lines(text) == expected


@given(st.lists(st.sampled_from(" \t\n\xa0\u2028\x1c") | st.characters(), max_size=40).map("".join))
def test_fuzz(text: str) -> None:
    """The words stay, and a second pass finds nothing."""
    assert assert_lawful(tidy_lines, text).split() == text.split()


@pytest.mark.parametrize("unit", [" ", "\n", " \n", "\t a"])
def test_is_linear(unit: str) -> None:
    """Ten times as much white space takes about ten times as long."""
    assert growth(tidy_lines, unit) < LINEAR

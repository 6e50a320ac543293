from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.unify_line_ends import unify_line_ends
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

TABLE = {
    "Unix": ("a\nb\n", "a\nb\n"),
    "Windows": ("a\r\nb\r\n", "a\nb\n"),
    "raw terminal": ("a\r\r\nb", "a\nb"),
    "at the end": ("100%\r", "100%"),
    "inside of a line": ("a\rb", "a\rb"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Each line ends in a line feed alone."""
    assert unify_line_ends(text) == expected


@given(st.lists(st.sampled_from("\r\na") | st.characters(), max_size=20).map("".join))
def test_fuzz(text: str) -> None:
    """No line feed has a carriage return before it, and a second pass finds nothing."""
    assert "\r\n" not in assert_lawful(unify_line_ends, text)


@pytest.mark.parametrize("unit", ["\r", "\r\n", "\ra"])
def test_is_linear(unit: str) -> None:
    """Ten times as many line ends take about ten times as long."""
    assert growth(unify_line_ends, unit) < LINEAR

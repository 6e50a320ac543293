from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.collapse_whitespace import collapse_whitespace
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

TABLE = {
    "empty": ("", ""),
    "single spaces": ("a b c", "a b c"),
    "runs and ends": ("  a \t\r\n\n b  ", "a b"),
    "only white space": (" \n\u3000", ""),
    "no-break, NEL, line separator, ideographic": ("a\xa0b\x85c\u2028d\u3000e", "a b c d e"),
    "separators of ASCII": ("a\x1cb\x1fc", "a b c"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """White space of every kind becomes one space between words."""
    assert collapse_whitespace(text) == expected


@given(st.lists(st.sampled_from(" \t\n\xa0\u2028\u3000\x1c") | st.characters(), max_size=40).map("".join))
def test_fuzz(text: str) -> None:
    """The words stay as they are, with one space between them, and a second pass finds nothing."""
    assert assert_lawful(collapse_whitespace, text).split(" ") == (text.split() or [""])


def test_is_linear() -> None:
    """Ten times as much white space takes about ten times as long."""
    assert growth(collapse_whitespace, "\n \u3000") < LINEAR

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.collapse_whitespace import collapse_whitespace
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

TABLE = {
    "empty": ("", ""),
    "single spaces": ("a b c", "a b c"),
    "runs": ("a \t\r\n\n b", "a b"),
    "blanks at the ends": ("  a\t", " a "),
    "line ends at the ends": ("\n\ta\r\n", "\na\n"),
    "blank lines at the ends": (" \n \n\na\n\n\n\n", "\n\na\n\n"),
    "only white space": (" \n\u3000", "\n"),
    "no-break, NEL, line separator, ideographic": ("a\xa0b\x85c\u2028d\u3000e", "a b c d e"),
    "separators of ASCII": ("a\x1cb\x1fc", "a b c"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """White space of every kind becomes one space between words; at the ends lines stay apart."""
    assert collapse_whitespace(text) == expected


@given(st.lists(st.sampled_from(" \t\n\xa0\u2028\u3000\x1c") | st.characters(), max_size=40).map("".join))
def test_fuzz(text: str) -> None:
    """The words stay as they are, with one space between them, and a second pass finds nothing."""
    washed = assert_lawful(collapse_whitespace, text)

    assert washed.strip() == " ".join(text.split())
    assert ("\n" in washed) is ("\n" in text[: len(text) - len(text.lstrip())] + text[len(text.rstrip()) :])


def test_is_linear() -> None:
    """Ten times as much white space takes about ten times as long."""
    assert growth(collapse_whitespace, "\n \u3000") < LINEAR

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.collapse_repeats import collapse_repeats
from tests.unit.clean.laws import LINEAR, assert_lawful, growth

TABLE = {
    "none": ("a\nb\nc\nd", "a\nb\nc\nd"),
    "three stay": ("a\na\na", "a\na\na"),
    "four": ("a\na\na\na", "a\n<REPEATED:3>"),
    "between others": ("x\na\na\na\na\na\ny\n", "x\na\n<REPEATED:4>\ny\n"),
    "blank lines between": ("a\n\na\n\na\n\na\n\nb", "a\n<REPEATED:3>\n\nb"),
    "blank lines before": ("\n\na\na\na\na", "\n\na\n<REPEATED:3>"),
    "blank lines are no repetition": ("a\n\n\n\n\n\nb", "a\n\n\n\n\n\nb"),
    "trailing blanks do not tell": ("a \na\na\t\na\na\na", "a \n<REPEATED:5>"),
    "indents do": ("a\n a\na\n a", "a\n a\na\n a"),
    "two in turn": ("a\nb\n" * 4, "a\nb\n" * 4),
    "the count itself": ("<REPEATED:3>\n" * 5, "<REPEATED:3>\n<REPEATED:4>\n"),
    "ten thousand": ("no progress\n" * 10_000, "no progress\n<REPEATED:9999>\n"),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """Four and more equal lines in a row are one line and a count of the others."""
    assert collapse_repeats(text) == expected


@given(
    st.lists(
        st.sampled_from(["a\n", "a \n", "b\n", "\n", " \n", "a"]) | st.text(max_size=3), max_size=40
    ).map("".join)
)
def test_fuzz(text: str) -> None:
    """No line is lost that was not a repetition, and a second pass finds nothing."""
    washed = assert_lawful(collapse_repeats, text)

    assert {line.rstrip() for line in text.split("\n")} <= {line.rstrip() for line in washed.split("\n")} | {
        ""
    }


@pytest.mark.parametrize("unit", ["a\n", "\n", "a\nb\n", "a\n\n", "a"])
def test_is_linear(unit: str) -> None:
    """Ten times as many lines take about ten times as long."""
    assert growth(collapse_repeats, unit) < LINEAR

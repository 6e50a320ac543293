from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from sluice.clean.render_overwrites import render_overwrites
from tests.unit.clean.laws import ESCAPES, LINEAR, assert_lawful, growth

TABLE = {
    "nothing to render": ("a\nb", "a\nb"),
    "line ends of Windows": ("a\r\nb\r\r\nc\r\n", "a\r\nb\r\r\nc\r\n"),
    "progress": ("10%\r50%\r100%\nok", "100%\nok"),
    "shorter over longer": ("downloading\rdone", "doneloading"),
    "erased to the end": ("downloading\r\x1b[Kdone", "done"),
    "erased whole": ("downloading\x1b[2K\rdone", "done"),
    "erased to the start, at the end": ("downloading\x1b[1K\rdone", "done"),
    "8-bit erasure": ("downloading\r\x9bKdone", "done"),
    "coloured": ("\x1b[31m 5 %\x1b[0m\r\x1b[32m10 %\x1b[0m", "10 %"),
    "backspace": ("helo\x08lo", "hello"),
    "spinner": ("|\x08/\x08-\x08\\\x08done", "done"),
    "overstrike": ("N\x08NA\x08A _\x08x", "NA x"),
    "backspace at the start": ("\x08\x08a", "a"),
    "cursor back": ("abc\r\nabc\x1b[2Dx\x08y", "abc\r\nayc"),
    "erased in the middle": ("abcdef\x1b[3D\x1b[K\r1", "1bc"),
    "written right of what was erased": ("abc\x1b[2Kd\x08e", "   e"),
    "left of that": ("abc\x1b[2Kd\rx", "x  d"),
    "combining mark": ("e\u0301a\rx", "xa"),
    "wide characters take two": ("日本\rab", "ab本"),
    "carriage return at the end": ("100%\r", "100%\r"),
    "other lines are left": ("\x1b[Ka\nb\rc", "\x1b[Ka\nc"),
    "JSON's own white space": ('{\r"a":\r1}', '{\r"a":\r1}'),
}


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """A line shows what a terminal would show when all of it is written."""
    assert render_overwrites(text) == expected


@given(
    st.lists(
        st.sampled_from(["\r", "\r\n", "\x08", "\x1b[K", "\x1b[2K", "\x1b[3D", "\u0301", "日", *ESCAPES])
        | st.characters(),
        max_size=40,
    ).map("".join)
)
def test_fuzz(text: str) -> None:
    """No backspace is left, no line is added or lost, and a second pass finds nothing."""
    washed = assert_lawful(render_overwrites, text)

    assert "\x08" not in washed or washed == text
    assert washed.count("\n") <= text.count("\n")


@pytest.mark.parametrize(
    "unit",
    [
        "\r",
        "a\r",
        "a\x08",
        "ab\r\x1b[K",
        "abc\x1b[2Kd\r",
        "ab\x08\x08\x08",
        "\x1b[9D\x1b[1K",
        "\u0301\r",
        "a\x1b[2K\rb\x1b[9D",
    ],
)
def test_is_linear(unit: str) -> None:
    """Ten times as many overwrites take about ten times as long, in one line."""
    assert growth(render_overwrites, unit) < LINEAR


def test_is_linear_right_of_erased_cells() -> None:
    """Cells right of a wide gap are moved once, not at each step to the left."""
    assert (
        growth(lambda text: render_overwrites(text + "\x1b[2K" + text + "\r" + "a\x08\x08" * len(text)), "ab")
        < LINEAR
    )

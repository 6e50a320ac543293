"""What the tests of all operators share: nasty text, and the laws every operator keeps."""

from __future__ import annotations

from collections.abc import Callable
from time import thread_time

from hypothesis import strategies as st

ESCAPES = ["\x1b", "[", "]", "0", ";", "31", "m", "?25l", "8;;", "\x1b\\", "\x07", "P", "O", "(B", " ", "\n"]
C1 = ["\x80", "\x85", "\x90", "\x98", "\x9b", "\x9c", "\x9d", "\x9e", "\x9f"]
MOJIBAKE = ["â", "€", "™", "Ã", "©", "Â", "\xa0", "Р", "Ĺ", "ð", "Ÿ", "˜", "é", "\ufffd", "?", "â€œ", "Ã©"]
INVISIBLE = [
    "\u200b", "\u200c", "\u200d", "\u2060", "\ufeff", "\u00ad", "\u202e", "\u2066", "\u034f", "\ufe0f", "\ufe0f",
    "\U0001f3f4", "\U000e0067", "\U000e0062", "\U000e0065", "\U000e007f", "\U000e0100", "\ud83d", "\ude00",
]  # fmt: skip
MARKS = ["e", "\u0301", "\u0300", "\u0323", "\u0315", "\u0344", "각", "\u1100", "\u1161", "\u0f73", "\u212b"]
WORDS = [
    "http",
    "https",
    "://",
    "httpd",
    "a",
    "Z",
    "x.y/z?q=1",
    "👩",
    "❤",
    "می",
    "क्",
    "日本",
    "“",
    "”",
    "\t",
    "\u2028",
]

nasty_text = st.lists(
    st.sampled_from(ESCAPES + C1 + MOJIBAKE + INVISIBLE + MARKS + WORDS) | st.characters(), max_size=40
).map("".join)


def assert_lawful(operator: Callable[[str], str], text: str) -> str:
    """Return the washed text after a check that washing it again changes nothing."""
    washed = operator(text)

    assert operator(washed) == washed
    return washed


def growth(operator: Callable[[str], object], unit: str, size: int = 20_000) -> float:
    """Return how many times longer ten times the text takes: near 10 if linear, near 100 if quadratic."""
    small, large = unit * (size // len(unit)), unit * (10 * size // len(unit))
    # What takes less than a millisecond is mostly noise: a quadratic operator takes longer soon enough.
    return _fastest(operator, large, 2) / max(_fastest(operator, small, 4), 0.001)


def _fastest(operator: Callable[[str], object], text: str, rounds: int) -> float:
    """Return the least CPU time of this thread, in seconds: other processes do not count."""
    times = []
    for _ in range(rounds):
        start = thread_time()
        operator(text)
        times.append(thread_time() - start)
    return min(times)


# Between the 10 of a linear and the 100 of a quadratic operator, with room for caches that overflow.
LINEAR = 40

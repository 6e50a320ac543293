"""What was said before, and loops."""

from __future__ import annotations

import json
import random

import pytest
from hypothesis import given, strategies as st

from sluice.features.repetition import MAX_CHARS, is_degenerate
from sluice.features.step import measuring
from tests.unit.features.rig import features_of, record_with

PROSE = (
    "The booking for Tuesday could not be confirmed because the fare had changed in the meantime. I looked for "
    "another flight on the same day and found two, one of them with a stop in Lyon. The direct one costs forty "
    "euros more. Shall I book it, or would you rather leave on Wednesday, when the old fare is still on sale?"
)
TABLE = {
    "nothing": ("", 0.0, 0.0),
    "prose": (PROSE, 0.0, 0.0),
    "too short to say": ("no no no no", 0.0, 0.0),
    "every line twice": ("one\ntwo\none\ntwo", 0.5, 0.0),
    "blank lines do not count": ("one\n\n\n\ntwo", 0.0, 0.0),
    "four times the same words": (" ".join(["a b c d e f g h i j"] * 4), 0.0, 0.722),
    "one character": ("a" * 200, 0.0, 0.995),
    "no spaces": ("我们再试一次吧好不好呢" * 8, 0.0, 0.861),
}


@pytest.mark.parametrize(("text", "lines", "runs"), TABLE.values(), ids=TABLE)
def test_table(text: str, lines: float, runs: float) -> None:
    """The shares of what occurred before are those counted by hand, of the text before cleaning."""
    features = features_of("collapsed by cleaning", "repetition", written=text)

    assert (features["repeated_lines"], features["repeated_runs"]) == (lines, runs)


LOOPS = {
    "a sentence": "I will try the search again with other words. " * 9,
    "a loop at the end": PROSE + " And so I will try it again." * 20,
    "a loop in front": "Let me think about that once more. " * 20 + PROSE,
    "one letter": "a" * 400,
    "no spaces": "我们再试一次吧好不好呢" * 20,
    "lines": "Retrying the request …\n" * 12,
    "very long": "I will try the search again with other words. " * 9_000,
}
NO_LOOPS = {
    "nothing": "",
    "prose": PROSE,
    "short": "no " * 50,
    "a ruler in prose": PROSE[:200] + "-" * 60 + PROSE[200:],
    "said three times": (PROSE[:90] + " ") * 3,
    "a table": "\n".join(f"| {n} | {n * n} | seat {n}{'ABCDEF'[n % 6]} |" for n in range(60)),
    "a log": "\n".join(
        f"2026-01-05T09:{n:02}:00Z INFO step {n} of 60 done in {n * 37 % 91} ms" for n in range(60)
    ),
    "JSON with the same keys": json.dumps([{"flight_number": f"HAT{n}", "origin": "ATL"} for n in range(60)]),
    "numbers": " ".join(map(str, range(500))),
}


@pytest.mark.parametrize("text", LOOPS.values(), ids=LOOPS)
def test_loops(text: str) -> None:
    """A text that is mostly a loop is degenerate, wherever the loop stands."""
    assert is_degenerate(text)


@pytest.mark.parametrize("text", NO_LOOPS.values(), ids=NO_LOOPS)
def test_no_loops(text: str) -> None:
    """Prose, tables, logs and short repeats are not."""
    assert not is_degenerate(text)


def test_flag() -> None:
    """A degenerate text is flagged, whatever features were asked for, by what it was before cleaning."""
    record = record_with("I will try it again (20 times)", LOOPS["a sentence"])
    measuring()(record)

    assert record.flags == ["degenerate"]


@given(st.text("ab ", min_size=1, max_size=60), st.integers(0, 200))
def test_any_loop(unit: str, offset: int) -> None:
    """Whatever is repeated often enough is found, whatever stands before it, if that is less than the loop."""
    before = "".join(random.Random(offset).choices("abcdefghijklmnopqrstuvwxyz ", k=offset))
    loop = unit * (1_500 // len(unit))

    assert is_degenerate(before + loop)


def test_memory_is_bounded() -> None:
    """Of a longer text its two ends count: what stands between them changes nothing."""
    ends = [" ".join(map(str, range(n, n + 9_000))) for n in (0, 50_000)]
    middle = "the middle " * 9_000
    assert min(map(len, ends)) > MAX_CHARS // 2

    with_middle = features_of("", "repetition", written=ends[0] + middle + ends[1])
    assert with_middle == features_of("", "repetition", written="".join(ends))
    assert with_middle["repeated_runs"] == 0.0

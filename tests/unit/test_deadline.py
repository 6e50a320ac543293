"""All time-outs and pauses come from the time that the invocation has left."""

from __future__ import annotations

import random
import time

import pytest

from sluice.deadline import MARGIN_SECONDS, Deadline
from tests.fakes.schedule import Clock


def of(clock: Clock, jitter: float = 1.0) -> Deadline:
    clock.start()
    return Deadline(clock.remaining_ms, clock.sleep, lambda: jitter)


@pytest.mark.parametrize(
    ("seconds", "left"), [(60.0, 55.0), (900.0, 895.0), (20.0, 15.0), (8.0, 6.0), (1.0, 0.75)]
)
def test_margin(seconds: float, left: float) -> None:
    """Five seconds are kept for the answer, a quarter of a short function's time."""
    assert MARGIN_SECONDS == 5.0
    assert of(Clock(seconds)).left() == left


def test_left_falls_with_the_clock() -> None:
    """What is left is asked anew each time; past the margin it is negative."""
    clock = Clock(20.0)
    deadline = of(clock)
    clock.now += 17.0

    assert deadline.left() == -2.0


@pytest.mark.parametrize(("gone", "wait"), [(0.0, 2.0), (13.0, 2.0), (13.5, 1.5), (14.9, 0.25), (19.0, 0.25)])
def test_wait(gone: float, wait: float) -> None:
    """One call may take two seconds, or what is left, and never nothing."""
    clock = Clock(20.0)
    deadline = of(clock)
    clock.now += gone

    assert deadline.wait() == pytest.approx(wait, abs=0.001)


def test_wait_longest() -> None:
    """A call that may take longer is still bounded by what is left."""
    deadline = of(Clock(20.0))

    assert deadline.wait(longest=10.0) == 10.0
    assert deadline.wait(longest=100.0) == 15.0


def test_wait_of_a_short_function() -> None:
    """The shortest wait of a function with little time is an eighth of what it keeps."""
    clock = Clock(1.0)
    deadline = of(clock)
    clock.now += 0.9

    assert deadline.wait() == pytest.approx(0.25 / 8, abs=0.001)


@pytest.mark.parametrize(
    ("attempt", "jitter", "pause"),
    [(0, 1.0, 0.05), (0, 0.0, 0.025), (1, 1.0, 0.1), (4, 1.0, 0.8), (5, 1.0, 1.0), (60, 0.0, 0.5)],
)
def test_pause(attempt: int, jitter: float, pause: float) -> None:
    """Pauses double from 50 ms to a second, and jitter halves them at most."""
    clock = Clock()

    assert of(clock, jitter).pause(attempt)
    assert clock.slept == [pytest.approx(pause)]


def test_pause_without_time() -> None:
    """Where the pause would end in the margin there is none, and no further try."""
    clock = Clock(20.0)
    deadline = of(clock)
    clock.now += 14.95

    assert deadline.left() == pytest.approx(0.05, abs=0.001)
    assert not deadline.pause(0)
    assert clock.slept == []


def test_real_clock() -> None:
    """Without further notice it sleeps for real and jitters at random."""
    deadline = Deadline(lambda: 60_000)
    began = time.monotonic()
    random.seed(1)

    assert deadline.pause(0)
    assert 0.02 < time.monotonic() - began < 2

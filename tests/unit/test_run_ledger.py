"""What the runner remembers of what it sent."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from ops.twin.ledger import Ledger


@given(st.permutations(range(12)))
def test_reports_come_in_any_order(order: list[int]) -> None:
    """Whatever order the reports come in, each origin leads to the value that was sent there."""
    values = [b"%d" % number for number in range(12)]
    ledger = Ledger("a-b-3", 3, values)

    for number in order:
        ledger.note(number, number % 3, number // 3, 100 + number)

    assert ledger.delivered == len(ledger) == 12
    assert ledger.next_offsets() == {0: 4, 1: 4, 2: 4}
    for number in range(12):
        message = ledger.message(number)
        assert message.value == values[number]
        assert message.timestamp == 100 + number
        assert ledger.place(number) == (number % 3, number // 3)
        assert ledger.find(message.origin.id) == number


@pytest.mark.parametrize(
    "origin", ["raw-0-1", "raw-2-0", "ra-0-0", "raw-0", "", "raw-0-x", "raw-0-²", "x-raw-0-0"]
)
def test_unknown_origins(origin: str) -> None:
    """An origin where nothing was sent leads nowhere."""
    ledger = Ledger("raw", 2, [b"a", b"b"])

    ledger.note(0, 0, 0, 1)

    assert ledger.find(origin) is None
    assert ledger.find("raw-0-0") == 0


def test_gaps_are_not_records() -> None:
    """An offset between two delivered ones that no report names leads nowhere."""
    ledger = Ledger("raw", 1, [b"a", b"b"])

    ledger.note(0, 0, 0, 1)
    ledger.note(1, 0, 2, 1)

    assert ledger.find("raw-0-1") is None
    assert ledger.find("raw-0-2") == 1


def test_what_was_not_reported_is_not_delivered() -> None:
    """A record without a report is not delivered, and neither is one whose offset another record took."""
    ledger = Ledger("raw", 1, [b"a", b"b", b"c"])

    ledger.note(0, 0, 0, 1)
    ledger.note(1, 0, 0, 1)

    assert [ledger.is_delivered(number) for number in range(3)] == [False, True, False]
    assert ledger.delivered == 1
    assert ledger.reused == ["raw-0-0"]
    assert ledger.find("raw-0-0") == 1

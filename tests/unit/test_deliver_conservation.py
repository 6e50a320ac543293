"""Nothing is written on verdicts that do not add up, and nothing returned that does not; our bugs drain nothing."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from sluice.claim import Claim
from sluice.deliver import BREAKER_SIZE, ConservationError, Delivery, Sinks, _Batch, _finish, deliver
from sluice.outcome import Cleaned, Outcome, Retry, message_of
from tests.fakes.records import letter, message, record
from tests.fakes.rig import (
    Rig,
    Verdict,
    kinds,
)
from tests.fakes.script import deadline_of

A, B = "a" * 32, "b" * 32


def step_failures(size: int) -> list[Verdict]:
    return [letter(offset, "step_failed") for offset in range(size)]


def test_breaker() -> None:
    """A batch of twenty that fails throughout in our own steps is retried whole, and no sink is touched."""
    assert BREAKER_SIZE == 20
    rig = Rig()
    delivery = rig.deliver(*step_failures(20), letter(3, "step_failed", partition=1))

    assert delivery.breaker
    assert kinds(delivery) == ["Retry"] * 21
    assert delivery.cuts == {"agent_raw_output-0": 0, "agent_raw_output-1": 3}
    assert len(delivery.batch_item_failures()) == 21
    assert rig.letters.tries == 0


def test_breaker_at_its_size() -> None:
    """Twenty are enough for the breaker, nineteen are not: those are dead letters."""
    twenty, nineteen = Rig().deliver(*step_failures(20)), Rig().deliver(*step_failures(19))

    assert (twenty.breaker, kinds(twenty)) == (True, ["Retry"] * 20)
    assert (nineteen.breaker, kinds(nineteen)) == (False, ["DeadLetter"] * 19)


@pytest.mark.parametrize("other", [letter(99), record(99)], ids=["another reason", "a sound record"])
def test_breaker_wants_all(other: Verdict) -> None:
    """One record that did not fail in our steps shows that they work: the rest are dead letters."""
    delivery = Rig().deliver(*step_failures(30), other)

    assert not delivery.breaker
    assert kinds(delivery)[:30] == ["DeadLetter"] * 30


@pytest.mark.parametrize(
    "judged",
    [[], [record(1)], [record(2), record(1)], [record(1), record(1)], [record(1), record(2), record(3)]],
    ids=["none", "too few", "swapped", "twice", "too many"],
)
def test_verdicts_for_messages(judged: list[Verdict]) -> None:
    """Verdicts that do not cover the messages one to one stop the batch before anything is written."""
    rig = Rig()
    sinks = Sinks(rig.cache, rig.topic, rig.letters, 100, "test")

    with pytest.raises(ConservationError, match="2 messages received"):
        deliver([message(1), message(2)], judged, sinks, deadline_of(rig.clock))
    assert (rig.cache.round_trips, rig.topic.sends, rig.letters.tries) == ([], [], 0)


def test_same_message_twice() -> None:
    """A message that is received twice in one batch stops it: two outcomes cannot be told apart."""
    with pytest.raises(ConservationError):
        Rig().deliver(record(1), record(1))


def test_conservation_before_return() -> None:
    """A message that has no outcome in the end is named, not dropped."""
    with pytest.raises(ConservationError, match=r"agent_raw_output-0-1.* was neither cleaned"):
        _finish(_Batch([message(1)]), [record(1)])


def test_retry_all() -> None:
    """Where failures cannot be named, every outcome turns into a retry of its message."""
    delivery = Rig().deliver(record(1), record(2), letter(3))
    messages = [message_of(outcome) for outcome in delivery.outcomes]
    delivery.retry_all()

    assert delivery.outcomes == [Retry(one) for one in messages]


def test_failures_are_sorted() -> None:
    """Failures are named by topic-partition and offset, in order."""
    outcomes: list[Outcome] = [
        Retry(message(10, 1)),
        Retry(message(9, 1)),
        Cleaned(record(1)),
        Retry(message(30)),
    ]
    delivery = Delivery(outcomes, {})

    assert delivery.batch_item_failures() == [
        {"itemIdentifier": {"partition": "agent_raw_output-0", "offset": 30}},
        {"itemIdentifier": {"partition": "agent_raw_output-1", "offset": 9}},
        {"itemIdentifier": {"partition": "agent_raw_output-1", "offset": 10}},
    ]


def test_now() -> None:
    """Letters are dated with the present time, in UTC, unless a test says otherwise."""
    rig = Rig()
    sinks = Sinks(rig.cache, rig.topic, rig.letters, 100, "test")

    assert abs((sinks.now() - datetime.now(UTC)).total_seconds()) < 60
    assert sinks.now().tzinfo is UTC


def test_a_claim_for_every_record(monkeypatch: pytest.MonkeyPatch) -> None:
    """Claims that do not match the records one to one stop the batch."""
    monkeypatch.setattr("sluice.deliver.claim", lambda records, *_: [Claim("stored")] * (len(records) - 1))

    with pytest.raises(ValueError, match="zip"):
        Rig().deliver(record(1), record(2))

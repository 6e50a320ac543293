"""A judged batch, its sinks, and what became of every record."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from sluice.claim import Command, CommandError, Reply
from sluice.outcome import Duplicate, message_of
from sluice.publish import Report
from tests.fakes.cache import FakeCache
from tests.fakes.records import WHEN, letter, record
from tests.fakes.rig import (
    KEY,
    BrokenCache,
    Letters,
    Rig,
    failures,
    kinds,
)
from tests.fakes.script import ScriptedTopic, everything, nothing

A, B = "a" * 32, "b" * 32


def test_all_outcomes() -> None:
    """Every message has its outcome, in the messages' order, and nothing is left to retry."""
    rig = Rig()
    delivery = rig.deliver(record(1), record(2, B), record(3), letter(4), letter(5, partition=1))

    assert kinds(delivery) == ["Cleaned", "Cleaned", "Duplicate", "DeadLetter", "DeadLetter"]
    assert [message_of(outcome).origin.offset for outcome in delivery.outcomes] == [1, 2, 3, 4, 5]
    assert isinstance(delivery.outcomes[2], Duplicate)
    assert delivery.outcomes[2].original == "agent_raw_output-0-1"
    assert (delivery.cuts, delivery.faults, delivery.breaker) == ({}, {}, False)
    assert delivery.batch_item_failures() == []
    assert rig.topic.sends == [[1, 2]]
    assert list(rig.letters.objects.values()) == [["agent_raw_output-0-4", "agent_raw_output-1-5"]]


def test_stages_are_timed() -> None:
    """Each stage says how long it took."""
    seconds = Rig().deliver(record(1)).stage_seconds

    assert list(seconds) == ["store", "publish", "dead_letters"]
    assert all(0 <= value < 5 for value in seconds.values())


def test_time_for_the_cache() -> None:
    """A round trip with a batch may take five seconds, where the invocation has as many."""
    times: list[float] = []

    class Timed(FakeCache):
        def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
            times.append(timeout)
            return super().run(commands, timeout)

    Rig(cache=Timed()).deliver(record(1))
    # A quarter of four seconds is kept for the answer.
    Rig(cache=Timed(), seconds=4.0).deliver(record(1))
    assert times == [5.0, 3.0]


def test_nothing() -> None:
    """An empty batch touches no sink."""
    rig = Rig()

    assert rig.deliver().outcomes == []
    assert (rig.cache.round_trips, rig.topic.sends, rig.letters.tries) == ([], [], 0)


def test_one_object_a_reason() -> None:
    """Dead letters of one reason share an object, those of another have their own."""
    rig = Rig()
    rig.deliver(letter(1), letter(2, "empty"), letter(3), letter(9, partition=1))

    assert sorted(rig.letters.objects.values()) == [
        ["agent_raw_output-0-1", "agent_raw_output-0-3", "agent_raw_output-1-9"],
        ["agent_raw_output-0-2"],
    ]


def test_cache_recovers() -> None:
    """Claims that fail at first are tried again, only those, within the invocation."""
    rig = Rig(cache=BrokenCache("critic:" + WHEN, times=2))
    delivery = rig.deliver(record(1), record(2, agent="critic"))

    assert kinds(delivery) == ["Cleaned", "Cleaned"]
    assert [len([c for c in trip if c[0] == "SET"]) for trip in rig.cache.round_trips] == [1, 0, 1]
    assert rig.clock.slept == [0.05, 0.1]
    assert delivery.faults == {"cache": "OOM"}


def test_cache_cuts() -> None:
    """A claim that never succeeds cuts its partition there: what precedes it and other partitions go on."""
    rig = Rig(cache=BrokenCache(KEY))
    delivery = rig.deliver(
        record(1, agent="a"),
        record(2),
        record(3, agent="b"),
        letter(4),
        record(1, agent="c", partition=1),
        letter(2, partition=1),
    )

    assert kinds(delivery) == ["Cleaned", "Retry", "Retry", "Retry", "Cleaned", "DeadLetter"]
    assert failures(delivery) == [("agent_raw_output-0", offset) for offset in (2, 3, 4)]
    assert delivery.cuts == {"agent_raw_output-0": 2}
    assert delivery.faults == {"cache": "OOM"}
    assert rig.topic.sends == [[1, 1]]
    assert list(rig.letters.objects.values()) == [["agent_raw_output-1-2"]]
    assert 54.0 < sum(rig.clock.slept) < 55.0


def test_lowest_cut_holds() -> None:
    """A partition is cut at its lowest failure, in whatever order the failures come."""
    rig = Rig(cache=BrokenCache(KEY))
    low, middle, high = record(1), record(5), record(9)

    for order in ((low, middle, high), (high, low, middle), (middle, high, low)):
        assert rig.deliver(*order).cuts == {"agent_raw_output-0": 1}


def test_duplicates_before_the_cut_only() -> None:
    """A duplicate behind its partition's cut is retried like all that follows."""
    rig = Rig(cache=BrokenCache(KEY))
    delivery = rig.deliver(record(1, agent="a"), record(2, agent="a"), record(3), record(4, agent="a"))

    assert kinds(delivery) == ["Cleaned", "Duplicate", "Retry", "Retry"]


def test_topic_cuts() -> None:
    """A record that is not delivered cuts its partition; what was delivered behind it is retried all the same."""
    rig = Rig(lambda names: Report(set(names) - {"agent_raw_output-0-2"}, {}, "NOT_LEADER_FOR_PARTITION"))
    delivery = rig.deliver(
        record(1, agent="a"), record(2, agent="b"), record(3, agent="c"), record(7, agent="d", partition=1)
    )

    assert kinds(delivery) == ["Cleaned", "Retry", "Retry", "Cleaned"]
    assert delivery.faults == {"topic": "NOT_LEADER_FOR_PARTITION"}
    assert failures(delivery) == [("agent_raw_output-0", 2), ("agent_raw_output-0", 3)]


def test_letters_recover() -> None:
    """An object that S3 does not take at first is tried again within the invocation."""
    rig = Rig(letters=Letters(refusals=2))
    delivery = rig.deliver(letter(1))

    assert kinds(delivery) == ["DeadLetter"]
    assert rig.letters.tries == 3
    assert rig.clock.slept == [0.05, 0.1]
    assert delivery.faults == {"dead_letters": "not written in time"}


def test_letters_cut() -> None:
    """Dead letters that cannot be written are retried, and so is what follows them, though it was published."""
    rig = Rig(letters=Letters(refusals=1_000_000))
    delivery = rig.deliver(record(1), letter(2), record(3, agent="a"), record(1, agent="b", partition=1))

    assert kinds(delivery) == ["Cleaned", "Retry", "Retry", "Cleaned"]
    assert rig.topic.sends == [[1, 3, 1]]


def test_no_letters_behind_the_cut() -> None:
    """What lies behind a cut is not written: it comes again."""
    rig = Rig(nothing)
    delivery = rig.deliver(letter(1), record(2), letter(3))

    assert kinds(delivery) == ["DeadLetter", "Retry", "Retry"]
    assert list(rig.letters.objects.values()) == [["agent_raw_output-0-1"]]


def test_a_sink_that_failed_is_not_asked_again_after_the_time() -> None:
    """When the time is up, S3 fails once, not once a reason: the answer has to go out."""
    rig = Rig(letters=Letters(refusals=1_000_000))

    def too_slow(names: list[str]) -> Report:
        rig.clock.now += 56.0
        return everything(names)

    rig.topic = ScriptedTopic(too_slow)
    delivery = rig.deliver(record(0), letter(1), letter(2, "empty"), letter(3, "not_utf8"))

    assert kinds(delivery) == ["Cleaned", "Retry", "Retry", "Retry"]
    assert rig.letters.tries == 1


@pytest.mark.parametrize(("late", "tries"), [(55.0, 1), (54.5, 3), (54.0, 4)])
def test_tries_while_there_is_time(late: float, tries: int) -> None:
    """After S3 failed once it is asked again while there is time, and not when there is none."""
    rig = Rig(letters=Letters(refusals=1_000_000))

    class Slow(Letters):
        def put(self, key: str, lines: bytes) -> bool:
            rig.clock.now += late if not self.tries else 0.4
            return super().put(key, lines)

    rig.letters = Slow(refusals=1_000_000)
    rig.deliver(letter(1), letter(2, "empty"), letter(3, "not_utf8"))

    assert rig.letters.tries == tries

"""How the twin's event source leads one batch to its end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, strategies as st

from ops.twin.answers import Failed, Partial, Succeeded, Unclear, Unreachable, Verdict
from ops.twin.config import EventSource
from ops.twin.delivery import Delivery, GiveUp, Send
from ops.twin.events import Polled

NOW_MS = 1_000_000.0
ERROR = Failed("Unhandled")
Offsets = list[int]


def records(*places: tuple[int, int], timestamp: int = int(NOW_MS)) -> list[Polled]:
    return [Polled(f"raw-{p}", p, offset, timestamp, b"{}") for p, offset in places]


def one_partition(count: int) -> list[Polled]:
    return records(*[(0, offset) for offset in range(count)])


def settings(**changes: Any) -> EventSource:
    return EventSource(**changes)


def play(
    delivery: Delivery, function: Callable[[Offsets], Verdict], rounds: int = 100
) -> list[tuple[str, Offsets]]:
    """Run a delivery against a function of offsets; return the steps taken."""
    steps: list[tuple[str, Offsets]] = []
    for _ in range(rounds):
        step = delivery.next_step(NOW_MS)
        if step is None:
            break
        offsets = [record.offset for record in step.records]
        if isinstance(step, Send):
            steps.append(("send", offsets))
            delivery.judged(function(offsets))
        else:
            steps.append((step.condition, offsets))
            delivery.gave_up()
    return steps


def poison(*bad: int) -> Callable[[Offsets], Verdict]:
    return lambda offsets: ERROR if set(bad) & set(offsets) else Succeeded()


def test_success_acknowledges_all() -> None:
    """A success settles every record, and the offsets after the last ones are committed."""
    delivery = Delivery(records((0, 5), (1, 9), (0, 6)), settings())

    assert play(delivery, poison()) == [("send", [5, 9, 6])]
    assert delivery.acknowledged == 3
    assert delivery.positions() == {0: 7, 1: 10}


def test_nothing_is_committed_before_success() -> None:
    """While a batch fails, the position of each partition stays at its first record."""
    delivery = Delivery(records((0, 5), (1, 9), (0, 6)), settings())
    play(delivery, poison(5), rounds=3)

    assert delivery.positions() == {0: 5, 1: 9}
    assert delivery.acknowledged == 0


def test_retries_for_ever_by_default() -> None:
    """Without a limit a failing batch is sent again whole, and never given up."""
    steps = play(Delivery(one_partition(3), settings()), poison(1), rounds=60)

    assert steps == [("send", [0, 1, 2])] * 60


@pytest.mark.parametrize("attempts", [0, 1, 3])
def test_attempts_are_limited(attempts: int) -> None:
    """After the first call and so many retries the whole batch is given up."""
    steps = play(Delivery(one_partition(2), settings(retry_attempts=attempts)), poison(1))

    assert steps == [("send", [0, 1])] * (1 + attempts) + [("RetryAttemptsExhausted", [0, 1])]


def test_given_up_is_committed_only_when_written() -> None:
    """A record given up counts as settled once the on-failure destination has it, not before."""
    delivery = Delivery(one_partition(2), settings(retry_attempts=0))
    delivery.next_step(NOW_MS)
    delivery.judged(ERROR)

    step = delivery.next_step(NOW_MS)
    assert step == GiveUp(tuple(one_partition(2)), "RetryAttemptsExhausted", 1, "Unhandled")
    delivery.write_failed(1)
    assert delivery.positions() == {0: 0}
    assert delivery.next_step(NOW_MS) == step

    delivery.gave_up()
    assert delivery.next_step(NOW_MS) is None
    assert delivery.positions() == {0: 2}
    assert delivery.acknowledged == 0


def test_backoff_doubles_up_to_its_cap() -> None:
    """The wait between attempts doubles from the first one and stops at five seconds."""
    delivery, delays = Delivery(one_partition(1), settings(retry_backoff_seconds=0.1)), []
    for _ in range(8):
        delivery.next_step(NOW_MS)
        delivery.judged(ERROR)
        delays.append(delivery.delay)

    assert delays == pytest.approx([0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0])


def test_an_absent_function_uses_up_no_attempt() -> None:
    """Calls that reached no function are repeated, with backoff, beyond the limit of attempts."""
    delivery = Delivery(one_partition(1), settings(retry_attempts=0))
    answers = iter([Unreachable()] * 5 + [Succeeded()])

    assert play(delivery, lambda _: next(answers)) == [("send", [0])] * 6
    assert delivery.acknowledged == 1


def test_bisect_isolates_the_poison() -> None:
    """A batch that fails is halved until the one bad record is alone; its neighbours succeed, in order."""
    delivery = Delivery(one_partition(4), settings(bisect_on_error=True, retry_attempts=1))

    assert play(delivery, poison(2)) == [
        ("send", [0, 1, 2, 3]),
        ("send", [0, 1]),
        ("send", [2, 3]),
        ("send", [2]),
        ("send", [2]),
        ("RetryAttemptsExhausted", [2]),
        ("send", [3]),
    ]
    assert delivery.acknowledged == 3


def test_bisect_is_for_function_errors_only() -> None:
    """Returned failures are handled as partial, and an unclear answer sends the whole batch again, unsplit."""
    partial = Delivery(one_partition(4), settings(bisect_on_error=True, retry_attempts=1))
    unclear = Delivery(one_partition(4), settings(bisect_on_error=True, retry_attempts=1))

    assert play(partial, lambda sent: Partial(frozenset({("raw-0", 2)}) if 2 in sent else frozenset())) == [
        ("send", [0, 1, 2, 3]),
        ("send", [2]),
        ("RetryAttemptsExhausted", [2]),
    ]
    assert play(unclear, lambda _: Unclear()) == [
        ("send", [0, 1, 2, 3]),
        ("send", [0, 1, 2, 3]),
        ("RetryAttemptsExhausted", [0, 1, 2, 3]),
    ]


def partial_once(*failed: tuple[str, int]) -> Callable[[Offsets], Verdict]:
    answers = iter([Partial(frozenset(failed))])
    return lambda _: next(answers, Succeeded())


@pytest.mark.parametrize(("resend", "second"), [(False, [1, 11]), (True, [1, 2, 3, 11])])
def test_partial_response(resend: bool, second: Offsets) -> None:
    """Only what failed goes again, or, in the other reading, all from each partition's first failure on."""
    batch = records((0, 0), (1, 10), (0, 1), (0, 2), (0, 3), (1, 11), (2, 20))
    delivery = Delivery(batch, settings(resend_successes=resend))
    steps = play(delivery, partial_once(("raw-0", 1), ("raw-1", 11)))

    assert [sorted(offsets) for _, offsets in steps] == [[0, 1, 2, 3, 10, 11, 20], second]
    assert delivery.acknowledged == len(batch)


def test_partial_response_commits_the_settled_part() -> None:
    """After a partial response each partition is committed up to its first failure."""
    delivery = Delivery(records((0, 0), (0, 1), (0, 2), (1, 10)), settings())
    delivery.next_step(NOW_MS)
    delivery.judged(Partial(frozenset({("raw-0", 1)})))

    assert delivery.positions() == {0: 1, 1: 11}
    assert delivery.acknowledged == 3


def test_old_records_are_given_up() -> None:
    """A record older than the maximum age is given up before it is sent; younger ones of its batch are sent."""
    batch = records((0, 0), timestamp=int(NOW_MS) - 61_000) + records((0, 1), timestamp=int(NOW_MS) - 59_000)
    delivery = Delivery(batch, settings(max_record_age_seconds=60))

    assert play(delivery, poison()) == [("EventAgeExceeded", [0]), ("send", [1])]


def test_records_age_while_they_are_retried() -> None:
    """A record that grows too old between two attempts is given up at the next one."""
    delivery = Delivery(one_partition(1), settings(max_record_age_seconds=60))
    delivery.next_step(NOW_MS)
    delivery.judged(ERROR)

    assert isinstance(delivery.next_step(NOW_MS + 59_000), Send)
    delivery.judged(ERROR)
    assert delivery.next_step(NOW_MS + 61_000) == GiveUp(
        tuple(one_partition(1)), "EventAgeExceeded", 2, "Unhandled"
    )


def test_an_oversized_record_is_never_sent() -> None:
    """A record that no event can carry is given up without a call."""
    delivery = Delivery(one_partition(1), settings(), oversized=True)

    assert delivery.next_step(NOW_MS) == GiveUp(
        tuple(one_partition(1)), "MaximumPayloadSizeExceeded", 0, None
    )


def test_a_lost_partition_is_neither_sent_nor_committed() -> None:
    """What was taken away by a rebalance is the next owner's: no further attempt, no commit."""
    delivery = Delivery(records((0, 5), (1, 9)), settings())
    play(delivery, poison(5), rounds=1)
    delivery.drop({"raw-0"})

    assert delivery.positions() == {1: 9}
    assert play(delivery, poison()) == [("send", [9])]
    assert delivery.positions() == {1: 10}


def test_losing_every_partition_ends_the_delivery() -> None:
    """When all partitions of a batch are gone there is nothing left to do or to commit."""
    delivery = Delivery(records((0, 5)), settings())
    play(delivery, poison(5), rounds=1)
    delivery.drop({"raw-0"})

    assert delivery.next_step(NOW_MS) is None
    assert delivery.positions() == {}


VERDICTS = st.sampled_from(["ok", "error", "unclear", "absent", "some"])


@given(
    st.lists(st.integers(0, 2), min_size=1, max_size=12),
    st.lists(st.tuples(VERDICTS, st.integers(0, 2**12 - 1)), max_size=40),
    st.booleans(),
    st.booleans(),
    st.integers(0, 3),
)
def test_every_record_is_settled_once(
    partitions: list[int], script: list[tuple[str, int]], bisect: bool, resend: bool, attempts: int
) -> None:
    """Whatever a function answers, each record ends acknowledged or given up, exactly one of the two, and no
    position ever passes a record that is neither.
    """
    source = settings(bisect_on_error=bisect, resend_successes=resend, retry_attempts=attempts)
    batch = records(*[(p, offset) for offset, p in enumerate(partitions)])
    delivery, given_up, answers = Delivery(batch, source), list[int](), iter(script)
    sent: tuple[Polled, ...] = ()

    def answer(kind: str, mask: int) -> Verdict:
        some = frozenset((r.slot, r.offset) for r in sent if mask >> r.offset & 1)
        known: dict[str, Verdict] = {"error": ERROR, "unclear": Unclear(), "absent": Unreachable()}
        return Partial(some) if kind == "some" and some else known.get(kind, Succeeded())

    while (step := delivery.next_step(NOW_MS)) is not None:
        positions = delivery.positions()
        assert all(positions[record.partition] <= record.offset for record in step.records)
        if isinstance(step, Send):
            sent = step.records
            delivery.judged(answer(*next(answers, ("ok", 0))))
        else:
            given_up += [record.offset for record in step.records]
            delivery.gave_up()

    assert len(given_up) == len(set(given_up))
    assert delivery.acknowledged + len(given_up) == len(batch)
    assert delivery.positions() == {
        p: max(r.offset for r in batch if r.partition == p) + 1 for p in set(partitions)
    }

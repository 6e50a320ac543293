"""How the twin's event source forms batches."""

from __future__ import annotations

from collections import deque

from hypothesis import given, strategies as st

from ops.twin.batching import Batch
from ops.twin.events import EventHead, Polled, event_bytes

OPENING = EventHead("arn", "b:9092").opening()
PLENTY = 6 * 1024 * 1024


def polled(partition: int, offset: int, size: int = 20) -> Polled:
    return Polled(f"raw-{partition}", partition, offset, 0, b'"%b"' % (b"x" * (size - 2)))


def fill(records: list[Polled], max_records: int, max_bytes: int) -> tuple[Batch, deque[Polled]]:
    batch, waiting = Batch(max_records, max_bytes, OPENING), deque(records)
    batch.take(waiting)
    return batch, waiting


def test_count_closes_a_batch() -> None:
    """A batch takes as many records as the batch size says, in order, and leaves the rest."""
    batch, waiting = fill([polled(0, n) for n in range(5)], 3, PLENTY)

    assert [record.offset for record in batch.records] == [0, 1, 2]
    assert [record.offset for record in waiting] == [3, 4]
    assert batch.closed
    assert batch.room == 0


def test_an_unfilled_batch_stays_open() -> None:
    """A batch below both limits takes more later, which is what the window is for."""
    batch, _ = fill([polled(0, 0)], 3, PLENTY)

    assert not batch.closed
    batch.take(deque([polled(0, 1)]))
    assert [record.offset for record in batch.records] == [0, 1]


def test_payload_closes_a_batch() -> None:
    """A record whose event would exceed the payload limit opens the next batch."""
    two = len(event_bytes(OPENING, [polled(0, 0), polled(0, 1)]))
    batch, waiting = fill([polled(0, n) for n in range(3)], 10, two)
    below, _ = fill([polled(0, n) for n in range(3)], 10, two - 1)

    assert (len(batch.records), len(waiting), batch.closed) == (2, 1, True)
    assert len(below.records) == 1


@given(st.lists(st.tuples(st.integers(0, 11), st.integers(2, 300)), min_size=1), st.integers(200, 2000))
def test_size_is_that_of_the_event(shape: list[tuple[int, int]], limit: int) -> None:
    """The size that a batch reckons is the length of the event, which exceeds the limit only for one record."""
    batch, waiting = fill([polled(p, n, size) for n, (p, size) in enumerate(shape)], 1000, limit)

    assert batch.size == len(event_bytes(OPENING, batch.records))
    assert batch.size <= limit or (len(batch.records) == 1 and batch.oversized)
    assert len(batch.records) + len(waiting) == len(shape)


def test_a_record_too_large_stands_alone() -> None:
    """A record that no event can carry makes a batch of its own, between its neighbours."""
    waiting = deque([polled(0, 0), polled(0, 1, 500), polled(0, 2)])
    sizes = []
    while waiting:
        batch = Batch(10, 300, OPENING)
        batch.take(waiting)
        sizes.append(([record.offset for record in batch.records], batch.oversized, batch.closed))

    assert sizes == [([0], False, True), ([1], True, True), ([2], False, False)]


def test_a_lost_partition_leaves_the_batch() -> None:
    """A batch under way forgets the records of a partition that went to another poller, and opens again."""
    batch, _ = fill([polled(n % 2, n) for n in range(4)], 4, PLENTY)
    batch.drop({"raw-1"})

    assert [record.offset for record in batch.records] == [0, 2]
    assert not batch.closed
    assert batch.size == len(event_bytes(OPENING, batch.records))

"""A model of the event source: it sends a batch until every record of it is acknowledged."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from sluice.deliver import Delivery
from sluice.record import Message
from tests.fakes.schedule import Killed
from tests.fakes.world import World

Batch = tuple[Message, ...]
Watch = Callable[[Batch, Delivery], None]
Begin = Callable[[Sequence[Batch]], None]
# More invocations than any schedule of a few faults can need.
_ENOUGH = 30


class Reading(NamedTuple):
    """How to read what AWS leaves open.

    `partial`: the function may name failures, else it raises; `resend`: successes after a partition's first
    failed offset come again; `apart`: what is left of each partition comes in a batch of its own, the last first.
    """

    name: str
    partial: bool
    resend: bool
    apart: bool


READINGS = (
    Reading("successes after a failure come again", partial=True, resend=True, apart=False),
    Reading("failures alone come again", partial=True, resend=False, apart=True),
    Reading("no partial failures", partial=False, resend=True, apart=False),
)


def drive(
    world: World, batches: Sequence[Batch], reading: Reading, watch: Watch, begin: Begin = lambda _: None
) -> int:
    """Send the batches until all is acknowledged; `begin` sees what waits, `watch` sees every answer.

    Return how many answers named failures: without any, all readings are one.
    """
    named = 0
    waiting = list(batches)
    for _ in range(_ENOUGH):
        if not waiting:
            return named
        begin(waiting)
        batch = waiting.pop(0)
        try:
            delivery = world.invoke(batch)
        except Killed:
            waiting.insert(len(waiting) if reading.apart else 0, batch)
            continue
        failures = delivery.batch_item_failures()
        if failures and not reading.partial:
            delivery.retry_all()
        watch(batch, delivery)
        named += bool(failures)
        left = list(_left(batch, failures, reading))
        # Apart: the others go first, as pollers of their own would.
        waiting = [*waiting, *left] if reading.apart else [*left, *waiting]
    msg = f"not done after {_ENOUGH} invocations"
    raise AssertionError(msg)


def _left(
    batch: Batch, failures: Sequence[dict[str, dict[str, str | int]]], reading: Reading
) -> Iterator[Batch]:
    if not failures:
        return
    if not reading.partial:
        yield batch
        return
    names = {(str(f["itemIdentifier"]["partition"]), int(f["itemIdentifier"]["offset"])) for f in failures}
    sent = {(message.origin.topic_partition, message.origin.offset) for message in batch}
    assert names <= sent, "an identifier that was not in the event"
    first: dict[str, int] = {}
    for partition, offset in names:
        first[partition] = min(offset, first.get(partition, offset))
    left: defaultdict[str, list[Message]] = defaultdict(list)
    for message in batch:
        partition, offset = message.origin.topic_partition, message.origin.offset
        again = offset >= first.get(partition, offset + 1) if reading.resend else (partition, offset) in names
        if again:
            left[partition].append(message)
    if reading.apart:
        yield from (tuple(left[partition]) for partition in sorted(left, reverse=True))
    else:
        yield tuple(message for partition in sorted(left) for message in left[partition])

"""Publish a batch: what was delivered, what the broker refuses for its own sake, what must be retried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple, Protocol

from sluice.deadline import Deadline
from sluice.record import Record


class Report(NamedTuple):
    """What one send came to, by origin id: delivered, refused for its own sake (with the error's name).

    A record in neither was not delivered, for the reason in `fault` or for none that is known.
    """

    delivered: set[str]
    refused: dict[str, str]
    fault: str


class Topic(Protocol):
    """Send records in order and flush; values of more than `alone_above` bytes are sent alone at once."""

    alone_above: int

    def send(self, records: Sequence[Record], timeout: float, *, alone: bool = False) -> Report:
        """Return the delivery reports of these records; `timeout` is in seconds.

        `alone` says that a single record is sent, to see whether it is refused for its own sake.
        """
        ...


class Published(NamedTuple):
    """What publishing came to: origin ids delivered, refused alone (error name), and the last fault."""

    delivered: set[str]
    refused: dict[str, str]
    fault: str


# What the client reports of all that comes after a message which failed for good.
_GAP: Final = "_GAPLESS_GUARANTEE"


def publish(records: Sequence[Record], topic: Topic, deadline: Deadline) -> Published:
    """Send all records, in order, until each is delivered, refused alone, or the time is up.

    A broker refuses a whole batch for the sake of one record, and a gapless producer gives up with it: so
    whatever of that send did not arrive is sent again alone, in its place in the order, and what is very
    long is sent so from the start; refused alone is final.
    """
    pending = list(records)
    delivered: set[str] = set()
    refused: dict[str, str] = {}
    suspects = {record.origin_id for record in records if len(record.value) > topic.alone_above}
    attempt, fault = 0, ""
    while pending:
        chunk = _next_chunk(pending, suspects)
        alone = chunk[0].origin_id in suspects
        report = topic.send(chunk, deadline.wait(longest=deadline.left()), alone=alone)
        delivered |= report.delivered
        if len(chunk) == 1:
            refused |= report.refused
        missing = [r for r in chunk if r.origin_id not in report.delivered and r.origin_id not in refused]
        pending = missing + pending[len(chunk) :]
        accused = missing if not alone and (report.refused or _GAP in report.fault) else []
        suspects.update(record.origin_id for record in accused)
        if accused or not missing:
            attempt = 0
            if deadline.left() <= 0:
                break
        else:
            fault = report.fault or "no delivery report"
            if not deadline.pause(attempt):
                break
            attempt += 1
    return Published(delivered, refused, fault)


def _next_chunk(pending: Sequence[Record], suspects: set[str]) -> Sequence[Record]:
    """Return the first suspect alone, else all records before the next suspect."""
    if not suspects:
        return pending
    for index, record in enumerate(pending):
        if record.origin_id in suspects:
            return pending[: index or 1]
    return pending

"""Publish a batch: what was delivered, what the broker refuses for its own sake, what must be retried."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, Protocol

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


def publish(records: Sequence[Record], topic: Topic, deadline: Deadline) -> Published:
    """Send all records, in order, until each is delivered, refused alone, or the time is up.

    A broker refuses a whole batch for the sake of one record, so whatever was refused in company
    is sent again alone, in its place in the order, and what is very long is sent so from the start;
    refused alone is final.
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
        if len(delivered) == len(records):
            break
        if len(chunk) == 1:
            refused |= report.refused
        accused = report.refused.keys() - suspects - refused.keys()
        suspects |= accused
        complete = all(record.origin_id in delivered or record.origin_id in refused for record in chunk)
        pending = [r for r in pending if r.origin_id not in delivered and r.origin_id not in refused]
        if complete or accused:
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

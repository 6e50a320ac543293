"""What is still to be done with one batch: send, send again, halve, give up. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set as AbstractSet
from typing import NamedTuple

from ops.twin.answers import Failed, Partial, Succeeded, Unreachable, Verdict
from ops.twin.config import EventSource
from ops.twin.events import Polled

MAX_BACKOFF_SECONDS = 5.0


class Attempt(NamedTuple):
    """Hold records that go together, how often they failed, and for how many rounds they waited."""

    records: tuple[Polled, ...]
    failures: int = 0
    calls: int = 0
    waits: int = 0
    error: str | None = None


class Send(NamedTuple):
    """Ask for an invocation with these records."""

    records: tuple[Polled, ...]
    again: bool


class GiveUp(NamedTuple):
    """Ask for these records to be written to the on-failure destination."""

    records: tuple[Polled, ...]
    condition: str
    calls: int
    error: str | None


class Delivery:
    """Lead one batch to its end: every record is acknowledged or given up, each partition in order.

    Ask `next_step`, do it, then tell `judged` (after Send) or `gave_up` (after GiveUp was written).
    """

    def __init__(self, records: Sequence[Polled], source: EventSource, *, oversized: bool = False) -> None:
        self._all = tuple(records)
        self._todo = [Attempt(self._all)] if records else []  # a stack: the next attempt is the last
        self._source = source
        self._oversized = oversized
        self._step: Send | GiveUp | None = None
        self.acknowledged = 0
        self.delay = 0.0

    def next_step(self, now_ms: float) -> Send | GiveUp | None:
        """Return what to do now; None when every record is settled."""
        self._todo = [attempt for attempt in self._todo if attempt.records]
        self._step = self._decide(self._todo[-1], now_ms) if self._todo else None
        return self._step

    def _decide(self, attempt: Attempt, now_ms: float) -> Send | GiveUp:
        source = self._source
        if self._oversized:
            return GiveUp(attempt.records, "MaximumPayloadSizeExceeded", 0, None)
        if source.max_record_age_seconds >= 0:
            oldest_ms = now_ms - source.max_record_age_seconds * 1000
            expired = tuple(record for record in attempt.records if record.timestamp < oldest_ms)
            if expired:
                return GiveUp(expired, "EventAgeExceeded", attempt.calls, attempt.error)
        if 0 <= source.retry_attempts < attempt.failures:
            return GiveUp(attempt.records, "RetryAttemptsExhausted", attempt.calls, attempt.error)
        return Send(attempt.records, again=attempt.calls > 0 or attempt.waits > 0)

    def judged(self, verdict: Verdict) -> None:
        """Take in what the invocation of the last Send came to."""
        attempt = self._todo.pop()
        before, self.delay = len(attempt.records), 0.0
        pieces = self._pieces(attempt, verdict)
        self._todo.extend(reversed(pieces))
        self.acknowledged += before - sum(len(piece.records) for piece in pieces)
        if pieces:
            self.delay = self._backoff(pieces[0].waits)

    def _pieces(self, attempt: Attempt, verdict: Verdict) -> list[Attempt]:
        waited = attempt._replace(waits=attempt.waits + 1)
        match verdict:
            case Succeeded():
                return []
            case Unreachable():
                # No function ran, so no attempt is used up.
                return [waited]
            case Failed(error):
                called = waited._replace(calls=attempt.calls + 1, error=error)
                return self._halves(called) if self._source.bisect_on_error else [self._failed(called)]
            case Partial(failed):
                called = waited._replace(calls=attempt.calls + 1, error=None)
                return [self._failed(called._replace(records=self._unfinished(attempt.records, failed)))]
            case _:
                return [self._failed(waited._replace(calls=attempt.calls + 1, error=None))]

    def _halves(self, attempt: Attempt) -> list[Attempt]:
        middle = len(attempt.records) // 2
        if middle == 0:
            return [self._failed(attempt)]
        # Splitting does not use up an attempt.
        records = attempt.records
        return [attempt._replace(records=half, waits=1) for half in (records[:middle], records[middle:])]

    @staticmethod
    def _failed(attempt: Attempt) -> Attempt:
        return attempt._replace(failures=attempt.failures + 1)

    def _unfinished(
        self, records: Sequence[Polled], failed: AbstractSet[tuple[str, int]]
    ) -> tuple[Polled, ...]:
        if not self._source.resend_successes:
            return tuple(record for record in records if (record.slot, record.offset) in failed)
        first: dict[str, int] = {}
        for slot, offset in failed:
            first[slot] = min(offset, first.get(slot, offset))
        return tuple(
            record for record in records if record.slot in first and record.offset >= first[record.slot]
        )

    def _backoff(self, waits: int) -> float:
        return min(self._source.retry_backoff_seconds * 2.0 ** min(waits - 1, 30), MAX_BACKOFF_SECONDS)

    def gave_up(self) -> None:
        """Settle the records of the last GiveUp: the on-failure destination has them."""
        if isinstance(self._step, GiveUp):
            gone = {(record.slot, record.offset) for record in self._step.records}
            self._keep(lambda record: (record.slot, record.offset) not in gone)
        self.delay = 0.0

    def write_failed(self, times: int) -> None:
        """Wait before the on-failure destination is tried again."""
        self.delay = self._backoff(times)

    def drop(self, slots: AbstractSet[str]) -> None:
        """Forget slots that this poller no longer owns: their next owner reads them again."""
        self._all = tuple(record for record in self._all if record.slot not in slots)
        self._keep(lambda record: record.slot not in slots)

    def _keep(self, wanted: Callable[[Polled], bool]) -> None:
        self._todo = [item._replace(records=tuple(filter(wanted, item.records))) for item in self._todo]

    def positions(self) -> dict[int, int]:
        """Return per partition the offset to commit: the first unsettled one, else the one after the last."""
        positions: dict[int, int] = {}
        for record in self._all:
            positions[record.partition] = max(record.offset + 1, positions.get(record.partition, 0))
        for attempt in self._todo:
            for record in attempt.records:
                positions[record.partition] = min(record.offset, positions[record.partition])
        return positions

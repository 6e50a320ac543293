"""A judged batch → the sinks, in the stated order → what became of every record.

    claims and store → publish → dead letters, and the claims of the refused withdrawn

A partition stops at its first retryable failure: that record and every later one of the partition
are retried, whatever was already done with them (a repeat is harmless). What precedes the cut is
acknowledged.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Final, NamedTuple, Protocol

from sluice.claim import Claim, Commands, claim, withdraw
from sluice.deadline import Deadline
from sluice.letters import lines, object_key
from sluice.outcome import Cleaned, DeadLetter, Duplicate, Outcome, Retry, message_of
from sluice.publish import Topic, publish
from sluice.record import Message, Record

# Law 3: a batch of this size that fails throughout in our own steps is our bug, not its records'.
BREAKER_SIZE: Final = 20
# A round trip with 6 MB, over a slow network.
_BATCH_SECONDS: Final = 5.0


class ConservationError(AssertionError):
    """Raised when a batch's outcomes do not add up to what was received; the event source retries it."""


class Letters(Protocol):
    """Keep objects of dead letters."""

    def put(self, key: str, lines: bytes) -> bool:
        """Write one object; tell whether it is there now."""
        ...


class Sinks(NamedTuple):
    """Hold where a batch goes; `ttl` is in seconds."""

    cache: Commands
    topic: Topic
    letters: Letters
    ttl: int
    pipeline: str
    now: Callable[[], datetime] = lambda: datetime.now(UTC)


@dataclass
class Delivery:
    """Say what became of a batch: one outcome a message, in order, and where each partition was cut."""

    outcomes: list[Outcome]
    cuts: dict[str, int]
    breaker: bool = False
    faults: dict[str, str] = field(default_factory=dict)
    stage_seconds: dict[str, float] = field(default_factory=dict)
    # Agents whose history was not read or not written.
    histories_missed: int = 0

    def batch_item_failures(self) -> list[dict[str, dict[str, str | int]]]:
        """Return Lambda's `batchItemFailures`: of each cut partition every record from the cut on."""
        origins = sorted(outcome.message.origin for outcome in self.outcomes if isinstance(outcome, Retry))
        return [{"itemIdentifier": {"partition": o.topic_partition, "offset": o.offset}} for o in origins]

    def retry_all(self) -> None:
        """Make every outcome a retry: the function raises, so nothing of the batch is acknowledged."""
        self.outcomes = [Retry(message_of(outcome)) for outcome in self.outcomes]


class _Batch:
    """One delivery under way: outcomes by position, and the lowest failed offset of each partition."""

    def __init__(self, messages: Sequence[Message]) -> None:
        self.messages = messages
        self.cuts: dict[str, int] = {}
        self.letters: dict[str, DeadLetter] = {}
        self.duplicates: dict[str, Duplicate] = {}
        self.delivered: dict[str, Record] = {}
        self.refused: dict[str, Record] = {}
        self.faults: dict[str, str] = {}
        self.stage_seconds: dict[str, float] = {}

    def cut(self, message: Message) -> None:
        origin = message.origin
        known = self.cuts.get(origin.topic_partition)
        if known is None or origin.offset < known:
            self.cuts[origin.topic_partition] = origin.offset

    def below_cut(self, message: Message) -> bool:
        if not self.cuts:
            return True
        cut = self.cuts.get(message.origin.topic_partition)
        return cut is None or message.origin.offset < cut

    def outcome(self, verdict: Record | DeadLetter) -> Outcome:
        if self.cuts and not self.below_cut(verdict.message):
            return Retry(verdict.message)
        name = verdict.origin_id if type(verdict) is Record else verdict.message.origin.id
        if name in self.delivered:
            return Cleaned(self.delivered[name])
        return self.duplicates.get(name) or self.letters[name]


def deliver(
    messages: Sequence[Message], judged: Sequence[Record | DeadLetter], sinks: Sinks, deadline: Deadline
) -> Delivery:
    """Write a judged batch (one verdict a message, in order) and say what became of every message.

    Retries inside until the deadline's margin. Raises ConservationError when the verdicts do not
    cover the messages one to one, before anything is written.
    """
    _check_verdicts(messages, judged)
    batch = _Batch(messages)
    if _is_our_bug(judged):
        return Delivery([Retry(message) for message in messages], _all_cut(batch, messages), breaker=True)
    records = [verdict for verdict in judged if type(verdict) is Record]
    batch.letters = {v.message.origin.id: v for v in judged if type(v) is DeadLetter}
    for name, stage in _STAGES:
        started = time.perf_counter()
        stage(batch, records, sinks, deadline)
        batch.stage_seconds[name] = time.perf_counter() - started
    return _finish(batch, judged)


def _check_verdicts(messages: Sequence[Message], judged: Sequence[Record | DeadLetter]) -> None:
    origins = [message.origin for message in messages]
    if origins != [verdict.message.origin for verdict in judged] or len(set(origins)) != len(origins):
        msg = f"{len(messages)} messages received, {len(judged)} verdicts, or not one for each"
        raise ConservationError(msg)


def _is_our_bug(judged: Sequence[Record | DeadLetter]) -> bool:
    return len(judged) >= BREAKER_SIZE and all(
        isinstance(verdict, DeadLetter) and verdict.reason == "step_failed" for verdict in judged
    )


def _all_cut(batch: _Batch, messages: Sequence[Message]) -> dict[str, int]:
    for message in messages:
        batch.cut(message)
    return batch.cuts


def _store(batch: _Batch, records: Sequence[Record], sinks: Sinks, deadline: Deadline) -> None:
    """Claim and store every record but the near-duplicates to drop."""
    dropped = [record for record in records if record.dropped_for]
    if not dropped:
        _claim_all(batch, records, sinks, deadline)
        return
    _claim_all(batch, [record for record in records if not record.dropped_for], sinks, deadline)
    # Nothing is dropped for what was itself found to repeat another: that may be this very record's own claim, left
    # by a run that failed, and both would be gone.
    kept = [record for record in dropped if record.dropped_for in batch.duplicates]
    batch.duplicates |= {
        record.origin_id: Duplicate(record, record.dropped_for)
        for record in dropped
        if record.dropped_for not in batch.duplicates
    }
    _claim_all(batch, kept, sinks, deadline)


def _claim_all(batch: _Batch, records: Sequence[Record], sinks: Sinks, deadline: Deadline) -> None:
    """Claim and store the records; what the cache does not answer in time cuts its partition."""
    pending, attempt = records, 0
    while pending:
        claims = claim(pending, sinks.cache, sinks.ttl, deadline.wait(longest=_BATCH_SECONDS))
        failed: list[Record] = []
        for record, answer in zip(pending, claims, strict=True):
            if answer.verdict != "stored":
                _note_claim(batch, record, answer, failed)
        pending = failed
        if pending and not deadline.pause(attempt):
            break
        attempt += 1
    for record in pending:
        batch.cut(record.message)


def _note_claim(batch: _Batch, record: Record, answer: Claim, failed: list[Record]) -> None:
    if answer.verdict == "failed":
        batch.faults["cache"] = answer.error
        failed.append(record)
    else:
        batch.duplicates[record.origin_id] = Duplicate(record, answer.original)


def _publish(batch: _Batch, records: Sequence[Record], sinks: Sinks, deadline: Deadline) -> None:
    """Publish the stored records below the cuts; what is refused alone becomes a dead letter."""
    ready = records
    if batch.duplicates or batch.cuts:
        ready = [r for r in records if r.origin_id not in batch.duplicates and batch.below_cut(r.message)]
    if not ready:
        return
    published = publish(ready, sinks.topic, deadline)
    for record in ready:
        if record.origin_id in published.delivered:
            batch.delivered[record.origin_id] = record
        elif record.origin_id in published.refused:
            _refuse(batch, record, published.refused[record.origin_id])
        else:
            batch.faults["topic"] = published.fault
            batch.cut(record.message)


def _refuse(batch: _Batch, record: Record, error: str) -> None:
    batch.refused[record.origin_id] = record
    detail = f"{error}: {len(record.value)} bytes"
    batch.letters[record.origin_id] = DeadLetter(
        record.message, "publish", "refused_by_broker", detail, record.schema, record.source
    )


def _write_letters(batch: _Batch, _: Sequence[Record], sinks: Sinks, deadline: Deadline) -> None:
    """Write the dead letters below the cuts, one object a reason; what S3 does not take is retried."""
    by_reason: defaultdict[str, list[DeadLetter]] = defaultdict(list)
    for letter in sorted(batch.letters.values(), key=lambda letter: letter.message.origin):
        if batch.below_cut(letter.message):
            by_reason[letter.reason].append(letter)
    for letters in by_reason.values():
        key, body = object_key(letters), lines(letters, sinks.pipeline, sinks.now())
        if not _retried(partial(sinks.letters.put, key, body), batch, "dead_letters", deadline):
            for letter in letters:
                batch.cut(letter.message)
    _withdraw(batch, sinks, deadline)


def _withdraw(batch: _Batch, sinks: Sinks, deadline: Deadline) -> None:
    """Take back the claims of what was refused; only now, for duplicates have been dropped on their strength.

    A claim that went before its letter was written would let the record itself, when it comes again,
    be dropped as a duplicate of one of those.
    """
    for record in batch.refused.values():
        if batch.below_cut(record.message):
            take_back = partial(_take_back, record, sinks, deadline)
            if not _retried(take_back, batch, "cache", deadline):
                batch.cut(record.message)


def _take_back(record: Record, sinks: Sinks, deadline: Deadline) -> bool:
    return withdraw(record, sinks.cache, deadline.wait())


def _retried(write: Callable[[], bool], batch: _Batch, sink: str, deadline: Deadline) -> bool:
    """Try a small write until it succeeds or the time is up; with the time up, a sink fails but once."""
    attempt = 0
    while sink not in batch.faults or deadline.left() > 0:
        if write():
            return True
        batch.faults[sink] = "not written in time"
        if not deadline.pause(attempt):
            return False
        attempt += 1
    return False


_Stage = Callable[[_Batch, Sequence[Record], Sinks, Deadline], None]
_STAGES: Final[tuple[tuple[str, _Stage], ...]] = (
    ("store", _store),
    ("publish", _publish),
    ("dead_letters", _write_letters),
)


def _finish(batch: _Batch, judged: Sequence[Record | DeadLetter]) -> Delivery:
    try:
        outcomes = [batch.outcome(verdict) for verdict in judged]
    except KeyError as error:
        msg = f"{error} was neither cleaned, nor a duplicate, nor dead-lettered, nor retried"
        raise ConservationError(msg) from None
    return Delivery(outcomes, batch.cuts, faults=batch.faults, stage_seconds=batch.stage_seconds)

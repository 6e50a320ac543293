"""The check that trusts nobody: where every sent record ended, and with which bytes.

It knows three things of its own: what it sent (the ledger), where the broker put it (the delivery
reports), and what the pure pipeline makes of it. Everything else is compared with these.
"""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

from ops.twin.collect import Consumed, GivenUp, Letter
from ops.twin.differences import Differences
from ops.twin.inputs import identity
from ops.twin.ledger import Ledger
from sluice.outcome import DeadLetter
from sluice.record import Message, Record

Judge = Callable[[Sequence[Message]], list[Record | DeadLetter]]

CLEANED, LETTER, GIVEN_UP, DUPLICATE = 1, 2, 4, 8
# Only the broker knows what it refuses, so the pure pipeline cannot foresee this reason.
_BY_THE_BROKER = "refused_by_broker"
# Kafka's own `max.message.bytes`, and more than a batch of one record adds to it.
DEFAULT_TOPIC_BYTES = 1_048_588
_FRAMING_BYTES = 512
_CHUNK = 1_000


class Sample(NamedTuple):
    """One record before and after, for people to look at."""

    before: bytes
    after: bytes
    flags: int


@dataclass
class Findings:
    """What became of the sent records, by the runner's own count; `freshness` in milliseconds."""

    received: int = 0
    cleaned: int = 0
    repeats: int = 0
    duplicates: int = 0
    conflicts: int = 0
    dead_letters: Counter[str] = field(default_factory=Counter)
    given_up: int = 0
    given_up_alone: int = 0
    came_through: int = 0
    lost: int = 0
    freshness: array[float] = field(default_factory=lambda: array("d"))
    sample: Sample | None = None


class Check:
    """Find every sent record's place; `foreign` holds the cache keys that others' values occupied."""

    def __init__(
        self,
        ledger: Ledger,
        judge: Judge,
        foreign: Collection[str] = (),
        topic_bytes: int = DEFAULT_TOPIC_BYTES,
    ) -> None:
        """Begin with no place found; `topic_bytes` is the cleaned topic's `max.message.bytes`."""
        self._topic_bytes = topic_bytes
        self.findings = Findings()
        self.differences = Differences()
        self._ledger = ledger
        self._judge = judge
        self._foreign = {_digest(key.encode()) for key in foreign}
        self._places = bytearray(len(ledger))
        self._identities: set[bytes] = set()
        self._contents: set[bytes] = set()
        self._last: dict[tuple[int, bytes | None], int] = {}
        self._home: dict[bytes | None, int] = {}

    def cleaned(self, chunk: Sequence[Consumed]) -> None:
        """Take in messages of the cleaned topic, in their order within each partition."""
        found = []
        for message in chunk:
            number = self._find(_origin(message), "the cleaned topic")
            if number is not None:
                found.append((message, number))
        verdicts = self._judge([self._ledger.message(number) for _, number in found])
        for (message, number), verdict in zip(found, verdicts, strict=True):
            self._cleaned_one(message, number, verdict)

    def _cleaned_one(self, message: Consumed, number: int, verdict: Record | DeadLetter) -> None:
        if isinstance(verdict, DeadLetter):
            self.differences.add(
                f"cleaned, but the pipeline refuses it as {verdict.reason}", self._name(number)
            )
            return
        if not _is_result(message, verdict):
            self.differences.add(_how_it_differs(message, verdict), self._name(number))
            return
        if self._home.setdefault(message.key, message.partition) != message.partition:
            self.differences.add("one key in two partitions of the cleaned topic", self._name(number))
        if self._places[number] & CLEANED:
            self.findings.repeats += 1
            return
        self._places[number] |= CLEANED
        self._first_occurrence(message, number, verdict)

    def _first_occurrence(self, message: Consumed, number: int, record: Record) -> None:
        self.findings.cleaned += 1
        partition, offset = self._ledger.place(number)
        if offset < self._last.get((partition, message.key), -1):
            self.differences.add("first occurrence out of order", self._name(number))
        self._last[partition, message.key] = offset
        self.findings.freshness.append(message.timestamp - record.message.timestamp)
        # Under the identity that it is kept by: redaction gives two spellings of an address one name.
        self._identities.add(_digest(record.cache_key.encode()))
        self._remember(number, count=True)
        best = self.findings.sample
        if best is None or len(record.flags) > best.flags:
            self.findings.sample = Sample(record.message.value or b"", record.value, len(record.flags))

    def _remember(self, number: int, *, count: bool) -> None:
        """Note identity and content as living in a place; `count` what is cleaned."""
        named = identity(self._ledger.values[number])
        if named is None:
            return
        content = _digest(named.content)
        if count:
            self.findings.came_through += content in self._contents
        self._contents.add(content)

    def letters(self, letters: Iterable[Letter]) -> None:
        """Take in dead letters; a letter is known by its id, so two of the same are one."""
        found = []
        for letter in letters:
            number = self._find(letter.id, "the dead letters")
            if number is not None:
                found.append((letter, number))
        verdicts = self._judge([self._ledger.message(number) for _, number in found])
        for (letter, number), verdict in zip(found, verdicts, strict=True):
            self._letter(letter, number, verdict)

    def _letter(self, letter: Letter, number: int, verdict: Record | DeadLetter) -> None:
        if letter.value != self._ledger.values[number]:
            self.differences.add("dead letter without the bytes that were sent", letter.id)
            return
        expected = verdict.reason if isinstance(verdict, DeadLetter) else self._refusal(verdict)
        if letter.reason != expected:
            self.differences.add(f"dead letter as {letter.reason}, the pipeline says {expected}", letter.id)
            return
        if self._places[number] & LETTER:
            return
        if self._places[number] & CLEANED:
            self.differences.add("both cleaned and a dead letter", letter.id)
        self._places[number] |= LETTER
        self.findings.dead_letters[letter.reason] += 1
        self._remember(number, count=False)

    def _refusal(self, record: Record) -> str:
        """Return what a sound record may be a dead letter for: only one near the topic's limit can be refused."""
        headers = sum(len(name) + len(value or b"") for name, value in record.headers)
        size = len(record.value) + len(record.agent_id.encode()) + headers + _FRAMING_BYTES
        return _BY_THE_BROKER if size > self._topic_bytes else "nothing: it is sound and not too large"

    def given_up(self, records: Iterable[GivenUp]) -> None:
        """Take in what the event source gave up on; part of such a batch may have been done before."""
        for record in records:
            number = self._find(record.id, "the on-failure objects")
            if number is None:
                continue
            if record.value != self._ledger.values[number]:
                self.differences.add("on-failure object without the bytes that were sent", record.id)
            elif not self._places[number] & GIVEN_UP:
                self.findings.given_up += 1
                self.findings.given_up_alone += not self._places[number]
                self._places[number] |= GIVEN_UP
                self._remember(number, count=False)

    def finish(self) -> Findings:
        """Prove the duplicates among what was found nowhere; the rest is lost. Call it last."""
        findings = self.findings
        for chunk in _chunks(self._missing(), _CHUNK):
            verdicts = self._judge([self._ledger.message(number) for number in chunk])
            for number, verdict in zip(chunk, verdicts, strict=True):
                self._missing_one(number, verdict)
        findings.received = self._ledger.delivered
        unique = findings.cleaned - findings.came_through
        findings.conflicts = unique - len(self._identities) + len(self._identities & self._foreign)
        for origin in self._ledger.reused:
            self.differences.add("the broker gave one offset to two records", origin)
        findings.received += len(self._ledger.reused)
        findings.lost += len(self._ledger.reused)
        return findings

    def _missing(self) -> Iterator[int]:
        return (
            number
            for number, place in enumerate(self._places)
            if not place and self._ledger.is_delivered(number)
        )

    def _missing_one(self, number: int, verdict: Record | DeadLetter) -> None:
        named = identity(self._ledger.values[number])
        proved = (
            isinstance(verdict, Record) and named is not None and _digest(named.content) in self._contents
        )
        if proved:
            self._places[number] |= DUPLICATE
            self.findings.duplicates += 1
        else:
            self.findings.lost += 1
            self.differences.add("lost", self._name(number))

    def _find(self, origin: str, where: str) -> int | None:
        number = self._ledger.find(origin)
        if number is None:
            self.differences.add(f"never sent, but in {where}", origin)
        return number

    def _name(self, number: int) -> str:
        return self._ledger.message(number).origin.id


def _is_result(message: Consumed, record: Record) -> bool:
    """Say whether key, headers and value are the pipeline's, byte for byte."""
    return (
        message.value == record.value
        and message.key == record.agent_id.encode()
        and message.headers == record.headers
    )


def _how_it_differs(message: Consumed, record: Record) -> str:
    theirs, ours = dict(message.headers).get("sluice-pipeline"), dict(record.headers)["sluice-pipeline"]
    if theirs != ours:
        return "cleaned by another version of the pipeline than the runner's"
    return "cleaned message differs from the pipeline's result"


def _origin(message: Consumed) -> str:
    for name, value in message.headers:
        if name == "sluice-origin":
            return value.decode(errors="backslashreplace")
    return f"(no sluice-origin at {message.partition}-{message.offset})"


def _digest(data: bytes) -> bytes:
    return blake2b(data, digest_size=16).digest()


def _chunks(numbers: Iterator[int], size: int) -> Iterator[list[int]]:
    while chunk := list(islice(numbers, size)):
        yield chunk

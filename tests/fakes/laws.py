"""The laws of delivery, asked of every answer and of what the sinks hold in the end."""

from __future__ import annotations

from base64 import b64decode
from collections import Counter
from collections.abc import Hashable, Sequence

from sluice.deliver import Delivery
from sluice.outcome import Cleaned, DeadLetter, Duplicate, Retry, message_of
from sluice.record import Message, Record
from tests.fakes.broker import Stored
from tests.fakes.event_source import Batch
from tests.fakes.world import World


class Laws:
    """Watch one run of the event source over one world."""

    def __init__(self, world: World, verdicts: dict[Message, Record | DeadLetter]) -> None:
        self._world = world
        self._verdicts = verdicts
        self._acknowledged: dict[str, Cleaned | Duplicate | DeadLetter] = {}
        self._struck = 0

    def answer(self, batch: Batch, delivery: Delivery) -> None:
        """Check one answer as it is given."""
        outcomes = delivery.outcomes
        # Law 1: one outcome a message, and the counts add up.
        assert [message_of(outcome).origin for outcome in outcomes] == [message.origin for message in batch]
        kinds = Counter(type(outcome) for outcome in outcomes)
        assert sum(kinds[kind] for kind in (Cleaned, Duplicate, DeadLetter, Retry)) == len(batch)
        # Law 3: no retry without a fault since the last answer; law 5: a cut leaves nothing behind it.
        assert not kinds[Retry] or self._world.schedule.struck > self._struck, "a retry without a fault"
        self._struck = self._world.schedule.struck
        self._closed(outcomes)
        for outcome in outcomes:
            if not isinstance(outcome, Retry):
                self._acknowledged[message_of(outcome).origin.id] = outcome
        # Law 6, at the moment of the acknowledgement: what is dropped has somebody who lives.
        published, letters = self._published(), self._letters()
        self._kept(published, letters)
        for name, outcome in self._acknowledged.items():
            if isinstance(outcome, Duplicate):
                self._lives(name, published, letters)

    def state(self) -> Hashable:
        """Return what was answered so far."""
        return frozenset(
            (name, type(outcome), outcome.original if isinstance(outcome, Duplicate) else "")
            for name, outcome in self._acknowledged.items()
        )

    def end(self, messages: Sequence[Message]) -> None:
        """Check what is there when everything was acknowledged."""
        published, letters = self._published(), self._letters()
        assert self._acknowledged.keys() == {message.origin.id for message in messages}
        self._kept(published, letters)
        self._in_order(messages)
        assert all(entry.ends is not None for entry in self._world.cache.keys().values()), "a key without end"
        # No message waits in a producer that could still send it.
        assert not any(map(len, self._world.broker.producers[-1:]))

    def _closed(self, outcomes: Sequence[Cleaned | Duplicate | DeadLetter | Retry]) -> None:
        cut: set[int] = set()
        for outcome in outcomes:
            partition = message_of(outcome).origin.partition
            if isinstance(outcome, Retry):
                cut.add(partition)
            assert isinstance(outcome, Retry) or partition not in cut, (
                "acknowledged behind its partition's cut"
            )

    def _kept(self, published: set[str], letters: dict[str, str]) -> None:
        stored = self._world.cache.values()
        for name, outcome in self._acknowledged.items():
            if isinstance(outcome, Cleaned):
                assert name in published, "acknowledged, not published"
                assert outcome.record.value in stored, "acknowledged, not stored"
            elif isinstance(outcome, DeadLetter):
                value = outcome.message.value or b""
                assert b64decode(letters[name]) == value, "acknowledged, its bytes are lost"
                assert self._value_of(outcome) not in stored, "dead, and its claim stands"

    def _value_of(self, outcome: DeadLetter) -> bytes | None:
        verdict = self._verdicts[outcome.message]
        return verdict.value if isinstance(verdict, Record) else None

    def _lives(self, name: str, published: set[str], letters: dict[str, str]) -> None:
        """Follow a dropped record's originals to one that is published, dead-lettered or still with the broker."""
        seen = {name}
        while isinstance(outcome := self._acknowledged.get(name), Duplicate):
            name = outcome.original
            if name in published or name in letters:
                return
            assert name not in seen, "duplicates of one another: all are lost"
            seen.add(name)
        assert outcome is None, "its original is nowhere"

    def _in_order(self, messages: Sequence[Message]) -> None:
        """Law 5: per raw partition and key, first occurrences ascend, whatever repeats."""
        raw = {message.origin.id: message for message in messages}
        for log in self._world.broker.logs:
            last: dict[tuple[int, bytes], int] = {}
            seen: set[str] = set()
            for stored in log:
                message = raw[origin_of(stored)]
                verdict = self._verdicts[message]
                assert isinstance(verdict, Record), "published, and not a record"
                assert stored.value == verdict.value, "published, and not what was judged"
                origin = message.origin
                if origin.id not in seen:
                    seen.add(origin.id)
                    place = (origin.partition, stored.key)
                    assert last.get(place, -1) < origin.offset, "a first occurrence comes late"
                    last[place] = origin.offset

    def _published(self) -> set[str]:
        return {origin_of(stored) for log in self._world.broker.logs for stored in log}

    def _letters(self) -> dict[str, str]:
        return {str(letter["id"]): str(letter["value_b64"] or "") for letter in self._world.s3.letters()}


def origin_of(stored: Stored) -> str:
    """Return the origin id that a published message says it has."""
    name, value = stored.headers[0]
    assert name == "sluice-origin"
    return value.decode()

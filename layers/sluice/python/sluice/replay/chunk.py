"""One chunk of a plan: claim, run, settle, object by object. The protocol is docs/decisions/0011.

Nothing is held but one object's letters. Any call may fail or be the last one: what was claimed and not
settled is free again when the claim ends, what was settled is found so by whoever comes next.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

from sluice.deadline import Deadline
from sluice.replay.letter import Letter, claimed, moment, write_letters
from sluice.replay.selection import Entry
from sluice.replay.settle import (
    BUSY,
    NOT_RUN,
    PARK,
    REPEAT,
    Outcome,
    Terms,
    claim,
    recorded,
    repeat,
    settle,
    standing,
    standing_of_repeat,
    together,
)
from sluice.replay.store import Store, persist
from sluice.replay.sweep import sweep
from sluice.replay.view import View, look

# Beyond the function's own time-out: what clocks may differ by.
GRACE: Final = timedelta(seconds=60)
# An object changes under us only while another replay works on it; so often in a row it is simply busy.
_REREADS: Final = 10
Place = tuple[str, int]


class Runs(Protocol):
    """Run letters and say what became of each, in order."""

    def __call__(self, letters: Sequence[Letter], terms: Terms, deadline: Deadline) -> list[Outcome]:
        """Return one outcome a letter."""
        ...


class OutOfTimeError(RuntimeError):
    """Raised when the function's time ends before its chunk does; called again it goes on where it stopped."""


@dataclass
class Worker:
    """Work through one chunk; `timeout_seconds` is the function's time-out."""

    store: Store
    run: Runs
    terms: Terms
    deadline: Deadline
    timeout_seconds: float
    now: Callable[[], datetime]
    outcomes: dict[Place, Outcome] = field(default_factory=dict)

    def chunk(self, entries: Sequence[Entry]) -> dict[Place, Outcome]:
        """Return the outcome of every selected letter of the chunk, by object and place.

        Raises StorageError when S3 does not answer, OutOfTimeError when there is more to do than time.
        """
        blocked: set[Place] = set()
        for entry in entries:
            if entry.copies or entry.aliases:
                blocked |= self._repeats(entry)
        # Where an earlier run of this replay ended in mid-air comes last: it may be what ended it.
        begun = [entry for entry in entries if not self._object(entry, blocked, fresh_only=True)]
        for entry in begun:
            self._object(entry, blocked, fresh_only=False)
        return self.outcomes

    def _note(self, key: str, results: dict[int, Outcome]) -> None:
        self.outcomes.update({(key, place): outcome for place, outcome in results.items()})

    def _write(self, key: str, letters: Sequence[Letter], etag: str) -> str | None:
        body = write_letters(letters)
        return persist(lambda: self.store.put(key, body, etag), self.deadline)

    def _repeats(self, entry: Entry) -> set[Place]:
        """Settle letters that repeat another one before that one is run, so that never both are.

        Return the letters that may not be run, for somebody else has their repeat.
        """
        originals = {place: (owner, at) for place, owner, at in (*entry.copies, *entry.aliases)}
        results: dict[int, Outcome] = {}
        for _ in range(_REREADS):
            results = self._mark(entry.key, originals)
            if len(results) == len(originals):
                break
        results = dict.fromkeys(originals, BUSY) | results
        self._note(entry.key, {place: results[place] for place, *_ in entry.copies})
        return {originals[place] for place, *_ in entry.aliases if results[place].name != "duplicate"}

    def _mark(self, key: str, originals: dict[int, Place]) -> dict[int, Outcome]:
        """Mark the repeats in one object; an outcome is missing where somebody was faster."""
        view, now = look(key, self.store, self.deadline), moment(self.now())
        letters = list(view.letters)
        results = {place: standing_of_repeat(letters, place, self.terms, now) for place in originals}
        todo = [place for place, outcome in results.items() if outcome is None]
        known = {place: outcome for place, outcome in results.items() if outcome is not None}
        if not todo or not view.etag:
            return dict.fromkeys(todo, BUSY) | known
        for place in todo:
            letters[place] = repeat(letters[place], originals[place][0], self.terms, now)
        version = self._write(key, letters, view.etag)
        if version is None:
            return known
        sweep(key, View(letters, version), self.store, self.deadline, now)
        return known | dict.fromkeys(todo, REPEAT)

    def _object(self, entry: Entry, blocked: Collection[Place], *, fresh_only: bool) -> bool:
        """Run the letters of one object; False, with nothing begun, when an earlier run of ours died on them."""
        key, pending, refused = entry.key, list(entry.run), 0
        while pending:
            if self.deadline.left() <= 0:
                raise OutOfTimeError(
                    "more letters than time: called again, the chunk goes on where it stopped"
                )
            if refused == _REREADS:
                self._note(key, dict.fromkeys(pending, BUSY))
                break
            view, now = look(key, self.store, self.deadline), moment(self.now())
            known = {place: _standing(view, place, self.terms, now) for place in pending}
            for place in pending:
                if (key, place) in blocked and (known[place] is None or known[place] is PARK):
                    known[place] = NOT_RUN
            ready = [place for place, outcome in known.items() if outcome is None]
            if fresh_only and any(claimed(view.letters[place], now) for place in ready):
                return False
            self._note(key, {place: outcome for place, outcome in known.items() if outcome is not None})
            todo = together(view.letters, ready)
            parks = [place for place, outcome in known.items() if outcome is PARK]
            if not (todo or parks):
                break
            if self._take(key, view, todo, parks):
                pending = [place for place in ready if place not in todo]
            else:
                refused += 1
        return True

    def _take(self, key: str, view: View, todo: list[int], parks: list[int]) -> bool:
        """Claim letters, run them, write all their states at once; False when somebody was faster to claim."""
        letters, etag = list(view.letters), view.etag
        results = dict.fromkeys(parks, PARK)
        if todo:
            until = moment(self.now() + timedelta(seconds=self.timeout_seconds) + GRACE)
            for place in todo:
                letters[place] = claim(letters[place], self.terms, until)
            version = self._write(key, letters, etag)
            if version is None:
                return False
            etag = version
            outcomes = self.run([letters[place] for place in todo], self.terms, self.deadline)
            results |= zip(todo, outcomes, strict=True)
        now = moment(self.now())
        for place, outcome in results.items():
            letters[place] = settle(letters[place], outcome, self.terms, now)
        version = self._write(key, letters, etag)
        if version is None:
            # Refused: either an answer was lost and this is written, or the outcome is void.
            current = look(key, self.store, self.deadline).letters
            results = {place: _recorded(current, place, self.terms) for place in results}
        else:
            sweep(key, View(letters, version), self.store, self.deadline, now)
        self._note(key, results)
        return True


def _standing(view: View, place: int, terms: Terms, now: str) -> Outcome | None:
    if place >= len(view.letters):
        return BUSY
    outcome = standing(view.letters[place], terms, now)
    # What lies in an archive is only looked at: nothing is claimed there by its old name.
    return BUSY if not view.etag and (outcome is None or outcome is PARK) else outcome


def _recorded(letters: Sequence[Letter], place: int, terms: Terms) -> Outcome:
    return (recorded(letters[place], terms) if place < len(letters) else None) or BUSY

"""The letters as they lie in the bucket, each once, wherever replays have put them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from ops.cli.exits import Complaint
from ops.cli.target import WORKERS, Target, patience
from sluice.replay.letter import Letter, claimed, identity, moment
from sluice.replay.request import Filter
from sluice.replay.scan import scan
from sluice.replay.selection import agent_of, choosing
from sluice.replay.store import LETTERS, PARKED, REPLAYED, UNDELIVERED, persist
from sluice.replay.undelivered import import_key, originals

# What waits for somebody, and where what is in which state may lie.
WAITING: Final = ("open",)
_PLACES: Final = {"open": (LETTERS,), "parked": (LETTERS, PARKED)}
_ANYWHERE: Final = (LETTERS, PARKED, REPLAYED)
# What of a letter may be shown without being asked for: not the message, its key or its headers.
SHOWN: Final = (
    "id", "state", "reason", "stage", "detail", "schema", "pipeline", "attempt", "first_failed_at", "failed_at",
    "replay_id",
)  # fmt: skip


class Place(NamedTuple):
    """A letter and the object that it lies in."""

    key: str
    letter: Letter


@dataclass
class Shelf:
    """Read letters of some states out of the bucket; objects that cannot be read are counted."""

    target: Target
    states: tuple[str, ...] = WAITING
    unreadable: int = 0

    def places(self, chosen: Filter) -> Iterator[Place]:
        """Yield the letters that the filter takes, one for each message."""
        takes = choosing(chosen)
        seen: set[bytes] = set()
        for key, letter in self._letters(self.states):
            if not _is_meant(key, chosen) or not takes(letter):
                continue
            name = identity(letter)
            if name not in seen and not letter.get("alias_of"):
                seen.add(name)
                yield Place(key, letter)

    def copies(self, chosen: Filter, ids: Collection[str]) -> dict[bytes, list[str]]:
        """Return the messages that the filter, and ids if there are any, take; for each, where its letters wait.

        An object is named once for each letter. A message that is taken for one of its letters is taken with
        all that are open or parked, wherever they lie: a replay would take up any of them.
        """
        takes = choosing(chosen)
        found: defaultdict[bytes, list[str]] = defaultdict(list)
        taken: set[bytes] = set()
        for key, letter in self._letters(("open", "parked")):
            name = identity(letter)
            found[name].append(key)
            asked = letter["state"] in self.states and (not ids or letter["id"] in ids)
            if asked and _is_meant(key, chosen) and takes(letter):
                taken.add(name)
        return {name: keys for name, keys in found.items() if name in taken}

    def _letters(self, states: Collection[str]) -> Iterator[Place]:
        """Yield every letter in one of the states, but those that an archive has now."""
        prefixes = dict.fromkeys(prefix for state in states for prefix in _PLACES.get(state, _ANYWHERE))
        for prefix in prefixes:
            for key, letters, _ in scan(self.target.store, prefix, patience(), WORKERS):
                if letters is None:
                    self.unreadable += 1
                    continue
                for letter in letters:
                    if letter["state"] in states and not letter.get("moved"):
                        yield Place(key, letter)

    def not_imported(self) -> int:
        """Return how many on-failure objects no replay has made letters of yet."""
        failed = self.target.failed
        if failed is None:
            return 0
        deadline = patience()
        known = {one.key for one in persist(lambda: list(self.target.store.list(UNDELIVERED)), deadline)}
        listed = persist(lambda: list(originals(failed.list(""))), deadline)
        return sum(import_key(one) not in known for one in listed)


def _is_meant(key: str, chosen: Filter) -> bool:
    if chosen.source == "dead_letters":
        return "reason=undelivered/" not in key
    return chosen.source != "failed_batches" or "reason=undelivered/" in key


def find_letter(target: Target, letter_id: str) -> Place:
    """Return a letter by its id, in whatever state; of several the one that waits. Raises Complaint."""
    shelf = Shelf(target, ("open", "parked", "recovered", "duplicate", "discarded"))
    everything = Filter((), "", "", (), "all")
    found = [place for place in shelf.places(everything) if place.letter["id"] == letter_id]
    if not found:
        raise Complaint(f"no letter {letter_id} in {target.bucket}: {target.command('ls')} lists what waits")
    return min(found, key=lambda place: place.letter["state"] != "open")


def row(place: Place) -> dict[str, Any]:
    """Return what a list says about a letter."""
    letter = place.letter
    held = claimed(letter, moment(datetime.now(UTC)))
    return {
        **{name: letter.get(name) for name in SHOWN},
        "agent": agent_of(letter),
        "claimed_by": held or None,
        "object": place.key,
    }

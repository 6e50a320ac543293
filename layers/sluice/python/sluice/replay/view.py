"""An object's letters wherever they lie now: in the object, or in the archive that it was emptied into."""

from __future__ import annotations

from typing import NamedTuple

from sluice.deadline import Deadline
from sluice.replay.letter import Letter, UnreadableError, read_letters
from sluice.replay.store import Store, archive_of, persist


class View(NamedTuple):
    """One object as it was read; `etag` is empty for what lies in an archive and is only looked at."""

    letters: list[Letter]
    etag: str


_NOTHING = View([], "")


def look(key: str, store: Store, deadline: Deadline) -> View:
    """Return an object's letters, those of an emptied one from its archive. Raises StorageError."""
    for place in (key, archive_of(key, parked=False), archive_of(key, parked=True)):
        stored = persist(lambda place=place: store.get(place), deadline)  # type: ignore[misc]
        if stored is not None and stored.body:
            try:
                return View(read_letters(stored.body), stored.etag if place == key else "")
            except UnreadableError:
                return _NOTHING
    return _NOTHING

"""Clear away an object in which nothing is left to do: its letters go to an archive, its name stays.

The object is emptied and not deleted, so that a late retry of the event source, which writes where nothing
is, finds its letters written. An object with parked letters is sealed first: from then on nothing in it
changes, so whoever goes on with the sweep writes the same archive, and a parked letter has one place only.
"""

from __future__ import annotations

from collections.abc import Sequence

from sluice.deadline import Deadline
from sluice.replay.letter import Letter, UnreadableError, claimed, identity, read_letters, write_letters
from sluice.replay.store import PARKED, Store, archive_of, persist
from sluice.replay.view import View


def is_done(key: str, letters: Sequence[Letter], now: str) -> bool:
    """Tell whether an object has letters and none of them is open, or parked in the archive, or claimed."""
    waiting = {"open", "parked"} if key.startswith(PARKED) else {"open"}
    return bool(letters) and not any(letter["state"] in waiting or claimed(letter, now) for letter in letters)


def sweep(key: str, view: View, store: Store, deadline: Deadline, now: str) -> None:
    """Archive an object as it was read, if nothing is left to do in it, and empty it.

    Every step may be repeated, and taken by another; whoever is late is refused. Where the archive's place is
    taken by other letters, the object is left as it is. Raises StorageError.
    """
    letters, etag = view
    if not is_done(key, letters, now):
        return
    parked = any(letter["state"] == "parked" for letter in letters)
    if parked and not all(letter.get("moved") for letter in letters if letter["state"] == "parked"):
        body = write_letters(map(sealed, letters))
        version = persist(lambda: store.put(key, body, etag), deadline)
        if version is None:
            return
        etag = version
    if _archive(key, letters, store, deadline, parked=parked):
        persist(lambda: store.put(key, b"", etag), deadline)


def _archive(key: str, letters: Sequence[Letter], store: Store, deadline: Deadline, *, parked: bool) -> bool:
    """Bring letters to their archive; False when they are not there afterwards, for something else is."""
    name, body = archive_of(key, parked=parked), write_letters(map(unsealed, letters))
    if persist(lambda: store.put(name, body, None), deadline) is not None:
        return True
    # Refused: the same letters, of whoever swept before; or an object of that name, of long ago or being written now.
    there = persist(lambda: store.get(name), deadline)
    if there is None:
        return False
    if there.body:
        return _holds(there.body, letters)
    if went_on(key, letters, store, deadline):
        return True
    return persist(lambda: store.put(name, body, there.etag), deadline) is not None


def went_on(key: str, letters: Sequence[Letter], store: Store, deadline: Deadline) -> bool:
    """Tell whether letters that were parked are settled: their archive was emptied into the archive of settled ones."""
    settled = persist(lambda: store.get(archive_of(key, parked=False)), deadline)
    return settled is not None and _holds(settled.body, letters)


def _holds(body: bytes, letters: Sequence[Letter]) -> bool:
    """Tell whether an archive holds these messages' letters, in whatever state they are by now."""
    try:
        return list(map(identity, read_letters(body))) == list(map(identity, letters))
    except UnreadableError:
        return False


def sealed(letter: Letter) -> Letter:
    """Return the letter marked as gone to the archive, if it is a parked one: no claim is taken here any more."""
    return {**letter, "moved": True} if letter["state"] == "parked" else letter


def unsealed(letter: Letter) -> Letter:
    """Return the letter as it lies in the archive."""
    return {name: value for name, value in letter.items() if name != "moved"}

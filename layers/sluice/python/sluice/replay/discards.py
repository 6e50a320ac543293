"""Discard letters: a mark that says who decided so and why; the bytes stay until their retention ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from sluice.deadline import Deadline
from sluice.replay.letter import identity, moment, write_letters
from sluice.replay.settle import discard
from sluice.replay.store import Store, persist
from sluice.replay.sweep import sweep
from sluice.replay.view import View, look

_REREADS: Final = 10


def discard_in(
    key: str,
    messages: Collection[bytes],
    store: Store,
    deadline: Deadline,
    *,
    who: str,
    why: str,
    now: Callable[[], datetime],
) -> list[bytes]:
    """Mark the letters of these messages in one object; return the message of each letter that was marked.

    A message is known by its `identity`: an id alone may have a namesake from a topic that was made anew.
    What a replay holds or has settled is left alone. Raises ValueError when nobody or no reason is named,
    StorageError.
    """
    if not who.strip() or not why.strip():
        raise ValueError("a discard names who decided it and why")
    for _ in range(_REREADS):
        view = look(key, store, deadline)
        marked: list[bytes] = []
        letters = list(view.letters)
        for place, letter in enumerate(letters):
            name = identity(letter)
            made = discard(letter, who, why, moment(now())) if name in messages else None
            if made is not None:
                letters[place] = made
                marked.append(name)
        if not marked or not view.etag:
            return []
        version = persist(lambda: store.put(key, write_letters(letters), view.etag), deadline)  # noqa: B023 -- called at once
        if version is not None:
            sweep(key, View(letters, version), store, deadline, moment(now()))
            return marked
    return []

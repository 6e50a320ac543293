"""Discard letters: a mark that says who decided so and why; the bytes stay until their retention ends."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime
from typing import Final

from sluice.deadline import Deadline
from sluice.replay.letter import moment, write_letters
from sluice.replay.settle import discard
from sluice.replay.store import Store, persist
from sluice.replay.sweep import sweep
from sluice.replay.view import View, look

_REREADS: Final = 10


def discard_in(
    key: str,
    ids: Collection[str],
    store: Store,
    deadline: Deadline,
    *,
    who: str,
    why: str,
    now: Callable[[], datetime],
) -> list[str]:
    """Mark the letters of these ids in one object; return the ids that were marked.

    What a replay holds or has settled is left alone. Raises ValueError when nobody or no reason is named,
    StorageError.
    """
    if not who.strip() or not why.strip():
        raise ValueError("a discard names who decided it and why")
    for _ in range(_REREADS):
        view = look(key, store, deadline)
        marked: list[str] = []
        letters = list(view.letters)
        for place, letter in enumerate(letters):
            made = discard(letter, who, why, moment(now())) if letter["id"] in ids else None
            if made is not None:
                letters[place] = made
                marked.append(letter["id"])
        if not marked or not view.etag:
            return []
        version = persist(lambda: store.put(key, write_letters(letters), view.etag), deadline)  # noqa: B023 -- called at once
        if version is not None:
            sweep(key, View(letters, version), store, deadline, moment(now()))
            return marked
    return []

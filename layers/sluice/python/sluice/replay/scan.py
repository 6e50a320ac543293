"""Read the bucket object by object: what a plan, and an operator's list, is made of."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import NamedTuple, TypeVar

from sluice.deadline import Deadline
from sluice.replay.letter import Letter, UnreadableError, read_letters
from sluice.replay.store import Listed, Store, Stored, persist

T = TypeVar("T")
R = TypeVar("R")


class Found(NamedTuple):
    """One object that holds letters; None for `letters` where it cannot be read."""

    key: str
    letters: list[Letter] | None
    etag: str


def scan(store: Store, prefix: str, deadline: Deadline, workers: int = 1) -> Iterator[Found]:
    """Yield the objects under a prefix that were not emptied, in the order of their keys. Raises StorageError.

    `workers` objects are read at a time, and no more than twice as many held.
    """
    keys = (listed.key for listed in _listing(store, prefix, deadline) if listed.size)
    for key, stored in ahead(keys, partial(_get, store, deadline), workers):
        if stored is None or not stored.body:
            continue
        try:
            letters: list[Letter] | None = read_letters(stored.body)
        except UnreadableError:
            letters = None
        yield Found(key, letters, stored.etag)


def _listing(store: Store, prefix: str, deadline: Deadline) -> Iterable[Listed]:
    # A listing that breaks off is begun anew: half of it must not pass for the whole.
    return persist(lambda: list(store.list(prefix)), deadline)


def _get(store: Store, deadline: Deadline, key: str) -> Stored | None:
    return persist(lambda: store.get(key), deadline)


def ahead(items: Iterable[T], call: Callable[[T], R], workers: int) -> Iterator[tuple[T, R]]:
    """Yield each item with what the call makes of it, in order, some of them called ahead in threads."""
    if workers == 1:
        yield from ((item, call(item)) for item in items)
        return
    waiting: deque[tuple[T, Future[R]]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        for item in items:
            waiting.append((item, pool.submit(call, item)))
            if len(waiting) > 2 * workers:
                first, future = waiting.popleft()
                yield first, future.result()
        while waiting:
            first, future = waiting.popleft()
            yield first, future.result()

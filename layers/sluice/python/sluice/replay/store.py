"""Objects with conditional writes, and where the replay keeps what."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, NamedTuple, Protocol, TypeVar

from sluice.deadline import Deadline

LETTERS: Final = "dead-letters/"
# Imported from what the event source gave up on.
UNDELIVERED: Final = "dead-letters/reason=undelivered/"
REPLAYED: Final = "replayed/"
PARKED: Final = "parked/"
REPLAYS: Final = "replays/"
# However late it is, a write is tried so often: a claim that is not settled holds its letters up for minutes.
_TRIES: Final = 3
T = TypeVar("T")


class StorageError(RuntimeError):
    """Raised when S3 does not answer or refuses; the state machine tries again."""


class Listed(NamedTuple):
    """One object of a listing; `size` in bytes, `modified` as letters write time."""

    key: str
    etag: str
    size: int
    modified: str


class Stored(NamedTuple):
    """One object as it was read."""

    body: bytes
    etag: str


class Store(Protocol):
    """Read and conditionally write the objects of one bucket; all raise StorageError."""

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects under a prefix in the order of their keys."""
        ...

    def get(self, key: str, span: tuple[int, int] | None = None) -> Stored | None:
        """Return an object, or its bytes from `span[0]` on, `span[1]` many; None where there is none."""
        ...

    def put(self, key: str, body: bytes, etag: str | None) -> str | None:
        """Write over the version `etag`, or where nothing is (None); return the new one, None when refused (412)."""
        ...


def persist(call: Callable[[], T], deadline: Deadline) -> T:
    """Try a call until it succeeds or the time is up, three times at least; raises StorageError."""
    attempt = 0
    while True:
        try:
            return call()
        except StorageError:
            if not deadline.pause(attempt) and attempt + 1 >= _TRIES:
                raise
        attempt += 1


def archive_of(key: str, *, parked: bool) -> str:
    """Return where the letters of an object go when nothing in it is left to do."""
    name = key.removeprefix(PARKED).removeprefix(LETTERS)
    return (PARKED if parked else REPLAYED) + name

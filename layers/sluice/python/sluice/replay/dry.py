"""A dry run: the very code of a replay, with a store, a cache and a topic that only pretend to write."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

import orjson

from sluice.claim import Command, CommandError, Commands, Reply
from sluice.publish import Report
from sluice.record import Record
from sluice.replay.store import Listed, Store, Stored

_ETAG: Final = "dry"


class DryStore:
    """Read what is there, and what a replay would have put there first; take writes and forget them."""

    def __init__(self, store: Store, pretended: Mapping[str, Callable[[], bytes]]) -> None:
        """Keep the store, and by key how to make an object that a replay would write before it begins."""
        self._store = store
        self._pretended = pretended

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects that are really there."""
        return self._store.list(prefix)

    def get(self, key: str, span: tuple[int, int] | None = None) -> Stored | None:
        """Return an object as a replay would find it."""
        if key in self._pretended:
            return Stored(self._pretended[key](), _ETAG)
        return self._store.get(key, span)

    def put(self, key: str, body: bytes, etag: str | None) -> str | None:  # noqa: ARG002 -- the shape of a store
        """Write nothing, and say that it was written."""
        return _ETAG


class DryCache:
    """Answer claims as the cache would, with GET alone; what would be stored is kept here, by its provenance."""

    def __init__(self, cache: Commands) -> None:
        """Keep the cache, of which nothing but GET is asked."""
        self._cache = cache
        self._stored: dict[str, bytes] = {}

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        """Return one reply a command, in order."""
        asked = [str(c[1]) for c in commands if c[0] == "SET" and c[1] not in self._stored]
        answers = self._cache.run([("GET", key) for key in asked], timeout) if asked else []
        known: dict[str, Reply | CommandError] = dict(zip(asked, answers, strict=True))
        return [self._answer(command, known) for command in commands]

    def _answer(self, command: Command, known: Mapping[str, Reply | CommandError]) -> Reply | CommandError:
        if (
            command[0] != "SET"
        ):  # the index, and withdrawals that a topic which refuses nothing never asks for
            return 1
        key, value = str(command[1]), command[2]
        before = self._stored.get(key, known.get(key))
        if "NX" in command and before is not None:
            return before
        if isinstance(before, CommandError) and not before.foreign:
            return before
        self._stored[key] = _provenance(value)
        return None if "NX" in command else b"OK"


def _provenance(value: object) -> bytes:
    # All that a later claim looks at; a record that comes again is then "mine" instead of "equal", which ends alike.
    prep = orjson.loads(value)["_prep"]  # type: ignore[arg-type]
    return orjson.dumps({"_prep": {name: prep[name] for name in ("origin", "source", "content")}})


class DryTopic:
    """Deliver everything, to nobody: what a broker would refuse it alone knows."""

    alone_above = sys.maxsize

    def send(self, records: Sequence[Record], timeout: float, *, alone: bool = False) -> Report:  # noqa: ARG002 -- the shape of a topic
        """Report all records as delivered."""
        return Report({record.origin_id for record in records}, {}, "")

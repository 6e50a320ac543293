"""Plan a replay: import, sweep, select, cut into chunks; or, dry, count what a run would do."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from itertools import islice
from typing import Any, Final

from sluice.deadline import Deadline
from sluice.deliver import ConservationError
from sluice.replay.chunk import OutOfTimeError, Runs, Worker
from sluice.replay.dry import DryStore
from sluice.replay.estimate import estimate
from sluice.replay.letter import Letter, UnreadableError, moment, read_letters, size_of, write_letters
from sluice.replay.paper import (
    Plan,
    is_conserved,
    load_plan,
    manifest,
    manifest_key,
    plan_key,
    read_plan,
    totals,
    write_plan,
)
from sluice.replay.request import Request
from sluice.replay.scan import Found, ahead, scan
from sluice.replay.selection import Catalogue, Entry, Selection, choosing
from sluice.replay.settle import Terms
from sluice.replay.store import (
    LETTERS,
    PARKED,
    UNDELIVERED,
    Listed,
    StorageError,
    Store,
    Stored,
    archive_of,
    persist,
)
from sluice.replay.sweep import is_done, sweep, unsealed, went_on
from sluice.replay.undelivered import import_key, imported, originals
from sluice.replay.view import View, look

_SAMPLES: Final = 5
# An on-failure object holds a batch of up to 6 MB, and twice as many as are read at a time are held.
_IMPORTERS: Final = 4
_SHOWN: Final = ("id", "reason", "stage", "detail", "schema", "attempt", "first_failed_at")


@dataclass
class Planner:
    """Make one plan; `bucket` is the store's name, `failed` the event source's on-failure bucket if there is one."""

    store: Store
    bucket: str
    failed: Store | None
    deadline: Deadline
    now: Callable[[], datetime]
    version: str
    workers: int = 1
    unreadable: int = 0
    _pretended: dict[str, Callable[[], bytes]] = field(default_factory=dict)

    def plan(self, replay_id: str, request: Request) -> dict[str, Any]:
        """Write the plan and return what the state machine goes on with; the same execution's second start reads it.

        Raises StorageError.
        """
        body = load_plan(replay_id, self.store, self.deadline)
        if body is None:
            selection = self._select(request, dry=False)
            answer = self._answer(replay_id, request, selection)
            answer["manifest"] = {"bucket": self.bucket, "key": manifest_key(replay_id)}
            body = write_plan(Plan(request.raw, answer, selection.chunks))
            body = self._first(plan_key(replay_id), body)
        self._first(manifest_key(replay_id), manifest(body))
        return read_plan(body).answer

    def _first(self, key: str, body: bytes) -> bytes:
        """Write an object unless it is there; return what is there."""
        if persist(lambda: self.store.put(key, body, None), self.deadline) is not None:
            return body
        stored = persist(lambda: self.store.get(key), self.deadline)
        if stored is None:
            raise StorageError(f"{key} was there and is not")
        return stored.body

    def dry_run(self, replay_id: str, request: Request, run: Runs, timeout_seconds: float) -> dict[str, Any]:
        """Return what the replay would do, and write nothing; `run` delivers to sinks that only pretend.

        Raises StorageError, OutOfTimeError, and ConservationError when the counts do not add up.
        """
        selection = self._select(request, dry=True)
        answer = self._answer(replay_id, request, selection)
        store = DryStore(self.store, self._pretended)
        terms = terms_of(replay_id, request)
        worker = Worker(store, run, terms, self.deadline, timeout_seconds, self.now)
        try:
            for chunk in selection.chunks:
                worker.chunk(chunk)
        except OutOfTimeError:
            raise OutOfTimeError(
                "a dry run has to end within one call: lower `limit` or narrow the filter"
            ) from None
        counts = totals(worker.outcomes.values())
        if counts["selected"] != selection.selected or not is_conserved(counts):
            raise ConservationError(f"{selection.selected} letters selected, {counts} accounted for")
        return {**answer, **counts, "report": None}

    def _answer(self, replay_id: str, request: Request, selection: Selection) -> dict[str, Any]:
        objects = sum(map(len, selection.chunks))
        cost = estimate(selection.selected, objects, len(selection.chunks), request.max_concurrency)
        answer = {
            "replay_id": replay_id,
            "dry_run": request.dry_run,
            "selected": selection.selected,
            "reasons": dict(sorted(selection.reasons.items())),
            "bytes": selection.size,
            "objects": objects,
            "chunks": len(selection.chunks),
            "max_concurrency": request.max_concurrency,
            "estimate": cost._asdict(),
            "samples": list(islice(self._samples(selection.chunks), _SAMPLES)),
            "unreadable_objects": self.unreadable,
        }
        if not selection.selected:
            answer["message"] = "nothing to do: no letter in the bucket is what the filter asks for"
        return answer

    def _samples(self, chunks: Sequence[Sequence[Entry]]) -> Iterator[dict[str, Any]]:
        """Yield what some letters say of themselves; never the message, which is not redacted."""
        store = DryStore(self.store, self._pretended)
        for entry in (entry for chunk in chunks for entry in chunk if entry.counted):
            letters = look(entry.key, store, self.deadline).letters
            for place in entry.counted:
                if place < len(letters):
                    shown = {name: letters[place].get(name) for name in _SHOWN}
                    yield {
                        **shown,
                        "bytes": size_of(letters[place]),
                        "object": entry.key,
                    }

    def _select(self, request: Request, *, dry: bool) -> Selection:
        source = request.filter.source
        catalogue = Catalogue(choosing(request.filter), terms_of("", request).wanted)
        if self.failed is not None and source in {"failed_batches", "all"}:
            self._import(self.failed, dry=dry)
        for key, letters, done in self._sweeping(LETTERS, dry=dry):
            meant = source in {"parked", "all"} or (source == "failed_batches") == key.startswith(UNDELIVERED)
            catalogue.add(key, letters, meant=meant, swept=done)
        # Parked letters are always looked at: a late copy of one must not pass for a letter of its own.
        for key, letters, done in self._sweeping(PARKED, dry=dry):
            catalogue.add(key, letters, meant=source == "parked", swept=done)
        return catalogue.select(request.limit)

    def _sweeping(self, prefix: str, *, dry: bool) -> Iterator[tuple[str, list[Letter], bool]]:
        """Yield what is there, and whether it is swept away, for nothing is left to do in it."""
        now = moment(self.now())
        for key, letters, etag in self._found(prefix):
            if letters is None:
                self.unreadable += 1
                continue
            done = is_done(key, letters, now)
            if done and dry:
                self._pretend_sweep(key, letters)
            elif done:
                sweep(key, View(letters, etag), self.store, self.deadline, now)
            yield key, letters, done

    def _found(self, prefix: str) -> Iterator[Found]:
        """Yield what is there and what is pretended to be, in the order of their keys."""
        waiting = sorted((key for key in self._pretended if key.startswith(prefix)), reverse=True)
        for found in scan(self.store, prefix, self.deadline, self.workers):
            while waiting and waiting[-1] < found.key:
                yield self._pretend(waiting.pop())
            yield found
        while waiting:
            yield self._pretend(waiting.pop())

    def _pretend(self, key: str) -> Found:
        return Found(key, read_letters(self._pretended[key]()), "")

    def _pretend_sweep(self, key: str, letters: Sequence[Letter]) -> None:
        if any(letter["state"] == "parked" for letter in letters):
            archive = archive_of(key, parked=True)
            there = persist(lambda: self.store.get(archive), self.deadline)
            emptied = there is not None and not there.body
            if there is None or (emptied and not went_on(key, letters, self.store, self.deadline)):
                self._pretended[archive] = partial(_reread, self.store, key, self.deadline)

    def _import(self, failed: Store, *, dry: bool) -> None:
        """Import what the event source gave up on since the last replay."""
        known = {one.key for one in persist(lambda: list(self.store.list(UNDELIVERED)), self.deadline)}
        listing = persist(lambda: list(originals(failed.list(""))), self.deadline)
        new = (one for one in listing if import_key(one) not in known)
        read = partial(_read_original, failed, self.deadline)
        for original, stored in ahead(new, read, min(self.workers, _IMPORTERS)):
            if stored is None:  # its time in the bucket was over
                continue
            try:
                body = imported(stored.body, original.modified, self.version)
            except UnreadableError:
                self.unreadable += 1
                continue
            key = import_key(original)
            if dry:
                self._pretended[key] = partial(self._imported_again, failed, original)
            else:
                persist(partial(self.store.put, key, body, None), self.deadline)

    def _imported_again(self, failed: Store, original: Listed) -> bytes:
        stored = _read_original(failed, self.deadline, original)
        return imported(stored.body, original.modified, self.version) if stored else b""


def terms_of(replay_id: str, request: Request) -> Terms:
    """Return the terms on which a replay takes letters."""
    return Terms(replay_id, "parked" if request.filter.source == "parked" else "open", request.max_attempts)


def _read_original(failed: Store, deadline: Deadline, original: Listed) -> Stored | None:
    return persist(lambda: failed.get(original.key), deadline)


def _reread(store: Store, key: str, deadline: Deadline) -> bytes:
    stored = persist(lambda: store.get(key), deadline)
    return write_letters(map(unsealed, read_letters(stored.body))) if stored else b""

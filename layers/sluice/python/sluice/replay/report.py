"""Report on a replay: totals from the letters' own states, whatever its chunks said."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import orjson

from sluice.deadline import Deadline
from sluice.deliver import ConservationError
from sluice.replay.letter import Letter, claimed, moment
from sluice.replay.paper import is_conserved, load_plan, overwrite, read_plan, results_prefix, totals
from sluice.replay.plan import terms_of
from sluice.replay.request import Request
from sluice.replay.scan import ahead
from sluice.replay.selection import Entry
from sluice.replay.settle import BUSY, NOT_RUN, Outcome, Terms, recorded
from sluice.replay.store import REPLAYS, Store, persist
from sluice.replay.view import View, look


class NoPlanError(RuntimeError):
    """Raised when there is no plan of that name to report on."""


@dataclass(frozen=True)
class Reporter:
    """Write the report and the ledger of one replay."""

    store: Store
    bucket: str
    deadline: Deadline
    now: Callable[[], datetime]
    workers: int = 1

    def report(self, replay_id: str, read: Callable[[Any], Request]) -> dict[str, Any]:
        """Return the replay's output; `read` checks the input that the plan keeps.

        Raises NoPlanError, StorageError, and ConservationError when the counts do not add up.
        """
        body = load_plan(replay_id, self.store, self.deadline)
        if body is None:
            raise NoPlanError(f"there is no plan of a replay {replay_id}: its Plan step has to run first")
        plan = read_plan(body)
        request = read(plan.request)
        entries = [entry for chunk in plan.chunks for entry in chunk]
        ledger = list(self._ledger(entries, terms_of(replay_id, request)))
        counts = totals(outcome for *_, outcome in ledger)
        if counts["selected"] != plan.answer["selected"] or not is_conserved(counts):
            raise ConservationError(f"{plan.answer['selected']} letters selected, {counts} accounted for")
        folder = f"{REPLAYS}{replay_id}/"
        output = {
            "replay_id": replay_id,
            "dry_run": False,
            **counts,
            "unreadable_objects": plan.answer["unreadable_objects"],
            "report": f"s3://{self.bucket}/{folder}report.json",
        }
        rows = b"".join(orjson.dumps(_row(*row)) + b"\n" for row in ledger)
        overwrite(self.store, f"{folder}ledger.jsonl.gz", gzip.compress(rows, 6, mtime=0), self.deadline)
        full = {
            **output,
            "request": plan.request,
            "plan": plan.answer,
            "chunks_without_result": self._silent(replay_id, len(plan.chunks)),
            "written_at": moment(self.now()),
        }
        overwrite(
            self.store, f"{folder}report.json", orjson.dumps(full, option=orjson.OPT_INDENT_2), self.deadline
        )
        return output

    def _ledger(self, entries: list[Entry], terms: Terms) -> Iterator[tuple[str, int, Letter, Outcome]]:
        view = partial(look, store=self.store, deadline=self.deadline)
        counted = [entry for entry in entries if entry.counted]
        seen = ahead(
            counted, lambda entry: _outcomes(entry, view(entry.key), terms, moment(self.now())), self.workers
        )
        for entry, outcomes in seen:
            for place, (letter, outcome) in outcomes.items():
                yield entry.key, place, letter, outcome

    def _silent(self, replay_id: str, chunks: int) -> list[int]:
        """Return the chunks that left no result, for the state machine gave up on them."""
        prefix = results_prefix(replay_id)
        listed = persist(lambda: list(self.store.list(prefix)), self.deadline)
        there = {one.key.removeprefix(prefix).removesuffix(".json") for one in listed}
        return [number for number in range(1, chunks + 1) if f"{number:04}" not in there]


def _outcomes(entry: Entry, view: View, terms: Terms, now: str) -> dict[int, tuple[Letter, Outcome]]:
    """Return the letters of one object, bodies left out, and what became of them."""
    found: dict[int, tuple[Letter, Outcome]] = {}
    for place in entry.counted:
        letter = view.letters[place] if place < len(view.letters) else {}
        outcome = outcome_of(letter, terms, now) if letter else BUSY
        kept = {name: letter.get(name) for name in ("id", "state", "reason", "detail", "attempt")}
        found[place] = kept, outcome
    return found


def outcome_of(letter: Letter, terms: Terms, now: str) -> Outcome:
    """Return what a replay did about a letter, as the letter says it.

    Busy is what another replay settled or holds, and what a run of this one that died still holds.
    """
    known = recorded(letter, terms)
    if known is not None:
        return known
    free = letter["state"] == terms.wanted and not claimed(letter, now) and not letter.get("moved")
    return NOT_RUN if free else BUSY


def _row(key: str, place: int, letter: Letter, outcome: Outcome) -> dict[str, Any]:
    return {**letter, "outcome": outcome.name, "object": key, "place": place}

"""The functions' own counters, read from their embedded metrics and held against the runner's count.

Where every invocation answered, they must be equal. Where one died, its records were invoked again,
and it may or may not have printed its metrics before: the slack of each comparison is argued at it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from ops.twin.differences import Differences
from ops.twin.verify import Findings

_OUTCOMES = ("RecordsCleaned", "RecordsDuplicate", "RecordsDeadLettered", "RecordsRetried")
_COUNTERS = ("RecordsReceived", "RecordsConflict", *_OUTCOMES)


@dataclass
class Totals:
    """What all invocations say together; `lines` counts them, `failing` those that retried a record.

    `producers_replaced` is the most that one execution environment replaced.
    """

    lines: int = 0
    failing: int = 0
    count: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    unbalanced: list[str] = field(default_factory=list)
    producers_replaced: int = 0

    @property
    def acknowledged(self) -> int:
        """Return how many records the invocations took responsibility for."""
        return self.count["RecordsReceived"] - self.count["RecordsRetried"]


class Invocations(NamedTuple):
    """What the pollers say: how many calls, how many not (wholly) successful, and restarts of pollers."""

    calls: int
    failed: int
    restarts: int
    acknowledged: int
    batch_size: int


def read_totals(metrics: Iterable[Mapping[str, Any]]) -> Totals:
    """Sum the metrics and check each invocation's conservation (law 1)."""
    totals = Totals()
    for line in metrics:
        if "RecordsReceived" in line:
            _add_batch(totals, line)
        elif "DeadLetters" in line:
            totals.reasons[str(line.get("reason"))] += _number(line["DeadLetters"])
    return totals


def _add_batch(totals: Totals, line: Mapping[str, Any]) -> None:
    batch = {name: _number(line.get(name, 0)) for name in _COUNTERS}
    totals.lines += 1
    totals.failing += batch["RecordsRetried"] > 0
    totals.producers_replaced = max(totals.producers_replaced, _number(line.get("ProducersReplaced", 0)))
    totals.count.update(batch)
    balanced = batch["RecordsReceived"] == sum(batch[name] for name in _OUTCOMES)
    if not balanced or batch["RecordsConflict"] > batch["RecordsCleaned"]:
        totals.unbalanced.append(str(line.get("request_id")))


def _number(value: Any) -> int:
    return int(sum(value) if isinstance(value, list) else value)


def read_invocations(stats: Sequence[Mapping[str, int]], batch_size: int, starts: int) -> Invocations:
    """Sum the pollers' counters; `starts` of pollers were none of a restart."""
    return Invocations(
        calls=sum(poller["invocations"] for poller in stats),
        failed=sum(poller["failed_invocations"] for poller in stats),
        restarts=max(0, sum(poller["starts"] for poller in stats) - starts),
        acknowledged=sum(poller["acknowledged"] for poller in stats),
        batch_size=batch_size,
    )


class Comparison:
    """Hold the functions' totals against the runner's findings."""

    def __init__(self, totals: Totals, calls: Invocations, findings: Findings, *, cache_kept: bool) -> None:
        """Work out the slack.

        A call that died is one that a poller counts as failed though no line reports a retry, or one
        under way when a poller was killed. It held a batch at most, so that is what it may have done
        (published, counted) without being acknowledged.
        """
        self._totals, self._calls, self._findings = totals, calls, findings
        self._cache_kept = cache_kept
        self.died = max(0, calls.failed - totals.failing) + calls.restarts
        self.slack = self.died * calls.batch_size
        # What the event source gave up on is never acknowledged; part of it may be published all the same.
        self._owed = findings.received - findings.given_up
        self._half_done = findings.given_up - findings.given_up_alone
        # How many acknowledgements there were beyond one a record, by the functions and by the pollers: a
        # partition that changes hands under a call is read again by its new owner.
        self._extra = max(0, totals.acknowledged - self._owed)
        self._again = max(0, calls.acknowledged - self._owed)

    def notes(self) -> list[str]:
        """Say what makes the comparison one of bounds."""
        notes = []
        if self.died:
            notes.append(f"{self.died} invocations died: counters are compared as bounds")
        if self._again:
            notes.append(
                f"{self._again} records were acknowledged again, by the new owner of their partition"
            )
        return notes

    def check(self, differences: Differences) -> None:
        """Add every counter that is out of its bounds."""
        for request_id in self._totals.unbalanced:
            differences.add("an invocation's counters do not add up", request_id)
        answered = self._calls.calls - self._calls.failed
        if self._totals.lines - self._totals.failing < answered:
            differences.add(f"{answered} calls succeeded, {self._totals.lines - self._totals.failing} say so")
        if self.died == 0:
            self._check_calls(differences)
        for name, count, low, high in self._bounds():
            if not low <= count <= high:
                allowed = f"{low}" if low == high else f"{low} to {high}"
                differences.add(f"the functions count {count} {name}, the runner {allowed}")

    def _check_calls(self, differences: Differences) -> None:
        """Compare call by call with the pollers: possible only where every call answered."""
        pairs = (
            ("calls", self._totals.lines, self._calls.calls),
            ("calls that retried records", self._totals.failing, self._calls.failed),
            ("acknowledged records", self._totals.acknowledged, self._calls.acknowledged),
        )
        for name, count, polled in pairs:
            if count != polled:
                differences.add(f"the functions count {count} {name}, the pollers {polled}")

    def _bounds(self) -> list[tuple[str, int, int, int]]:
        """Return name, the functions' count, and the runner's lower and upper bound."""
        count, found, extra = self._totals.count, self._findings, self._extra
        slack, half = self.slack, self._half_done
        letters = sum(found.dead_letters.values())
        rows = [
            # Every record is acknowledged at least once; again only if a call died after it was counted,
            # or the pollers say so.
            (
                "acknowledged",
                self._totals.acknowledged,
                *_around(self._owed, 0, slack + self._again),
            ),
            # Published by a call that died, then found to be another's duplicate in an emptied cache:
            # in the topic, yet never counted as cleaned. At most what died calls held.
            ("cleaned", count["RecordsCleaned"], *_around(found.cleaned, slack + half, extra)),
            ("duplicates", count["RecordsDuplicate"], *_around(found.duplicates, 0, extra + slack)),
            # A bad record is bad at every try.
            ("dead letters", count["RecordsDeadLettered"], *_around(letters, half, extra)),
        ]
        rows += [
            (
                f"dead letters as {reason}",
                self._totals.reasons[reason],
                *_around(found.dead_letters[reason], half, extra),
            )
            for reason in sorted(self._totals.reasons.keys() | found.dead_letters.keys())
        ]
        if self._cache_kept:
            rows.append(
                ("conflicts", count["RecordsConflict"], *_around(found.conflicts, slack + half, extra))
            )
        else:
            # An emptied cache forgets who was first: any cleaned record may, but need not, be a conflict.
            rows.append(("conflicts", count["RecordsConflict"], 0, count["RecordsCleaned"]))
        return rows


def _around(count: int, below: int, above: int) -> tuple[int, int]:
    return max(0, count - below), count + above

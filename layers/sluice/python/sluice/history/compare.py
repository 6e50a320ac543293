"""The step that compares a record with its agent's history: outliers and near-duplicates."""

from __future__ import annotations

from typing import Any, Final

from sluice.history import NearPolicy
from sluice.history.agent import History
from sluice.history.near import Entry, Near, may_replace, nearest, slots
from sluice.history.profile import outliers
from sluice.record import Record, Step


def comparing(policy: NearPolicy) -> Step:
    """Build the step that flags `outlier` and `near_duplicate`, with scores and original in the notes.

    Without a history a record passes as it is.
    """

    def compare(record: Record) -> None:
        history: History | None = record.history
        if history is None:
            return
        if scores := outliers(record.features, history.state.profile):
            record.flags.append("outlier")
            record.note("outliers", scores)
        if policy != "off" and "simhash" in record.features:
            _compare_texts(record, history, policy)

    return compare


def _compare_texts(record: Record, history: History, policy: NearPolicy) -> None:
    own = entry_of(record)
    places = slots(own.simhash)
    near = nearest(own, (history.entries[place] for place in places if place in history.entries), history.now)
    if near is None:
        # Originals alone are remembered, or a text that drifts in small steps would take its original along.
        history.entries.update(dict.fromkeys(places, own))
        return
    record.flags.append("near_duplicate")
    record.note("near_duplicate", _original(record, near))
    if policy == "drop" and may_replace(near, own):
        record.dropped_for = near.entry.origin_id


def entry_of(record: Record) -> Entry:
    """Return a record's own entry while its batch is under way; that does not expire."""
    origin = record.message.origin
    simhash = int(record.features["simhash"], 16)
    return Entry(
        simhash, _NEVER, record.source, origin.topic_partition, origin.offset, record.timestamp, True
    )


_NEVER: Final = 2**62


def _original(record: Record, near: Near) -> dict[str, Any]:
    entry = near.entry
    return {"key": f"{record.agent_id}:{entry.member}", "origin": entry.origin_id, "distance": near.apart}

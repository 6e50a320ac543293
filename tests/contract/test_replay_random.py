"""Any letters, any request, any faults: conservation, a dry run that counts right, and the laws of the faults' test."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings, strategies as st

from sluice.replay.letter import identity
from tests.fakes.replays import Replays, conserved, key_of, letter, message, on_failure, value
from tests.fakes.schedule import Faults, Mode

EXAMPLES = 3 * settings.default.max_examples if settings.default else 150
REASONS = ("not_json", "schema_invalid", "undelivered")
# Few agents and texts, so that records repeat and contradict one another; "{" is beyond repair, the other is not.
RAW = tuple(
    [value(agent, text) for agent in ("planner", "critic") for text in ("first", "second")]
    + [b"{", json.dumps(value("planner").decode()).encode(), value("critic", ts=1) + b" "]
)
LIVE = {"replay_id": "other", "until": "2025-11-23T12:20:00.000Z"}
ENDED = {"replay_id": "other", "until": "2001-01-01T00:00:00.000Z"}
LETTERS = st.tuples(
    st.integers(0, 7),  # offset: few, so that one letter lies in two objects
    st.sampled_from(RAW),
    st.sampled_from(REASONS),
    st.sampled_from(("open", "open", "open", "parked", "recovered", "duplicate", "discarded")),
    st.integers(0, 4),
    st.sampled_from((None, None, None, LIVE, ENDED)),
    st.sampled_from((0, 0, 1, 2, 10)),
)
OBJECTS = st.lists(st.lists(LETTERS, min_size=1, max_size=4), max_size=4)
REQUESTS = st.fixed_dictionaries(
    {},
    optional={
        "filter": st.fixed_dictionaries(
            {},
            optional={
                "reasons": st.lists(st.sampled_from(REASONS), max_size=2),
                "agents": st.lists(st.sampled_from(("planner", "critic")), max_size=1),
                "source": st.sampled_from(("dead_letters", "failed_batches", "parked", "all")),
            },
        ),
        "repair": st.sampled_from(([], [{"op": "unwrap_json", "at": ""}])),
        "max_attempts": st.integers(1, 5),
        "limit": st.integers(1, 6),
    },
)
FAULTS = st.dictionaries(
    st.integers(0, 120), st.sampled_from((Mode.BEFORE, Mode.AFTER, Mode.KILL)), max_size=6
)
BATCHES = st.lists(
    st.tuples(st.integers(0, 9), st.sampled_from(RAW)), max_size=3, unique_by=lambda one: one[0]
)


def world(objects: Any, batch: Any, faults: Faults | None = None) -> Replays:
    made = Replays()
    for number, rows in enumerate(objects):
        letters = [
            letter(offset, reason, raw, state=state, attempt=attempt, claim=claim, starts=starts)
            for offset, raw, reason, state, attempt, claim, starts in rows
        ]
        made.put(key_of(f"{number}", rows[0][2]), *letters)
    if batch:
        made.failed.write("aws/x", on_failure(*(message(offset, raw) for offset, raw in batch)))
    made.schedule = made.cache._schedule = made.broker.schedule = type(made.schedule)(faults)
    made.s3._schedule = made.failed._schedule = made.schedule
    return made


@given(OBJECTS, BATCHES, REQUESTS, st.booleans())
@settings(max_examples=EXAMPLES)
def test_a_dry_run_counts_right(objects: Any, batch: Any, request: dict[str, Any], replayed: bool) -> None:
    """A dry run writes nothing anywhere and counts what the replay then does, on a bucket fresh or used."""
    made = world(objects, batch)
    if replayed:
        made.execute("before", {"limit": 3})
    before = dict(made.s3.objects), made.cache.keys(), made.published(), dict(made.failed.objects)
    asked = len(made.cache.round_trips)
    dry = made.dry_run(request)

    assert (dict(made.s3.objects), made.cache.keys(), made.published(), dict(made.failed.objects)) == before
    assert {command[0] for trip in made.cache.round_trips[asked:] for command in trip} <= {"GET"}
    conserved(dry)
    real = made.execute("real", request)
    assert real is not None
    same = real.keys() - {"replay_id", "dry_run", "report"}
    assert {name: dry[name] for name in same} == {name: real[name] for name in same}


@given(OBJECTS, BATCHES, REQUESTS, FAULTS)
@settings(max_examples=EXAMPLES)
def test_conservation(objects: Any, batch: Any, request: dict[str, Any], faults: Faults) -> None:
    """Whatever is in the bucket and whatever breaks: counts add up, every letter is still there, none settled twice."""
    made = world(objects, batch, faults)
    before = {identity(one) for one in made.letters().values()}
    made.execute("r1", request)
    made.execute("r2", request)
    made.execute("r1", request)

    assert before <= {identity(one) for one in made.letters().values()}
    made.clock.now += 3_600
    made.schedule.mend()
    made.execute("last")
    assert before <= {identity(one) for one in made.letters().values()}

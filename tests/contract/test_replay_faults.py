"""Kill a replay at every call, break every call, put another replay between any two: nothing is lost or done twice."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import Any

import pytest
from hypothesis import settings

from sluice.replay.letter import identity
from tests.fakes.replays import Replays, key_of, letter, message, on_failure, value
from tests.fakes.schedule import MODES, Faults, Mode

Note = Callable[[str, object], None]
GIVEN = {"repair": [{"op": "unwrap_json", "at": ""}]}
PARKED = {"filter": {"source": "parked"}, **GIVEN}
# How many calls after the other replay this one is killed at the latest; all of them where there is time for it.
AHEAD = 1_000 if settings.get_current_profile_name() == "fuzz" else 8
HOPELESS = {"agent_raw_output-0-2"}


def world(faults: Faults | None = None) -> Replays:
    """A bucket with all that a replay has to deal with, small.

    A letter that a rule mends beside one that nothing does; a repeat of the first beside another record; what
    is to be parked; what was settled and not swept; and what the event source gave up on, a duplicate in it.
    """
    made = Replays()
    mendable = json.dumps(value("writer").decode()).encode()
    made.put(key_of("a"), letter(1, raw=mendable), letter(2, raw=b"{"))
    made.put(key_of("b", "schema_invalid"), letter(1, raw=mendable), letter(3, "schema_invalid"))
    made.put(key_of("c"), letter(4, attempt=3))
    made.put(key_of("d"), letter(5, state="parked", attempt=3), letter(6, state="recovered", attempt=1))
    made.put(key_of("e"), letter(9), letter(10, state="parked", attempt=3))
    # A replay that was planned and then held up: its letters may have moved when it goes on.
    made.plan("early", PARKED)
    made.failed.write("aws/x", on_failure(message(7), message(8, value("agent-7"))))
    made.schedule = made.cache._schedule = made.broker.schedule = type(made.schedule)(faults)
    made.s3._schedule = made.failed._schedule = made.schedule
    return made


def settled_world(made: Replays) -> None:
    """Hold what is there at the end, after replays that nothing disturbs, against the laws."""
    made.schedule.mend()
    made.clock.now += 3_600
    made.execute("last", GIVEN)
    made.execute("last-parked", PARKED)
    final = made.states()
    assert {identity(one) for one in made.letters().values()} == _everything(), "a letter is lost"
    waiting = {name for name, state in final.items() if state in {"open", "parked"}}
    assert waiting == HOPELESS, "a letter was left behind"
    published = set(made.published())
    for name, state in final.items():
        done_before = name == "agent_raw_output-0-6"
        assert state != "recovered" or done_before or name in published, "recovered, and not published"
    # Nothing of this world is taken for a duplicate but the one record that is one, one way round or the other.
    duplicates = {name for name, state in final.items() if state == "duplicate"}
    assert len(duplicates) == 1
    assert duplicates <= {"agent_raw_output-0-7", "agent_raw_output-0-8"}


@cache
def _everything() -> frozenset[bytes]:
    """Return the ten messages of the world, those included that are still to be imported."""
    made = world()
    recover(made)
    found = frozenset(identity(one) for one in made.letters().values())
    assert len(found) == 10
    return found


def points(replay: Callable[[Replays], object]) -> list[str]:
    """Return the kinds of the operations of an undisturbed replay."""
    made = world()
    replay(made)
    return made.schedule.points


def singles(kinds: list[str]) -> Iterator[Faults]:
    for place, kind in enumerate(kinds):
        for mode in MODES.get(kind, ()):
            yield {place: mode}


def recover(made: Replays) -> None:
    made.execute("r1", GIVEN)


def retake_parked(made: Replays) -> None:
    made.execute("r1", PARKED)


def same_execution(made: Replays) -> None:
    made.execute("r1", GIVEN)


def another(made: Replays) -> None:
    made.execute("r2", GIVEN)


def another_of_parked(made: Replays) -> None:
    made.execute("r2", PARKED)


REPLAYS: Mapping[str, Callable[[Replays], None]] = {"open letters": recover, "parked letters": retake_parked}


def another_planned_early(made: Replays) -> None:
    made.execute("early", PARKED)


OTHERS: Mapping[str, Callable[[Replays], None]] = {
    "another": another,
    "another, of parked letters": another_of_parked,
    "another, planned early": another_planned_early,
    "the same execution": same_execution,
}


def test_the_world() -> None:
    """Undisturbed, each letter goes where it belongs."""
    made = world()
    recover(made)
    counted: dict[str, Any] = made.answers["r1"]

    assert (counted["recovered"], counted["duplicates"], counted["parked"]) == (4, 1, 1)
    assert counted["still_failing"] == {"not_json": 1}
    settled_world(made)


@pytest.mark.parametrize("replay", REPLAYS.values(), ids=REPLAYS)
def test_every_fault(replay: Callable[[Replays], None], record_property: Note) -> None:
    """Whichever call fails, goes unanswered or is the last one: no letter is lost, settled twice or set back."""
    number = 0
    for faults in singles(points(replay)):
        made = world(faults)
        replay(made)
        assert made.schedule.struck == 1
        settled_world(made)
        number += 1

    record_property(f"single faults, {replay.__name__}", number)
    assert number > 60


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
@pytest.mark.parametrize("replay", REPLAYS.values(), ids=REPLAYS)
def test_interleaved(
    replay: Callable[[Replays], None], other: Callable[[Replays], None], record_property: Note
) -> None:
    """Another replay between any two calls of this one, this one going on: the same laws."""
    number = 0
    for place in range(len(points(replay))):
        made = world()
        made.schedule.before[place] = lambda made=made: other(made)  # type: ignore[misc]
        replay(made)
        # Where nothing dies, claims keep letters from being run by both; one execution's claims are its own.
        twice = [name for name, times in Counter(made.published()).items() if times > 1]
        assert twice == [] or other is same_execution
        settled_world(made)
        number += 1

    record_property(f"interleavings, {replay.__name__} with {other.__name__}", number)
    assert number > 25


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_interleaved_with_a_kill(other: Callable[[Replays], None], record_property: Note) -> None:
    """Another replay comes between, and this one is killed there or later: the same laws."""
    number = 0
    kinds = points(recover)
    for place in range(len(kinds)):
        for killed in range(place, min(place + AHEAD, len(kinds))):
            if Mode.KILL not in MODES.get(kinds[killed], ()):
                continue
            made = world({killed: Mode.KILL})
            made.schedule.before[place] = lambda made=made: other(made)  # type: ignore[misc]
            recover(made)
            settled_world(made)
            number += 1

    record_property(f"kills after an interleaving, {other.__name__}", number)
    assert number > 300

"""A whole replay between fakes: what becomes of letters, and what the answer says."""

from __future__ import annotations

import gzip
import json
from typing import Any

import orjson
import pytest

from sluice.replay.chunk import OutOfTimeError
from tests.fakes.replays import Replays, key_of, letter, message, on_failure, value

EMPTY: dict[str, Any] = {
    "recovered": 0,
    "duplicates": 0,
    "parked": 0,
    "busy": 0,
    "not_run": 0,
    "still_failing": {},
}
UNWRAP = [{"op": "unwrap_json", "at": ""}]


def counts(answer: dict[str, Any] | None) -> dict[str, Any]:
    assert answer is not None
    return {name: answer[name] for name in EMPTY if answer[name]}


def test_recovers() -> None:
    """A letter that the current pipeline takes is stored, published under its own origin, marked and archived."""
    world = Replays()
    key = world.put(key_of("a"), letter(1), letter(2, raw=b"{"))
    answer = world.execute("r1")

    assert counts(answer) == {"recovered": 1, "still_failing": {"not_json": 1}}
    assert world.states() == {"agent_raw_output-0-1": "recovered", "agent_raw_output-0-2": "open"}
    assert world.published() == ["agent_raw_output-0-1"]
    assert len(read(world, key)) == 2


def read(world: Replays, key: str) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in gzip.decompress(world.s3.objects[key]).splitlines()]


def test_output() -> None:
    """The output has the fields of the contract; report and ledger lie where it says."""
    world = Replays()
    world.put(key_of("a"), letter(1), letter(2, raw=b"{"))
    answer = world.execute("r1")

    assert answer == {
        "replay_id": "r1",
        "dry_run": False,
        "selected": 2,
        "recovered": 1,
        "duplicates": 0,
        "parked": 0,
        "busy": 0,
        "not_run": 0,
        "still_failing": {"not_json": 1},
        "unreadable_objects": 0,
        "report": "s3://letters/replays/r1/report.json",
    }
    report = json.loads(world.s3.objects["replays/r1/report.json"])
    assert report.items() >= answer.items()
    assert report["chunks_without_result"] == [1]  # results are the function's to write, not the worker's
    ledger = [
        orjson.loads(line)
        for line in gzip.decompress(world.s3.objects["replays/r1/ledger.jsonl.gz"]).splitlines()
    ]
    assert [(row["id"], row["outcome"], row["attempt"]) for row in ledger] == [
        ("agent_raw_output-0-1", "recovered", 1),
        ("agent_raw_output-0-2", "still_failing", 1),
    ]


def test_nothing_left_to_do() -> None:
    """A second replay finds nothing where the first recovered everything, and says so."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    world.execute("r1")
    plan = world.plan("r2", {})

    assert (plan["selected"], plan["chunks"]) == (0, 0)
    assert plan["message"].startswith("nothing to do")
    assert counts(world.execute("r2")) == {}


def test_published_by_a_replay() -> None:
    """What a replay publishes says so in a header, has its own origin and the flags of its repair."""
    world = Replays()
    world.put(key_of("a"), letter(1, raw=json.dumps(value("writer").decode()).encode()))
    world.execute("r1", {"repair": UNWRAP})

    ((stored,),) = [log for log in world.broker.logs if log]
    assert dict(stored.headers)["sluice-replay"] == b"r1"
    prep = json.loads(stored.value)["_prep"]
    assert (prep["origin"], prep["flags"]) == ("agent_raw_output-0-1", ["repaired"])


def test_strips_what_an_earlier_run_added() -> None:
    """Provenance and headers that came with a message are not those of the record it becomes."""
    world = Replays()
    raw = value("writer", _prep={"origin": "x", "flags": ["old"]})
    forged = letter(1, raw=raw)
    forged["origin"]["headers"] = [["sluice-replay", "Zm9yZ2Vk"], ["sluice-origin", "Zm9yZ2Vk"]]
    world.put(key_of("a"), forged)
    world.execute("r1")

    ((stored,),) = [log for log in world.broker.logs if log]
    assert [v for n, v in stored.headers if n == "sluice-replay"] == [b"r1"]
    assert [v for n, v in stored.headers if n == "sluice-origin"] == [b"agent_raw_output-0-1"]
    assert json.loads(stored.value)["_prep"]["flags"] == ["prep_stripped"]


def test_parks_what_was_tried_often_enough() -> None:
    """A letter with as many attempts as are allowed is parked without being run, and only asked for by name runs again."""
    world = Replays()
    world.put(key_of("a"), letter(1, attempt=3))

    assert counts(world.execute("r1")) == {"parked": 1}
    assert world.published() == []
    assert counts(world.execute("r2")) == {}
    assert counts(world.execute("r3", {"filter": {"source": "parked"}})) == {"recovered": 1}
    assert world.states() == {"agent_raw_output-0-1": "recovered"}
    assert [key.partition("/")[0] for (key, _) in world.letters()] == ["replayed"]


def test_attempts_survive_replays() -> None:
    """A letter that fails again and again is parked when its attempts are used up, and not before."""
    world = Replays()
    world.put(key_of("a"), letter(1, raw=b"{"))
    answers = [counts(world.execute(f"r{n}", {"max_attempts": 2})) for n in range(4)]

    assert answers == [
        {"still_failing": {"not_json": 1}},
        {"still_failing": {"not_json": 1}},
        {"parked": 1},
        {},
    ]
    ((_, parked),) = world.letters().items()
    assert (parked["attempt"], parked["state"], parked["replay_id"]) == (2, "parked", "r2")


def test_parked_and_failing_again() -> None:
    """A parked letter that fails again stays parked, with one attempt more."""
    world = Replays()
    world.put(key_of("a"), letter(1, raw=b"{", attempt=3))
    world.execute("r1")

    assert counts(world.execute("r2", {"filter": {"source": "parked"}})) == {"parked": 1}
    ((key, parked),) = world.letters().items()
    assert (key[0].partition("/")[0], parked["attempt"], parked["state"]) == ("parked", 4, "parked")


def test_imports_what_the_event_source_gave_up_on() -> None:
    """Each record of an on-failure object becomes a letter, once; the original stays."""
    world = Replays()
    world.failed.write("aws/lambda/any/layout", on_failure(message(1), message(2, b"{")))
    before = dict(world.failed.objects)

    assert counts(world.execute("r1")) == {"recovered": 1, "still_failing": {"not_json": 1}}
    assert counts(world.execute("r2")) == {"still_failing": {"not_json": 1}}
    assert world.failed.objects == before
    first, second = world.letters().values()
    assert (first["first_failed_at"], first["source"]) == ("2026-11-23T09:30:00.000Z", second["source"])


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b'{"payload":1}',
        b'{"payload":"{}"}',
        on_failure(message(1)).replace(b"aws:kafka", b"aws:sqs"),
    ],
)
def test_unreadable_original(body: bytes) -> None:
    """What holds no Kafka event is counted and left where it is."""
    world = Replays()
    world.failed.write("x", body)
    answer = world.execute("r1")

    assert answer is not None
    assert (answer["selected"], answer["unreadable_objects"]) == (0, 1)
    assert not world.letters()


def test_unreadable_letters() -> None:
    """An object with one bad line is left whole and counted; the others are replayed."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    world.s3.write(key_of("b"), gzip.compress(b"{}\n"))
    world.s3.write(key_of("c"), b"not gzip")
    before = {name: world.s3.objects[key_of(name)] for name in "bc"}
    answer = world.plan("r1", {})

    assert (answer["selected"], answer["unreadable_objects"]) == (1, 2)
    assert {name: world.s3.objects[key_of(name)] for name in "bc"} == before


def test_one_letter_in_two_objects() -> None:
    """A letter that lies in two objects is selected, counted, run and settled once."""
    world = Replays()
    world.put(key_of("a"), letter(1), letter(2))
    world.put(key_of("b"), letter(1), letter(3))

    assert counts(world.execute("r1")) == {"recovered": 3}
    assert sorted(world.published()) == [f"agent_raw_output-0-{n}" for n in (1, 2, 3)]
    aliases = [one["alias_of"] for one in world.letters().values() if one.get("alias_of")]
    assert aliases == [key_of("a")]


def test_repeat_of_a_settled_letter() -> None:
    """A letter that comes again after it was settled is a duplicate of itself, and is not run."""
    world = Replays()
    world.put(key_of("a"), letter(1), letter(2, raw=b"{"))
    world.execute("r1")
    world.put(key_of("b"), letter(1))

    assert counts(world.execute("r2")) == {"duplicates": 1, "still_failing": {"not_json": 1}}
    assert world.published() == ["agent_raw_output-0-1"]


def test_namesakes() -> None:
    """Letters of two messages that share an id (a topic made anew) are two letters, in one object too."""
    world = Replays()
    world.put(key_of("a"), letter(1), letter(1, raw=value("other")))
    world.put(key_of("b"), letter(1, raw=value("third")))

    assert counts(world.execute("r1")) == {"recovered": 3}


def test_old_letters() -> None:
    """A letter without the fields that the replay adds, or without its source, is replayed all the same."""
    world = Replays()
    old = letter(1)
    assert not {"starts", "claim"} & old.keys()
    del old["source"]
    world.put(key_of("a"), old)

    assert counts(world.execute("r1")) == {"recovered": 1}


def test_second_start_of_the_same_execution() -> None:
    """An execution started twice has one plan, and its letters are settled once."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    first = world.execute("r1")
    world.put(key_of("b"), letter(2))

    assert world.execute("r1") == first
    assert world.published() == ["agent_raw_output-0-1"]


def test_busy() -> None:
    """What another replay holds is busy until its claim ends, then it is run."""
    world = Replays()
    claim = {"replay_id": "other", "until": "2025-11-23T12:14:00.000Z"}
    world.put(key_of("a"), letter(1, claim=claim, starts=1))
    assert world.now().isoformat() < claim["until"]
    assert counts(world.execute("r1")) == {"busy": 1}
    world.clock.now += 3_600

    assert counts(world.execute("r2")) == {"recovered": 1}


def test_the_cache_is_down() -> None:
    """What the infrastructure kept from being tried is free again, without an attempt counted."""
    world = Replays(seconds=1.0)
    world.cache.run = lambda commands, timeout: [_down() for _ in commands]  # type: ignore[method-assign]
    world.put(key_of("a"), letter(1))

    assert counts(world.execute("r1")) == {"not_run": 1}
    ((_, one),) = world.letters().items()
    assert (one["state"], one["attempt"], one["claim"], one["starts"], one["replay_id"]) == (
        "open",
        0,
        None,
        0,
        None,
    )


def _down() -> Any:
    from sluice.claim import CommandError

    return CommandError("connection")


def test_refused_by_the_broker() -> None:
    """A record that the broker refuses is no new letter: the one it has says so, and the claim is withdrawn."""
    world = Replays()
    world.broker.max_bytes = 10
    world.put(key_of("a"), letter(1))

    assert counts(world.execute("r1")) == {"still_failing": {"refused_by_broker": 1}}
    ((_, one),) = world.letters().items()
    assert (one["reason"], one["stage"], one["attempt"]) == ("refused_by_broker", "publish", 1)
    assert b"agent-1:2026-11-23T08:15:00Z" not in world.cache.keys()  # noqa: SIM118 -- a cache, not a dict


def test_a_letter_that_kills_the_function() -> None:
    """It takes no other letter with it, and after ten starts it is parked without being run."""
    world = Replays()
    world.put(key_of("a"), letter(1), letter(2), letter(3))
    world.put(key_of("b"), letter(4))
    poison = "agent_raw_output-0-2"

    def deadly(run: Any) -> Any:
        def runs(letters: Any, terms: Any, deadline: Any) -> Any:
            if any(one["id"] == poison for one in letters):
                from tests.fakes.schedule import Killed

                raise Killed
            return run(letters, terms, deadline)

        return runs

    world.wrap = deadly
    world.execute("r1")
    assert world.states() == {
        f"agent_raw_output-0-{n}": "open" if n == 2 else "recovered" for n in (1, 2, 3, 4)
    }
    for number in range(2, 5):
        world.clock.now += 3_600
        world.execute(f"r{number}")

    assert world.states()[poison] == "parked"
    assert [one["attempt"] for one in world.letters().values() if one["id"] == poison] == [0]


def test_schema_override() -> None:
    """With a schema named, the letters are tried against that one, whatever they name themselves."""
    world = Replays()
    raw = value("writer", schema="agent_output/99")
    world.put(key_of("a"), letter(1, "schema_unknown", raw))

    assert counts(world.execute("r1")) == {"still_failing": {"schema_unknown": 1}}
    assert counts(world.execute("r2", {"schema": "agent_output/1"})) == {"recovered": 1}


def test_more_letters_than_time() -> None:
    """A chunk whose function runs out of time goes on where it stopped when it is called again."""
    world = Replays()
    for number in range(4):
        world.put(key_of(f"{number}"), letter(number))
    slow = 25.0  # seconds an object, of 60

    def slowly(run: Any) -> Any:
        def runs(letters: Any, terms: Any, deadline: Any) -> Any:
            world.clock.now += slow
            return run(letters, terms, deadline)

        return runs

    world.wrap = slowly

    with pytest.raises(OutOfTimeError, match="lower `limit`"):
        world.dry_run({})
    assert counts(world.execute("r1")) == {"recovered": 4}
    assert len(world.published()) == 4

"""The parts around the protocol: sweeps, listings, discards, totals and estimates."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest

from sluice.deadline import Deadline
from sluice.replay.discards import discard_in
from sluice.replay.estimate import estimate
from sluice.replay.letter import identity, read_letters, write_letters
from sluice.replay.paper import is_conserved, overwrite, totals
from sluice.replay.report import NoPlanError
from sluice.replay.scan import ahead, scan
from sluice.replay.settle import BUSY, NOT_RUN, PARK, Outcome
from sluice.replay.store import StorageError, archive_of, persist
from sluice.replay.sweep import sweep
from sluice.replay.view import View, look
from sluice.sinks.letter_store import LetterStore
from tests.fakes.bucket import FakeS3
from tests.fakes.replays import Replays, key_of, letter
from tests.fakes.schedule import Clock, Mode, Schedule

NOW = "2026-11-24T10:00:00.000Z"


def store_of(s3: FakeS3) -> LetterStore:
    return LetterStore("letters", lambda: s3)


def deadline(seconds: float = 60.0) -> Deadline:
    clock = Clock(seconds)
    return Deadline(clock.remaining_ms, clock.sleep, jitter=lambda: 0.5)


@pytest.mark.parametrize(
    ("key", "parked", "expected"),
    [
        ("dead-letters/reason=x/a", False, "replayed/reason=x/a"),
        ("dead-letters/reason=x/a", True, "parked/reason=x/a"),
        ("parked/reason=x/a", False, "replayed/reason=x/a"),
        ("parked/reason=x/a", True, "parked/reason=x/a"),
    ],
)
def test_archives(key: str, parked: bool, expected: str) -> None:
    """An object keeps its name in the archives."""
    assert archive_of(key, parked=parked) == expected


def test_late_retry_finds_its_letters_written() -> None:
    """What was swept away is still there, emptied: the event source's late retry writes nothing anew."""
    world = Replays()
    key = world.put(key_of("a"), letter(1))
    world.execute("r1")

    assert world.s3.objects[key] == b""
    assert store_of(world.s3).put(key, write_letters([letter(1)]), None) is None


SETTLED, PARKED, SEALED = {"state": "recovered"}, {"state": "parked"}, {"state": "parked", "moved": True}


@pytest.mark.parametrize(
    ("letters", "puts"),
    [
        ([{}], []),
        ([SETTLED, {}], []),
        ([SETTLED], ["replayed", ""]),
        ([PARKED], ["sealed", "parked", ""]),
        ([PARKED, SETTLED], ["sealed", "parked", ""]),
        ([SEALED, SETTLED], ["parked", ""]),
        ([SEALED, PARKED], ["sealed", "parked", ""]),
    ],
)
def test_sweep(letters: list[dict[str, Any]], puts: list[str]) -> None:
    """An object is sealed where it must be, archived, emptied, in this order; with something left to do it is left."""
    s3 = FakeS3()
    body = write_letters(letter(n, **changes) for n, changes in enumerate(letters))
    s3.write("dead-letters/a", body)
    sweep(
        "dead-letters/a", View(read_letters(body), s3.etag("dead-letters/a")), store_of(s3), deadline(), NOW
    )

    written = [(request["Key"], read_letters(request["Body"])) for request in s3.requests]
    said = [
        key.partition("/")[0] if not key.startswith("dead-letters/") else "sealed" if left else ""
        for key, left in written
    ]
    assert said == puts
    for key, left in written:
        sealed = {one["id"] for one in left if one.get("moved")}
        parked = {one["id"] for one in left if one["state"] == "parked"}
        assert sealed == (parked if key.startswith("dead-letters/") else set())


@pytest.mark.parametrize("late", [0, 1])
def test_sweeping_too_late(late: int) -> None:
    """Whoever sweeps an older version than what is there seals and empties nothing."""
    s3 = FakeS3()
    letters = [letter(1, state="parked"), letter(2, state="recovered")][late:]
    s3.write("dead-letters/a", write_letters(letters))
    old = View(letters, s3.etag("dead-letters/a"))
    s3.write("dead-letters/a", write_letters([letter(1), letter(2)]))
    now = s3.objects["dead-letters/a"]
    sweep("dead-letters/a", old, store_of(s3), deadline(), NOW)

    assert s3.objects["dead-letters/a"] == now
    # The archive of settled letters is what it will be in any case; that of parked ones must not come too early.
    assert not any(key.startswith("parked/") for key in s3.objects)


def test_a_sealed_object_is_finished_by_the_next_plan() -> None:
    """A sweep that ended in mid-air is finished by whoever plans next, and its parked letter has one place."""
    world = Replays()
    key = world.put(key_of("a"), letter(1, state="parked", moved=True), letter(2, state="recovered"))
    before = dict(world.s3.objects)
    dry = world.dry_run({"filter": {"source": "parked"}})
    assert (dry["selected"], dry["recovered"], dict(world.s3.objects)) == (1, 1, before)
    plan = world.plan("r1", {"filter": {"source": "parked"}})

    assert plan["selected"] == 1
    assert world.s3.objects[key] == b""
    (first, _) = read_letters(world.s3.objects["parked/" + key.removeprefix("dead-letters/")])
    assert "moved" not in first


def test_persist() -> None:
    """A call is tried until the time is up, three times however little of it is left, then its error goes on."""
    tries: list[int] = []

    def fail() -> None:
        tries.append(1)
        raise StorageError("get: SlowDown")

    for seconds, most in ((0.0, 3), (60.0, 200)):
        tries.clear()
        with pytest.raises(StorageError):
            persist(fail, deadline(seconds))
        assert 3 <= len(tries) <= most
    assert len(tries) > 20


def test_persist_succeeds() -> None:
    """A call that succeeds is not repeated, one that fails at first is."""
    answers: list[Any] = [StorageError("x"), StorageError("x"), 7]

    def call() -> int:
        answer = answers.pop(0)
        if isinstance(answer, StorageError):
            raise answer
        return int(answer)

    assert persist(call, deadline()) == 7
    assert answers == []


def test_scan() -> None:
    """A scan skips what was emptied, names what cannot be read, and begins a listing that broke off anew."""
    s3 = FakeS3(Schedule({0: Mode.BEFORE}))
    for name, body in (("d/a", write_letters([letter(1)])), ("d/b", b""), ("d/c", b"x"), ("e", b"x")):
        s3.write(name, body)
    found = list(scan(store_of(s3), "d/", deadline()))

    assert [(one.key, one.letters and [each["id"] for each in one.letters]) for one in found] == [
        ("d/a", ["agent_raw_output-0-1"]),
        ("d/c", None),
    ]


@pytest.mark.parametrize("workers", [1, 4])
def test_ahead(workers: int) -> None:
    """Answers come in the order of the items, and no more are made ahead than twice the workers."""
    made = threading.Semaphore(0)
    taken, ahead_of = 0, []

    def call(item: int) -> int:
        time.sleep(0.001 * (item % 3))
        made.release()
        return item * item

    for item, answer in ahead(range(40), call, workers):
        assert answer == item * item
        taken += 1
        ahead_of.append(made._value - taken)

    assert taken == 40
    assert max(ahead_of) <= 2 * workers + 1


def test_ahead_fails() -> None:
    """A call's error comes out in its item's turn."""

    def call(item: int) -> int:
        if item == 2:
            raise StorageError("get: x")
        return item

    answers = ahead(range(5), call, 3)
    assert [next(answers), next(answers)] == [(0, 0), (1, 1)]
    with pytest.raises(StorageError):
        next(answers)


def test_discards() -> None:
    """Named letters of an object are marked with who and why, the others left; a done object is swept."""
    world = Replays()
    key = world.put(key_of("a"), letter(1), letter(2), letter(3, state="recovered"))
    store = store_of(world.s3)
    given: dict[str, Any] = {"who": "ada", "why": "test data", "now": world.now}

    first, second, third = (identity(letter(n)) for n in (1, 2, 3))
    assert discard_in(key, [first, third], store, deadline(), **given) == [first]
    assert world.states() == {
        f"agent_raw_output-0-{n}": s for n, s in ((1, "discarded"), (2, "open"), (3, "recovered"))
    }
    assert discard_in(key, [first], store, deadline(), **given) == []
    assert discard_in(key, [second], store, deadline(), **given) == [second]
    assert world.s3.objects[key] == b""
    assert world.execute("r1", {}) is not None
    assert world.published() == []


def test_discards_know_messages_not_ids() -> None:
    """Of two letters with one id, of a topic and of the one that was there before it, the one that is meant is marked."""
    world = Replays()
    old, new = letter(1, source="old"), letter(1)
    key = world.put(key_of("a"), old, new, new)
    marked = discard_in(
        key, [identity(new)], store_of(world.s3), deadline(), who="ada", why="x", now=world.now
    )

    assert marked == [identity(new)] * 2
    states = [one["state"] for one in read_letters(world.s3.objects[key])]
    assert states == ["open", "discarded", "discarded"]


@pytest.mark.parametrize(("who", "why"), [("", "x"), ("x", " ")])
def test_discards_name_somebody(who: str, why: str) -> None:
    """A discard without a name or a reason is refused."""
    world = Replays()
    with pytest.raises(ValueError, match="who decided it and why"):
        discard_in("k", [b"x"], store_of(world.s3), deadline(), who=who, why=why, now=world.now)


def test_discard_between() -> None:
    """A discard that comes between a replay's read and its claim is kept, and the letter not run."""
    world = Replays()
    key = world.put(key_of("a"), letter(1), letter(2))
    plan = world.plan("r1", {})
    store, name = store_of(world.s3), "agent_raw_output-0-1"
    reads = len(world.schedule.points) + 2  # the plan, the object, and now the claim
    world.schedule.before[reads] = lambda: discard_in(  # type: ignore[assignment]
        key, [identity(letter(1))], store, deadline(), who="ada", why="x", now=world.now
    )
    world.chunk("r1", 0)

    assert plan["selected"] == 2
    assert world.states() == {name: "discarded", "agent_raw_output-0-2": "recovered"}
    answer = world.report("r1")
    assert (answer["recovered"], answer["busy"]) == (1, 1)


def test_no_plan() -> None:
    """A report on a replay that was never planned says so."""
    with pytest.raises(NoPlanError, match="there is no plan of a replay r1"):
        Replays().report("r1")


def test_totals() -> None:
    """Every outcome is counted once, the failing ones by their reasons."""
    outcomes = [
        Outcome("recovered"),
        BUSY,
        NOT_RUN,
        PARK,
        Outcome("duplicate"),
        Outcome("still_failing", "empty"),
    ]
    counts = totals(outcomes * 2)

    assert counts == {
        "selected": 12,
        "recovered": 2,
        "duplicates": 2,
        "parked": 2,
        "busy": 2,
        "not_run": 2,
        "still_failing": {"empty": 2},
    }
    assert is_conserved(counts)
    for name in counts.keys() - {"still_failing"}:
        assert not is_conserved({**counts, name: counts[name] + 1})
    assert not is_conserved({**counts, "still_failing": {}})


def test_overwrite() -> None:
    """A report is written whatever is there, and a lost answer does no harm."""
    s3 = FakeS3(Schedule({1: Mode.AFTER}))
    for body in (b"1", b"2"):
        overwrite(store_of(s3), "k", body, deadline())
        assert s3.objects["k"] == body


def test_overwritten_all_the_time() -> None:
    """Who never gets his turn to write fails instead of trying for ever."""
    s3 = FakeS3()
    s3.refuse = "PreconditionFailed"
    with pytest.raises(StorageError, match="k is written by others all the time"):
        overwrite(store_of(s3), "k", b"", deadline())


def test_estimate() -> None:
    """More letters, objects and chunks cost more; more chunks at a time take less time and cost the same."""
    small, large = estimate(100, 10, 1, 5), estimate(100_000, 5_000, 800, 5)

    assert small < large
    assert estimate(100_000, 5_000, 800, 50).seconds * 9 < large.seconds
    assert estimate(100_000, 5_000, 800, 50).dollars == large.dollars
    assert 0.1 < large.dollars < 1
    assert estimate(0, 0, 0, 5) == (0, 0.0)


def test_discards_of_what_changes_all_the_time() -> None:
    """Who is always too late to discard has discarded nothing, and says so."""
    world = Replays()
    key = world.put(key_of("a"), letter(1))
    world.s3.refuse = "PreconditionFailed"
    marked = discard_in(
        key, [identity(letter(1))], store_of(world.s3), deadline(), who="a", why="b", now=world.now
    )

    assert (marked, len(world.s3.requests)) == ([], 10)


def test_look() -> None:
    """An object's letters are found in it, else in the archive it went to; what cannot be read has none."""
    s3 = FakeS3()
    store = store_of(s3)
    letters = [letter(1)]
    assert look("dead-letters/a", store, deadline()) == View([], "")
    for archive in ("parked/a", "replayed/a"):
        s3.objects.clear()
        s3.write("dead-letters/a", b"")
        s3.write(archive, write_letters(letters))
        assert look("dead-letters/a", store, deadline()) == View(letters, "")
    s3.write("dead-letters/a", write_letters(letters * 2))
    assert look("dead-letters/a", store, deadline()) == View(letters * 2, s3.etag("dead-letters/a"))
    s3.write("dead-letters/a", b"x")
    assert look("dead-letters/a", store, deadline()) == View([], "")

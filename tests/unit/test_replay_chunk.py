"""One chunk, call by call: what is written when, and what comes of somebody else writing in between."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from sluice.deadline import Deadline
from sluice.replay.chunk import OutOfTimeError, Worker
from sluice.replay.letter import Letter, read_letters, write_letters
from sluice.replay.selection import Entry
from sluice.replay.settle import NOT_RUN, Outcome, Terms
from sluice.replay.store import StorageError
from sluice.sinks.letter_store import LetterStore
from tests.fakes.bucket import FakeS3
from tests.fakes.replays import letter
from tests.fakes.schedule import Clock, Mode, Schedule

A, B = "dead-letters/a", "dead-letters/b"
DONE = Outcome("recovered", verdict=True)
LATER = "2025-11-23T12:30:00.000Z"
OTHER: dict[str, Any] = {"claim": {"replay_id": "other", "until": LATER}, "starts": 1}


class Bench:
    """A bucket, a clock, and letters that all come to the outcome that a test names."""

    def __init__(self, faults: dict[int, Mode] | None = None, **objects: list[Letter]) -> None:
        self.clock = Clock()
        self.s3 = FakeS3(Schedule(faults))
        for name, letters in objects.items():
            self.s3.write(f"dead-letters/{name}", write_letters(letters))
        self.ran: list[list[int]] = []
        self.outcome = DONE
        self.meanwhile: Callable[[], object] = lambda: None

    def run(self, letters: Sequence[Letter], terms: Terms, deadline: Deadline) -> list[Outcome]:
        self.ran.append([one["origin"]["offset"] for one in letters])
        self.meanwhile()
        return [self.outcome] * len(letters)

    def chunk(self, *entries: Entry, **terms: Any) -> dict[tuple[str, int], str]:
        self.clock.start()
        deadline = Deadline(self.clock.remaining_ms, self.clock.sleep, jitter=lambda: 0.5)
        store = LetterStore("letters", lambda: self.s3)
        worker = Worker(store, self.run, Terms("mine", **terms), deadline, 30.0, self.now)
        return {place: outcome.name for place, outcome in worker.chunk(entries).items()}

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock.now, UTC)

    def letters(self, key: str) -> list[Letter]:
        return read_letters(self.s3.objects[key])

    def change(self, key: str, place: int, **changes: Any) -> None:
        """Change a letter as somebody else would."""
        letters = self.letters(key)
        letters[place] |= changes
        self.s3.write(key, write_letters(letters))

    def puts(self) -> list[str]:
        return [key for operation, key in self.s3.calls if operation == "put"]


def test_two_writes() -> None:
    """Letters are claimed in one write and settled in another, all of an object at once."""
    bench = Bench(a=[letter(1), letter(2), letter(3)])
    seen: list[list[Letter]] = []
    bench.meanwhile = lambda: seen.append(bench.letters(A))

    assert bench.chunk(Entry(A, run=(0, 2))) == {(A, 0): "recovered", (A, 2): "recovered"}
    assert bench.puts() == [A, A]
    (claimed,) = seen
    until = (bench.now() + timedelta(seconds=90)).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    assert [one.get("claim") for one in claimed] == [
        {"replay_id": "mine", "until": until},
        None,
        {"replay_id": "mine", "until": until},
    ]
    assert [(one["state"], one.get("claim")) for one in bench.letters(A)] == [
        ("recovered", None),
        ("open", None),
        ("recovered", None),
    ]


def test_parking_needs_no_claim() -> None:
    """What is parked without being run is parked in one write, beside the states of what was run in theirs."""
    bench = Bench(a=[letter(1, attempt=3), letter(2)])
    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "parked"}
    assert (bench.puts(), bench.ran) == ([A], [])

    bench = Bench(a=[letter(1, attempt=3), letter(2), letter(3)])
    assert bench.chunk(Entry(A, run=(0, 1))) == {(A, 0): "parked", (A, 1): "recovered"}
    assert (bench.puts(), bench.ran) == ([A, A], [[2]])


def test_nothing_to_do_writes_nothing() -> None:
    """An object of which another replay has all that was selected is read and left."""
    bench = Bench(a=[letter(1, **OTHER), letter(2, state="recovered"), letter(3)])

    assert bench.chunk(Entry(A, run=(0, 1, 7))) == {(A, 0): "busy", (A, 1): "busy", (A, 7): "busy"}
    assert (bench.puts(), bench.ran) == ([], [])


def test_somebody_claims_in_between() -> None:
    """Whoever is too late to claim reads again and takes what is left."""
    bench = Bench(a=[letter(1), letter(2)])
    # The first read, then the write that comes too late.
    bench.s3._schedule.before[1] = lambda: bench.change(A, 0, **OTHER)

    assert bench.chunk(Entry(A, run=(0, 1))) == {(A, 0): "busy", (A, 1): "recovered"}
    assert bench.ran == [[2]]


def test_always_too_late() -> None:
    """An object that changes before every claim is busy, after ten tries."""
    bench = Bench(a=[letter(1)])
    tries: list[int] = []

    def change() -> None:
        tries.append(1)
        bench.change(A, 0, note=len(tries))
        bench.s3._schedule.before[len(bench.s3._schedule.points) + 2] = change

    bench.s3._schedule.before[1] = change

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "busy"}
    assert (len(tries), bench.ran) == (10, [])


def test_an_outcome_that_comes_too_late() -> None:
    """Where the object changed while its letters ran, the outcome is void: the letter is busy, and claimed still."""
    bench = Bench(a=[letter(1), letter(2)])
    bench.meanwhile = lambda: bench.change(A, 1, **OTHER)

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "busy"}
    first, second = bench.letters(A)
    assert (first["state"], first["attempt"], first["claim"]["replay_id"]) == ("open", 0, "mine")
    assert second["claim"]["replay_id"] == "other"


def test_an_answer_that_got_lost() -> None:
    """Where the settling write was done and its answer lost, the outcome is the one that is written."""
    bench = Bench({2: Mode.AFTER}, a=[letter(1), letter(2)])

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "recovered"}
    assert [one["attempt"] for one in bench.letters(A)] == [1, 0]


def test_a_claim_whose_answer_got_lost() -> None:
    """Where the claim was made and its answer lost, it is found to be ours and the letter is run."""
    bench = Bench({1: Mode.AFTER}, a=[letter(1), letter(2)])

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "recovered"}
    assert bench.ran == [[1]]


def test_again() -> None:
    """A chunk that is run again finds what it settled, in the archive too, and runs the rest."""
    bench = Bench(a=[letter(1)], b=[letter(2), letter(3)])
    entries = Entry(A, run=(0,)), Entry(B, run=(0,))
    first = bench.chunk(*entries)
    assert bench.s3.objects[A] == b""
    puts = len(bench.puts())

    assert bench.chunk(*entries) == first == {(A, 0): "recovered", (B, 0): "recovered"}
    assert len(bench.puts()) == puts
    assert bench.ran == [[1], [2]]


def test_settled_by_another_and_archived() -> None:
    """A letter that another replay settled and archived is busy, whatever it became there."""
    for state in ("recovered", "parked"):
        bench = Bench(a=[])
        bench.s3.write(A, b"")
        archive = ("parked/" if state == "parked" else "replayed/") + "a"
        bench.s3.write(archive, write_letters([letter(1, state=state, replay_id="other")]))

        assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "busy"}
        assert bench.chunk(Entry(A, run=(0,)), wanted="parked") == {(A, 0): "busy"}
        assert bench.puts() == []


def test_unreadable_meanwhile() -> None:
    """An object that cannot be read any more is busy, and left as it is."""
    bench = Bench(a=[])
    bench.s3.write(A, b"broken")

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "busy"}
    assert bench.puts() == []


def test_repeats_first() -> None:
    """A repeat is marked before its original is run, and says whose it is."""
    bench = Bench(a=[letter(1)], b=[letter(1), letter(2)])
    entries = Entry(A, run=(0,)), Entry(B, run=(1,), aliases=((0, A, 0),))
    bench.meanwhile = lambda: marks.append(bench.letters(B)[0].get("alias_of"))
    marks: list[str | None] = []

    assert bench.chunk(*entries) == {(A, 0): "recovered", (B, 1): "recovered"}
    assert marks == [A, A]
    assert bench.puts()[0] == B


@pytest.mark.parametrize("changes", [OTHER, {"state": "recovered"}])
def test_a_repeat_that_another_has(changes: dict[str, Any]) -> None:
    """Where another replay has the repeat, the original is not run, and the rest of the chunk is."""
    bench = Bench(a=[letter(1), letter(3)], b=[letter(1, **changes), letter(2)])
    entries = Entry(A, run=(0, 1)), Entry(B, run=(1,), aliases=((0, A, 0),))

    assert bench.chunk(*entries) == {(A, 0): "not_run", (A, 1): "recovered", (B, 1): "recovered"}
    assert bench.ran == [[3], [2]]
    assert bench.letters(A)[0] == letter(1)


def test_several_repeats() -> None:
    """One repeat that another replay has is enough to leave its original, whatever became of the other ones."""
    bench = Bench(a=[letter(1), letter(2)], b=[letter(1, **OTHER), letter(2)], c=[letter(1), letter(2)])
    entries = (
        Entry(A, run=(0, 1)),
        Entry(B, aliases=((0, A, 0), (1, A, 1))),
        Entry("dead-letters/c", aliases=((0, A, 0), (1, A, 1))),
    )

    assert bench.chunk(*entries) == {(A, 0): "not_run", (A, 1): "recovered"}


def test_blocked_and_settled_already() -> None:
    """A letter whose repeat another replay has is still what this replay made of it before, or busy if that is so."""
    mine = letter(1, state="recovered", replay_id="mine")
    bench = Bench(a=[mine, letter(2, **OTHER), letter(3)], b=[letter(n, **OTHER) for n in (1, 2)])
    entries = Entry(A, run=(0, 1)), Entry(B, aliases=((0, A, 0), (1, A, 1)))

    assert bench.chunk(*entries) == {(A, 0): "recovered", (A, 1): "busy"}


def test_selected_repeats() -> None:
    """A selected repeat of a settled letter is a duplicate, marked in one write; one that another holds is busy."""
    bench = Bench(a=[letter(1), letter(2, **OTHER), letter(3)])
    entry = Entry(A, copies=((0, "dead-letters/x", 0), (1, "dead-letters/x", 1), (9, "dead-letters/x", 2)))

    assert bench.chunk(entry) == {(A, 0): "duplicate", (A, 1): "busy", (A, 9): "busy"}
    assert bench.s3.calls == [("get", A), ("put", A)]
    assert [one.get("alias_of") for one in bench.letters(A)] == ["dead-letters/x", None, None]
    assert bench.chunk(entry)[A, 0] == "duplicate"
    assert (bench.puts(), bench.ran) == ([A], [])


def test_repeats_marked_too_late() -> None:
    """Whoever is too late to mark a repeat looks again; what changes all the time is busy."""
    bench = Bench(a=[letter(1), letter(2)])
    entry = Entry(A, copies=((0, "dead-letters/x", 0), (1, "dead-letters/x", 1)))
    bench.s3._schedule.before[1] = lambda: bench.change(A, 0, **OTHER)
    assert bench.chunk(entry) == {(A, 0): "busy", (A, 1): "duplicate"}

    bench = Bench(a=[letter(1)])
    tries: list[int] = []

    def change() -> None:
        tries.append(1)
        bench.change(A, 0, note=len(tries))
        bench.s3._schedule.before[len(bench.s3._schedule.points) + 2] = change

    bench.s3._schedule.before[1] = change
    assert bench.chunk(Entry(A, copies=((0, "dead-letters/x", 0),))) == {(A, 0): "busy"}
    assert len(tries) == 10


def test_marked_and_nothing_else() -> None:
    """An object in which marking leaves nothing to do is swept."""
    bench = Bench(a=[letter(1), letter(2, state="recovered")])
    bench.chunk(Entry(A, copies=((0, "dead-letters/x", 0),)))

    assert bench.puts() == [A, "replayed/a", A]
    assert bench.s3.objects[A] == b""


def test_begun_before_comes_last() -> None:
    """Where an earlier run of this replay ended in mid-air comes after the rest of the chunk."""
    mine: dict[str, Any] = {"claim": {"replay_id": "mine", "until": LATER}, "starts": 1}
    bench = Bench(a=[letter(1, **mine), letter(2)], b=[letter(3)])

    assert set(bench.chunk(Entry(A, run=(0, 1)), Entry(B, run=(0,))).values()) == {"recovered"}
    assert bench.ran == [[3], [1, 2]]


def test_suspects_run_alone_and_last() -> None:
    """A letter that was begun twice and never settled runs after the others of its object, in a claim of its own."""
    bench = Bench(a=[letter(1, starts=4), letter(2), letter(3, starts=2), letter(4)])
    bench.chunk(Entry(A, run=(0, 1, 2, 3)))

    assert bench.ran == [[2, 4], [3], [1]]
    assert bench.s3.objects[A] == b""


def test_many_suspects() -> None:
    """However many letters have to run alone, each of them does."""
    bench = Bench(a=[letter(n, starts=3) for n in range(15)])

    assert set(bench.chunk(Entry(A, run=tuple(range(15)))).values()) == {"recovered"}
    assert len(bench.ran) == 15


def test_not_run() -> None:
    """What the infrastructure kept from being run is free again, with neither start nor attempt counted."""
    bench = Bench(a=[letter(1)])
    bench.outcome = NOT_RUN

    assert bench.chunk(Entry(A, run=(0,))) == {(A, 0): "not_run"}
    (one,) = bench.letters(A)
    assert (one["state"], one["attempt"], one["starts"], one["claim"]) == ("open", 0, 0, None)


def test_no_time_left() -> None:
    """Nothing is begun when the function's time is up; what was done is done."""
    bench = Bench(a=[letter(1)], b=[letter(2)])
    bench.meanwhile = lambda: setattr(bench.clock, "now", bench.clock.now + 59)

    with pytest.raises(OutOfTimeError, match="goes on where it stopped"):
        bench.chunk(Entry(A, run=(0,)), Entry(B, run=(0,)))
    assert (bench.ran, bench.letters("replayed/a")[0]["state"]) == ([[1]], "recovered")


def test_storage_is_gone() -> None:
    """Where S3 does not answer, the chunk fails for the state machine to try again, and nothing is claimed for good."""
    bench = Bench(dict.fromkeys(range(1, 500), Mode.BEFORE), a=[letter(1)])

    with pytest.raises(StorageError):
        bench.chunk(Entry(A, run=(0,)))
    assert bench.letters(A) == [letter(1)]

"""Where an archive's name is taken: what a sweep takes for its own, and what it leaves alone."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.deadline import Deadline
from sluice.replay.letter import Letter, read_letters, write_letters
from sluice.replay.sweep import sweep
from sluice.replay.view import View
from sluice.sinks.letter_store import LetterStore
from tests.fakes.bucket import FakeS3, client_error
from tests.fakes.replays import Replays, letter
from tests.fakes.schedule import Clock, Mode, Schedule

NOW = "2026-11-24T10:00:00.000Z"
KEY, PARKED, REPLAYED = "dead-letters/a", "parked/a", "replayed/a"
WAITING: dict[str, Any] = {"state": "parked", "moved": True}
ASKED_FOR = {"filter": {"source": "parked"}}


def swept(s3: FakeS3, *letters: Letter) -> list[Letter]:
    """Sweep an object of these letters; return what is left in it."""
    s3.write(KEY, write_letters(letters))
    clock = Clock(60.0)
    deadline = Deadline(clock.remaining_ms, clock.sleep, jitter=lambda: 0.5)
    sweep(KEY, View(list(letters), s3.etag(KEY)), LetterStore("letters", lambda: s3), deadline, NOW)
    return read_letters(s3.objects[KEY])


@pytest.mark.parametrize(
    ("archive", "changes"), [(REPLAYED, {"state": "recovered"}), (PARKED, WAITING)], ids=["settled", "parked"]
)
@pytest.mark.parametrize("body", [write_letters([letter(2)]), write_letters([letter(1), letter(2)]), b"x"])
def test_other_letters_in_the_archive(archive: str, changes: dict[str, Any], body: bytes) -> None:
    """Where other letters have the archive's name, or what cannot be read, nothing is emptied or written over."""
    s3, mine = FakeS3(), letter(1, **changes)
    s3.write(archive, body)

    assert swept(s3, mine) == [mine]
    assert s3.objects[archive] == body


@pytest.mark.parametrize("state", ["parked", "open", "recovered"])
def test_the_same_letters_in_the_archive(state: str) -> None:
    """A sweep that ended after its archive is finished; what became of the letters there since is kept."""
    s3 = FakeS3()
    there = write_letters([letter(1, state=state, attempt=4)])
    s3.write(PARKED, there)

    assert swept(s3, letter(1, **WAITING)) == []
    assert s3.objects[PARKED] == there


@pytest.mark.parametrize(
    ("archive", "changes"), [(REPLAYED, {"state": "recovered"}), (PARKED, WAITING)], ids=["settled", "parked"]
)
def test_an_empty_archive(archive: str, changes: dict[str, Any]) -> None:
    """An archive that was emptied long ago takes the letters of a new object of that name."""
    s3 = FakeS3()
    s3.write(archive, b"")

    assert swept(s3, letter(1, **changes)) == []
    assert read_letters(s3.objects[archive]) == [letter(1, state=changes["state"])]


def test_parked_letters_that_were_settled_since() -> None:
    """Parked letters that went on from their archive are not parked again by a late sweep."""
    s3 = FakeS3()
    s3.write(PARKED, b"")
    s3.write(REPLAYED, write_letters([letter(1, state="recovered")]))

    assert swept(s3, letter(1, **WAITING)) == []
    assert s3.objects[PARKED] == b""


class Conflicting(FakeS3):
    """Another write of the archive is under way."""

    def put_object(self, **request: Any) -> dict[str, Any]:
        if request["Key"] == REPLAYED:
            raise client_error("ConditionalRequestConflict")
        return super().put_object(**request)


def test_an_archive_being_written() -> None:
    """An archive that is refused and not there (another write is under way, 409) leaves the letters where they are."""
    s3, mine = Conflicting(), letter(1, state="recovered")

    assert swept(s3, mine) == [mine]
    assert REPLAYED not in s3.objects


def test_an_answer_lost() -> None:
    """An archive that was written without an answer is one's own."""
    s3 = FakeS3(Schedule({0: Mode.AFTER}))

    assert swept(s3, letter(1, state="recovered")) == []
    assert read_letters(s3.objects[REPLAYED]) == [letter(1, state="recovered")]


@pytest.mark.parametrize(("settled", "selected"), [([], 1), ([letter(1, state="recovered")], 0)])
def test_a_dry_run_over_an_empty_archive(settled: list[Letter], selected: int) -> None:
    """A dry run counts what the sweep will bring to an emptied archive, and nothing that went on from there."""
    world = Replays()
    world.put(KEY, letter(1, **WAITING))
    world.s3.write(PARKED, b"")
    if settled:
        world.put(REPLAYED, *settled)
    before = dict(world.s3.objects)
    dry = world.dry_run(ASKED_FOR)

    assert dict(world.s3.objects) == before
    assert world.plan("r1", ASKED_FOR)["selected"] == dry["selected"] == selected

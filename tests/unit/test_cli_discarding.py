"""`sluice discard`: who and why, nothing unasked, and what is given up is given up in every object."""

from __future__ import annotations

import pytest

from sluice.replay.store import PARKED
from tests.fakes.operators import Desk
from tests.fakes.replays import Replays, key_of, letter

ALL = ("--why", "x", "--yes")


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The tool between fakes."""
    return Desk(monkeypatch, capsys)


def test_discard(desk: Desk) -> None:
    """A discard is a mark with who and why; the letter's bytes stay."""
    key = desk.put("a", letter(1), letter(2))
    code, out, _ = desk.run("discard", "agent_raw_output-0-1", "--why", "a test", "--who", "me", "--yes")
    first, second = desk.letters(key)

    assert (code, "1 of 1 letters discarded" in out) == (0, True)
    assert (first["state"], first["discarded_by"], first["discarded_why"]) == ("discarded", "me", "a test")
    assert first["value_b64"]
    assert second["state"] == "open"


def test_discard_asks(desk: Desk) -> None:
    """Nothing is discarded unasked, without a reason, or without saying what."""
    key = desk.put("a", letter(1))
    before = desk.s3.objects[key]

    assert desk.run("discard", "agent_raw_output-0-1", "--why", "x")[0] == 0
    assert desk.run("discard", "agent_raw_output-0-1", "--yes")[0] == 2
    assert desk.run("discard", "--why", "x", "--yes")[0] == 2
    assert "no such letter" in desk.run("discard", "nobody-0-1", "--why", "x", "--yes")[1]
    assert desk.s3.objects[key] == before


def test_discard_by_filter(desk: Desk) -> None:
    """Letters are discarded by what they failed for, too."""
    desk.put("a", letter(1, "empty", raw=b""), letter(2))

    assert "1 of 1" in desk.run("discard", "--reason", "empty", "--why", "tombstones", "--yes")[1]
    assert [one["id"][-1] for one in desk.json("ls")] == ["2"]


def test_discard_what_a_replay_holds(desk: Desk) -> None:
    """A letter in a replay's hands is not discarded, and the exit code says so."""
    held = letter(1, claim={"replay_id": "r", "until": "2999-01-01T00:00:00.000Z"})
    desk.put("a", held)
    code, out, _ = desk.run("discard", "agent_raw_output-0-1", "--why", "x", "--yes")

    assert code == 4
    assert "replay's hands" in out


@pytest.mark.parametrize("words", [("agent_raw_output-0-1",), ("--reason", "empty"), ("--source", "parked")])
def test_discard_in_every_object(desk: Desk, words: tuple[str, ...]) -> None:
    """A letter in several objects is one letter, discarded in all of them; no replay brings a copy back."""
    desk.put("a", letter(1, "empty"))
    desk.put("b", letter(1))
    desk.put("c", letter(2))
    desk.s3.write(PARKED + "d", desk.s3.objects[desk.put("d", letter(1, state="parked"))])
    desk.s3.write(key_of("d"), b"")

    assert "1 of 1 letters discarded" in desk.run("discard", *words, *ALL)[1]
    world = Replays()
    for key, body in desk.s3.objects.items():
        world.s3.write(key, body)
    assert world.execute("r1") is not None
    assert world.execute("r2", {"filter": {"source": "parked"}}) is not None
    assert world.published() == ["agent_raw_output-0-2"]


def test_discard_a_copy_that_a_replay_holds(desk: Desk) -> None:
    """A letter of which one copy could not be marked is not discarded yet; asked again, it is."""
    desk.put("a", letter(1), letter(2))
    held = desk.put("b", letter(1, claim={"replay_id": "r", "until": "2999-01-01T00:00:00.000Z"}))
    code, out, _ = desk.run("discard", "--reason", "not_json", *ALL)

    assert (code, "1 of 2 letters discarded" in out) == (4, True)
    assert desk.letters(held)[0]["state"] == "open"
    desk.put("b", letter(1))
    assert "1 of 1 letters discarded" in desk.run("discard", "agent_raw_output-0-1", *ALL)[1]


def test_discard_leaves_namesakes(desk: Desk) -> None:
    """A letter with the id of one that was chosen, of another topic or another text, is left."""
    others = letter(1, source="old"), letter(1, raw=b"{other")
    key = desk.put("a", letter(1, "empty"), *others)

    assert "1 of 1 letters discarded" in desk.run("discard", "--reason", "empty", *ALL)[1]
    assert [one["state"] for one in desk.letters(key)] == ["discarded", "open", "open"]
    assert "2 of 2 letters discarded" in desk.run("discard", "agent_raw_output-0-1", *ALL)[1]

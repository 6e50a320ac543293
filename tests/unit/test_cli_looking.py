"""`sluice ls`, `stats`, `show`, `explain`: what they say, and what they keep to themselves."""

from __future__ import annotations

from datetime import UTC, datetime
from io import BytesIO, TextIOWrapper
from pathlib import Path

import orjson
import pytest

from ops.cli.bucket import SHOWN
from ops.cli.options import ago
from ops.cli.screen import message, plain
from sluice.replay.store import PARKED, archive_of
from tests.fakes.operators import Desk
from tests.fakes.replays import key_of, letter, message as raw_message, on_failure, value

SECRET = "a text that nobody asked for"


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The tool between fakes."""
    return Desk(monkeypatch, capsys)


def test_ls(desk: Desk) -> None:
    """Open letters are listed with agent, reason and detail; settled ones are not."""
    desk.put("a", letter(1, raw=value("planner")), letter(2, state="recovered"), letter(3, "empty", raw=b""))
    listed = desk.json("ls")

    assert [(one["id"][-1], one["agent"], one["reason"]) for one in listed] == [
        ("1", "planner", "not_json"),
        ("3", None, "empty"),
    ]
    assert {*SHOWN, "agent", "claimed_by", "object"} == set(listed[0])


def test_ls_filters(desk: Desk) -> None:
    """Reason, agent and time narrow the list as they narrow a replay."""
    desk.put("a", letter(1, raw=value("planner")), letter(2, "empty", raw=b""))

    assert [one["id"][-1] for one in desk.json("ls", "--reason", "empty")] == ["2"]
    assert [one["id"][-1] for one in desk.json("ls", "--agent", "planner")] == ["1"]
    assert desk.json("ls", "--until", "2026-11-23T00:00:00Z") == []
    assert len(desk.json("ls", "--since", "2026-11-23T00:00:00Z")) == 2


def test_ls_limit(desk: Desk) -> None:
    """A list that is cut says so."""
    desk.put("a", *(letter(n) for n in range(3)))
    code, out, _ = desk.run("ls", "--limit", "2")

    assert code == 0
    assert "the first 2" in out
    assert len(desk.json("ls", "--limit", "3")) == 3


def test_a_letter_in_two_objects_is_listed_once(desk: Desk) -> None:
    """A batch that was cut anew wrote its letters twice: they are one letter each."""
    desk.put("a", letter(1))
    desk.put("b", letter(1), letter(2))

    assert [one["id"][-1] for one in desk.json("ls")] == ["1", "2"]


def test_states(desk: Desk) -> None:
    """Parked letters are found where replays put them, and any state can be asked for."""
    desk.s3.write(archive_of(key_of("a"), parked=True), b"")
    key = desk.put("a", letter(1, state="parked"), letter(2, state="discarded"), letter(3))
    desk.s3.write(PARKED + "b", desk.s3.objects[key])

    assert [one["id"][-1] for one in desk.json("ls", "--state", "parked")] == ["1"]
    assert [one["id"][-1] for one in desk.json("ls", "--source", "parked")] == ["1"]
    assert len(desk.json("ls", "--state", "all")) == 3
    assert desk.run("ls", "--state", "lost")[0] == 2


def test_an_object_that_cannot_be_read(desk: Desk) -> None:
    """What holds no letters is counted, and hides nobody."""
    desk.put("a", letter(1))
    desk.s3.write(key_of("b"), b"not gzip")
    code, out, _ = desk.run("ls")

    assert code == 0
    assert "1 objects cannot be read" in out


def test_stats(desk: Desk) -> None:
    """Letters are counted by reason, agent and hour, and what waits to be imported is named."""
    desk.put(
        "a", letter(1, raw=value("planner")), letter(2, raw=value("planner")), letter(3, "empty", raw=b"")
    )
    desk.failed.write("aws/x", on_failure(raw_message(9)))
    (counted,) = desk.json("stats")

    assert counted["letters"] == 3
    assert counted["reason"] == {"not_json": 2, "empty": 1}
    assert counted["agent"] == {"planner": 2, "(not readable)": 1}
    assert sum(counted["hour"].values()) == 3
    assert counted["not_imported"] == 1


@pytest.mark.parametrize("words", [["ls"], ["stats"], ["ls", "-o", "json"], ["stats", "-o", "json"]])
def test_lists_keep_texts_to_themselves(desk: Desk, words: list[str]) -> None:
    """Nothing of what an agent wrote is printed but its name."""
    desk.put("a", letter(1, raw=value("planner", SECRET)))

    assert SECRET not in desk.run(*words)[1]


def test_names_cannot_drive_the_terminal(desk: Desk) -> None:
    """An agent's name comes out with its control characters written out."""
    desk.put("a", letter(1, raw=value("\x1b]0;owned\x07")))

    assert "\x1b" not in desk.run("ls")[1] + desk.run("stats")[1]
    assert plain("\x1b[2J\u202eo") == "\\x1b[2J\\u202eo"


def test_show(desk: Desk) -> None:
    """A letter is shown whole, with what the pipeline of today makes of it."""
    desk.put("a", letter(1, raw=value("planner", "see  this")))
    code, out, _ = desk.run("show", "agent_raw_output-0-1")

    assert code == 0
    assert "see  this" in out
    assert '"text": "see this"' in out
    assert f"s3://letters/{key_of('a')}" in out


def test_show_with_rules(desk: Desk, tmp_path: Path) -> None:
    """Rules that are being tried are applied before the pipeline; without them the refusal is told."""
    desk.put(
        "a",
        letter(1, "schema_invalid", orjson.dumps({"agent_id": "a", "timestamp": 1763885700, "text": "t"})),
    )
    rules = tmp_path / "rules.json"
    rules.write_text('[{"op":"parse_time","at":"/timestamp","when":{"reason":"schema_invalid"}}]')
    (plain_,) = desk.json("show", "agent_raw_output-0-1")
    (mended,) = desk.json("show", "agent_raw_output-0-1", "--repair", str(rules))

    assert plain_["now"]["refused"]["reason"] == "schema_invalid"
    assert mended["now"]["cleaned"]["timestamp"] == "2025-11-23T08:15:00Z"


def test_show_what_is_not_there(desk: Desk) -> None:
    """A letter that there is not is told, with the command that lists those that are."""
    code, _, err = desk.run("show", "nobody-0-1")

    assert code == 3
    assert "sluice ls --local" in err


def explained(monkeypatch: pytest.MonkeyPatch, desk: Desk, text: bytes, *words: str) -> tuple[int, str]:
    monkeypatch.setattr("sys.stdin", TextIOWrapper(BytesIO(text)))
    code, out, _ = desk.run("explain", "-", *words)
    return code, out


def test_explain(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """Every step says what it changed, and the cleaned record comes last."""
    code, out = explained(monkeypatch, desk, value("planner", "a  b") + b"\n", "-o", "json")
    steps = orjson.loads(out)["steps"]

    assert code == 0
    assert [one["step"] for one in steps] == ["decode", "validate", "identify", "clean", "enrich"]
    assert steps[3]["changes"]["body"]["text"] == "a b"
    assert '"a  b"' in explained(monkeypatch, desk, value("planner", "a  b"))[1]


def test_explain_a_refusal(monkeypatch: pytest.MonkeyPatch, desk: Desk) -> None:
    """A message that is refused says where and why, and that is exit code 1."""
    code, out = explained(monkeypatch, desk, b'{"agent_id":"a"}')

    assert code == 1
    assert "validate refuses it: schema_invalid" in out


def test_explain_a_file_that_is_not_there(desk: Desk) -> None:
    """A file that cannot be read is a wrong argument."""
    assert desk.run("explain", "nowhere.json")[0] == 2


def test_long_messages_are_cut() -> None:
    """What does not fit the screen is cut, and how to see all of it is said."""
    assert message(b"x" * 100, 10).endswith("(100 bytes; --full shows all of them)")
    assert message(None, 10) == "(no value: a tombstone)"


@pytest.mark.parametrize(
    ("text", "time"),
    [
        ("30m", "2026-11-23T08:30:00.000Z"),
        ("2h", "2026-11-23T07:00:00.000Z"),
        ("3d", "2026-11-20T09:00:00.000Z"),
        ("2026-11-23T08:00:00Z", "2026-11-23T08:00:00Z"),
        ("", ""),
    ],
)
def test_times_ago(text: str, time: str) -> None:
    """A time may be said as how long ago it was; all else is the replay's to check."""
    assert ago(text, datetime(2026, 11, 23, 9, tzinfo=UTC)) == time


def test_times_before_the_calendar(desk: Desk) -> None:
    """A time that the calendar does not reach back to is refused with a word on it."""
    code, _, said = desk.run("ls", "--since", "999999d")

    assert (code, "999999d ago is before the year 1" in said) == (2, True)

"""`sluice replay`, `status`, `cancel`: nothing runs unasked, and every end has its exit code."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.cli import target
from ops.cli.plan import concurrency_for
from sluice.replay.letter import write_letters
from sluice.replay.paper import Plan, plan_key, results_prefix, write_plan
from tests.fakes.operators import Desk, recovering
from tests.fakes.replays import letter
from tests.fakes.workflow import failed, planned, succeeded


@pytest.fixture
def desk(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Desk:
    """The tool between fakes, in no hurry to look."""
    monkeypatch.setattr("ops.cli.executions.time.sleep", lambda _: None)
    return Desk(monkeypatch, capsys)


def test_only_counts_where_nobody_can_be_asked(desk: Desk) -> None:
    """Without --yes and without a terminal the dry run is all there is."""
    code, out, err = desk.run("replay")

    assert code == 0
    assert [given.get("dry_run") for given in desk.workflow.inputs.values()] == [None]
    assert "would become" in out
    assert "--yes" in err


def test_runs_when_told(desk: Desk) -> None:
    """With --yes the dry run is followed by the run, on the same input, under the name that was given."""
    code, out, _ = desk.run("replay", "--yes", "--reason", "not_json", "--limit", "9", "--name", "again")

    assert code == 0
    given = {"filter": {"reasons": ["not_json"]}, "limit": 9}
    (dry, counted), ran = desk.workflow.inputs.items()
    assert (dry.startswith("dry-again-"), counted) == (True, given)
    assert ran == ("again", {**given, "dry_run": False})
    assert "s3://b/r.json" in out


@pytest.mark.parametrize(("answer", "runs"), [("y\n", 2), ("n\n", 1), ("\n", 1)])
def test_asks(desk: Desk, monkeypatch: pytest.MonkeyPatch, answer: str, runs: int) -> None:
    """On a terminal it asks, and no is what it takes for an answer by default."""
    monkeypatch.setattr("ops.cli.replaying.sys.stdin.isatty", lambda: True)
    monkeypatch.setattr("ops.cli.replaying.typer.confirm", lambda *_, **__: answer == "y\n")

    assert desk.run("replay")[0] == 0
    assert len(desk.workflow.inputs) == runs


def test_nothing_to_do(desk: Desk) -> None:
    """An empty selection is success, and no replay is started."""
    desk.ends(lambda given: planned(given["replay_id"], selected=0, recovered=0))
    code, out, _ = desk.run("replay", "--yes")

    assert (code, len(desk.workflow.inputs)) == (0, 1)
    assert "nothing to do" in out
    assert "cannot be read" not in out


@pytest.mark.parametrize("words", [("--yes",), ("--yes", "--skip-dry-run")])
def test_nothing_to_do_and_nothing_readable(desk: Desk, words: tuple[str, ...]) -> None:
    """Who finds nothing to do hears of the objects that could not be read, before a run and after it."""

    def ending(given: dict[str, Any]) -> dict[str, Any]:
        return planned("r", dry_run=given.get("dry_run", True), selected=0, recovered=0, unreadable_objects=3)

    desk.ends(ending)

    out = desk.run("replay", *words)[1]
    assert "nothing to do" in out
    assert "3 objects cannot be read" in out


@pytest.mark.parametrize(
    "left", [{"still_failing": {"not_json": 1}}, {"parked": 1}, {"busy": 1}, {"not_run": 1}]
)
def test_letters_left(desk: Desk, left: dict[str, Any]) -> None:
    """A replay after which letters are left ends with exit code 1."""

    def ending(given: dict[str, Any]) -> dict[str, Any]:
        if given.get("dry_run", True):
            return recovering(given)
        return succeeded(replay_id="r", dry_run=False, selected=2, recovered=1, report="s3://b/r", **left)

    desk.ends(ending)

    assert desk.run("replay", "--yes")[0] == 1


def test_what_is_left_is_shown(desk: Desk) -> None:
    """The command that a replay ends with lists the letters that are left, the parked ones too."""
    desk.put("a", letter(1), letter(2, state="parked"), letter(3, state="recovered"))
    desk.ends(lambda given: succeeded(**given, selected=2, busy=1, parked=1, report="s3://b/r"))
    out = desk.run("replay", "--yes", "--skip-dry-run")[1]
    _, _, command = out.strip().splitlines()[-1].partition("sluice ")
    listed = desk.json(*command.removesuffix(" --local").split())

    assert [one["id"][-1] for one in listed] == ["1", "2"]
    assert "a run that died" in out


def test_json(desk: Desk) -> None:
    """For programs there is one line: the plan and what came of it."""
    (counted,) = desk.json("replay")
    (came,) = desk.json("replay", "--yes")

    assert (counted["plan"]["selected"], counted["replay"]) == (2, None)
    assert came["replay"]["recovered"] == 2


def test_rules_are_checked_before_anything_runs(desk: Desk, tmp_path: Path) -> None:
    """A rule or an input that is wrong is told by its field's name, and nothing is started."""
    rules = tmp_path / "rules.json"
    rules.write_text('[{"op":"renam"}]')

    code, _, err = desk.run("replay", "--repair", str(rules))
    assert (code, "repair[0].op" in err) == (2, True)
    rules.write_text("{")
    assert desk.run("replay", "--repair", str(rules))[0] == 2
    code, _, err = desk.run("replay", "--limit", "0", "--schema", "none/1")
    assert (code, "limit" in err, "schema" in err) == (2, True, True)
    assert desk.workflow.inputs == {}


def test_without_a_dry_run(desk: Desk) -> None:
    """What is too much to count first can be run all the same, if it is said so."""
    assert desk.run("replay", "--skip-dry-run")[0] == 2
    assert desk.run("replay", "--skip-dry-run", "--yes", "--rate", "5")[0] == 2
    assert desk.run("replay", "--skip-dry-run", "--yes", "--name", "all")[0] == 0
    assert desk.workflow.inputs == {"all": {"dry_run": False}}


def test_counted_first_and_run_later(desk: Desk) -> None:
    """Who counts under a name and then runs under it may, and so may who has a name that is as long as names get."""
    for name in ("monday", "m" * 79 + "1", "m" * 79 + "2"):
        assert desk.run("replay", "--name", name)[0] == 0
        assert desk.run("replay", "--yes", "--name", name)[0] == 0
    assert len(desk.workflow.inputs) == 9
    assert max(map(len, desk.workflow.inputs)) == 80


def test_a_name_twice(desk: Desk) -> None:
    """A replay's name stands for one replay."""
    desk.run("replay", "--yes", "--name", "again")
    code, _, err = desk.run("replay", "--yes", "--name", "again")

    assert code == 2
    assert "--name" in err


@pytest.mark.parametrize(("kind", "code"), [("InputError", 2), ("KeyError", 4), ("OutOfTimeError", 4)])
def test_a_failed_execution(desk: Desk, kind: str, code: int) -> None:
    """An execution that fails says what its function said; an input that it does not take is a wrong argument."""
    desk.ends(lambda _: failed(kind, "this is why"))
    ended, _, err = desk.run("replay")

    assert (ended, "this is why" in err) == (code, True)


def test_ctrl_c_leaves_it_running(desk: Desk) -> None:
    """Ctrl-C ends the watching, not the replay, and says how to go on."""

    def interrupt(name: str) -> None:
        if not name.startswith("dry-"):
            raise KeyboardInterrupt

    desk.workflow.on_look = interrupt
    code, _, err = desk.run("replay", "--yes", "--name", "long")

    assert code == 130
    assert "sluice status long --follow --local" in err
    assert "sluice cancel long --local" in err
    assert desk.workflow.stopped == {}


def test_status(desk: Desk) -> None:
    """A running replay says how many of its chunks are done; one that ended says what came of it."""
    desk.workflow.looks = 2
    desk.workflow.start_execution(name="r1", input='{"dry_run": false}')
    assert "is being planned" in desk.run("status", "r1")[1]
    plan = write_plan(Plan({}, {"chunks": 3, "selected": 200}, []))
    desk.s3.write(plan_key("r1"), plan)
    desk.s3.write(f"{results_prefix('r1')}0001.json", b"{}")

    assert "1 of 3 chunks, 200 letters" in desk.run("status", "r1")[1]
    assert "report: s3://b/r.json" in desk.run("status", "r1")[1]
    assert [one["replay_id"] for one in desk.json("status")] == ["r1"]
    assert desk.run("status", "nobody")[0] == 3


def test_follow(desk: Desk) -> None:
    """To follow is to wait for the end."""
    desk.workflow.looks = 5
    desk.workflow.start_execution(name="r1", input='{"dry_run": false}')

    assert "became" in desk.run("status", "r1", "--follow")[1]


def test_cancel(desk: Desk) -> None:
    """A running replay is cancelled, and its status says so; one that has ended is left alone."""
    desk.workflow.start_execution(name="r1", input='{"dry_run": false}')
    assert desk.run("cancel", "r1")[0] == 0
    code, _, err = desk.run("status", "r1")

    assert (code, "cancelled by" in err) == (4, True)
    assert "ended already" in desk.run("cancel", "r1")[1]


def test_rate(desk: Desk) -> None:
    """A rate becomes a number of chunks at a time, by the plan's estimate, and never none."""
    plan = orjson.loads(planned("r", selected=60_000, objects=600, chunks=600)["output"])
    few, many = concurrency_for(1, plan), concurrency_for(2_000, plan)

    assert few == 1
    assert 1 < many < 100
    assert concurrency_for(10**9, plan) == 100
    desk.run("replay", "--yes", "--rate", "1", "--name", "slow")
    assert desk.workflow.inputs["slow"]["max_concurrency"] == 1


def test_a_bucket_that_refuses(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where S3 refuses, one line says so."""
    monkeypatch.setattr(target, "_PATIENCE_SECONDS", 0.01)
    desk.s3.objects = {"x": write_letters([letter(1)])}

    def refuse(**_: Any) -> Any:
        raise OSError

    desk.s3.list_objects_v2 = refuse  # type: ignore[method-assign]
    code, _, err = desk.run("ls")

    assert code == 3
    assert err.count("\n") == 1
    assert "bucket letters" in err

"""What a run says to do next, and what it accounts for on a twin that others use, too."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

import ops.twin.run
from ops.twin import resident
from ops.twin.cli import BAD_ARGUMENTS, OK, main
from ops.twin.config import TwinError
from ops.twin.counters import Totals
from ops.twin.options import RunOptions
from ops.twin.report import summarise, what_next
from ops.twin.run import Result
from ops.twin.verify import Findings
from tests.unit.test_cli_target import TWIN


def summary(**letters: int) -> dict[str, Any]:
    return {"dead_letters": letters}


def test_nothing_to_replay() -> None:
    """A run without dead letters has nothing more to say."""
    assert what_next(summary(), stays=False, sample=True) == []


def test_dead_letters_by_reason() -> None:
    """The letters are counted by reason, most first, and the command to type comes with them."""
    counted, command = what_next(summary(empty=1, not_json=3), stays=False, sample=True)

    assert counted == "4 dead letters: not_json 3, empty 1"
    assert "make up run" in command
    assert "make replay" in command


def test_on_a_twin_that_stays() -> None:
    """There the letters wait: what looks at them and what replays them is said, rules where none are known."""
    _, look, replay = what_next(summary(empty=1), stays=True, sample=False)

    assert "make sluice ARGS='stats --local'" in look
    assert "make replay ARGS='--repair rules.json'" in replay


def test_a_run_on_the_running_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run uses the servers, buckets and cleaned topic of the twin that runs, and the functions' own limits."""
    seen: list[RunOptions] = []

    def note(options: RunOptions) -> Result:
        seen.append(options)
        return Result(summarise(Findings(), 0, 1.0), Findings(), Totals(), [], [], 0.1)

    for name in ("KAFKA_BOOTSTRAP_SERVERS", "REDIS_URL", "REDIS_MODE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(ops.twin.run, "run", note)
    monkeypatch.setattr(resident, "running", lambda: TWIN)

    assert main(["run"]) == OK
    (options,) = seen
    assert (options.kafka, options.redis, options.shared) == (TWIN.bootstrap, TWIN.redis_url, TWIN.shared())
    assert options.limits() == (1_048_576, 1_000_000)
    assert options.twin_config().shared == TWIN.shared()
    assert replace(options, shared=None).limits() == (65_536, 131_072)

    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "other:9092")
    assert main(["run"]) == BAD_ARGUMENTS


@pytest.mark.parametrize("started", [True, False])
def test_up(started: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`up` says where the servers are, and whether it started them."""
    monkeypatch.setattr(resident, "up", lambda: (TWIN, started))

    assert main(["up"]) == OK
    printed = capsys.readouterr().out
    assert ("runs already" in printed) is not started
    assert TWIN.bootstrap in printed


def test_down(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`down` says whether there was a twin, and why one does not end."""
    monkeypatch.setattr(resident, "down", lambda: False)
    assert main(["down"]) == OK
    assert capsys.readouterr().out == "no twin is running\n"

    def refuse() -> bool:
        raise TwinError("process 7 of the twin does not end")

    monkeypatch.setattr(resident, "down", refuse)
    assert main(["down"]) == BAD_ARGUMENTS

"""A bad day on the twin, by the commands that the README names: up, run, look, replay, down.

The tests share one twin and come in any order: each looks at letters of its own kind.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.bench.replays import objects
from ops.sample.broken import UPGRADED_AGENT
from ops.twin.config import REPOSITORY
from ops.twin.destination import aws_client
from ops.twin.options import LAYER
from ops.twin.resident import FOLDER
from tests.integration.run_rig import SERVERS, left_over, write_input

pytestmark = [pytest.mark.integration, pytest.mark.slow]
RULES = REPOSITORY / "events" / "repair" / "upgraded-agent.json"
MEND = ("--agent", UPGRADED_AGENT, "--repair", str(RULES))


class Shell:
    """Run the project's commands with a twin of the test's own."""

    def __init__(self, folder: Path) -> None:
        # Not make's own mark either: below it the tool names its commands as make's.
        given = {name: value for name, value in os.environ.items() if name not in {*SERVERS, "MAKELEVEL"}}
        self.environment = {
            **given,
            "TMPDIR": str(folder),
            FOLDER: str(folder / "twin"),
            "PYTHONPATH": f"{REPOSITORY}{os.pathsep}{LAYER}",
        }

    def run(self, module: str, *words: str, code: int | None = 0) -> str:
        """Return what a command prints; its exit code is to be `code`, whatever it is for None."""
        done = subprocess.run(
            [sys.executable, "-m", module, *words],
            cwd=REPOSITORY,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        assert code in {None, done.returncode}, done.stdout + done.stderr
        return done.stdout

    def twin(self, *words: str, code: int = 0) -> str:
        return self.run("ops.twin", *words, code=code)

    def sluice(self, *words: str, code: int | None = 0) -> str:
        return self.run("ops.cli", *words, "--local", code=code)

    def json(self, *words: str, code: int = 0) -> list[Any]:
        return [json.loads(line) for line in self.sluice(*words, "-o", "json", code=code).splitlines()]

    def pid(self) -> int:
        return int(orjson.loads((Path(self.environment[FOLDER]) / "state.json").read_bytes())["pid"])


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    """A twin that stays while the module runs, and nothing of it afterwards."""
    folder = tmp_path_factory.mktemp("stays")
    shell = Shell(folder)
    shell.twin("up")
    yield shell
    assert shell.twin("down") == "the twin is down\n"
    assert left_over(folder) == []
    assert list(folder.glob("sluice-twin-*")) == []
    assert shell.twin("down") == "no twin is running\n"


@pytest.fixture(scope="module")
def summary(shell: Shell) -> dict[str, Any]:
    """The sample, run on that twin."""
    lines = shell.twin("run").splitlines()
    assert any("make replay" in line for line in lines[-4:])
    found: dict[str, Any] = json.loads(lines[-1])
    return found


def test_up_twice(shell: Shell) -> None:
    """A second `up` says that a twin runs, and starts none."""
    before = shell.pid()

    assert "runs already" in shell.twin("up")
    assert shell.pid() == before
    assert os.getsid(before) == before, "it would end with its terminal"


def test_a_bad_day(shell: Shell, summary: dict[str, Any]) -> None:
    """The letters of an agent that broke the schema are found, counted, mended, replayed; then none is left."""
    (counted,) = shell.json("stats", "--agent", UPGRADED_AGENT)
    assert (counted["letters"], counted["reason"]) == (45, {"schema_invalid": 45})
    assert summary["dead_letters"]["schema_invalid"] > 45
    letter, *_ = shell.json("ls", "--agent", UPGRADED_AGENT)
    (shown,) = shell.json("show", letter["id"], "--repair", str(RULES))
    assert shown["now"]["cleaned"]["text"]

    (dry,) = shell.json("replay", *MEND)
    assert (dry["plan"]["selected"], dry["plan"]["recovered"], dry["replay"]) == (45, 45, None)
    assert len(shell.json("ls", "--agent", UPGRADED_AGENT)) == 45
    (real,) = shell.json("replay", *MEND, "--yes", "--name", "mended")
    assert {name: real["replay"][name] for name in ("selected", "recovered", "still_failing")} == {
        "selected": 45,
        "recovered": 45,
        "still_failing": {},
    }

    assert shell.json("ls", "--agent", UPGRADED_AGENT) == []
    (again,) = shell.json("replay", *MEND, "--yes")
    assert (again["plan"]["selected"], again["replay"]) == (0, None)
    assert len(shell.json("ls", "--agent", UPGRADED_AGENT, "--state", "recovered")) == 45
    assert shell.json("status", "mended")[0]["replay"]["recovered"] == 45


def test_what_no_rule_mends(shell: Shell, summary: dict[str, Any]) -> None:
    """Letters that fail again stay, one attempt older, and the exit code says that something is left."""
    before = shell.json("ls", "--reason", "not_json", "--limit", "1000")
    (came,) = shell.json("replay", "--reason", "not_json", "--yes", code=1)
    after = shell.json("ls", "--reason", "not_json", "--limit", "1000")

    assert came["replay"]["still_failing"] == {"not_json": len(before)}
    assert {letter["id"]: letter["attempt"] - 1 for letter in after} == {
        letter["id"]: letter["attempt"] for letter in before
    }


def test_discarded(shell: Shell, summary: dict[str, Any]) -> None:
    """What nobody wants is discarded, and waits no more."""
    wanted = {letter["id"] for letter in shell.json("ls", "--reason", "empty", "--limit", "1000")}
    shell.sluice("discard", "--reason", "empty", "--why", "tombstones", "--yes")

    assert shell.json("ls", "--reason", "empty") == []
    gone = shell.json("ls", "--reason", "empty", "--state", "discarded", "--limit", "1000")
    assert wanted <= {letter["id"] for letter in gone}


def test_a_wrong_input(shell: Shell) -> None:
    """The state machine itself refuses an input that is wrong, whoever sends it."""
    from ops.cli.target import find

    os.environ[FOLDER] = shell.environment[FOLDER]
    try:
        found = find(local=True, stack="")
    finally:
        del os.environ[FOLDER]
    found.workflow.start_execution(stateMachineArn=found.machine, name="wrong", input='{"limit": 0}')

    shell.sluice("status", "wrong", "--follow", code=2)


def test_cancelled(shell: Shell) -> None:
    """Ctrl-C leaves a replay running; cancelled, it begins no more chunks, and its status says what happened."""
    state = orjson.loads((Path(shell.environment[FOLDER]) / "state.json").read_bytes())
    s3 = aws_client("s3", state["endpoint"])
    for key, body in objects("cancelled", 2000, 400):
        s3.put_object(Bucket=state["dead_letter_bucket"], Key=key, Body=body)
    words = ["replay", "--yes", "--skip-dry-run", "--name", "long", "--repair", str(RULES), "--local"]
    watching = subprocess.Popen(
        [sys.executable, "-m", "ops.cli", *words],
        cwd=REPOSITORY,
        env=shell.environment,
        stderr=subprocess.PIPE,
        text=True,
    )
    end = time.monotonic() + 60
    while "chunks" not in shell.sluice("status", "long", code=None) and time.monotonic() < end:
        time.sleep(0.2)
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)

    assert watching.returncode == 130
    assert "sluice status long --follow --local" in err
    assert "long runs" in shell.sluice("status", "long")
    shell.sluice("cancel", "long")
    shell.sluice("status", "long", code=4)
    assert shell.json("stats")[0]["letters"] > 0


def test_a_second_run(shell: Shell, summary: dict[str, Any], tmp_path: Path) -> None:
    """A run on a twin that others have used accounts for its own records, and finds what the first one found."""
    path = write_input(tmp_path / "in.jsonl", seed=7, records=600)
    first, second = (json.loads(shell.twin("run", "--input", str(path)).splitlines()[-1]) for _ in range(2))
    untimed = {"seconds", "records_per_second"}

    assert {k: v for k, v in first.items() if k not in untimed} == {
        k: v for k, v in second.items() if k not in untimed
    }
    assert first["received"] == 600
    assert first["lost"] == 0


def test_other_servers(shell: Shell) -> None:
    """A run that is to use other servers than the running twin's is refused, and how to go on is said."""
    shell.environment["REDIS_URL"] = "redis://127.0.0.1:1/0"
    try:
        assert shell.twin("run", code=2) == ""
    finally:
        del shell.environment["REDIS_URL"]


def test_killed(tmp_path: Path) -> None:
    """A twin that is killed leaves no process, and what it wrote down is not taken for a twin."""
    shell = Shell(tmp_path)
    shell.twin("up")
    os.kill(shell.pid(), signal.SIGKILL)

    assert shell.twin("down") == "no twin is running\n"
    assert left_over(tmp_path) == []
    shell.sluice("ls", code=3)

"""The operator's tool between fakes: a bucket, a workflow, one command line."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from ops.cli import discarding, looking, replaying
from ops.cli.app import main
from ops.cli.target import Target
from sluice.replay.letter import Letter, read_letters, write_letters
from sluice.sinks.letter_store import LetterStore
from tests.fakes.bucket import FakeS3
from tests.fakes.replays import key_of
from tests.fakes.workflow import Ending, FakeWorkflow, planned, succeeded

MACHINE = "arn:aws:states:eu-central-1:123456789012:stateMachine:replay"


def recovering(given: dict[str, Any]) -> dict[str, Any]:
    """End a dry run and the replay after it as if two letters came through."""
    if given.get("dry_run", True):
        return planned(given["replay_id"])
    return succeeded(
        replay_id=given["replay_id"], dry_run=False, selected=2, recovered=2, report="s3://b/r.json"
    )


class Desk:
    """Run commands and read what they print."""

    def __init__(self, patch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.s3, self.failed = FakeS3(), FakeS3()
        self.workflow = FakeWorkflow(recovering)
        self._capsys = capsys
        target = Target(
            "--local",
            MACHINE,
            "letters",
            "on-failure",
            self.workflow,
            LetterStore("letters", lambda: self.s3),
            LetterStore("on-failure", lambda: self.failed),
            local=True,
        )
        for module in (discarding, looking, replaying):
            patch.setattr(module, "find", lambda **_: target)
        patch.delenv("MAKELEVEL", raising=False)

    def put(self, name: str, *letters: Letter) -> str:
        """Put one object of letters; return its key."""
        self.s3.write(key_of(name), write_letters(letters))
        return key_of(name)

    def letters(self, key: str) -> list[Letter]:
        """Return an object's letters."""
        return read_letters(self.s3.objects[key])

    def ends(self, ending: Ending) -> None:
        """Have executions end otherwise."""
        self.workflow.ending = ending

    def run(self, *words: str) -> tuple[int, str, str]:
        """Return exit code, standard output and standard error of one command."""
        code = main(words)
        out, err = self._capsys.readouterr()
        return code, out, err

    def json(self, *words: str) -> list[Any]:
        """Return the JSON lines that a command prints."""
        code, out, err = self.run(*words, "-o", "json")
        assert code == 0, err
        return [orjson.loads(line) for line in out.splitlines()]

"""What a command works on: found by its option, or told why not in one line."""

from __future__ import annotations

from typing import Any

import boto3
import orjson
import pytest
from botocore.exceptions import ClientError, NoRegionError

from ops.cli import target
from ops.cli.app import main
from ops.cli.exits import MEANINGS, Complaint
from ops.cli.target import find
from ops.twin import resident
from ops.twin.resident import Resident

TWIN = Resident(
    7, "127.0.0.1:9092", "redis://127.0.0.1/0", "standalone", "http://127.0.0.1:5000", 8000,
    "arn:aws:states:eu-central-1:123456789012:stateMachine:replay", "letters", "on-failure", "agent_cleaned", "m", 4,
    True, "logs",
)  # fmt: skip
OUTPUTS = {
    "ReplayStateMachine": "arn:aws:states:eu-west-1:123456789012:stateMachine:sluice-prod-replay",
    "DeadLetterBucket": "letters",
    "OnFailureBucket": "on-failure",
}


class CloudFormation:
    def __init__(self, outputs: dict[str, str]) -> None:
        self.outputs = outputs

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {
            "Stacks": [{"Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in self.outputs.items()]}]
        }


@pytest.mark.parametrize(("local", "stack"), [(False, ""), (True, "sluice-prod")])
def test_one_of_two(local: bool, stack: str) -> None:
    """A command is told one target, not none and not two."""
    with pytest.raises(Complaint, match="--local") as complaint:
        find(local=local, stack=stack)

    assert complaint.value.code == 2


def test_no_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where no twin runs, how to start one is said."""
    monkeypatch.setattr(resident, "running", lambda: None)

    with pytest.raises(Complaint, match="make up"):
        find(local=True, stack="")


def test_the_twin(monkeypatch: pytest.MonkeyPatch) -> None:
    """The running twin is known by what it wrote down of itself."""
    monkeypatch.setattr(resident, "running", lambda: TWIN)
    monkeypatch.delenv("MAKELEVEL", raising=False)
    found = find(local=True, stack="")

    assert (found.bucket, found.on_failure) == ("letters", "on-failure")
    assert found.execution("r1") == "arn:aws:states:eu-central-1:123456789012:execution:replay:r1"
    assert found.command("ls") == "sluice ls --local"
    monkeypatch.setenv("MAKELEVEL", "1")
    assert found.command("ls") == "make sluice ARGS='ls --local'"


def stack_of(monkeypatch: pytest.MonkeyPatch, outputs: dict[str, str]) -> target.Target:
    clients = {"cloudformation": CloudFormation(outputs), "stepfunctions": object()}
    monkeypatch.setattr(boto3, "client", clients.__getitem__)
    return find(local=False, stack="sluice-prod")


def test_a_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack is known by its outputs; one without an on-failure bucket has none to import from."""
    found = stack_of(monkeypatch, OUTPUTS)
    assert found.execution("r1").endswith(":execution:sluice-prod-replay:r1")
    assert found.failed is not None

    assert stack_of(monkeypatch, {k: v for k, v in OUTPUTS.items() if k != "OnFailureBucket"}).failed is None


def test_another_stack(monkeypatch: pytest.MonkeyPatch) -> None:
    """A stack without the outputs is another one, and which are missing is said."""
    with pytest.raises(Complaint, match="ReplayStateMachine, DeadLetterBucket"):
        stack_of(monkeypatch, {"Other": "x"})


@pytest.mark.parametrize(
    "error",
    [
        NoRegionError(),
        ClientError(
            {"Error": {"Code": "ValidationError", "Message": "Stack x does not exist"}}, "DescribeStacks"
        ),
    ],
)
def test_no_stack(
    monkeypatch: pytest.MonkeyPatch, error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    """No region, no rights, no such stack: one line that names the settings to look at."""

    def refuse(_: str) -> Any:
        raise error

    monkeypatch.setattr(boto3, "client", refuse)

    assert main(["ls", "--stack", "x"]) == 3
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert "AWS_REGION" in told


def test_help_documents_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    """What a script may rely on stands in the help."""
    assert main(["--help"]) == 0
    printed = " ".join(capsys.readouterr().out.split())

    assert all(f"{code} {meaning}" in printed for code, meaning in MEANINGS.items())
    assert main(["ls", "--nonsense"]) == 2


def test_state_of_another_version(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A twin that another version of the repository started is not guessed about."""
    monkeypatch.setenv(resident.FOLDER, str(tmp_path))
    assert resident.running() is None
    monkeypatch.setattr(resident, "_alive", lambda: True)
    assert resident.running() is None
    (tmp_path / "state.json").write_bytes(orjson.dumps({"pid": 7}))

    with pytest.raises(Complaint, match="make down"):
        find(local=True, stack="")

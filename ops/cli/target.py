"""What a command works on: the twin that runs here, or a stack in an account."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from ops.cli.exits import UNREACHABLE, WRONG, Complaint
from sluice.deadline import Deadline
from sluice.replay.store import StorageError
from sluice.sinks.dead_letters import connect_s3
from sluice.sinks.letter_store import LetterStore

# Objects read at a time.
WORKERS: Final = 16
# How long a command goes on trying when S3 does not answer.
_PATIENCE_SECONDS: Final = 60.0
_CALL_SECONDS: Final = 10.0
# The outputs of the pipeline's stack (infra/).
MACHINE_OUTPUT: Final = "ReplayStateMachine"
LETTERS_OUTPUT: Final = "DeadLetterBucket"
ON_FAILURE_OUTPUT: Final = "OnFailureBucket"


@dataclass(frozen=True)
class Target:
    """Hold what a command needs; `option` is how the user named it."""

    option: str
    machine: str
    bucket: str
    on_failure: str
    workflow: Any
    store: LetterStore
    failed: LetterStore | None
    local: bool

    def execution(self, replay_id: str) -> str:
        """Return the ARN of an execution."""
        return f"{self.machine.replace(':stateMachine:', ':execution:')}:{replay_id}"

    def command(self, words: str) -> str:
        """Return what to type for another command on the same target."""
        words = f"{words} {self.option}"
        return f"make sluice ARGS='{words}'" if "MAKELEVEL" in os.environ else f"sluice {words}"


def patience() -> Deadline:
    """Return the time that a command has for a call that is to be tried again."""
    end = time.monotonic() + _PATIENCE_SECONDS
    return Deadline(lambda: int((end - time.monotonic()) * 1000))


@contextmanager
def complaining(target: Target) -> Iterator[None]:
    """Turn what AWS says into a line that says what to do."""
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        yield
    except StorageError as error:
        raise Complaint(
            f"the bucket {target.bucket} does not answer or refuses ({error}): look at your network and your rights"
        ) from error
    except ClientError as error:
        said = error.response.get("Error", {})
        raise Complaint(f"AWS refuses: {said.get('Code')}: {said.get('Message')}") from error
    except BotoCoreError as error:
        raise Complaint(f"AWS does not answer: {error}") from error


def find(*, local: bool, stack: str) -> Target:
    """Return the target that the options name. Raises Complaint."""
    if local == bool(stack):
        raise Complaint(
            "say which one: --local (the twin of `make up`) or --stack NAME (a stack in AWS)", WRONG
        )
    return _twin() if local else _stack(stack)


def _twin() -> Target:
    from ops.twin.config import TwinError  # noqa: PLC0415
    from ops.twin.destination import aws_client  # noqa: PLC0415
    from ops.twin.resident import running  # noqa: PLC0415

    try:
        twin = running()
    except TwinError as error:
        raise Complaint(str(error)) from error
    if twin is None:
        raise Complaint("no twin is running: start one with `make up`, fill it with `make run`")

    def s3() -> Any:
        return aws_client("s3", twin.endpoint, connections=WORKERS)

    return Target(
        "--local",
        twin.state_machine,
        twin.dead_letter_bucket,
        twin.on_failure_bucket,
        aws_client("stepfunctions", twin.endpoint),
        LetterStore(twin.dead_letter_bucket, s3),
        LetterStore(twin.on_failure_bucket, s3),
        local=True,
    )


def _stack(name: str) -> Target:
    import boto3  # noqa: PLC0415  # slow to import
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    try:
        (found,) = boto3.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        workflow = boto3.client("stepfunctions")
    except ClientError as error:
        said = error.response.get("Error", {}).get("Message", error)
        raise Complaint(f"{said}: look at AWS_PROFILE and AWS_REGION, and at `make outputs`") from error
    except BotoCoreError as error:
        raise Complaint(f"{error}: set AWS_PROFILE and AWS_REGION to where the stack is") from error
    outputs = {one["OutputKey"]: one["OutputValue"] for one in found.get("Outputs", ())}
    missing = [output for output in (MACHINE_OUTPUT, LETTERS_OUTPUT) if output not in outputs]
    if missing:
        raise Complaint(
            f"the stack {name} has no output {', '.join(missing)}: name the one with the pipeline in it",
            UNREACHABLE,
        )
    connect = connect_s3(_CALL_SECONDS, WORKERS)
    on_failure = outputs.get(ON_FAILURE_OUTPUT, "")
    return Target(
        f"--stack {name}",
        outputs[MACHINE_OUTPUT],
        outputs[LETTERS_OUTPUT],
        on_failure,
        workflow,
        LetterStore(outputs[LETTERS_OUTPUT], connect),
        LetterStore(on_failure, connect) if on_failure else None,
        local=False,
    )

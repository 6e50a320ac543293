"""The replay's state machine in the twin: the definition that ships, with the twin's functions filled in."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from ops.twin.config import REPOSITORY

if TYPE_CHECKING:
    from botocore.client import BaseClient

DEFINITION: Final = REPOSITORY / "infra" / "replay.asl.json"
NAME: Final = "sluice-replay"
# A function's name in the twin is its file's.
SUBSTITUTIONS: Final = {
    "ReplayPlanFunction": "replay_plan",
    "ReplayBatchFunction": "replay_batch",
    "ReplayReportFunction": "replay_report",
}
# Seconds; on AWS it is 900. A claim of a replay that was killed holds its letters up for so long and a minute.
TIMEOUTS: Final = {"replay_plan": 300, "replay_batch": 120, "replay_report": 300}
_ROLE: Final = "arn:aws:iam::000000000000:role/sluice-replay"


def definition() -> str:
    """Return the definition with the functions' names in it."""
    text = DEFINITION.read_text()
    for name, function in SUBSTITUTIONS.items():
        text = text.replace(f"${{{name}}}", function)
    return text


def create_workflow(client: BaseClient) -> str:
    """Create the state machine and return its ARN."""
    made: dict[str, Any] = client.create_state_machine(name=NAME, definition=definition(), roleArn=_ROLE)
    return str(made["stateMachineArn"])

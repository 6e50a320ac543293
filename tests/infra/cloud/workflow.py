"""Step Functions: moto's CloudFormation leaves a definition's holes open, and keeps what its interpreter cannot run."""

from __future__ import annotations

from typing import Any

from moto.stepfunctions import models
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from tests.infra.cloud.adaptor import fitted
from tests.infra.cloud.mend import mend


def _machine(
    _cls: Any,
    /,
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_: Any,
) -> Any:
    properties = dict(cloudformation_json["Properties"])
    definition = properties["DefinitionString"]
    for hole, value in properties.get("DefinitionSubstitutions", {}).items():
        definition = definition.replace(f"${{{hole}}}", str(value))
    if "${" in definition:
        raise ValueError("the definition has holes that nothing fills")
    name = properties.get("StateMachineName", resource_name)
    # The API takes lower first letters; what it would refuse is refused here.
    given = {"name": name, "definition": definition, "roleArn": properties["RoleArn"]}
    fitted("stepfunctions", "CreateStateMachine", given, {})
    return stepfunctions_parser_backends[account_id][region_name].create_state_machine(
        name,
        definition,
        properties["RoleArn"],
        tags=[],
        loggingConfiguration=properties.get("LoggingConfiguration"),
        tracingConfiguration=properties.get("TracingConfiguration"),
        sm_type=properties["StateMachineType"],
    )


def teach() -> None:
    """Have CloudFormation make what the interpreter runs."""
    mend(models, stepfunctions_backends=stepfunctions_parser_backends)
    mend(models.StateMachine, create_from_cloudformation_json=classmethod(_machine))

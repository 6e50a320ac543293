"""Step Functions: moto's CloudFormation leaves a definition's holes open, and keeps what its interpreter cannot run.

The interpreter calls functions at LAMBDA_PORT, and reads a map's items with the rights of the state machine's role.
"""

from __future__ import annotations

import os
from typing import Any

import boto3
from moto.stepfunctions import models
from moto.stepfunctions.parser.asl.component.state.exec.state_map.item_reader.eval import resource_eval_s3
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.models import stepfunctions_parser_backends
from moto.sts.models import sts_backends

from ops.twin.aws_server import Clients
from tests.infra.cloud.account import ACCOUNT, ENDPOINT
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


def _as_role(region: str, service: str, state_credentials: Any) -> Any:
    """Return a client with the rights of the role; moto's own has keys that belong to nobody."""
    # Not by the API, where a guarded account would ask who assumes the role.
    made = sts_backends[ACCOUNT]["aws"].assume_role(
        region_name=region,
        role_session_name="execution",
        role_arn=state_credentials.role_arn,
        policy="",
        duration=3600,
        external_id="",
    )
    session = boto3.Session(made.access_key_id, made.secret_access_key, made.session_token, region)
    return session.client(service, endpoint_url=ENDPOINT)


def teach() -> None:
    """Have CloudFormation make what the interpreter runs."""
    mend(lambda_eval_utils, boto_client_for=Clients(int(os.environ["LAMBDA_PORT"])))
    mend(resource_eval_s3, boto_client_for=_as_role)
    mend(models, stepfunctions_backends=stepfunctions_parser_backends)
    mend(models.StateMachine, create_from_cloudformation_json=classmethod(_machine))

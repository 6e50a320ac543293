"""Faults that a wrong template would have deployed, put into the account and taken out again."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from tests.infra.deployment import Deployment
from tests.infra.rights import Statement, role_of


@contextmanager
def reconfigured(deployment: Deployment, function: str, **configuration: Any) -> Iterator[None]:
    """Deploy the function with another configuration, as the version that `live` points to, for a while."""
    client = deployment.account.client("lambda")
    before = client.get_function_configuration(FunctionName=function)
    version = client.get_alias(FunctionName=function, Name="live")["FunctionVersion"]
    client.update_function_configuration(FunctionName=function, **configuration)
    planted = client.publish_version(FunctionName=function)["Version"]
    client.update_alias(FunctionName=function, Name="live", FunctionVersion=planted)
    try:
        yield
    finally:
        layers = [layer["Arn"] for layer in before["Layers"]]
        client.update_function_configuration(FunctionName=function, Handler=before["Handler"], Layers=layers)
        client.update_alias(FunctionName=function, Name="live", FunctionVersion=version)


@contextmanager
def without(deployment: Deployment, function: str, unwanted: Callable[[Statement], bool]) -> Iterator[None]:
    """Leave statements out of the inline policies of the function's role, for a while."""
    with curtailed(deployment, role_of(deployment, function), unwanted):
        yield


@contextmanager
def curtailed(deployment: Deployment, role: str, unwanted: Callable[[Statement], bool]) -> Iterator[None]:
    """Leave statements out of a role's inline policies, for a while."""
    iam = deployment.account.client("iam")
    names = iam.list_role_policies(RoleName=role)["PolicyNames"]
    before = {name: iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"] for name in names}
    for name, document in before.items():
        kept = [statement for statement in document["Statement"] if not unwanted(statement)]
        _put(iam, role, name, {**document, "Statement": kept})
    try:
        yield
    finally:
        for name, document in before.items():
            _put(iam, role, name, document)


def _put(iam: Any, role: str, name: str, document: dict[str, Any]) -> None:
    iam.put_role_policy(RoleName=role, PolicyName=name, PolicyDocument=json.dumps(document))

"""Teach moto's CloudFormation a resource type: its properties go to the service's API, as CloudFormation sends them.

botocore checks them against the API's own shape on the way, so a property that the API does not know, or one that it
asks for and does not get, fails the deployment.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import boto3
from botocore.validate import ParamValidator
from moto.cloudformation.exceptions import UnformattedGetAttTemplateException
from moto.core.common_models import CloudFormationModel

from tests.infra.cloud.account import ENDPOINT, REGION

# The physical id, and the attributes that `Fn::GetAtt` may ask for.
Created = tuple[str, dict[str, str]]
# From the generated name, the resolved properties and the account.
Create = Callable[[str, dict[str, Any], str], Created]


def register(
    cfn_type: str, create: Create, name_property: str = "", attributes: tuple[str, ...] = ()
) -> None:
    """Have moto make resources of the type with `create`; a deletion or an update is an error there."""
    service = cfn_type.split("::")[1].lower()

    def get_cfn_attribute(self: Any, attribute: str) -> str:
        if attribute not in self.attributes:
            raise UnformattedGetAttTemplateException
        return str(self.attributes[attribute])

    def create_from_cloudformation_json(
        cls: Any, resource_name: str, cloudformation_json: dict[str, Any], account_id: str, *_: Any, **__: Any
    ) -> Any:
        resource = cls()
        properties = cloudformation_json.get("Properties", {})
        resource.physical_resource_id, resource.attributes = create(resource_name, properties, account_id)
        return resource

    members = {
        # moto takes the service from the module's second word.
        "__module__": f"moto.{ {'msk': 'kafka'}.get(service, service) }.adaptor",
        "cloudformation_type": staticmethod(lambda: cfn_type),
        "cloudformation_name_type": staticmethod(lambda: name_property),
        "has_cfn_attr": classmethod(lambda _, attribute: attribute in attributes),
        "get_cfn_attribute": get_cfn_attribute,
        "create_from_cloudformation_json": classmethod(create_from_cloudformation_json),
    }
    # moto finds the direct subclasses; the list keeps them alive.
    _KEPT.append(type(cfn_type.replace("::", ""), (CloudFormationModel,), members))


_KEPT: list[type] = []


def through_api(
    service: str, operation: str, *, rename: Mapping[str, str] | None = None
) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """Return a function that calls an operation which moto has."""

    def call(properties: Mapping[str, Any]) -> dict[str, Any]:
        parameters = fitted(service, operation, properties, rename or {})
        method = getattr(client(service), _methods(service)[operation])
        answer: dict[str, Any] = method(**parameters)
        return answer

    return call


def recorded(
    service: str, operation: str, properties: Mapping[str, Any], rename: Mapping[str, str] | None = None
) -> None:
    """Hold properties to the shape of an operation that moto does not have: all that can be said of them here."""
    fitted(service, operation, properties, rename or {})


def fitted(
    service: str, operation: str, properties: Mapping[str, Any], rename: Mapping[str, str]
) -> dict[str, Any]:
    """Return the properties as the operation takes them; raises ValueError naming what it would refuse."""
    shape = client(service).meta.service_model.operation_model(operation).input_shape
    renamed = {rename.get(key, key): value for key, value in properties.items() if rename.get(key, key)}
    parameters: dict[str, Any] = _typed(renamed, shape)
    report = ParamValidator().validate(parameters, shape)
    unknown = sorted(parameters.keys() - shape.members.keys())
    if report.has_errors() or unknown:
        raise ValueError(f"{service}:{operation} refuses {unknown or ''} {report.generate_report()}")
    return parameters


def _typed(value: Any, shape: Any) -> Any:
    """Turn the strings and numbers of a template into what the API's shape says."""
    kind = shape.type_name
    if kind == "structure" and isinstance(value, dict):
        # Templates and the API now and then differ in capitals: EBSStorageInfo, EbsStorageInfo.
        members = {name.lower(): name for name in shape.members}
        names = {key: members.get(key.lower(), key) for key in value}
        return {
            name: _typed(value[key], shape.members[name]) if name in shape.members else value[key]
            for key, name in names.items()
        }
    if kind == "list" and isinstance(value, list):
        return [_typed(each, shape.member) for each in value]
    if kind in {"integer", "long"} and isinstance(value, str):
        return int(value)
    if kind in {"float", "double"} and isinstance(value, str | int):
        return float(value)
    if kind == "boolean" and isinstance(value, str):
        return value.lower() == "true"
    return str(value) if kind == "string" and isinstance(value, int | float) else value


@cache
def client(service: str) -> Any:
    """Return a client of this very server."""
    return boto3.client(service, endpoint_url=ENDPOINT, region_name=REGION)


@cache
def _methods(service: str) -> dict[str, str]:
    return {operation: method for method, operation in client(service).meta.method_to_api_mapping.items()}


def arn(service: str, account: str, resource: str) -> str:
    """Return an ARN in the region of the tests."""
    return f"arn:aws:{service}:{REGION}:{account}:{resource}"

"""Lambda: functions with all their properties, aliases, and event source mappings of MSK.

moto's CloudFormation drops a function's layers, architecture and tracing, and its API knows no Kafka.
"""

from __future__ import annotations

from typing import Any

from moto.awslambda.models import EventSourceMapping, LambdaBackend, LambdaFunction, LayerVersion
from moto.awslambda.utils import get_backend
from moto.kafka.models import kafka_backends

from tests.infra.cloud.adaptor import Created, fitted, recorded, register, through_api
from tests.infra.cloud.mend import mend, plain

_NUMBERS = ("MemorySize", "Timeout")


def _function(
    _cls: Any,
    /,
    resource_name: str,
    cloudformation_json: dict[str, Any],
    account_id: str,
    region_name: str,
    **_: Any,
) -> Any:
    properties = dict(cloudformation_json["Properties"])
    reserved = properties.pop("ReservedConcurrentExecutions", None)
    tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
    properties = fitted(
        "lambda", "CreateFunction", {"FunctionName": resource_name, **properties, "Tags": tags}, {}
    )
    function = get_backend(account_id, region_name).create_function(properties)
    if reserved is not None:
        function.reserved_concurrency = int(reserved)
    return function


def _version(_name: str, properties: dict[str, Any], _account: str) -> Created:
    answer = through_api("lambda", "PublishVersion")(properties)
    return answer["FunctionArn"], {"Version": answer["Version"], "FunctionArn": answer["FunctionArn"]}


def _alias(_name: str, properties: dict[str, Any], _account: str) -> Created:
    given = {key: value for key, value in properties.items() if key != "ProvisionedConcurrencyConfig"}
    made = through_api("lambda", "CreateAlias")(given)["AliasArn"]
    return made, {"AliasArn": made}


def _invoke_config(_name: str, properties: dict[str, Any], _account: str) -> Created:
    recorded("lambda", "PutFunctionEventInvokeConfig", properties)
    return f"{properties['FunctionName']}|{properties.get('Qualifier', '$LATEST')}", {}


def _mapping(self: Any, spec: dict[str, Any]) -> Any:
    if ":kafka:" not in spec.get("EventSourceArn", ""):
        return _PLAIN_MAPPING(self, spec)
    fitted("lambda", "CreateEventSourceMapping", {**spec, "Tags": {}}, {})
    if spec["EventSourceArn"] not in kafka_backends[self.account_id][self.region_name].clusters:
        raise ValueError("the event source names a cluster that does not exist")
    # Raises when there is no such function or alias.
    self.get_function(spec["FunctionName"])
    make: Any = EventSourceMapping
    place = {"RegionName": self.region_name, "AccountId": self.account_id}
    mapping = make({**spec, **place, "FunctionArn": spec["FunctionName"]})
    self._event_source_mappings[mapping.uuid] = mapping
    return mapping


def _service(self: Any, event_source_arn: str | None = None) -> str:
    service = _PLAIN_SERVICE(self, event_source_arn)
    # moto has the bounds of a batch by service; Kafka's are those of Kinesis.
    return "kinesis" if service == "kafka" else str(service)


_PLAIN_MAPPING = plain(LambdaBackend, "create_event_source_mapping")
_PLAIN_SERVICE = plain(EventSourceMapping, "_get_service_source_from_arn")


def teach() -> None:
    """Register the types and mend moto's own."""
    mend(LambdaFunction, create_from_cloudformation_json=classmethod(_function))
    # Without one, moto answers a reference with an object of its own.
    mend(LayerVersion, physical_resource_id=property(lambda self: self.arn))
    mend(LambdaBackend, create_event_source_mapping=_mapping)
    mend(EventSourceMapping, _get_service_source_from_arn=_service)
    register("AWS::Lambda::Version", _version, "", ("Version", "FunctionArn"))
    register("AWS::Lambda::Alias", _alias, "Name", ("AliasArn",))
    register("AWS::Lambda::EventInvokeConfig", _invoke_config)

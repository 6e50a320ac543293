"""MSK: a cluster in moto; configuration and topics, whose API moto lacks, held to its shape."""

from __future__ import annotations

import inspect
import uuid
from typing import Any

from moto.kafka.models import FakeKafkaCluster, kafka_backends

from tests.infra.cloud.account import REGION
from tests.infra.cloud.adaptor import Created, arn, fitted, recorded, register
from tests.infra.cloud.mend import mend


def _lower(value: Any) -> Any:
    # The API's JSON begins with small letters, templates with capitals.
    if isinstance(value, dict):
        return {key[:1].lower() + key[1:]: _lower(each) for key, each in value.items()}
    return [_lower(each) for each in value] if isinstance(value, list) else value


def _cluster_arn(self: Any) -> str:
    # moto leaves the cluster's name out, by which IAM knows its topics and groups.
    return arn("kafka", self.account_id, f"cluster/{self.cluster_name}/{self.cluster_id}")


def _cluster(_name: str, properties: dict[str, Any], account: str) -> Created:
    parameters = _lower(fitted("kafka", "CreateCluster", properties, {}))
    backend = kafka_backends[account][REGION]
    names = inspect.signature(backend.create_cluster).parameters
    arguments = {name: parameters.get(_camel(name)) for name in names if _camel(name) in parameters}
    arguments.setdefault("client_authentication", None)
    cluster_arn, *_ = backend.create_cluster(**arguments)
    backend.clusters[cluster_arn].state = "ACTIVE"
    return cluster_arn, {"Arn": cluster_arn, "CurrentVersion": "1"}


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


def _configuration(_name: str, properties: dict[str, Any], account: str) -> Created:
    known = {"KafkaVersionsList": "KafkaVersions", "LatestRevision": ""}
    recorded("kafka", "CreateConfiguration", properties, known)
    made = arn("kafka", account, f"configuration/{properties['Name']}/{uuid.uuid4()}")
    return made, {"Arn": made, "LatestRevision.Revision": "1"}


def _topic(_name: str, properties: dict[str, Any], account: str) -> Created:
    recorded("kafka", "CreateTopic", properties)
    if properties["ClusterArn"] not in kafka_backends[account][REGION].clusters:
        raise ValueError(f"the topic {properties['TopicName']} names a cluster that does not exist")
    made = f"{properties['ClusterArn'].replace(':cluster/', ':topic/')}/{properties['TopicName']}"
    return made, {"TopicArn": made}


def teach() -> None:
    """Register the types."""
    mend(FakeKafkaCluster, _generate_arn=_cluster_arn)
    register("AWS::MSK::Cluster", _cluster, "ClusterName", ("Arn", "CurrentVersion"))
    register("AWS::MSK::Configuration", _configuration, "Name", ("Arn", "LatestRevision.Revision"))
    register("AWS::MSK::Topic", _topic, "TopicName", ("TopicArn",))

"""Is every resource of the templates really there? Asked of the account's own APIs, one question a type."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from botocore.exceptions import ClientError

from tests.infra.deployment import Account, Deployment, Resource

# Returns what the account says of a resource: nothing (empty) means that it is not there.
Probe = Callable[[Any, Resource], object]

# moto has no API to ask for these: their properties were held to the API's shape, and that is all.
RECORDED = frozenset(
    {
        "AWS::ElastiCache::ParameterGroup",
        "AWS::ElastiCache::ServerlessCache",
        "AWS::ElastiCache::UserGroup",
        "AWS::Lambda::EventInvokeConfig",
        "AWS::MSK::Configuration",
        "AWS::MSK::Topic",
    }
)


def _ec2(operation: str, key: str, argument: str) -> Probe:
    return lambda client, it: getattr(client, operation)(**{argument: [it.physical_id]})[key]


def _association(client: Any, it: Resource) -> object:
    wanted = [{"Name": "association.route-table-association-id", "Values": [it.physical_id]}]
    tables = client.describe_route_tables(Filters=wanted)["RouteTables"]
    return [each for table in tables for each in table["Associations"] if each.get("SubnetId")]


def _log_group(client: Any, it: Resource) -> object:
    groups = client.describe_log_groups(logGroupNamePrefix=it.physical_id)["logGroups"]
    days = it.properties.get("RetentionInDays")
    return [
        each
        for each in groups
        if each["logGroupName"] == it.physical_id and each.get("retentionInDays") == days
    ]


def _layer(client: Any, it: Resource) -> object:
    name, _, version = it.physical_id.rpartition(":")
    return client.get_layer_version(LayerName=name, VersionNumber=int(version))["Content"]["CodeSize"]


def _version(client: Any, it: Resource) -> object:
    name, _, version = it.physical_id.rpartition(":")
    return client.get_function_configuration(FunctionName=name, Qualifier=version)["CodeSha256"]


def _alias(client: Any, it: Resource) -> object:
    name, _, alias = it.physical_id.rpartition(":")
    target = client.get_alias(FunctionName=name, Name=alias)["FunctionVersion"]
    # An alias of $LATEST could not be rolled back.
    return target.isdecimal()


def _mapping(client: Any, it: Resource) -> object:
    found = client.get_event_source_mapping(UUID=it.physical_id)
    wanted = {key: it.properties[key] for key in ("BatchSize", "Topics") if key in it.properties}
    complete = {key: found.get(key) for key in wanted} == wanted and ":cluster/" in found["EventSourceArn"]
    return complete and found.get("DestinationConfig", {}).get("OnFailure", {}).get("Destination")


def _bucket(client: Any, it: Resource) -> object:
    versioning = client.get_bucket_versioning(Bucket=it.physical_id).get("Status")
    rules = client.get_bucket_encryption(Bucket=it.physical_id)["ServerSideEncryptionConfiguration"]["Rules"]
    closed = client.get_public_access_block(Bucket=it.physical_id)["PublicAccessBlockConfiguration"]
    return versioning == "Enabled" and rules and all(closed.values())


def _bucket_policy(client: Any, it: Resource) -> object:
    policy = json.loads(client.get_bucket_policy(Bucket=it.physical_id.removesuffix("-policy"))["Policy"])
    return [each for each in policy["Statement"] if each["Effect"] == "Deny" and "Condition" in each]


def _role_policies(client: Any, it: Resource) -> object:
    roles = [role["RoleName"] for role in client.list_roles(MaxItems=1000)["Roles"]]
    name = it.properties["PolicyName"]
    return [role for role in roles if name in client.list_role_policies(RoleName=role)["PolicyNames"]]


def _topic_policy(client: Any, it: Resource) -> object:
    arns = [topic["TopicArn"] for topic in client.list_topics()["Topics"]]
    policies = [json.loads(client.get_topic_attributes(TopicArn=arn)["Attributes"]["Policy"]) for arn in arns]
    wanted = {statement["Sid"] for statement in it.properties["PolicyDocument"]["Statement"]}
    return [each for each in policies if {statement.get("Sid") for statement in each["Statement"]} == wanted]


def _alarm(client: Any, it: Resource) -> object:
    found = client.describe_alarms(AlarmNames=[it.physical_id])
    return [each for each in (*found["MetricAlarms"], *found["CompositeAlarms"]) if each["AlarmActions"]]


def _rule(client: Any, it: Resource) -> object:
    rules = client.list_rules(NamePrefix=it.properties["Name"])["Rules"]
    return [rule for rule in rules if rule["State"] == it.properties["State"]]


def _machine(client: Any, it: Resource) -> object:
    found = client.describe_state_machine(stateMachineArn=it.physical_id)
    return found["status"] == "ACTIVE" and "${" not in found["definition"]


PROBES: dict[str, tuple[str, Probe]] = {
    "AWS::CloudWatch::Alarm": ("cloudwatch", _alarm),
    "AWS::CloudWatch::Dashboard": (
        "cloudwatch",
        lambda c, it: c.get_dashboard(DashboardName=it.physical_id)["DashboardBody"],
    ),
    "AWS::EC2::FlowLog": ("ec2", _ec2("describe_flow_logs", "FlowLogs", "FlowLogIds")),
    "AWS::EC2::RouteTable": ("ec2", _ec2("describe_route_tables", "RouteTables", "RouteTableIds")),
    "AWS::EC2::SecurityGroup": ("ec2", _ec2("describe_security_groups", "SecurityGroups", "GroupIds")),
    "AWS::EC2::SecurityGroupEgress": (
        "ec2",
        _ec2("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleIds"),
    ),
    "AWS::EC2::SecurityGroupIngress": (
        "ec2",
        _ec2("describe_security_group_rules", "SecurityGroupRules", "SecurityGroupRuleIds"),
    ),
    "AWS::EC2::Subnet": ("ec2", _ec2("describe_subnets", "Subnets", "SubnetIds")),
    "AWS::EC2::SubnetRouteTableAssociation": ("ec2", _association),
    "AWS::EC2::VPC": ("ec2", _ec2("describe_vpcs", "Vpcs", "VpcIds")),
    "AWS::EC2::VPCEndpoint": ("ec2", _ec2("describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointIds")),
    "AWS::ElastiCache::ReplicationGroup": (
        "elasticache",
        lambda c, it: c.describe_replication_groups(ReplicationGroupId=it.physical_id)["ReplicationGroups"],
    ),
    "AWS::ElastiCache::SubnetGroup": (
        "elasticache",
        lambda c, it: c.describe_cache_subnet_groups(CacheSubnetGroupName=it.physical_id)[
            "CacheSubnetGroups"
        ],
    ),
    "AWS::ElastiCache::User": (
        "elasticache",
        lambda c, it: [
            u
            for u in c.describe_users(UserId=it.physical_id)["Users"]
            if u["AccessString"] == it.properties["AccessString"]
        ],
    ),
    "AWS::Events::Rule": ("events", _rule),
    "AWS::IAM::Policy": ("iam", _role_policies),
    "AWS::IAM::Role": (
        "iam",
        lambda c, it: c.get_role(RoleName=it.physical_id)["Role"]["AssumeRolePolicyDocument"],
    ),
    "AWS::KMS::Alias": (
        "kms",
        lambda c, it: [
            a
            for a in c.list_aliases()["Aliases"]
            if a["AliasName"] == it.physical_id and a.get("TargetKeyId")
        ],
    ),
    "AWS::KMS::Key": ("kms", lambda c, it: c.describe_key(KeyId=it.physical_id)["KeyMetadata"]["Enabled"]),
    "AWS::Lambda::Alias": ("lambda", _alias),
    "AWS::Lambda::EventSourceMapping": ("lambda", _mapping),
    "AWS::Lambda::Function": (
        "lambda",
        lambda c, it: c.get_function_configuration(FunctionName=it.physical_id)["CodeSha256"],
    ),
    "AWS::Lambda::LayerVersion": ("lambda", _layer),
    "AWS::Lambda::Version": ("lambda", _version),
    "AWS::Logs::LogGroup": ("logs", _log_group),
    "AWS::MSK::Cluster": (
        "kafka",
        lambda c, it: c.describe_cluster_v2(ClusterArn=it.physical_id)["ClusterInfo"]["State"] == "ACTIVE",
    ),
    "AWS::S3::Bucket": ("s3", _bucket),
    "AWS::S3::BucketPolicy": ("s3", _bucket_policy),
    "AWS::SNS::Subscription": (
        "sns",
        lambda c, it: c.get_subscription_attributes(SubscriptionArn=it.physical_id)["Attributes"],
    ),
    "AWS::SNS::Topic": ("sns", lambda c, it: c.get_topic_attributes(TopicArn=it.physical_id)["Attributes"]),
    "AWS::SNS::TopicPolicy": ("sns", _topic_policy),
    "AWS::StepFunctions::StateMachine": ("stepfunctions", _machine),
}


def check_resources(deployment: Deployment) -> list[str]:
    """Return a line for every resource that the templates name and the account does not have as they say."""
    return [fault for resource in deployment.resources for fault in _check(deployment.account, resource)]


def _check(account: Account, resource: Resource) -> Iterable[str]:
    if resource.status != "CREATE_COMPLETE" or not resource.physical_id:
        yield f"{resource} is {resource.status}, its id {resource.physical_id!r}"
    elif resource.kind in PROBES:
        service, probe = PROBES[resource.kind]
        try:
            if not probe(account.client(service), resource):
                yield f"{resource} is not as the template says"
        except ClientError as error:
            yield f"{resource} is not there: {error}"
    elif resource.kind not in RECORDED:
        yield f"{resource} has no check: add one to tests/infra/checks.py"


def census(deployment: Deployment) -> str:
    """Return how many resources were asked for, and how many could only be recorded."""
    kinds = Counter(resource.kind in RECORDED for resource in deployment.resources)
    return f"{kinds[False]} resources asked for one by one, {kinds[True]} held to the API's shape only"


# What a function has to be, beyond there.
_PLAIN = ("Handler", "Runtime", "Timeout", "MemorySize", "Architectures")


def check_functions(deployment: Deployment) -> list[str]:
    """Return a line for everything in which the code behind `live` is not what the template describes."""
    return [
        fault
        for it in deployment.of_kind("AWS::Lambda::Function")
        for fault in _check_function(deployment, it)
    ]


def _check_function(deployment: Deployment, it: Resource) -> Iterable[str]:
    client = deployment.account.client("lambda")
    found = client.get_function_configuration(FunctionName=it.physical_id, Qualifier="live")
    for key in _PLAIN:
        if found.get(key) != it.properties[key]:
            yield f"{it}: {key} is {found.get(key)!r}, the template says {it.properties[key]!r}"
    layers = {each["Arn"] for each in found.get("Layers", [])}
    wanted = {each.physical_id for each in deployment.of_kind("AWS::Lambda::LayerVersion")}
    if layers != wanted:
        yield f"{it}: its layers are {sorted(layers)}, all functions take {sorted(wanted)}"
    environment = found.get("Environment", {}).get("Variables", {})
    if environment.keys() != it.properties["Environment"]["Variables"].keys():
        yield f"{it}: its environment has {sorted(environment)}"
    for name, value in environment.items():
        if not value or "${" in value or value == "None":
            yield f"{it}: {name} is {value!r}: a reference that was not resolved"

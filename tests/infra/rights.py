"""May a role do what its function has to do? Read off the policies that were deployed, with IAM's rules.

What is needed stands here by itself, not taken from `infra/permissions.py`: a right left out there is missed here.
IAM itself knows more (boundaries, organisations, the resource's own policies); an account has the last word.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Any

from tests.infra.cloud.account import ACCOUNT, REGION
from tests.infra.deployment import Deployment

Statement = Mapping[str, Any]
# Calls of a function's own code carry this key; what Lambda does with the function's role does not.
OWN_CODE = "lambda:SourceFunctionArn"


@dataclass(frozen=True)
class Need:
    """One call that a function, or Lambda for it, makes: an action on a resource, in a context."""

    action: str
    resource: str
    context: Mapping[str, str] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"{self.action} on {self.resource}"


def allows(statements: Iterable[Statement], need: Need) -> bool:
    """Tell whether the statements allow the call: one Allow that fits, and no Deny that does."""
    effects = {each["Effect"] for each in statements if _fits(each, need)}
    return effects == {"Allow"}


def _fits(statement: Statement, need: Need) -> bool:
    if not {"Action", "Resource"} <= statement.keys():
        raise NotImplementedError(f"this test does not read statements like {sorted(statement)}")
    return (
        _matches(_listed(statement["Action"]), need.action.lower(), lower=True)
        and _matches(_listed(statement["Resource"]), need.resource)
        and all(
            _condition(operator, key, _listed(values), need.context)
            for operator, test in statement.get("Condition", {}).items()
            for key, values in test.items()
        )
    )


def _condition(operator: str, key: str, values: Sequence[str], context: Mapping[str, str]) -> bool:
    if operator not in {"StringEquals", "StringLike", "ArnLike", "ArnEquals"}:
        raise NotImplementedError(f"this test does not read the condition {operator}")
    given = context.get(key)
    if given is None:
        return False
    return given in values if operator == "StringEquals" else _matches(values, given)


def _matches(patterns: Iterable[str], value: str, *, lower: bool = False) -> bool:
    # IAM knows * and ? alone; a bracket is a bracket.
    escaped = (re.sub(r"([\[\]])", r"[\1]", pattern) for pattern in patterns)
    return any(fnmatchcase(value, pattern.lower() if lower else pattern) for pattern in escaped)


def _listed(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


def statements_of(iam: Any, role: str) -> list[Statement]:
    """Return all statements of a role's policies, inline and attached."""
    documents = [
        iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]
        for name in iam.list_role_policies(RoleName=role)["PolicyNames"]
    ]
    for attached in iam.list_attached_role_policies(RoleName=role)["AttachedPolicies"]:
        version = iam.get_policy(PolicyArn=attached["PolicyArn"])["Policy"]["DefaultVersionId"]
        found = iam.get_policy_version(PolicyArn=attached["PolicyArn"], VersionId=version)
        documents.append(found["PolicyVersion"]["Document"])
    return [statement for document in documents for statement in _statements(document)]


def _statements(document: Mapping[str, Any]) -> list[Statement]:
    found = document["Statement"]
    return [found] if isinstance(found, dict) else list(found)


def role_of(deployment: Deployment, function: str) -> str:
    """Return the name of a function's role."""
    found = deployment.account.client("lambda").get_function_configuration(FunctionName=function)
    return str(found["Role"].rpartition("/")[2])


def check_rights(deployment: Deployment) -> list[str]:
    """Return a line for every call that a function's role should allow and does not."""
    needs = _needs(deployment)
    return [f"{name} may not {need}" for name, need, allowed in _judged(deployment, needs) if not allowed]


def check_limits(deployment: Deployment) -> list[str]:
    """Return a line for every call that no function has a use for and that its role allows."""
    from tests.infra import replay_rights  # it is made of what stands here

    needs = {
        "Preprocess": _not_preprocess(deployment),
        "Lookup": _not_lookup(deployment),
        **replay_rights.not_needed(deployment),
    }
    return [f"{name} may {need}" for name, need, allowed in _judged(deployment, needs) if allowed]


def unneeded(deployment: Deployment) -> set[str]:
    """Return every action that a function's role allows and that no call above needs: `Function action`."""
    needs = _needs(deployment)
    return {
        f"{name} {action}"
        for name, calls in needs.items()
        for statement in statements_of(deployment.account.client("iam"), _role(deployment, name))
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        if action not in {need.action for need in calls}
    }


def _needs(deployment: Deployment) -> dict[str, Sequence[Need]]:
    from tests.infra import replay_rights

    return {
        "Preprocess": _preprocess(deployment),
        "Lookup": _lookup(deployment),
        **replay_rights.needed(deployment),
    }


def _role(deployment: Deployment, name: str) -> str:
    if name == "Machine":
        machine = deployment.only("AWS::StepFunctions::StateMachine").physical_id
        found = deployment.account.client("stepfunctions").describe_state_machine(stateMachineArn=machine)
        return str(found["roleArn"].rpartition("/")[2])
    return role_of(deployment, deployment.only("AWS::Lambda::Function", name).physical_id)


def _judged(deployment: Deployment, needs: Mapping[str, Sequence[Need]]) -> Iterator[tuple[str, Need, bool]]:
    for name, calls in needs.items():
        statements = statements_of(deployment.account.client("iam"), _role(deployment, name))
        yield from ((name, need, allows(statements, need)) for need in calls)


def environment_of(deployment: Deployment, word: str) -> tuple[str, Mapping[str, str]]:
    """Return a function's name and its environment."""
    name = deployment.only("AWS::Lambda::Function", word).physical_id
    found = deployment.account.client("lambda").get_function_configuration(
        FunctionName=name, Qualifier="live"
    )
    return name, found["Environment"]["Variables"]


def everywhere(name: str) -> list[Need]:
    """Return what every function needs."""
    # To be in a VPC, to log and to be traced.
    stream = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:/aws/lambda/{name}:log-stream:2026/01/05/[1]0123456789abcdef"
    # Those of AWSLambdaVPCAccessExecutionRole.
    network = (
        *("CreateNetworkInterface", "DescribeNetworkInterfaces", "DeleteNetworkInterface", "DescribeSubnets"),
        *("AssignPrivateIpAddresses", "UnassignPrivateIpAddresses"),
    )
    return [
        *(Need(f"ec2:{action}", "*") for action in network),
        *(Need(f"logs:{action}", stream) for action in ("CreateLogStream", "PutLogEvents")),
        *(Need(f"xray:{action}", "*") for action in ("PutTraceSegments", "PutTelemetryRecords")),
    ]


def cache(deployment: Deployment, environment: Mapping[str, str]) -> list[Need]:
    """Return what it takes to log in to the cache."""
    kind = "serverlesscache" if environment["REDIS_IAM_SERVERLESS"] == "true" else "replicationgroup"
    base = f"arn:aws:elasticache:{REGION}:{ACCOUNT}"
    resources = (
        f"{base}:{kind}:{environment['REDIS_IAM_CACHE']}",
        f"{base}:user:{environment['REDIS_USERNAME']}",
    )
    return [Need("elasticache:Connect", resource) for resource in resources]


def _lookup(deployment: Deployment) -> list[Need]:
    name, environment = environment_of(deployment, "Lookup")
    return [*everywhere(name), *cache(deployment, environment)]


def _preprocess(deployment: Deployment) -> list[Need]:
    name, environment = environment_of(deployment, "Preprocess")
    return [
        *everywhere(name),
        *cache(deployment, environment),
        *_event_source(deployment),
        *producer(deployment, environment["CLEANED_TOPIC"], own_code=name),
        *_letters(deployment, environment["DEAD_LETTER_BUCKET"]),
    ]


def _part(cluster: str, kind: str, name: str) -> str:
    return f"{cluster.replace(':cluster/', f':{kind}/')}/{name}"


def _event_source(deployment: Deployment) -> list[Need]:
    """Return what Lambda's pollers do with the function's role."""
    mapping = deployment.account.client("lambda").get_event_source_mapping(
        UUID=deployment.only("AWS::Lambda::EventSourceMapping").physical_id
    )
    cluster = mapping["EventSourceArn"]
    (topic,) = mapping["Topics"]
    group = mapping["AmazonManagedKafkaEventSourceConfig"]["ConsumerGroupId"]
    bucket = mapping["DestinationConfig"]["OnFailure"]["Destination"]
    here = {"s3:ResourceAccount": ACCOUNT}
    return [
        *(Need(f"kafka:{action}", cluster) for action in ("DescribeClusterV2", "GetBootstrapBrokers")),
        *(
            Need(f"ec2:{action}", "*")
            for action in ("DescribeVpcs", "DescribeSubnets", "DescribeSecurityGroups")
        ),
        *(Need(f"kafka-cluster:{a}", cluster) for a in ("Connect", "DescribeClusterDynamicConfiguration")),
        *(
            Need(f"kafka-cluster:{a}", _part(cluster, "group", group))
            for a in ("DescribeGroup", "AlterGroup")
        ),
        *(Need(f"kafka-cluster:{a}", _part(cluster, "topic", topic)) for a in ("DescribeTopic", "ReadData")),
        Need("s3:PutObject", f"{bucket}/aws/lambda/any", here),
        Need("s3:ListBucket", bucket, here),
    ]


def producer(deployment: Deployment, topic: str, own_code: str) -> list[Need]:
    """Return what it takes to publish."""
    cluster = deployment.only("AWS::MSK::Cluster").physical_id
    caller = {OWN_CODE: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{own_code}"}
    return [
        *(
            Need(f"kafka-cluster:{action}", cluster, caller)
            for action in ("Connect", "WriteDataIdempotently")
        ),
        *(
            Need(f"kafka-cluster:{action}", _part(cluster, "topic", topic), caller)
            for action in ("DescribeTopic", "WriteData")
        ),
    ]


def _letters(deployment: Deployment, bucket: str) -> list[Need]:
    key = deployment.only("AWS::KMS::Key").physical_id
    through_s3 = {"kms:ViaService": f"s3.{REGION}.amazonaws.com"}
    return [
        Need("s3:PutObject", f"arn:aws:s3:::{bucket}/dead-letters/reason=not_json/any.jsonl.gz"),
        # Decrypt: for an object that goes up in parts.
        *(
            Need(f"kms:{action}", f"arn:aws:kms:{REGION}:{ACCOUNT}:key/{key}", through_s3)
            for action in ("GenerateDataKey", "Decrypt")
        ),
    ]


def _not_preprocess(deployment: Deployment) -> list[Need]:
    name, environment = environment_of(deployment, "Preprocess")
    letters = f"arn:aws:s3:::{environment['DEAD_LETTER_BUCKET']}"
    cluster = deployment.only("AWS::MSK::Cluster").physical_id
    own_code = {OWN_CODE: f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"}
    return [
        *(Need(f"s3:{action}", f"{letters}/dead-letters/any") for action in ("GetObject", "DeleteObject")),
        Need("s3:PutObject", f"{letters}/elsewhere"),
        Need("kafka-cluster:WriteData", _part(cluster, "topic", "another")),
        Need("kafka-cluster:AlterGroup", _part(cluster, "group", "another")),
        Need("kafka-cluster:DeleteTopic", _part(cluster, "topic", environment["CLEANED_TOPIC"])),
        Need("ec2:CreateNetworkInterface", "*", own_code),
        Need("lambda:InvokeFunction", f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"),
    ]


def _not_lookup(deployment: Deployment) -> list[Need]:
    writer = environment_of(deployment, "Preprocess")[1]
    cluster = deployment.only("AWS::MSK::Cluster").physical_id
    return [
        Need(
            "elasticache:Connect", f"arn:aws:elasticache:{REGION}:{ACCOUNT}:user:{writer['REDIS_USERNAME']}"
        ),
        Need("s3:PutObject", f"arn:aws:s3:::{writer['DEAD_LETTER_BUCKET']}/dead-letters/any"),
        Need("kafka-cluster:Connect", cluster),
        Need("kafka-cluster:WriteData", _part(cluster, "topic", writer["CLEANED_TOPIC"])),
    ]

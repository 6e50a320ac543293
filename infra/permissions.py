"""Every right of every function, by need: grants that name their topic, group, user, prefix or key.

`STARRED` is the whole list of what has to be granted on `*`, and why; a test compares it with the templates. Narrower
wildcards are argued in their grant.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, NamedTuple

from aws_cdk import Aws, Stack, aws_iam as iam, aws_kms as kms, aws_s3 as s3

from infra.data_plane import DataPlane


class Grant(NamedTuple):
    """Hold a statement, and why it has to have a wildcard where it has one."""

    statement: iam.PolicyStatement
    argued: str = ""


class Starred(NamedTuple):
    """Argue actions that have to be granted on every resource."""

    actions: tuple[str, ...]
    reason: str


NETWORK: Final = Starred(
    (
        "ec2:AssignPrivateIpAddresses",
        "ec2:CreateNetworkInterface",
        "ec2:DeleteNetworkInterface",
        "ec2:DescribeNetworkInterfaces",
        "ec2:DescribeSubnets",
        "ec2:UnassignPrivateIpAddresses",
    ),
    "Lambda makes the function's network interfaces with these; their ids are not known before, the Describe actions"
    " take no resource, and Lambda refuses the function when DeleteNetworkInterface is narrower. Denied to the"
    " function's own code.",
)
POLLER_NETWORK: Final = Starred(
    ("ec2:DescribeSecurityGroups", "ec2:DescribeVpcs"),
    "The event source looks up the cluster's network with these, and they take no resource. Denied to the function's"
    " own code.",
)
TRACES: Final = Starred(
    ("xray:PutTraceSegments", "xray:PutTelemetryRecords"), "X-Ray's write actions take no resource."
)
LOG_DELIVERY: Final = Starred(
    (
        "logs:CreateLogDelivery",
        "logs:DeleteLogDelivery",
        "logs:DescribeLogGroups",
        "logs:DescribeResourcePolicies",
        "logs:GetLogDelivery",
        "logs:ListLogDeliveries",
        "logs:PutResourcePolicy",
        "logs:UpdateLogDelivery",
    ),
    "Step Functions sets up the delivery of its log with these, and log delivery takes no resource.",
)
STARRED: Final = (NETWORK, POLLER_NETWORK, TRACES, LOG_DELIVERY)

# Where `sluice.letters` puts its objects.
DEAD_LETTERS: Final = "dead-letters/"
# Where a replay reads and writes: the letters, what is settled, what is set aside, its plans and reports.
REPLAYS: Final = "replays/"
REPLAY_PREFIXES: Final = (DEAD_LETTERS, "parked/", "replayed/", REPLAYS)


def attach_network(function_arn: str) -> list[Grant]:
    """Let Lambda attach the function at `function_arn` to the VPC, and keep the function's code from doing so."""
    return [
        _everywhere(NETWORK),
        Grant(
            iam.PolicyStatement(
                effect=iam.Effect.DENY,
                actions=sorted({*NETWORK.actions, *POLLER_NETWORK.actions}),
                resources=["*"],
                # Calls of the function's code carry this key, those with which Lambda makes interfaces do not
                # (AWS Lambda Developer Guide, permissions-source-function-arn).
                conditions={"ArnLike": {"lambda:SourceFunctionArn": [function_arn, f"{function_arn}:*"]}},
            )
        ),
    ]


def write_logs(log_group_arn: str) -> list[Grant]:
    """Write to the function's own log group, which the stack makes."""
    return [
        _allow(
            ["logs:CreateLogStream", "logs:PutLogEvents"],
            [f"{log_group_arn}:log-stream:*"],
            argued="Lambda names the streams of the function's own log group.",
        )
    ]


def write_traces() -> list[Grant]:
    """Write traces; the CDK grants the same where tracing is on."""
    return [_everywhere(TRACES)]


def read_environment(key: kms.IKey, function_arn: str) -> list[Grant]:
    """Let Lambda decrypt the environment of the function at `function_arn`, where it holds a secret."""
    context = {"StringEquals": {"kms:EncryptionContext:aws:lambda:FunctionArn": function_arn}}
    return [_allow(["kms:Decrypt"], [key.key_arn], context)]


def consume(plane: DataPlane) -> list[Grant]:
    """Read the raw topic as the one consumer group: what the event source does with the function's role."""
    statements = [
        _allow(
            ["kafka:DescribeCluster", "kafka:DescribeClusterV2", "kafka:GetBootstrapBrokers"],
            [plane.cluster_arn],
        ),
        _everywhere(POLLER_NETWORK),
    ]
    if plane.kafka_auth == "scram":
        return [*statements, _allow(["kafka:ListScramSecrets"], [plane.cluster_arn]), *_read_secret(plane)]
    return [
        *statements,
        _allow(
            ["kafka-cluster:Connect", "kafka-cluster:DescribeClusterDynamicConfiguration"],
            [plane.cluster_arn],
        ),
        _allow(
            ["kafka-cluster:AlterGroup", "kafka-cluster:DescribeGroup"],
            [plane.group_arn(plane.stage.consumer_group)],
        ),
        _allow(["kafka-cluster:DescribeTopic", "kafka-cluster:ReadData"], [plane.topic_arn(plane.raw_topic)]),
    ]


def publish(plane: DataPlane) -> list[Grant]:
    """Write to the cleaned topic with an idempotent producer; with SCRAM the brokers' own ACLs say so instead."""
    if plane.kafka_auth == "scram":
        return []
    return [
        _allow(["kafka-cluster:Connect", "kafka-cluster:WriteDataIdempotently"], [plane.cluster_arn]),
        _allow(
            ["kafka-cluster:DescribeTopic", "kafka-cluster:WriteData"], [plane.topic_arn(plane.cleaned_topic)]
        ),
    ]


def connect_cache(plane: DataPlane, user_arn: str) -> list[Grant]:
    """Log in to the cache as one user; what the user may do there is its access string's business."""
    return [_allow(["elasticache:Connect"], [plane.cache_arn, user_arn])]


def write_dead_letters(plane: DataPlane) -> list[Grant]:
    """Put dead letters, and nothing else, into their bucket."""
    return [
        _allow(
            ["s3:PutObject"],
            [f"{_exported(plane.dead_letter_bucket)}/{DEAD_LETTERS}*"],
            argued="The key of a dead letter's object is made of its reason, date and offsets.",
        ),
        _encrypt(plane.key),
    ]


def write_on_failure(bucket: s3.IBucket, key: kms.IKey) -> list[Grant]:
    """Put batches that were given up into the bucket, as the event source does, in this account alone."""
    here = {"StringEquals": {"s3:ResourceAccount": Aws.ACCOUNT_ID}}
    return [
        _allow(
            ["s3:PutObject"],
            [f"{_exported(bucket)}/*"],
            here,
            argued="The event source chooses the keys, and AWS does not document how; the bucket holds nothing else.",
        ),
        _allow(["s3:ListBucket"], [_exported(bucket)], here),
        _encrypt(key),
    ]


def replay_letters(plane: DataPlane) -> list[Grant]:
    """Read and write letters anew, and plans and reports; a version that was replaced stays, and nothing is deleted.

    Without the right to list, S3 answers 403 where there is nothing, and the replay could not tell that from a fault.
    """
    bucket = _exported(plane.dead_letter_bucket)
    return [
        _allow(["s3:ListBucket"], [bucket]),
        _allow(
            ["s3:GetObject", "s3:PutObject"],
            [f"{bucket}/{prefix}*" for prefix in REPLAY_PREFIXES],
            argued="Objects of letters are named by their content, those of a replay by its name.",
        ),
        _encrypt(plane.key),
    ]


def read_on_failure(plane: DataPlane) -> list[Grant]:
    """Read what the event source gave up on, to make letters of it; the original stays."""
    bucket = _exported(plane.on_failure_bucket)
    return [
        _allow(["s3:ListBucket"], [bucket]),
        _allow(
            ["s3:GetObject"],
            [f"{bucket}/*"],
            argued="The event source chooses the keys, and AWS does not document how; the bucket holds nothing else.",
        ),
    ]


def read_manifest(plane: DataPlane) -> list[Grant]:
    """Read the list of chunks that a plan wrote, as the state machine's map does."""
    return [
        _allow(
            ["s3:GetObject"],
            [f"{_exported(plane.dead_letter_bucket)}/{REPLAYS}*"],
            argued="A replay's plan is named by the execution, which is not known before.",
        ),
        _allow(
            ["kms:Decrypt"],
            [plane.key.key_arn],
            {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.{Aws.URL_SUFFIX}"}},
        ),
    ]


def invoke(alias_arns: Sequence[str]) -> list[Grant]:
    """Call functions by their aliases."""
    return [_allow(["lambda:InvokeFunction"], alias_arns)]


def start(machine_arn: str) -> list[Grant]:
    """Start executions of one state machine."""
    return [_allow(["states:StartExecution"], [machine_arn])]


def run_children(machine_arn: str, children_arn: str) -> list[Grant]:
    """Start, follow, stop and redrive the child executions of the machine's own map."""
    return [
        *start(machine_arn),
        _allow(
            ["states:DescribeExecution", "states:RedriveExecution", "states:StopExecution"],
            [children_arn],
            argued="Step Functions names the children of the state machine's own map.",
        ),
    ]


def deliver_logs() -> list[Grant]:
    """Let Step Functions deliver a state machine's log."""
    return [_everywhere(LOG_DELIVERY)]


def _encrypt(key: kms.IKey) -> Grant:
    # Decrypt: S3 asks for it when a large object goes up in parts. Only through S3, where nothing may be read.
    return _allow(
        ["kms:Decrypt", "kms:GenerateDataKey"],
        [key.key_arn],
        {"StringEquals": {"kms:ViaService": f"s3.{Aws.REGION}.{Aws.URL_SUFFIX}"}},
    )


def _read_secret(plane: DataPlane) -> list[Grant]:
    """Read the brokers' secret; MSK has it encrypted with a key of yours, known here by what it encrypts alone."""
    return [
        _allow(["secretsmanager:DescribeSecret", "secretsmanager:GetSecretValue"], [plane.kafka_secret_arn]),
        _allow(
            ["kms:Decrypt"],
            [f"arn:{Aws.PARTITION}:kms:{Aws.REGION}:{Aws.ACCOUNT_ID}:key/*"],
            {"StringEquals": {"kms:EncryptionContext:SecretARN": plane.kafka_secret_arn}},
            argued="The secret's key is yours and not known here; only what belongs to this one secret is decrypted.",
        ),
    ]


def _exported(bucket: s3.IBucket) -> str:
    """Return the bucket's ARN as this stack imports it: the name that a finding about it carries."""
    return Stack.of(bucket).export_value(bucket.bucket_arn)


def _everywhere(starred: Starred) -> Grant:
    return _allow(starred.actions, ["*"], argued=starred.reason)


def _allow(
    actions: Sequence[str],
    resources: Sequence[str],
    conditions: Mapping[str, object] | None = None,
    argued: str = "",
) -> Grant:
    statement = iam.PolicyStatement(actions=list(actions), resources=list(resources), conditions=conditions)
    return Grant(statement, argued)

"""The stack that holds data: what is created, how it is locked, what is brought instead."""

from __future__ import annotations

import json
from base64 import b64decode
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from aws_cdk import App
from aws_cdk.assertions import Template

from infra.cache_users import READER_ACCESS, WRITER_ACCESS
from infra.config import ConfigError, load_stage
from infra.data_stack import DataStack
from sluice.reasons import REASONS
from sluice.replay.store import UNDELIVERED
from tests.infra.synthesis import app, flat
from tests.infra.test_config import CACHE, CLUSTER
from tests.infra.test_nag import found

STAGES = ("dev", "prod")
CREATE = {"endpoints": "create", "route_table_ids": "rtb-0a1b2c3d"}


@cache
def synthesised(**context: str) -> tuple[DataStack, Template]:
    made: App = app(**context)
    stack = DataStack(made, "Data", stage=load_stage(context))
    return stack, Template.from_stack(stack)


def of_type(template: Template, type_: str) -> list[dict[str, Any]]:
    return [each.get("Properties", {}) for each in template.find_resources(f"AWS::{type_}").values()]


def one(template: Template, type_: str) -> dict[str, Any]:
    (properties,) = of_type(template, type_)
    return properties


@pytest.mark.parametrize("stage", STAGES)
def test_no_way_out(stage: str) -> None:
    """The network has private subnets in every zone, and neither NAT nor internet gateway."""
    _, template = synthesised(stage=stage)

    assert len(of_type(template, "EC2::Subnet")) == load_stage({"stage": stage}).zones
    assert not any(each["MapPublicIpOnLaunch"] for each in of_type(template, "EC2::Subnet"))
    for type_ in ("EC2::NatGateway", "EC2::InternetGateway", "EC2::EIP"):
        assert of_type(template, type_) == []


@pytest.mark.parametrize(("stage", "services"), [("dev", ["lambda", "s3", "sts"]), ("prod", ["s3"])])
def test_endpoints(stage: str, services: list[str]) -> None:
    """There are as few endpoints as the event source's mode needs, and S3's leads to this account's buckets only."""
    _, template = synthesised(stage=stage)
    endpoints = of_type(template, "EC2::VPCEndpoint")

    assert sorted(flat(each["ServiceName"]).rpartition(".")[2] for each in endpoints) == services
    (gateway,) = (each for each in endpoints if each["VpcEndpointType"] == "Gateway")
    (statement,) = gateway["PolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:ResourceAccount": {"Ref": "AWS::AccountId"}}}


@pytest.mark.parametrize("stage", STAGES)
def test_no_open_door(stage: str) -> None:
    """No security group lets anything in by address, and each lets in only the ports it is for."""
    _, template = synthesised(stage=stage)
    groups = of_type(template, "EC2::SecurityGroup")
    rules = of_type(template, "EC2::SecurityGroupIngress")
    ports = sorted({(rule["FromPort"], rule["ToPort"]) for rule in rules})

    assert not any("SecurityGroupIngress" in group for group in groups)
    assert not any("CidrIp" in rule for rule in rules)
    assert ports == [*([(443, 443)] if stage == "dev" else []), (6379, 6380), (9098, 9098)]


def test_pollers_reach_the_brokers() -> None:
    """The brokers' security group lets itself in: there the pollers of the event source live."""
    _, template = synthesised(stage="dev")
    rules = of_type(template, "EC2::SecurityGroupIngress")

    assert [rule["FromPort"] for rule in rules if rule["SourceSecurityGroupId"] == rule["GroupId"]] == [9098]


@pytest.mark.parametrize("stage", STAGES)
def test_brokers_are_locked(stage: str) -> None:
    """Brokers speak TLS, know users by IAM alone, encrypt with our key, and run without ZooKeeper."""
    _, template = synthesised(stage=stage)
    cluster = one(template, "MSK::Cluster")

    assert cluster["ClientAuthentication"] == {
        "Sasl": {"Iam": {"Enabled": True}},
        "Unauthenticated": {"Enabled": False},
    }
    assert cluster["EncryptionInfo"]["EncryptionInTransit"] == {"ClientBroker": "TLS", "InCluster": True}
    assert flat(cluster["EncryptionInfo"]["EncryptionAtRest"]["DataVolumeKMSKeyId"]).startswith("<Key")
    assert cluster["KafkaVersion"].endswith(".kraft")
    properties = one(template, "MSK::Configuration")["ServerProperties"].splitlines()
    assert {"auto.create.topics.enable=false", "unclean.leader.election.enable=false"} <= set(properties)


@pytest.mark.parametrize("stage", STAGES)
def test_topics(stage: str) -> None:
    """Both topics lie on a broker of every zone, keep what the stage says and take more than the functions do."""
    _, template = synthesised(stage=stage)
    config = load_stage({"stage": stage})
    topics = {each["TopicName"]: each for each in of_type(template, "MSK::Topic")}

    assert sorted(topics) == ["agent_cleaned", "agent_raw_output"]
    for name, largest in (
        ("agent_raw_output", config.max_message_bytes),
        ("agent_cleaned", config.max_cleaned_bytes),
    ):
        configs = json.loads(b64decode(topics[name]["Configs"]))
        assert (topics[name]["PartitionCount"], topics[name]["ReplicationFactor"]) == (
            config.partitions,
            config.zones,
        )
        assert int(configs["retention.ms"]) == config.raw_retention_hours * 3_600_000
        assert int(configs["max.message.bytes"]) > largest


def test_min_insync_replicas() -> None:
    """With three brokers two must have a record before it is acknowledged; with two, one may be away."""
    assert (
        "min.insync.replicas=2" in one(synthesised(stage="prod")[1], "MSK::Configuration")["ServerProperties"]
    )
    assert (
        "min.insync.replicas=1" in one(synthesised(stage="dev")[1], "MSK::Configuration")["ServerProperties"]
    )


@pytest.mark.parametrize("engine", ["redis", "valkey"])
def test_users_of_the_cache(engine: str) -> None:
    """The cache knows a writer and a reader, both by IAM and with their own rights, and nobody who needs no password."""
    _, template = synthesised(cache_engine=engine)
    users = {each["UserName"]: each for each in of_type(template, "ElastiCache::User")}
    default = users.pop("default", None)

    assert {each["AccessString"] for each in users.values()} == {WRITER_ACCESS, READER_ACCESS}
    assert all(name == each["UserId"] for name, each in users.items())
    assert all(each["AuthenticationMode"] == {"Type": "iam"} for each in users.values())
    assert (default is not None) == (engine == "redis")
    assert default is None or default["AccessString"].startswith("off ")
    assert len(one(template, "ElastiCache::UserGroup")["UserIds"]) == len(users) + (default is not None)


def test_serverless_cache() -> None:
    """The cache has our key, our users and a limit to what it may cost."""
    stack, template = synthesised(stage="prod")
    cache = one(template, "ElastiCache::ServerlessCache")

    assert {"KmsKeyId", "UserGroupId", "CacheUsageLimits"} <= set(cache)
    assert cache["Engine"] == "redis"
    assert (stack.plane.cache_mode, stack.plane.cache_serverless) == ("cluster", True)


@pytest.mark.parametrize("mode", ["cluster", "standalone"])
def test_cache_of_nodes(mode: str) -> None:
    """One switch makes the cache of nodes, with TLS, our key and our users, in either mode."""
    stack, template = synthesised(stage="prod", cache_kind="nodes", cache_mode=mode)
    cache = one(template, "ElastiCache::ReplicationGroup")

    assert cache["TransitEncryptionEnabled"] is True
    assert cache["TransitEncryptionMode"] == "required"
    assert cache["AtRestEncryptionEnabled"] is True
    assert {"KmsKeyId", "UserGroupIds"} <= set(cache)
    assert cache["AutomaticFailoverEnabled"] is True
    assert cache["CacheParameterGroupName"].endswith(".cluster.on") == (mode == "cluster")
    assert (stack.plane.cache_mode, stack.plane.cache_serverless) == (mode, False)
    assert "replicationgroup" in flat(stack.resolve(stack.plane.cache_arn))


@pytest.mark.parametrize("stage", STAGES)
def test_buckets(stage: str) -> None:
    """Both buckets are versioned, encrypted with our key, closed to the public and to plain HTTP."""
    _, template = synthesised(stage=stage)
    buckets = of_type(template, "S3::Bucket")

    assert len(buckets) == 2
    for bucket in buckets:
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "aws:kms"
        assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    for policy in of_type(template, "S3::BucketPolicy"):
        denied = [each for each in policy["PolicyDocument"]["Statement"] if each["Effect"] == "Deny"]
        assert {"Bool": {"aws:SecureTransport": "false"}} in [each["Condition"] for each in denied]


@pytest.mark.parametrize("stage", STAGES)
def test_nothing_unsettled_expires(stage: str) -> None:
    """No rule ends the current version of an object, but those for what a replay is done with: archives, emptied ones.

    The emptied import of a batch that was given up stays: without it the next replay imports the batch again.
    """
    _, template = synthesised(stage=stage)
    ends = {"ExpirationInDays", "ExpirationDate", "ExpiredObjectDeleteMarker"}
    rules = [
        rule
        for bucket in of_type(template, "S3::Bucket")
        for rule in bucket["LifecycleConfiguration"]["Rules"]
    ]

    assert rules
    ending = [rule for rule in rules if ends & set(rule)]
    assert {rule["Prefix"]: rule.get("ObjectSizeLessThan") for rule in ending} == {
        "replayed/": None,
        "replays/": None,
        "parked/": 1,
        **{f"dead-letters/reason={reason}/": 1 for reason in REASONS if reason != "undelivered"},
    }
    assert not any(UNDELIVERED.startswith(rule["Prefix"]) for rule in ending)
    assert all(rule["ExpirationInDays"] * 24 >= 72 for rule in ending)


def test_what_outlives_the_stack() -> None:
    """In production key and buckets outlive the stack, which is protected itself; in dev everything goes."""
    for stage, policy, protected in (("prod", "Retain", True), ("dev", "Delete", False)):
        stack, template = synthesised(stage=stage)
        resources = template.to_json()["Resources"].values()
        kept = [each for each in resources if each["Type"] in {"AWS::S3::Bucket", "AWS::KMS::Key"}]
        assert [each["DeletionPolicy"] for each in kept] == [policy] * 3
        assert stack.termination_protection is protected


def test_bring_everything() -> None:
    """With cluster, network and cache brought, only buckets, key, a security group and its rules are made."""
    stack, template = synthesised(**(CLUSTER | CACHE))
    made = {each["Type"].removeprefix("AWS::") for each in template.to_json()["Resources"].values()}

    assert made == {
        *("EC2::SecurityGroup", "EC2::SecurityGroupEgress", "EC2::SecurityGroupIngress"),
        *("KMS::Key", "KMS::Alias", "S3::Bucket", "S3::BucketPolicy"),
    }
    assert (stack.plane.cluster_arn, stack.plane.cluster_name) == (CLUSTER["cluster_arn"], "agents")
    assert stack.plane.cache_url == "rediss://cache.example:6379"
    assert (stack.plane.writer_user_id, stack.plane.reader_user_id) == ("writer", "reader")
    rules = of_type(template, "EC2::SecurityGroupIngress")
    assert {rule["GroupId"] for rule in rules} == {"sg-0a1b2c3d", "sg-0a1b2c3e"}


def test_bring_a_cluster_only() -> None:
    """A brought cluster gets topics and endpoints where one asks for them, and a cache beside it."""
    _, template = synthesised(**CLUSTER, **CREATE, create_topics="true")

    assert {each["ClusterArn"] for each in of_type(template, "MSK::Topic")} == {CLUSTER["cluster_arn"]}
    assert len(of_type(template, "EC2::VPCEndpoint")) == 3
    assert len(of_type(template, "ElastiCache::ServerlessCache")) == 1
    assert of_type(template, "MSK::Cluster") == of_type(template, "EC2::VPC") == []


def test_scram_opens_its_own_port() -> None:
    """A brought cluster with SASL/SCRAM is reached at its port, and the secret through its endpoint."""
    secret = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_a-b1C2d3"
    stack, template = synthesised(**CLUSTER, **CREATE, cluster_secret_arn=secret)
    rules = of_type(template, "EC2::SecurityGroupIngress")

    assert (stack.plane.kafka_auth, stack.plane.kafka_secret_arn) == ("scram", secret)
    assert {rule["FromPort"] for rule in rules} == {443, 6379, 9096}
    assert len(of_type(template, "EC2::VPCEndpoint")) == 4


@pytest.mark.parametrize("context", [{}, CLUSTER], ids=["created", "brought"])
def test_names_for_iam(context: dict[str, str]) -> None:
    """Topics and groups are named below their cluster, by its name and its own id, known or not yet."""
    stack, _ = synthesised(**context)

    topic = flat(stack.resolve(stack.plane.topic_arn("t")))
    group = flat(stack.resolve(stack.plane.group_arn("g")))

    if context:
        assert topic == "arn:aws:kafka:eu-west-1:123456789012:topic/agents/0b1c2d3e-4f50-7/t"
        assert group == "arn:aws:kafka:eu-west-1:123456789012:group/agents/0b1c2d3e-4f50-7/g"
    else:
        assert ":topic/<" in topic
        assert topic.endswith("1>/t")
        assert group.endswith("1>/g")


@pytest.mark.parametrize("bucket", ["dead_letter_bucket", "on_failure_bucket"])
def test_no_pipeline_without_destination(bucket: str) -> None:
    """Synth ends with a word on it when there is nowhere to put what cannot be delivered."""
    plane = synthesised()[0].plane
    nowhere: dict[str, Any] = {bucket: None}

    with pytest.raises(ConfigError, match=f"{bucket}=None is not allowed"):
        replace(plane, **nowhere)


@pytest.mark.parametrize(
    "context",
    [
        {"cache_kind": "nodes"},
        {"cache_kind": "nodes", "cache_mode": "standalone", "cache_engine": "valkey", "stage": "prod"},
        CLUSTER | CACHE,
        CLUSTER | CREATE,
    ],
    ids=["nodes", "standalone", "all brought", "cluster brought"],
)
def test_every_variant_is_answered_for(context: dict[str, str]) -> None:
    """Whatever is switched or brought, cdk-nag finds nothing in this stack without an answer."""
    assert found(synthesised(**context)[0], "AwsSolutions") == {}

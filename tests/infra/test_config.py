"""The stages: what they are, how they are overridden, what is refused."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, strategies as st

from infra.config import STAGES, ConfigError, load_stage
from infra.rules import Between, Cidr, Like, ListOf, OneOf, Switch
from infra.stage import INVOCATIONS_PER_POLLER, OUTAGE_SECONDS, Stage, rules, shown

VPC = {"vpc_id": "vpc-0a1b2c3d", "subnet_ids": "subnet-0a1b2c3d,subnet-0a1b2c3e"}
CLUSTER = {
    **VPC,
    "cluster_arn": "arn:aws:kafka:eu-west-1:123456789012:cluster/agents/0b1c2d3e-4f50-7",
    "cluster_security_group_id": "sg-0a1b2c3d",
}
CACHE = {
    **VPC,
    "cache_endpoint": "cache.example:6379",
    "cache_name": "agents",
    "cache_security_group_id": "sg-0a1b2c3e",
    "cache_writer_user": "writer",
    "cache_reader_user": "reader",
}


def without(context: dict[str, str], key: str) -> dict[str, str]:
    return {name: value for name, value in context.items() if name != key}


def test_default_is_dev() -> None:
    """Without a word the stage is `dev`, exactly as it stands in the file."""
    assert load_stage({}) == STAGES["dev"]


def test_overrides() -> None:
    """`-c key=value` changes numbers, switches, words and lists; what stands in cdk.json may be JSON's own."""
    stage = load_stage({"stage": "prod", "partitions": "24", "keep_data": "False", "zones": 2, **VPC})

    assert (stage.name, stage.partitions, stage.keep_data, stage.zones) == ("prod", 24, False, 2)
    assert stage.subnet_ids == ("subnet-0a1b2c3d", "subnet-0a1b2c3e")


def test_the_cdk_keeps_its_keys() -> None:
    """Feature flags and what the command line adds are none of ours."""
    context = {
        "@aws-cdk/core:checkSecretUsage": True,
        "aws:cdk:bundling-stacks": ["**"],
        "availability-zones:a": 1,
    }

    assert load_stage(context) == STAGES["dev"]


def test_what_is_brought_is_whole() -> None:
    """A brought cluster has its topics and a brought VPC its endpoints, unless one says otherwise."""
    stage = load_stage(CLUSTER)

    assert (stage.create_topics, stage.endpoints, stage.interface_endpoints) == (False, "none", ())

    asked = load_stage(
        {**CLUSTER, "create_topics": "true", "endpoints": "create", "route_table_ids": "rtb-0a1b2c3d"}
    )

    assert (asked.create_topics, asked.endpoints) == (True, "create")


WRONG: list[tuple[dict[str, Any], str, str]] = [
    ({"stage": "test"}, "stage=test", "dev, prod"),
    ({"partitons": "3"}, "partitons=3", "the key partitions"),
    ({"xyz": "1"}, "xyz=1", "arch, keep_data"),
    ({"name": "x"}, "name=x", "cache_name"),
    ({"partitions": "0"}, "partitions=0", "a whole number from 1 to 1000"),
    ({"partitions": "3x"}, "partitions=3x", "a whole number from 1 to 1000"),
    ({"partitions": True}, "partitions=true", "a whole number from 1 to 1000"),
    ({"keep_data": "maybe"}, "keep_data=maybe", "true, false"),
    ({"arch": "arm"}, "arch=arm", "arm64, x86_64"),
    ({"zones": "4"}, "zones=4", "2, 3"),
    ({"vpc_cidr": "10.64.0.999/20"}, "vpc_cidr=10.64.0.999/20", "from /16 to /24"),
    ({"vpc_cidr": "10.64.0.1/20"}, "vpc_cidr=10.64.0.1/20", "an IPv4 network"),
    ({"vpc_cidr": "10.0.0.0/8"}, "vpc_cidr=10.0.0.0/8", "from /16 to /24"),
    ({"kafka_version": "٣.9.x"}, "kafka_version=٣.9.x", "a KRaft version"),
    ({"raw_topic": "a b"}, "raw_topic=a b", "letters, digits"),
    ({"raw_topic": "t", "cleaned_topic": "t"}, "cleaned_topic=t", "another topic than raw_topic"),
    ({"broker_type": "m7g.large"}, "broker_type=m7g.large", "like kafka.m7g.large"),
    ({"vpc_id": "vpc-0a1b2c3d"}, "subnet_ids=", "two or more private subnets"),
    ({"subnet_ids": VPC["subnet_ids"]}, "vpc_id=", "the VPC of subnet_ids"),
    ({"subnet_ids": "subnet-1"}, "subnet_ids=subnet-1", "subnet-…,subnet-…"),
    ({**VPC, "zones": 3}, "subnet_ids=", "one for each of the zones=3"),
    ({**VPC, "endpoints": "create"}, "route_table_ids=", "the route tables of subnet_ids"),
    ({"route_table_ids": "rtb-0a1b2c3d"}, "route_table_ids=rtb-0a1b2c3d", "nothing, unless vpc_id"),
    ({"endpoints": "none"}, "endpoints=none", "create, unless vpc_id"),
    (without(CLUSTER, "vpc_id") | {"subnet_ids": ""}, "vpc_id=", "that of the cluster"),
    (without(CLUSTER, "cluster_security_group_id"), "cluster_security_group_id=", "that of the cluster"),
    ({"settled_days": "1", "raw_retention_hours": "72"}, "settled_days=1", "at least 3"),
    ({"create_topics": "false"}, "create_topics=false", "true, unless cluster_arn"),
    *((without(CACHE, key), f"{key}=", "that of the cache at") for key in CACHE if key.startswith("cache_") and key != "cache_endpoint"),
    ({"cache_name": "agents"}, "cache_name=agents", "nothing, unless cache_endpoint"),
    (without(CACHE, "vpc_id") | {"subnet_ids": ""}, "vpc_id=", "the VPC of the cache"),
    ({"cache_mode": "standalone"}, "cache_mode=standalone", "a serverless cache knows no other"),
    ({"raw_retention_hours": "6"}, "max_record_age_seconds=21600", "less than the raw topic's retention, 21600"),
    ({"min_pollers": "3"}, "min_pollers=3", "at most max_pollers, 2"),
    ({"stage": "prod", "retry_attempts": "8"}, "retry_attempts=8", "at least 9"),
    ({"stage": "prod", "reserved_concurrency": "11"}, "reserved_concurrency=11", "0 or at least 12"),
]  # fmt: skip


@pytest.mark.parametrize(("context", "said", "allowed"), WRONG, ids=[said for _, said, _ in WRONG])
def test_wrong(context: dict[str, Any], said: str, allowed: str) -> None:
    """A wrong key or value ends in one line with the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        load_stage(context)

    line = str(caught.value)
    assert line.startswith(f"config: {said}")
    assert allowed in line
    assert "\n" not in line


def test_prod_rides_out_an_outage() -> None:
    """In production attempts x time-out outlast twenty minutes, and no record grows older than its topic keeps it."""
    prod = STAGES["prod"]

    assert prod.provisioned
    assert prod.attempts * prod.preprocess_timeout_seconds >= OUTAGE_SECONDS
    assert prod.max_record_age_seconds < prod.raw_retention_hours * 3600
    assert prod.reserved_concurrency >= min(prod.partitions, prod.max_pollers * INVOCATIONS_PER_POLLER)
    assert prod.keep_data


def test_dev_is_cheap() -> None:
    """The development stage pays for no pollers and keeps nothing when it is removed."""
    dev = STAGES["dev"]

    assert not dev.provisioned
    assert not dev.keep_data
    assert dev.reserved_concurrency == 0  # a new account has too little concurrency to reserve any


def test_interface_endpoints() -> None:
    """Pollers on demand need Lambda and STS, provisioned ones nothing, a secret its manager."""
    create = {"endpoints": "create", "route_table_ids": "rtb-0a1b2c3d"}
    secret = {"cluster_secret_arn": "arn:aws:secretsmanager:eu-west-1:123456789012:secret:AmazonMSK_a-b1C2d3"}

    assert STAGES["dev"].interface_endpoints == ("lambda", "sts")
    assert STAGES["prod"].interface_endpoints == ()
    assert load_stage(CLUSTER | create | secret).interface_endpoints == ("lambda", "sts", "secretsmanager")
    assert load_stage(CLUSTER | create | secret | {"event_source": "provisioned"}).interface_endpoints == (
        "secretsmanager",
    )


@pytest.mark.parametrize("name", STAGES)
def test_every_value_can_be_typed(name: str) -> None:
    """Every value of a stage, written as on the command line, is read back as itself."""
    stage = STAGES[name]

    for key, rule in rules().items():
        value = getattr(stage, key)
        assert rule.read(shown(value)) == value, key


def test_every_field_has_a_rule() -> None:
    """No field of a stage takes just anything."""
    assert {field.name for field in fields(Stage)} == set(rules())
    assert all(isinstance(rule, Between | Cidr | Like | ListOf | OneOf | Switch) for rule in rules().values())


def test_stages_are_frozen() -> None:
    """Nothing changes a stage once it is checked."""
    with pytest.raises(FrozenInstanceError):
        STAGES["dev"].partitions = 1  # type: ignore[misc]


@given(key=st.sampled_from(sorted(set(rules()) - {"name"})), text=st.text(max_size=20))
def test_any_text(key: str, text: str) -> None:
    """Whatever is typed for a key, it is a stage that holds its rules, or a ConfigError of one line."""
    try:
        stage = load_stage({key: text})
    except ConfigError as caught:
        error = caught
    else:
        assert rules()[key].holds(getattr(stage, key))
        return

    assert len(str(error).splitlines()) == 1


def test_every_key_is_documented() -> None:
    """The page on configuration has a row for each key: what is allowed, and its value in both stages."""
    page = (Path(__file__).resolve().parents[2] / "docs" / "configuration.md").read_text()
    rows = [
        [cell.strip().strip("`") for cell in line.split("|")[1:-1]]
        for line in page.splitlines()
        if line.startswith("| `")
    ]
    dev, prod = STAGES["dev"], STAGES["prod"]

    assert {row[0]: row[1:4] for row in rows} == {
        key: [rule.allowed, shown(getattr(dev, key)), shown(getattr(prod, key))]
        for key, rule in rules().items()
        if key != "name"
    }
    assert all(row[4] for row in rows)

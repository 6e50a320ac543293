"""What a stage consists of, checked when it is made. No import of the CDK here: the cost estimate reads it too."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from typing import Annotated, Final, Literal, get_args, get_type_hints

from infra.rules import Between, Cidr, Like, ListOf, OneOf, Rule, Switch

# The longest outage of a cache, broker or bucket that `prod` rides out without giving a batch up.
OUTAGE_SECONDS: Final = 20 * 60
# AWS Lambda starts at most five invocations at once for one poller of an event source in provisioned mode.
INVOCATIONS_PER_POLLER: Final = 5

_TOPIC = Like(r"[A-Za-z0-9._-]{1,249}", "1 to 249 letters, digits, '.', '_', '-'")
_GROUP_ID = Like(r"sg-[0-9a-f]{8,17}", "a security group's id, sg-…", optional=True)
_USER = Like(r"[a-z][a-z0-9-]{0,39}", "an ElastiCache user's id, the same as its name", optional=True)


class ConfigError(ValueError):
    """Say in one line which key has which wrong value, and what is allowed."""

    def __init__(self, key: str, value: object, allowed: str) -> None:
        line = f"config: {key}={shown(value)} is not allowed; allowed: {allowed}"
        super().__init__(" ".join(line.split()))


@dataclass(frozen=True)
class Stage:
    """Hold one stage; the unit of a number is in its name. Raises ConfigError when made with a wrong value."""

    name: Annotated[str, OneOf(("dev", "prod"))]
    # Functions and layers. x86_64 is for `sam local invoke` on such a machine; arm64 costs 20 % less.
    arch: Annotated[Literal["arm64", "x86_64"], OneOf(("arm64", "x86_64"))] = "arm64"
    # False lets `destroy` take buckets, key and logs with it.
    keep_data: Annotated[bool, Switch()] = True
    log_days: Annotated[int, OneOf((1, 3, 5, 7, 14, 30, 60, 90, 180, 365))] = 30
    alarm_email: Annotated[str, Like(r"[^@\s]+@[^@\s]+", "an e-mail address", optional=True)] = ""

    # Network: a VPC of our own without NAT, or yours.
    zones: Annotated[int, OneOf((2, 3))] = 2
    vpc_cidr: Annotated[str, Cidr(16, 24)] = "10.64.0.0/20"
    vpc_id: Annotated[str, Like(r"vpc-[0-9a-f]{8,17}", "a VPC's id, vpc-…", optional=True)] = ""
    subnet_ids: Annotated[tuple[str, ...], ListOf(r"subnet-[0-9a-f]{8,17}", "subnet-…,subnet-…")] = ()
    # A brought VPC has its endpoints (`none`), or gets those that it needs (`create`, with its route tables).
    endpoints: Annotated[Literal["create", "none"], OneOf(("create", "none"))] = "create"
    route_table_ids: Annotated[tuple[str, ...], ListOf(r"rtb-[0-9a-f]{8,17}", "rtb-…,rtb-…")] = ()

    # Brokers: a cluster of our own, or yours.
    broker_type: Annotated[
        str, Like(r"kafka\.[a-z0-9]+\.[0-9]*[a-z]+", "a standard broker, like kafka.m7g.large")
    ] = "kafka.t3.small"
    brokers_per_zone: Annotated[int, Between(1, 10)] = 1
    broker_storage_gib: Annotated[int, Between(1, 16_384)] = 10
    kafka_version: Annotated[str, Like(r"\d+\.\d+\.x(\.kraft)?", "a KRaft version like 3.9.x.kraft")] = (
        "3.9.x.kraft"
    )
    cluster_arn: Annotated[
        str,
        Like(
            r"arn:aws[a-z-]*:kafka:[a-z0-9-]+:\d{12}:cluster/[A-Za-z0-9-]+/[0-9a-f-]+",
            "an MSK cluster's ARN",
            optional=True,
        ),
    ] = ""
    cluster_security_group_id: Annotated[str, _GROUP_ID] = ""
    # SASL/SCRAM instead of IAM, on a brought cluster only.
    cluster_secret_arn: Annotated[
        str, Like(r"arn:aws[a-z-]*:secretsmanager:\S+:secret:AmazonMSK_\S+", "a secret's ARN", optional=True)
    ] = ""
    # The brokers, for functions that no event tells them (replay): CloudFormation knows them of no cluster.
    bootstrap_servers: Annotated[tuple[str, ...], ListOf(r"[A-Za-z0-9.-]+:\d+", "host:port,host:port")] = ()
    # A brought cluster has its topics, unless told otherwise.
    create_topics: Annotated[bool, Switch()] = True
    raw_topic: Annotated[str, _TOPIC] = "agent_raw_output"
    cleaned_topic: Annotated[str, _TOPIC] = "agent_cleaned"
    partitions: Annotated[int, Between(1, 1000)] = 4
    raw_retention_hours: Annotated[int, Between(1, 8760)] = 24
    cleaned_retention_hours: Annotated[int, Between(1, 8760)] = 24

    # Cache: of our own, or yours.
    cache_engine: Annotated[Literal["redis", "valkey"], OneOf(("redis", "valkey"))] = "redis"
    cache_kind: Annotated[Literal["serverless", "nodes"], OneOf(("serverless", "nodes"))] = "serverless"
    cache_node_type: Annotated[str, Like(r"cache\.[a-z0-9]+\.[0-9]*[a-z]+", "like cache.t4g.small")] = (
        "cache.t4g.small"
    )
    cache_replicas: Annotated[int, Between(0, 5)] = 0
    # Above these the serverless cache refuses or throttles, so that a runaway writer has a price limit.
    cache_max_gb: Annotated[int, Between(1, 5000)] = 2
    cache_max_ecpu_per_second: Annotated[int, Between(1000, 15_000_000)] = 5000
    cache_endpoint: Annotated[str, Like(r"[A-Za-z0-9.-]+:\d+", "host:port", optional=True)] = ""
    cache_name: Annotated[
        str,
        Like(
            r"[a-z][a-z0-9-]{0,39}", "the name of your serverless cache or replication group", optional=True
        ),
    ] = ""
    cache_mode: Annotated[Literal["cluster", "standalone"], OneOf(("cluster", "standalone"))] = "cluster"
    cache_security_group_id: Annotated[str, _GROUP_ID] = ""
    cache_writer_user: Annotated[str, _USER] = ""
    cache_reader_user: Annotated[str, _USER] = ""

    # Event source. Without provisioned pollers AWS knows neither partial failures, bisecting, attempts nor ages.
    event_source: Annotated[Literal["on-demand", "provisioned"], OneOf(("on-demand", "provisioned"))] = (
        "on-demand"
    )
    consumer_group: Annotated[
        str, Like(r"[A-Za-z0-9._-]{1,200}", "1 to 200 letters, digits, '.', '_', '-'")
    ] = "sluice-preprocess"
    starting_position: Annotated[Literal["TRIM_HORIZON", "LATEST"], OneOf(("TRIM_HORIZON", "LATEST"))] = (
        "TRIM_HORIZON"
    )
    batch_size: Annotated[int, Between(1, 10_000)] = 1000
    batch_window_seconds: Annotated[int, Between(0, 300)] = 1
    min_pollers: Annotated[int, Between(1, 200)] = 1
    max_pollers: Annotated[int, Between(1, 2000)] = 2
    retry_attempts: Annotated[int, Between(0, 10_000)] = 19
    max_record_age_seconds: Annotated[int, Between(60, 604_800)] = 6 * 3600

    # Functions. MSK event sources allow 14 minutes; 0 of reserved concurrency means none is reserved.
    preprocess_memory_mb: Annotated[int, Between(256, 10_240)] = 1024
    preprocess_timeout_seconds: Annotated[int, Between(30, 840)] = 60
    lookup_memory_mb: Annotated[int, Between(256, 10_240)] = 512
    reserved_concurrency: Annotated[int, Between(0, 10_000)] = 0
    # Once a day, replay what the event source gave up on.
    replay_schedule: Annotated[bool, Switch()] = False
    # How long letters stay that a replay is done with; those that wait or are parked stay until somebody decides.
    settled_days: Annotated[int, Between(1, 3650)] = 30
    record_ttl_seconds: Annotated[int, Between(1, 604_800)] = 3600
    max_message_bytes: Annotated[int, Between(1, 6_000_000)] = 1_048_576
    max_cleaned_bytes: Annotated[int, Between(1, 6_000_000)] = 1_000_000

    def __post_init__(self) -> None:
        """Hold every field to its rule, then the fields to each other; raises ConfigError."""
        for key, rule in rules().items():
            value = getattr(self, key)
            if not rule.holds(value):
                raise ConfigError(key, value, rule.allowed)
        _check_network(self)
        _check_brokers(self)
        _check_cache(self)
        _check_event_source(self)

    @property
    def data_stack(self) -> str:
        """Name the stack that holds data."""
        return f"SluiceData-{self.name}"

    @property
    def pipeline_stack(self) -> str:
        """Name the stack that holds functions."""
        return f"SluicePipeline-{self.name}"

    @property
    def provisioned(self) -> bool:
        """Tell whether the event source has pollers of its own, and with them partial failures."""
        return self.event_source == "provisioned"

    @property
    def interface_endpoints(self) -> tuple[str, ...]:
        """Name the services that need an interface endpoint; S3 has its gateway, which costs nothing.

        Pollers on demand call Lambda and STS from within the VPC, provisioned ones do not.
        """
        if self.endpoints == "none":
            return ()
        pollers = () if self.provisioned else ("lambda", "sts")
        return (*pollers, "secretsmanager") if self.cluster_secret_arn else pollers

    @property
    def replicas_of_topics(self) -> int:
        """Count the brokers that hold each record: one a zone."""
        return self.zones

    @property
    def attempts(self) -> int:
        """Count how often a batch is tried in provisioned mode."""
        return self.retry_attempts + 1


@cache
def rules() -> Mapping[str, Rule]:
    """Return each field's rule by its name."""
    hints = get_type_hints(Stage, include_extras=True)
    return {field.name: get_args(hints[field.name])[-1] for field in fields(Stage)}


def shown(value: object) -> str:
    """Write *value* the way the command line does."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _check_network(stage: Stage) -> None:
    if stage.vpc_id and len(stage.subnet_ids) < 2:
        raise ConfigError("subnet_ids", stage.subnet_ids, "two or more private subnets of vpc_id")
    if stage.vpc_id and not stage.cluster_arn and len(stage.subnet_ids) != stage.zones:
        raise ConfigError(
            "subnet_ids", stage.subnet_ids, f"one for each of the zones={stage.zones} of the brokers"
        )
    if stage.subnet_ids and not stage.vpc_id:
        raise ConfigError("vpc_id", "", "the VPC of subnet_ids")
    if stage.vpc_id and stage.endpoints == "create" and not stage.route_table_ids:
        raise ConfigError("route_table_ids", "", "the route tables of subnet_ids, for the S3 endpoint")
    if stage.route_table_ids and not stage.vpc_id:
        raise ConfigError("route_table_ids", stage.route_table_ids, "nothing, unless vpc_id is given")
    if not stage.vpc_id and stage.endpoints == "none":
        raise ConfigError("endpoints", "none", "create, unless vpc_id names a VPC that has endpoints")


def _check_brokers(stage: Stage) -> None:
    if stage.cluster_arn and not (stage.vpc_id and stage.cluster_security_group_id):
        missing = "cluster_security_group_id" if stage.vpc_id else "vpc_id"
        raise ConfigError(missing, "", "that of the cluster at cluster_arn")
    if not stage.cluster_arn:
        for key in ("cluster_security_group_id", "cluster_secret_arn"):
            if value := getattr(stage, key):
                raise ConfigError(key, value, "nothing, unless cluster_arn names a cluster of yours")
        if not stage.create_topics:
            raise ConfigError("create_topics", stage.create_topics, "true, unless cluster_arn is given")
    if stage.raw_topic == stage.cleaned_topic:
        raise ConfigError("cleaned_topic", stage.cleaned_topic, "another topic than raw_topic")


def _check_cache(stage: Stage) -> None:
    brought = ("cache_name", "cache_security_group_id", "cache_writer_user", "cache_reader_user")
    for key in brought:
        value = getattr(stage, key)
        if stage.cache_endpoint and not value:
            raise ConfigError(key, value, f"that of the cache at {stage.cache_endpoint}")
        if value and not stage.cache_endpoint:
            raise ConfigError(key, value, "nothing, unless cache_endpoint names a cache of yours")
    if stage.cache_endpoint and not stage.vpc_id:
        raise ConfigError("vpc_id", "", "the VPC of the cache at cache_endpoint")
    if stage.cache_kind == "serverless" and stage.cache_mode == "standalone":
        raise ConfigError("cache_mode", stage.cache_mode, "cluster: a serverless cache knows no other")


def _check_event_source(stage: Stage) -> None:
    if stage.max_record_age_seconds >= stage.raw_retention_hours * 3600:
        raise ConfigError(
            "max_record_age_seconds",
            stage.max_record_age_seconds,
            f"less than the raw topic's retention, {stage.raw_retention_hours * 3600}",
        )
    # What was emptied has to be there for a retry that comes late.
    if stage.settled_days * 24 < stage.raw_retention_hours:
        least = -(-stage.raw_retention_hours // 24)
        raise ConfigError(
            "settled_days", stage.settled_days, f"at least {least}: as long as the raw topic keeps records"
        )
    if stage.min_pollers > stage.max_pollers:
        raise ConfigError("min_pollers", stage.min_pollers, f"at most max_pollers, {stage.max_pollers}")
    endures = stage.attempts * stage.preprocess_timeout_seconds
    if stage.name == "prod" and stage.provisioned and endures < OUTAGE_SECONDS:
        least = -(-OUTAGE_SECONDS // stage.preprocess_timeout_seconds) - 1
        raise ConfigError(
            "retry_attempts",
            stage.retry_attempts,
            f"at least {least}: attempts x time-out rides out an outage of 20 minutes",
        )
    wanted = min(stage.partitions, stage.max_pollers * INVOCATIONS_PER_POLLER)
    if 0 < stage.reserved_concurrency < wanted:
        raise ConfigError(
            "reserved_concurrency",
            stage.reserved_concurrency,
            f"0 or at least {wanted}: a throttled event source loses its pollers",
        )

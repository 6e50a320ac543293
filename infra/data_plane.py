"""What the pipeline stack builds on, whether this app created it or you brought it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from aws_cdk import Fn, aws_ec2 as ec2, aws_kms as kms, aws_s3 as s3

from infra.stage import ConfigError, Stage


@dataclass(frozen=True)
class DataPlane:
    """Hold names, addresses and ARNs of network, brokers, cache and buckets; most are tokens until deployment.

    `bootstrap_servers` is empty where only the event knows the brokers. `kafka_secret_arn` is empty unless
    `kafka_auth` is `scram`. `cache_name` is the serverless cache's or the replication group's.
    """

    stage: Stage
    vpc: ec2.IVpc
    subnets: ec2.SubnetSelection
    function_security_group: ec2.ISecurityGroup

    cluster_arn: str
    cluster_name: str
    kafka_auth: Literal["iam", "scram"]
    kafka_secret_arn: str
    bootstrap_servers: str
    raw_topic: str
    cleaned_topic: str

    cache_url: str
    cache_mode: Literal["cluster", "standalone"]
    cache_serverless: bool
    cache_name: str
    cache_arn: str
    writer_user_id: str
    writer_user_arn: str
    reader_user_id: str
    reader_user_arn: str

    dead_letter_bucket: s3.IBucket
    on_failure_bucket: s3.IBucket
    key: kms.IKey

    def __post_init__(self) -> None:
        """Refuse a pipeline that would lose what it cannot deliver; raises ConfigError."""
        for name in ("dead_letter_bucket", "on_failure_bucket"):
            if getattr(self, name) is None:
                raise ConfigError(name, None, "a bucket: without it a batch that is given up would be lost")

    def topic_arn(self, topic: str) -> str:
        """Return the ARN that IAM knows *topic* of the cluster by."""
        return self._part_of_cluster("topic", topic)

    def group_arn(self, group: str) -> str:
        """Return the ARN that IAM knows consumer group *group* of the cluster by."""
        return self._part_of_cluster("group", group)

    def _part_of_cluster(self, kind: str, name: str) -> str:
        # arn:…:cluster/NAME/UUID → arn:…:KIND/NAME/UUID/…, also while the ARN is a token.
        halves = Fn.split(":cluster/", self.cluster_arn)
        return f"{Fn.select(0, halves)}:{kind}/{Fn.select(1, halves)}/{name}"

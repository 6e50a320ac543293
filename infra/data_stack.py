"""The stack that holds data: network, brokers, cache, buckets and the key that encrypts them all."""

from __future__ import annotations

from typing import Any

from aws_cdk import CfnOutput, Duration, RemovalPolicy, Stack, aws_kms as kms
from constructs import Construct

from infra.brokers import Brokers
from infra.buckets import Buckets
from infra.cache import Cache
from infra.data_plane import DataPlane
from infra.endpoints import Endpoints
from infra.network import Network
from infra.stage import Stage


class DataStack(Stack):
    """Create what the stage does not bring; `plane` is what the pipeline builds on.

    With `keep_data` the stack is protected from deletion, and its key and buckets outlive it.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, **kwargs: Any) -> None:
        super().__init__(scope, id_, termination_protection=stage.keep_data, **kwargs)
        key = self._key(stage)
        network = Network(self, "Network", stage=stage)
        brokers = Brokers(self, "Brokers", stage=stage, network=network, key=key)
        if stage.endpoints == "create":
            Endpoints(self, "Endpoints", stage=stage, network=network, pollers=brokers.security_group)
        cache = Cache(self, "Cache", stage=stage, network=network, key=key)
        buckets = Buckets(self, "Buckets", stage=stage, key=key)
        self.plane = _plane(stage, key, network=network, brokers=brokers, cache=cache, buckets=buckets)
        self._outputs()

    def _key(self, stage: Stage) -> kms.Key:
        return kms.Key(
            self,
            "Key",
            alias=f"alias/sluice-{stage.name}",
            description=f"Sluice {stage.name}: brokers, cache, dead letters",
            enable_key_rotation=True,
            pending_window=Duration.days(30 if stage.keep_data else 7),
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )

    def _outputs(self) -> None:
        plane = self.plane
        for name, value, meaning in (
            ("ClusterArn", plane.cluster_arn, "the brokers"),
            (
                "BrokersCommand",
                f"aws kafka get-bootstrap-brokers --cluster-arn {plane.cluster_arn}",
                "prints the brokers' addresses, for producers and consumers",
            ),
            ("RawTopic", plane.raw_topic, "send here"),
            ("CleanedTopic", plane.cleaned_topic, "read here"),
            ("FunctionSecurityGroup", plane.function_security_group.security_group_id, "let this in"),
            ("DeadLetterBucket", plane.dead_letter_bucket.bucket_name, "bad records, with why"),
            ("OnFailureBucket", plane.on_failure_bucket.bucket_name, "batches that were given up"),
        ):
            CfnOutput(self, name, value=value, description=meaning)


def _plane(
    stage: Stage, key: kms.IKey, *, network: Network, brokers: Brokers, cache: Cache, buckets: Buckets
) -> DataPlane:
    return DataPlane(
        stage=stage,
        vpc=network.vpc,
        subnets=network.subnets,
        function_security_group=network.function_security_group,
        cluster_arn=brokers.cluster_arn,
        cluster_name=brokers.cluster_name,
        kafka_auth="scram" if stage.cluster_secret_arn else "iam",
        kafka_secret_arn=stage.cluster_secret_arn,
        bootstrap_servers=",".join(stage.bootstrap_servers),
        raw_topic=stage.raw_topic,
        cleaned_topic=stage.cleaned_topic,
        cache_url=cache.url,
        cache_mode=cache.mode,
        cache_serverless=cache.serverless,
        cache_name=cache.name,
        cache_arn=cache.arn,
        writer_user_id=cache.writer_user_id,
        writer_user_arn=cache.writer_user_arn,
        reader_user_id=cache.reader_user_id,
        reader_user_arn=cache.reader_user_arn,
        dead_letter_bucket=buckets.dead_letters,
        on_failure_bucket=buckets.on_failure,
        key=key,
    )

"""The MSK event source of `preprocess`: how batches are made, how often they are tried, where they end."""

from __future__ import annotations

from typing import Any, Final, cast

import jsii
from aws_cdk import Duration, aws_iam as iam, aws_lambda as lambda_, aws_secretsmanager as secretsmanager
from aws_cdk.aws_lambda_event_sources import ManagedKafkaEventSource, ProvisionedPollerConfig
from aws_cdk.aws_s3 import IBucket
from constructs import Construct, IValidation

from infra.data_plane import DataPlane
from infra.function import SluiceFunction
from infra.stage import Stage

_METRICS: Final = (
    lambda_.MetricType.EVENT_COUNT,
    lambda_.MetricType.ERROR_COUNT,
    lambda_.MetricType.KAFKA_METRICS,
)


class MskEventSource(Construct):
    """Feed the raw topic to a function's alias, without a filter: one would drop malformed records unseen.

    Tells the function in `PARTIAL_FAILURES` whether it may name what failed: elsewhere than in provisioned mode a
    returned failure counts as a success, so there it has to raise.
    """

    def __init__(self, scope: Construct, id_: str, *, target: SluiceFunction, plane: DataPlane) -> None:
        super().__init__(scope, id_)
        stage = plane.stage
        source = ManagedKafkaEventSource(
            cluster_arn=plane.cluster_arn,
            topic=plane.raw_topic,
            consumer_group_id=stage.consumer_group,
            starting_position=lambda_.StartingPosition[stage.starting_position],
            batch_size=stage.batch_size,
            max_batching_window=Duration.seconds(stage.batch_window_seconds),
            on_failure=_OnFailure(plane.on_failure_bucket),
            secret=_secret(self, plane.kafka_secret_arn),
            **(_provisioned(stage) if stage.provisioned else {}),
        )
        target.alias.add_event_source(source)
        target.function.add_environment("PARTIAL_FAILURES", str(stage.provisioned).lower())
        self.mapping_id = source.event_source_mapping_id
        self.mapping = _mapping_of(target.alias)
        self.mapping.override_logical_id("EventSource")
        self.node.add_validation(_Destination(self.mapping))
        _without_managed_policy(target.role)


@jsii.implements(lambda_.IEventSourceDlq)
class _OnFailure:
    """Name the bucket as the destination; the CDK's own class would let the function read and delete there, too."""

    def __init__(self, bucket: IBucket) -> None:
        self._bucket = bucket

    def bind(
        self,
        target: lambda_.IEventSourceMapping,  # noqa: ARG002  the CDK's signature
        target_handler: lambda_.IFunction,  # noqa: ARG002  the same
    ) -> lambda_.DlqDestinationConfig:
        """Return the destination; the right to write there is in permissions.py."""
        return lambda_.DlqDestinationConfig(destination=self._bucket.bucket_arn)


@jsii.implements(IValidation)
class _Destination:
    """End the synth where a batch that is given up would go nowhere: that is how records are lost."""

    def __init__(self, mapping: lambda_.CfnEventSourceMapping) -> None:
        self._mapping = mapping

    def validate(self) -> list[str]:
        """Return what is wrong: nothing, or one line."""
        if self._mapping.destination_config:
            return []
        return ["the event source has no on-failure destination: give it the data plane's on_failure_bucket"]


def _provisioned(stage: Stage) -> dict[str, Any]:
    """Return what AWS knows in provisioned mode only; the CDK would take it in the other mode, too."""
    return {
        "provisioned_poller_config": ProvisionedPollerConfig(
            minimum_pollers=stage.min_pollers, maximum_pollers=stage.max_pollers
        ),
        "report_batch_item_failures": True,
        "bisect_batch_on_error": True,
        "retry_attempts": stage.retry_attempts,
        "max_record_age": Duration.seconds(stage.max_record_age_seconds),
        "log_level": lambda_.EventSourceMappingLogLevel.WARN,
        "metrics_config": lambda_.MetricsConfig(metrics=list(_METRICS)),
    }


def _secret(scope: Construct, arn: str) -> secretsmanager.ISecret | None:
    return secretsmanager.Secret.from_secret_complete_arn(scope, "Secret", arn) if arn else None


def _mapping_of(alias: lambda_.Alias) -> lambda_.CfnEventSourceMapping:
    (mapping,) = (each for each in alias.node.find_all() if isinstance(each, lambda_.CfnEventSourceMapping))
    return mapping


def _without_managed_policy(role: iam.Role) -> None:
    """Take AWSLambdaMSKExecutionRole off again, whose rights hold on every cluster and log group."""
    resource = cast("iam.CfnRole", role.node.default_child)
    resource.managed_policy_arns = None

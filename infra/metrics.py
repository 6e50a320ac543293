"""The metrics that alarms and dashboard are made of: ours by their names in telemetry.py, and those of AWS."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

from aws_cdk import Duration, aws_cloudwatch as cloudwatch

from infra.buckets import REQUESTS
from infra.data_plane import DataPlane
from infra.function import SluiceFunction
from infra.replay import Replay
from sluice.reasons import Reason
from sluice.telemetry import METRIC_NAMES, NAMESPACE, MetricName

Statistic = Literal["Sum", "Maximum", "Average", "p50", "p99"]
_MINUTE: Final = Duration.minutes(1)


@dataclass(frozen=True)
class Metrics:
    """Make the metrics of one stage, all over one period."""

    plane: DataPlane
    preprocess: SluiceFunction
    mapping_id: str
    replay: Replay
    period: Duration = _MINUTE

    def sluice(
        self, name: MetricName, statistic: Statistic = "Sum", *, reason: Reason | None = None
    ) -> cloudwatch.Metric:
        """Return a metric that `preprocess` or `replay_report` writes; raises ValueError where telemetry.py does not know its name."""
        if name not in METRIC_NAMES:
            raise ValueError(f"{name} is no metric of sluice.telemetry: use one of {', '.join(METRIC_NAMES)}")
        # A replay's counts are its report's.
        writer = self.replay.functions["replay_report"] if name.startswith("Replay") else self.preprocess
        dimensions = {"service": writer.name} | ({"reason": reason} if reason else {})
        return self._metric(NAMESPACE, name, dimensions, statistic, reason or name)

    def function(
        self, function: SluiceFunction, name: str, statistic: Statistic = "Sum"
    ) -> cloudwatch.Metric:
        """Return a metric that AWS Lambda keeps of a function, all its versions together."""
        return self._metric(
            "AWS/Lambda", name, {"FunctionName": function.name}, statistic, f"{function.name} {name}"
        )

    def executions(self, name: str) -> cloudwatch.Metric:
        """Return a metric that Step Functions keeps of the replay's executions."""
        return self._metric("AWS/States", name, {"StateMachineArn": self.replay.arn}, "Sum")

    def event_source(self, name: str, statistic: Statistic = "Sum") -> cloudwatch.Metric:
        """Return a metric of the event source, which it keeps in provisioned mode only."""
        return self._metric("AWS/Lambda", name, {"EventSourceMappingUUID": self.mapping_id}, statistic)

    def consumer_group(self, name: str) -> cloudwatch.Metric:
        """Return what the brokers say of the event source's consumer group on the raw topic."""
        dimensions = {
            "Cluster Name": self.plane.cluster_name,
            "Consumer Group": self.plane.stage.consumer_group,
            "Topic": self.plane.raw_topic,
        }
        return self._metric("AWS/Kafka", name, dimensions, "Maximum")

    @property
    def cache_memory(self) -> str:
        """Name the metric that says how full the cache is: in bytes for a serverless one, else in percent."""
        return "BytesUsedForCache" if self.plane.cache_serverless else "DatabaseMemoryUsagePercentage"

    def cache(self, name: str, statistic: Statistic = "Maximum") -> cloudwatch.Metric:
        """Return a metric of the cache: of a serverless one as a whole, else of its first node."""
        if self.plane.cache_serverless:
            return self._metric("AWS/ElastiCache", name, {"clusterId": self.plane.cache_name}, statistic)
        shard = "0001-001" if self.plane.cache_mode == "cluster" else "001"
        return self._metric(
            "AWS/ElastiCache", name, {"CacheClusterId": f"{self.plane.cache_name}-{shard}"}, statistic
        )

    def given_up(self) -> cloudwatch.Metric:
        """Return how many batches the event source put into the on-failure bucket, in either mode."""
        counted = {"BucketName": self.plane.on_failure_bucket.bucket_name, "FilterId": REQUESTS}
        return self._metric("AWS/S3", "PutRequests", counted, "Sum", "batches given up")

    def log_bytes(self, function: SluiceFunction) -> cloudwatch.Metric:
        """Return how many bytes a function logged."""
        group = {"LogGroupName": f"/aws/lambda/{function.name}"}
        return self._metric("AWS/Logs", "IncomingBytes", group, "Sum", f"{function.name} log bytes")

    def _metric(
        self, namespace: str, name: str, dimensions: Mapping[str, str], statistic: Statistic, label: str = ""
    ) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=namespace,
            metric_name=name,
            dimensions_map=dimensions,
            statistic=statistic,
            label=label or name,
            period=self.period,
        )

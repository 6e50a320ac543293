"""The pipeline: functions, event source, alarms and dashboard on a data plane. Composes and grants, nothing else."""

from __future__ import annotations

from aws_cdk import CfnOutput, Stack, Tags
from constructs import Construct

from infra import permissions
from infra.alarms import Alarms
from infra.dashboard import Dashboard
from infra.data_plane import DataPlane
from infra.environment import cache_environment, credentials
from infra.event_source import MskEventSource
from infra.function import ARCHITECTURES, RUNTIME, Platform, SluiceFunction, Spec
from infra.layers import Layers
from infra.metrics import Metrics
from infra.replay import Replay


class PipelineStack(Stack):
    """Hold everything that a deployment of new code changes.

    `platform` is what a further function needs, `functions` are those that are there, by their file's name.
    """

    def __init__(self, scope: Construct, id_: str, *, plane: DataPlane, version: str) -> None:
        stage = plane.stage.name
        super().__init__(
            scope, id_, description=f"Sluice {version} ({stage}): functions, event source, alarms"
        )
        architecture = ARCHITECTURES[plane.stage.arch]
        layers = Layers(self, "Layers", architecture=architecture, runtime=RUNTIME)
        self.platform = Platform(plane, layers.both, version)
        preprocess = SluiceFunction(self, self.platform, _preprocess(plane))
        lookup = SluiceFunction(self, self.platform, _lookup(plane))
        self.replay = Replay(self, "Replay", platform=self.platform)
        self.functions = {
            **{function.file: function for function in (preprocess, lookup)},
            **self.replay.functions,
        }
        self.source = MskEventSource(self, "RawTopic", target=preprocess, plane=plane)
        metrics = Metrics(plane, preprocess, self.source.mapping_id, self.replay)
        # What a function of the replay fails at, its execution and its report say.
        alarms = Alarms(self, "Alarms", metrics, [preprocess, lookup])
        Dashboard(self, "Dashboard", metrics, list(self.functions.values()), alarms)
        # Only where the code is: on everything else it would make every deployment touch every resource.
        Tags.of(self).add("PIPELINE_VERSION", version, include_resource_types=["AWS::Lambda::Function"])
        self._outputs(plane, version)

    def _outputs(self, plane: DataPlane, version: str) -> None:
        for name, value, description in (
            ("PipelineVersion", version, "what every record of this deployment names in _prep.pipeline"),
            ("PreprocessAlias", _qualified(self.functions["preprocess"]), "the event source's target"),
            ("LookupAlias", _qualified(self.functions["lookup"]), "what agents call"),
            ("ReplayStateMachine", self.replay.arn, "what replays dead letters"),
            ("DeadLetterBucket", plane.dead_letter_bucket.bucket_name, "where they are"),
            ("OnFailureBucket", plane.on_failure_bucket.bucket_name, "batches that were given up"),
            ("NextCommand", _next(self.stack_name, plane), "type this"),
        ):
            CfnOutput(self, name, value=value, description=description)


def _next(stack: str, plane: DataPlane) -> str:
    if plane.bootstrap_servers:
        return f"make sluice ARGS='stats --stack {stack}'"
    brokers = f"aws kafka get-bootstrap-brokers --cluster-arn {plane.cluster_arn}"
    return (
        f"{brokers}: the replay has to be told what that prints, once: "
        f"make deploy STAGE={plane.stage.name} ARGS='-c bootstrap_servers=HOST:PORT,...'"
    )


def _qualified(function: SluiceFunction) -> str:
    return f"{function.name}:{function.alias.alias_name}"


def _preprocess(plane: DataPlane) -> Spec:
    stage = plane.stage
    scram = plane.kafka_auth == "scram"
    return Spec(
        file="preprocess",
        description="Validates, cleans, stores and publishes the raw topic's records, a batch at a time",
        memory_mb=stage.preprocess_memory_mb,
        timeout_seconds=stage.preprocess_timeout_seconds,
        environment={
            # KAFKA_BOOTSTRAP_SERVERS is left out: every event names the brokers.
            "KAFKA_AUTH": plane.kafka_auth,
            **(credentials(plane) if scram else {}),
            "CLEANED_TOPIC": plane.cleaned_topic,
            **cache_environment(plane, plane.writer_user_id),
            "RECORD_TTL_SECONDS": str(stage.record_ttl_seconds),
            "DEAD_LETTER_BUCKET": plane.dead_letter_bucket.bucket_name,
            "MAX_MESSAGE_BYTES": str(stage.max_message_bytes),
            "MAX_CLEANED_BYTES": str(stage.max_cleaned_bytes),
        },
        grants=[
            *permissions.consume(plane),
            *permissions.publish(plane),
            *permissions.connect_cache(plane, plane.writer_user_arn),
            *permissions.write_dead_letters(plane),
            *permissions.write_on_failure(plane.on_failure_bucket, plane.key),
        ],
        reserved_concurrency=stage.reserved_concurrency,
        secret_environment=scram,
    )


def _lookup(plane: DataPlane) -> Spec:
    return Spec(
        file="lookup",
        description="Answers which records of an agent the cache holds",
        memory_mb=plane.stage.lookup_memory_mb,
        # Two round trips to the cache and a cold start; the function's own deadline ends it before.
        timeout_seconds=10,
        environment=cache_environment(plane, plane.reader_user_id),
        grants=permissions.connect_cache(plane, plane.reader_user_arn),
    )

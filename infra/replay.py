"""The replay: its three functions, the state machine that ships, and a schedule that is off until you want it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from aws_cdk import (
    Arn,
    ArnComponents,
    ArnFormat,
    Duration,
    RemovalPolicy,
    Stack,
    aws_events as events,
    aws_iam as iam,
    aws_logs as logs,
    aws_stepfunctions as sfn,
)
from constructs import Construct

from infra import permissions
from infra.acknowledge import acknowledge
from infra.data_plane import DataPlane
from infra.environment import cache_environment, credentials
from infra.function import RETENTION, Platform, SluiceFunction, Spec, wildcards

DEFINITION: Final = Path(__file__).with_name("replay.asl.json")
# What the definition's holes are filled with.
FUNCTIONS: Final = {
    "ReplayPlanFunction": "replay_plan",
    "ReplayBatchFunction": "replay_batch",
    "ReplayReportFunction": "replay_report",
}
# The state in which the chunks run; executions of it carry its name.
MAP_LABEL: Final = "Replay"
# AWS Lambda's longest: Plan and Report read every object once. A claim lasts as long as its function, and a minute.
_WHOLE_SECONDS: Final = 900
_CHUNK_SECONDS: Final = 300
# One whole CPU for what judges letters; Plan keeps some 300 bytes of each letter.
_MEMORY_MB: Final = 1769
# What the schedule replays: batches that the event source gave up on, as they are. The rest is for people.
SCHEDULED_INPUT: Final = '{"dry_run":false,"filter":{"source":"failed_batches"}}'


class Replay(Construct):
    """Hold the state machine `sluice-STAGE-replay` and its functions, which `functions` gives by their file's name."""

    def __init__(self, scope: Construct, id_: str, *, platform: Platform) -> None:
        super().__init__(scope, id_)
        plane = platform.plane
        stage = plane.stage
        self.name = f"sluice-{stage.name}-replay"
        made = [SluiceFunction(scope, platform, spec) for spec in _specs(plane)]
        self.functions = {function.file: function for function in made}
        self.log_group = logs.LogGroup(
            self,
            "Logs",
            # Step Functions needs no right of its own on groups of this prefix.
            log_group_name=f"/aws/vendedlogs/states/{self.name}",
            retention=RETENTION[stage.log_days],
            removal_policy=RemovalPolicy.RETAIN if stage.keep_data else RemovalPolicy.DESTROY,
        )
        self.machine = self._machine(self._role(plane))
        self.schedule = self._schedule(enabled=stage.replay_schedule)

    @property
    def arn(self) -> str:
        """Return the state machine's ARN, written out: its role and it wait for each other otherwise."""
        return self._arn("stateMachine", self.name)

    def _arn(self, kind: str, name: str) -> str:
        parts = ArnComponents(
            service="states", resource=kind, resource_name=name, arn_format=ArnFormat.COLON_RESOURCE_NAME
        )
        return Arn.format(parts, Stack.of(self))

    def _role(self, plane: DataPlane) -> iam.Role:
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("states.amazonaws.com"))
        grants = [
            *permissions.invoke([function.alias.function_arn for function in self.functions.values()]),
            *permissions.read_manifest(plane),
            *permissions.run_children(self.arn, self._arn("execution", f"{self.name}/{MAP_LABEL}:*")),
            *permissions.deliver_logs(),
            *permissions.write_traces(),
        ]
        for grant in grants:
            role.add_to_policy(grant.statement)
        acknowledge(role, wildcards(Stack.of(self), grants))
        return role

    def _machine(self, role: iam.Role) -> sfn.CfnStateMachine:
        part = sfn.CfnStateMachine
        machine = sfn.CfnStateMachine(
            self,
            "Machine",
            state_machine_name=self.name,
            state_machine_type="STANDARD",
            role_arn=role.role_arn,
            definition_string=DEFINITION.read_text(),
            definition_substitutions={
                hole: self.functions[file].alias.function_arn for hole, file in FUNCTIONS.items()
            },
            logging_configuration=part.LoggingConfigurationProperty(
                # Without data: a plan names letters, and a function's error might quote one.
                level="ALL",
                include_execution_data=False,
                destinations=[
                    part.LogDestinationProperty(
                        cloud_watch_logs_log_group=part.CloudWatchLogsLogGroupProperty(
                            log_group_arn=self.log_group.log_group_arn
                        )
                    )
                ],
            ),
            tracing_configuration=part.TracingConfigurationProperty(enabled=True),
        )
        machine.override_logical_id("ReplayMachine")
        machine.node.add_dependency(role)
        return machine

    def _schedule(self, *, enabled: bool) -> events.CfnRule:
        role = iam.Role(self, "ScheduleRole", assumed_by=iam.ServicePrincipal("events.amazonaws.com"))
        for grant in permissions.start(self.arn):
            role.add_to_policy(grant.statement)
        rule = events.CfnRule(
            self,
            "Schedule",
            name=f"{self.name}-daily",
            description="Replays what the event source gave up on",
            schedule_expression=events.Schedule.rate(Duration.days(1)).expression_string,
            state="ENABLED" if enabled else "DISABLED",
            targets=[
                events.CfnRule.TargetProperty(
                    id="replay", arn=self.arn, role_arn=role.role_arn, input=SCHEDULED_INPUT
                )
            ],
        )
        acknowledge(
            rule,
            {
                "Serverless-EventBusDLQ": "An event that does not start its replay is made good by tomorrow's; what it"
                " would have replayed waits, and nothing expires it."
            },
        )
        return rule


def _specs(plane: DataPlane) -> tuple[Spec, Spec, Spec]:
    common = _environment(plane)
    plan = Spec(
        file="replay_plan",
        description="Selects the dead letters of a replay, or counts what one would do",
        memory_mb=_MEMORY_MB,
        timeout_seconds=_WHOLE_SECONDS,
        # A dry run looks into the cache, and nobody here writes: the reader will do.
        environment={**common, **_pipeline(plane), **cache_environment(plane, plane.reader_user_id)},
        grants=[
            *permissions.replay_letters(plane),
            *permissions.read_on_failure(plane),
            *permissions.connect_cache(plane, plane.reader_user_arn),
        ],
    )
    scram = plane.kafka_auth == "scram"
    batch = Spec(
        file="replay_batch",
        description="Runs a chunk of dead letters through the pipeline and settles them",
        memory_mb=_MEMORY_MB,
        timeout_seconds=_CHUNK_SECONDS,
        environment={
            **common,
            **_pipeline(plane),
            **cache_environment(plane, plane.writer_user_id),
            # No event names the brokers here; without this the function says what is missing.
            **({"KAFKA_BOOTSTRAP_SERVERS": plane.bootstrap_servers} if plane.bootstrap_servers else {}),
            "KAFKA_AUTH": plane.kafka_auth,
            **(credentials(plane) if scram else {}),
            "CLEANED_TOPIC": plane.cleaned_topic,
            "RECORD_TTL_SECONDS": str(plane.stage.record_ttl_seconds),
        },
        grants=[
            *permissions.replay_letters(plane),
            *permissions.publish(plane),
            *permissions.connect_cache(plane, plane.writer_user_arn),
        ],
        secret_environment=scram,
    )
    report = Spec(
        file="replay_report",
        description="Counts what a replay came to, by its letters' own states",
        memory_mb=_MEMORY_MB,
        timeout_seconds=_WHOLE_SECONDS,
        environment=common,
        grants=permissions.replay_letters(plane),
    )
    return plan, batch, report


def _environment(plane: DataPlane) -> Mapping[str, Any]:
    return {
        "DEAD_LETTER_BUCKET": plane.dead_letter_bucket.bucket_name,
        "ON_FAILURE_BUCKET": plane.on_failure_bucket.bucket_name,
    }


def _pipeline(plane: DataPlane) -> Mapping[str, str]:
    """Return the limits of the pipeline, the same as `preprocess` has."""
    return {
        "MAX_MESSAGE_BYTES": str(plane.stage.max_message_bytes),
        "MAX_CLEANED_BYTES": str(plane.stage.max_cleaned_bytes),
    }

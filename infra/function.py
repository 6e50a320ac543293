"""The one way a function is made here: own role, log group, published version, alias `live`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from aws_cdk import (
    ArnFormat,
    Duration,
    RemovalPolicy,
    Stack,
    aws_iam as iam,
    aws_lambda as lambda_,
    aws_logs as logs,
)
from constructs import Construct

from infra import permissions
from infra.acknowledge import acknowledge
from infra.data_plane import DataPlane
from infra.permissions import Grant

CODE: Final = Path(__file__).resolve().parents[1] / "functions"
ALIAS: Final = "live"
# The layers' wheels are for this one; the newest that all of them have wheels for.
RUNTIME: Final = lambda_.Runtime.PYTHON_3_13
RETENTION: Final = {
    1: logs.RetentionDays.ONE_DAY,
    3: logs.RetentionDays.THREE_DAYS,
    5: logs.RetentionDays.FIVE_DAYS,
    7: logs.RetentionDays.ONE_WEEK,
    14: logs.RetentionDays.TWO_WEEKS,
    30: logs.RetentionDays.ONE_MONTH,
    60: logs.RetentionDays.TWO_MONTHS,
    90: logs.RetentionDays.THREE_MONTHS,
    180: logs.RetentionDays.SIX_MONTHS,
    365: logs.RetentionDays.ONE_YEAR,
}
ARCHITECTURES: Final = {"arm64": lambda_.Architecture.ARM_64, "x86_64": lambda_.Architecture.X86_64}
_OTHER_RUNTIME: Final = (
    "The layers' wheels and bytecode are built and tested for this runtime, which AWS supports."
)
_FINDINGS: Final = {
    "AwsSolutions-L1": _OTHER_RUNTIME,
    "Serverless-LambdaLatestVersion": _OTHER_RUNTIME,
    "Serverless-LambdaDLQ": "For asynchronous calls only, and nobody makes one: event source and callers wait.",
}


@dataclass(frozen=True)
class Platform:
    """Hold what all functions of a stage share: data plane, layers in order, and the pipeline's version."""

    plane: DataPlane
    layers: Sequence[lambda_.ILayerVersion]
    version: str


@dataclass(frozen=True)
class Spec:
    """Describe one function; `file` is its file in functions/, without `.py`, and ends its name."""

    file: str
    description: str
    memory_mb: int
    timeout_seconds: int
    environment: Mapping[str, str]
    grants: Sequence[Grant]
    reserved_concurrency: int = 0
    # Whether the environment holds a secret, so that reading it takes a right on the data plane's key, too.
    secret_environment: bool = field(default=False, kw_only=True)


class SluiceFunction(Construct):
    """One function. Others call `alias`, never the function itself: what `live` points to can be rolled back.

    Its logical id is short and stays (`Preprocess`), for `sam local invoke`. Rights come from `Spec.grants` alone.
    """

    def __init__(self, scope: Construct, platform: Platform, spec: Spec) -> None:
        super().__init__(scope, "".join(part.title() for part in spec.file.split("_")))
        stage = platform.plane.stage
        self.file = spec.file
        self.memory_mb = spec.memory_mb
        self.name = f"sluice-{stage.name}-{spec.file.replace('_', '-')}"
        log_group = self._log_group(platform.plane)
        self.role = self._role(platform.plane, spec)
        self.function = self._function(platform, spec, log_group)
        self.alias = lambda_.Alias(self, "Live", alias_name=ALIAS, version=self.function.current_version)

    def _log_group(self, plane: DataPlane) -> logs.LogGroup:
        return logs.LogGroup(
            self,
            "Logs",
            log_group_name=f"/aws/lambda/{self.name}",
            retention=RETENTION[plane.stage.log_days],
            removal_policy=RemovalPolicy.RETAIN if plane.stage.keep_data else RemovalPolicy.DESTROY,
        )

    def _role(self, plane: DataPlane, spec: Spec) -> iam.Role:
        arn = self._arn("lambda", "function", self.name)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"))
        grants = [
            *permissions.attach_network(arn),
            *permissions.write_traces(),
            *permissions.write_logs(self._arn("logs", "log-group", f"/aws/lambda/{self.name}")),
            *(permissions.read_environment(plane.key, arn) if spec.secret_environment else ()),
            *spec.grants,
        ]
        for grant in grants:
            role.add_to_policy(grant.statement)
        acknowledge(role, wildcards(Stack.of(self), grants))
        return role

    def _arn(self, service: str, resource: str, name: str) -> str:
        # Written out, not referred to: the function waits for its role, so the role cannot wait for it.
        return Stack.of(self).format_arn(
            service=service,
            resource=resource,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _function(self, platform: Platform, spec: Spec, log_group: logs.LogGroup) -> lambda_.Function:
        plane = platform.plane
        function = lambda_.Function(
            self,
            "Function",
            function_name=self.name,
            description=spec.description,
            runtime=RUNTIME,
            architecture=ARCHITECTURES[plane.stage.arch],
            handler=f"{spec.file}.handler",
            code=lambda_.Code.from_asset(str(CODE), exclude=["**/__pycache__", "**/*.pyc"]),
            layers=list(platform.layers),
            memory_size=spec.memory_mb,
            timeout=Duration.seconds(spec.timeout_seconds),
            reserved_concurrent_executions=spec.reserved_concurrency or None,
            environment={
                **spec.environment,
                "PIPELINE_VERSION": platform.version,
                "POWERTOOLS_SERVICE_NAME": self.name,
            },
            environment_encryption=plane.key if spec.secret_environment else None,
            role=self.role,
            vpc=plane.vpc,
            vpc_subnets=plane.subnets,
            security_groups=[plane.function_security_group],
            log_group=log_group,
            logging_format=lambda_.LoggingFormat.JSON,
            application_log_level_v2=lambda_.ApplicationLogLevel.INFO,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,
            tracing=lambda_.Tracing.ACTIVE,
            current_version_options=lambda_.VersionOptions(
                removal_policy=RemovalPolicy.RETAIN, description=platform.version
            ),
        )
        resource = cast("lambda_.CfnFunction", function.node.default_child)
        resource.override_logical_id(self.node.id)
        acknowledge(function, _FINDINGS)
        return function


def wildcards(stack: Stack, grants: Sequence[Grant]) -> dict[str, str]:
    """Return the finding of each wildcard among the grants' resources, with why it has to be one."""
    argued: dict[str, list[str]] = {}
    for grant in grants:
        for resource in grant.statement.resources if grant.argued else ():
            if "*" in resource:
                finding = f"AwsSolutions-IAM5[Resource::{_flat(stack.resolve(resource))}]"
                argued.setdefault(finding, []).append(grant.argued)
    return {finding: " ".join(reasons) for finding, reasons in argued.items()}


def _flat(reference: Any) -> str:
    """Write a resolved reference the way cdk-nag names it in a finding."""
    match reference:
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(map(_flat, parts))
        case {"Fn::ImportValue": name}:
            return _flat(name)
        case {"Ref": name}:
            return f"<{name}>"
        case _:
            return str(reference)

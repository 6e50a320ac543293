"""The cache: ElastiCache with TLS and two users, serverless or of nodes, or yours."""

from __future__ import annotations

from typing import Final

from aws_cdk import ArnFormat, Stack, aws_ec2 as ec2, aws_elasticache as elasticache, aws_kms as kms
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.cache_users import READER_ACCESS, WRITER_ACCESS
from infra.network import Network
from infra.stage import Stage

# `SET … NX GET` and IAM users came with Redis 7.0; AWS's Redis ends at 7.1. The names of the parameter groups go with
# the versions; the groups differ in whether the keys are spread over slots.
_VERSIONS: Final = {"redis": ("7", "7.1", "default.redis7"), "valkey": ("8", "8.0", "default.valkey8")}
_PORT: Final = 6379


class Cache(Construct):
    """Hold the cache's address, name and ARN, and its users: a writer and a reader who log in with IAM."""

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.serverless = stage.cache_kind == "serverless"
        self.mode = stage.cache_mode
        self.name = stage.cache_name or f"sluice-{stage.name}"
        self.writer_user_id = stage.cache_writer_user or f"sluice-{stage.name}-writer"
        self.reader_user_id = stage.cache_reader_user or f"sluice-{stage.name}-reader"
        if stage.cache_endpoint:
            group = ec2.SecurityGroup.from_security_group_id(self, "Group", stage.cache_security_group_id)
            self.url = f"rediss://{stage.cache_endpoint}"
        else:
            group = ec2.SecurityGroup(
                self, "Group", vpc=network.vpc, description="Sluice: cache", allow_all_outbound=False
            )
            self.url = f"rediss://{self._create(stage, network, key, group)}"
        group.connections.allow_from(network.function_security_group, self._ports(stage), "functions")
        self.arn = self._arn("serverlesscache" if self.serverless else "replicationgroup", self.name)
        self.writer_user_arn = self._arn("user", self.writer_user_id)
        self.reader_user_arn = self._arn("user", self.reader_user_id)

    def _ports(self, stage: Stage) -> ec2.Port:
        first = int(stage.cache_endpoint.rpartition(":")[2] or _PORT)
        # A serverless cache answers reads from replicas on the next port.
        return ec2.Port.tcp_range(first, first + 1) if self.serverless else ec2.Port.tcp(first)

    def _arn(self, kind: str, name: str) -> str:
        return Stack.of(self).format_arn(
            service="elasticache",
            resource=kind,
            resource_name=name,
            arn_format=ArnFormat.COLON_RESOURCE_NAME,
        )

    def _create(self, stage: Stage, network: Network, key: kms.IKey, group: ec2.SecurityGroup) -> str:
        """Create the users and the cache; return its host and port."""
        users = self._users(stage)
        if self.serverless:
            return self._create_serverless(stage, network, key, group, users)
        return self._create_nodes(stage, network, key, group, users)

    def _users(self, stage: Stage) -> elasticache.CfnUserGroup:
        users = [
            self._user(stage, self.writer_user_id, WRITER_ACCESS),
            self._user(stage, self.reader_user_id, READER_ACCESS),
        ]
        if stage.cache_engine == "redis":
            # Its groups need a user of this name. This one may do nothing: it is off.
            users.append(
                elasticache.CfnUser(
                    self,
                    "DefaultUser",
                    engine="redis",
                    user_id=f"sluice-{stage.name}-default",
                    user_name="default",
                    access_string="off -@all",
                    authentication_mode={"Type": "no-password-required"},
                )
            )
        return elasticache.CfnUserGroup(
            self,
            "Users",
            engine=stage.cache_engine,
            user_group_id=f"sluice-{stage.name}",
            user_ids=[user.ref for user in users],
        )

    def _user(self, stage: Stage, name: str, access: str) -> elasticache.CfnUser:
        return elasticache.CfnUser(
            self,
            "Writer" if access == WRITER_ACCESS else "Reader",
            engine=stage.cache_engine,
            user_id=name,
            # IAM knows only users whose name is their id.
            user_name=name,
            access_string=access,
            authentication_mode={"Type": "iam"},
        )

    def _create_serverless(
        self,
        stage: Stage,
        network: Network,
        key: kms.IKey,
        group: ec2.SecurityGroup,
        users: elasticache.CfnUserGroup,
    ) -> str:
        part = elasticache.CfnServerlessCache
        cache = part(
            self,
            "Serverless",
            engine=stage.cache_engine,
            major_engine_version=_VERSIONS[stage.cache_engine][0],
            serverless_cache_name=self.name,
            description="Sluice: cleaned records, as long as RECORD_TTL_SECONDS",
            kms_key_id=key.key_arn,
            security_group_ids=[group.security_group_id],
            subnet_ids=network.subnet_ids,
            user_group_id=users.ref,
            cache_usage_limits=part.CacheUsageLimitsProperty(
                data_storage=part.DataStorageProperty(unit="GB", maximum=stage.cache_max_gb),
                ecpu_per_second=part.ECPUPerSecondProperty(maximum=stage.cache_max_ecpu_per_second),
            ),
        )
        return f"{cache.attr_endpoint_address}:{cache.attr_endpoint_port}"

    def _create_nodes(
        self,
        stage: Stage,
        network: Network,
        key: kms.IKey,
        group: ec2.SecurityGroup,
        users: elasticache.CfnUserGroup,
    ) -> str:
        _, version, parameters = _VERSIONS[stage.cache_engine]
        clustered = self.mode == "cluster"
        cache = elasticache.CfnReplicationGroup(
            self,
            "Nodes",
            replication_group_id=self.name,
            replication_group_description="Sluice: cleaned records, as long as RECORD_TTL_SECONDS",
            engine=stage.cache_engine,
            engine_version=version,
            cache_node_type=stage.cache_node_type,
            cache_parameter_group_name=f"{parameters}.cluster.on" if clustered else parameters,
            cache_subnet_group_name=self._subnet_group(network).ref,
            security_group_ids=[group.security_group_id],
            user_group_ids=[users.ref],
            port=_PORT,
            at_rest_encryption_enabled=True,
            kms_key_id=key.key_arn,
            transit_encryption_enabled=True,
            transit_encryption_mode="required",
            # Cluster mode knows no other; one node alone of the other mode has nobody to fail over to.
            automatic_failover_enabled=clustered or stage.cache_replicas > 0,
            multi_az_enabled=stage.cache_replicas > 0,
            num_node_groups=1 if clustered else None,
            replicas_per_node_group=stage.cache_replicas if clustered else None,
            num_cache_clusters=None if clustered else 1 + stage.cache_replicas,
        )
        _answer_findings(cache, stage)
        if clustered:
            return f"{cache.attr_configuration_end_point_address}:{cache.attr_configuration_end_point_port}"
        return f"{cache.attr_primary_end_point_address}:{cache.attr_primary_end_point_port}"

    def _subnet_group(self, network: Network) -> elasticache.CfnSubnetGroup:
        return elasticache.CfnSubnetGroup(
            self,
            "Subnets",
            description="Sluice: private subnets of the cache",
            cache_subnet_group_name=self.name,
            subnet_ids=network.subnet_ids,
        )


def _answer_findings(cache: elasticache.CfnReplicationGroup, stage: Stage) -> None:
    answers = {
        "AwsSolutions-AEC5": "The port that clients expect; who may reach it is the security group's business.",
        "AwsSolutions-AEC6": "Every client is a user of its own who logs in with IAM: there is no shared token to lose.",
    }
    if not stage.cache_replicas:
        answers["AwsSolutions-AEC4"] = (
            "One node in one zone, as the stage asks: with it go claims and look-ups, but no record."
        )
    acknowledge(cache, answers)

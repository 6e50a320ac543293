"""The brokers: an MSK cluster with two topics, or yours."""

from __future__ import annotations

import json
from base64 import b64encode
from typing import Final

from aws_cdk import RemovalPolicy, aws_ec2 as ec2, aws_kms as kms, aws_logs as logs, aws_msk as msk
from constructs import Construct

from infra.network import Network
from infra.stage import Stage

IAM_PORT: Final = ec2.Port.tcp(9098)
SCRAM_PORT: Final = ec2.Port.tcp(9096)
# Room for headers and the batch's own framing. A topic takes more than the functions do, so that what is too large
# for them ends as a dead letter and not with its producer.
_FRAMING_BYTES: Final = 65_536


class Brokers(Construct):
    """Hold the cluster's ARN, name and security group; its clients log in with IAM, or SCRAM on a brought one.

    The pollers of the event source live in the cluster's own subnets and security group: hence its rule to itself.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage, network: Network, key: kms.IKey) -> None:
        super().__init__(scope, id_)
        self.security_group = self._security_group(stage, network)
        port = SCRAM_PORT if stage.cluster_secret_arn else IAM_PORT
        for peer, who in ((self.security_group, "pollers"), (network.function_security_group, "functions")):
            self.security_group.connections.allow_from(peer, port, who)
        if stage.cluster_arn:
            self.cluster_arn = stage.cluster_arn
            self.cluster_name = stage.cluster_arn.split("/")[1]
        else:
            self.cluster_name = f"sluice-{stage.name}"
            self.cluster_arn = self._cluster(stage, network, key).attr_arn
        if stage.create_topics:
            self._topics(stage)

    def _security_group(self, stage: Stage, network: Network) -> ec2.ISecurityGroup:
        if stage.cluster_security_group_id:
            return ec2.SecurityGroup.from_security_group_id(self, "Group", stage.cluster_security_group_id)
        return ec2.SecurityGroup(
            self, "Group", vpc=network.vpc, description="Sluice: brokers, and pollers of the event source"
        )

    def _cluster(self, stage: Stage, network: Network, key: kms.IKey) -> msk.CfnCluster:
        configuration = self._configuration(stage)
        log = logs.LogGroup(
            self, "Log", retention=logs.RetentionDays.ONE_WEEK, removal_policy=RemovalPolicy.DESTROY
        )
        part = msk.CfnCluster
        return msk.CfnCluster(
            self,
            "Cluster",
            cluster_name=self.cluster_name,
            kafka_version=stage.kafka_version,
            number_of_broker_nodes=stage.zones * stage.brokers_per_zone,
            broker_node_group_info=part.BrokerNodeGroupInfoProperty(
                instance_type=stage.broker_type,
                client_subnets=network.subnet_ids,
                security_groups=[self.security_group.security_group_id],
                storage_info=part.StorageInfoProperty(
                    ebs_storage_info=part.EBSStorageInfoProperty(volume_size=stage.broker_storage_gib)
                ),
            ),
            client_authentication=part.ClientAuthenticationProperty(
                sasl=part.SaslProperty(iam=part.IamProperty(enabled=True)),
                unauthenticated=part.UnauthenticatedProperty(enabled=False),
            ),
            encryption_info=part.EncryptionInfoProperty(
                encryption_at_rest=part.EncryptionAtRestProperty(data_volume_kms_key_id=key.key_arn),
                encryption_in_transit=part.EncryptionInTransitProperty(client_broker="TLS", in_cluster=True),
            ),
            configuration_info=part.ConfigurationInfoProperty(
                arn=configuration.attr_arn,
                revision=configuration.attr_latest_revision_revision,
            ),
            logging_info=part.LoggingInfoProperty(
                broker_logs=part.BrokerLogsProperty(
                    cloud_watch_logs=part.CloudWatchLogsProperty(enabled=True, log_group=log.log_group_name)
                )
            ),
        )

    def _configuration(self, stage: Stage) -> msk.CfnConfiguration:
        return msk.CfnConfiguration(
            self,
            "Configuration",
            name=f"sluice-{stage.name}",
            kafka_versions_list=[stage.kafka_version],
            server_properties="\n".join(_server_properties(stage)),
        )

    def _topics(self, stage: Stage) -> None:
        self._topic(
            "Raw",
            stage.raw_topic,
            stage,
            retention_hours=stage.raw_retention_hours,
            largest_bytes=stage.max_message_bytes,
        )
        self._topic(
            "Cleaned",
            stage.cleaned_topic,
            stage,
            retention_hours=stage.cleaned_retention_hours,
            largest_bytes=stage.max_cleaned_bytes,
        )

    def _topic(self, id_: str, name: str, stage: Stage, *, retention_hours: int, largest_bytes: int) -> None:
        configs = {
            "cleanup.policy": "delete",
            "max.message.bytes": str(largest_bytes + _FRAMING_BYTES),
            "retention.ms": str(retention_hours * 3_600_000),
        }
        msk.CfnTopic(
            self,
            id_,
            cluster_arn=self.cluster_arn,
            topic_name=name,
            partition_count=stage.partitions,
            replication_factor=stage.replicas_of_topics,
            configs=b64encode(json.dumps(configs, sort_keys=True).encode()).decode(),
        )


def _server_properties(stage: Stage) -> list[str]:
    """Return what differs from MSK's defaults, or must not follow a change of them."""
    return [
        "auto.create.topics.enable=false",
        f"default.replication.factor={stage.replicas_of_topics}",
        # With three replicas an acknowledged record survives any one broker; with two, one may be down for repair.
        f"min.insync.replicas={max(1, stage.replicas_of_topics - 1)}",
        "unclean.leader.election.enable=false",
    ]

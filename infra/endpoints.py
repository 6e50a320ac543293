"""The ways from the VPC to AWS itself: S3 by its gateway, the rest by as few interfaces as the stage needs."""

from __future__ import annotations

from typing import Final

from aws_cdk import Aws, aws_ec2 as ec2, aws_iam as iam
from constructs import Construct

from infra.network import Network
from infra.stage import Stage

_SERVICES: Final = {
    "lambda": ec2.InterfaceVpcEndpointAwsService.LAMBDA_,
    "sts": ec2.InterfaceVpcEndpointAwsService.STS,
    "secretsmanager": ec2.InterfaceVpcEndpointAwsService.SECRETS_MANAGER,
}


class Endpoints(Construct):
    """Let the functions reach S3, and the pollers of the event source, which live in *pollers*, what they call."""

    def __init__(
        self, scope: Construct, id_: str, *, stage: Stage, network: Network, pollers: ec2.ISecurityGroup
    ) -> None:
        super().__init__(scope, id_)
        self._s3(stage, network)
        if not stage.interface_endpoints:
            return
        group = ec2.SecurityGroup(
            self,
            "Group",
            vpc=network.vpc,
            description="Sluice: endpoints of AWS services",
            allow_all_outbound=False,
        )
        group.connections.allow_from(pollers, ec2.Port.HTTPS, "pollers of the event source")
        for name in stage.interface_endpoints:
            ec2.InterfaceVpcEndpoint(
                self,
                name.title(),
                vpc=network.vpc,
                service=_SERVICES[name],
                subnets=network.subnets,
                security_groups=[group],
                open=False,
            )

    def _s3(self, stage: Stage, network: Network) -> None:
        """Open S3, but for the buckets of other accounts: nothing leaves through here by mistake or malice."""
        routes = stage.route_table_ids or [
            subnet.route_table.route_table_id for subnet in network.vpc.isolated_subnets
        ]
        policy = iam.PolicyDocument(
            statements=[
                iam.PolicyStatement(
                    principals=[iam.AnyPrincipal()],
                    actions=["s3:*"],
                    resources=["*"],
                    conditions={"StringEquals": {"aws:ResourceAccount": Aws.ACCOUNT_ID}},
                )
            ]
        )
        ec2.CfnVPCEndpoint(
            self,
            "S3",
            vpc_id=network.vpc.vpc_id,
            vpc_endpoint_type="Gateway",
            service_name=f"com.amazonaws.{Aws.REGION}.s3",
            route_table_ids=list(routes),
            policy_document=policy,
        )

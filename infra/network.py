"""The network: a VPC without a way out, or yours; and the functions' security group in it."""

from __future__ import annotations

from typing import Final

from aws_cdk import Fn, RemovalPolicy, aws_ec2 as ec2, aws_logs as logs
from constructs import Construct

from infra.acknowledge import acknowledge
from infra.stage import Stage

_GROUP: Final = "private"


class Network(Construct):
    """Hold the VPC, its private subnets and the functions' security group.

    A VPC made here has no NAT and no internet gateway: what the functions need, they reach inside it or through
    endpoints. The zones are chosen by CloudFormation, so that synth asks no account.
    """

    def __init__(self, scope: Construct, id_: str, *, stage: Stage) -> None:
        super().__init__(scope, id_)
        self.vpc = self._brought(stage) if stage.vpc_id else self._created(stage)
        self.subnets = ec2.SubnetSelection(subnets=self._private_subnets(stage))
        self.subnet_ids = [subnet.subnet_id for subnet in self.subnets.subnets or []]
        self.function_security_group = ec2.SecurityGroup(
            self,
            "Functions",
            vpc=self.vpc,
            description="Sluice: its functions",
            allow_all_outbound=False,
        )
        self.function_security_group.add_egress_rule(
            ec2.Peer.any_ipv4(), ec2.Port.HTTPS, "S3, whose addresses no security group names"
        )

    def _private_subnets(self, stage: Stage) -> list[ec2.ISubnet]:
        if not stage.vpc_id:
            return list(self.vpc.isolated_subnets)
        subnets = [
            ec2.Subnet.from_subnet_id(self, f"Subnet{number}", subnet_id)
            for number, subnet_id in enumerate(stage.subnet_ids, start=1)
        ]
        for subnet in subnets:
            reason = (
                "Nothing here asks a subnet for its route table: the tables are brought by their own ids."
            )
            acknowledge(subnet, {"@aws-cdk/aws-ec2:noSubnetRouteTableId": reason})
        return subnets

    def _brought(self, stage: Stage) -> ec2.IVpc:
        # The zones only have to be as many as the subnets: nothing here asks for their names.
        zones = [Fn.select(number % 2, Fn.get_azs()) for number in range(len(stage.subnet_ids))]
        return ec2.Vpc.from_vpc_attributes(self, "Vpc", vpc_id=stage.vpc_id, availability_zones=zones)

    def _created(self, stage: Stage) -> ec2.Vpc:
        vpc = ec2.Vpc(
            self,
            "Vpc",
            ip_addresses=ec2.IpAddresses.cidr(stage.vpc_cidr),
            availability_zones=[Fn.select(number, Fn.get_azs()) for number in range(stage.zones)],
            nat_gateways=0,
            subnet_configuration=[
                ec2.SubnetConfiguration(name=_GROUP, subnet_type=ec2.SubnetType.PRIVATE_ISOLATED)
            ],
            # Nothing uses that group, and emptying it takes a function of the CDK's own with rights of its own.
            restrict_default_security_group=False,
        )
        log = logs.LogGroup(
            self, "FlowLog", retention=logs.RetentionDays.ONE_WEEK, removal_policy=RemovalPolicy.DESTROY
        )
        vpc.add_flow_log(
            "Rejected",
            destination=ec2.FlowLogDestination.to_cloud_watch_logs(log),
            traffic_type=ec2.FlowLogTrafficType.REJECT,
        )
        return vpc

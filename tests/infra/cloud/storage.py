"""What guards data and networks: keys, policies and rules that moto knows by its API, or not quite."""

from __future__ import annotations

import json
from typing import Any

from moto.kms.models import Key
from moto.s3.models import FakeBucket

from tests.infra.cloud.adaptor import Create, Created, client, register
from tests.infra.cloud.mend import mend, plain


def _bucket_policy(name: str, properties: dict[str, Any], _account: str) -> Created:
    client("s3").put_bucket_policy(
        Bucket=properties["Bucket"], Policy=json.dumps(properties["PolicyDocument"])
    )
    return f"{properties['Bucket']}-policy", {}


def _topic_policy(name: str, properties: dict[str, Any], _account: str) -> Created:
    for topic in properties["Topics"]:
        policy = json.dumps(properties["PolicyDocument"])
        client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return name, {}


def _rule(direction: str) -> Create:
    peer = {"ingress": "Source", "egress": "Destination"}[direction]

    def create(_name: str, properties: dict[str, Any], _account: str) -> Created:
        rule: dict[str, Any] = {
            key: properties[key] for key in ("IpProtocol", "FromPort", "ToPort") if key in properties
        }
        group = properties.get(f"{peer}SecurityGroupId")
        network = {"IpRanges": [{"CidrIp": properties.get("CidrIp")}]}
        rule |= {"UserIdGroupPairs": [{"GroupId": group}]} if group else network
        call = getattr(client("ec2"), f"authorize_security_group_{direction}")
        made = call(GroupId=properties["GroupId"], IpPermissions=[rule])["SecurityGroupRules"][0]
        return made["SecurityGroupRuleId"], {"Id": made["SecurityGroupRuleId"]}

    return create


def _association(_name: str, properties: dict[str, Any], _account: str) -> Created:
    made = client("ec2").associate_route_table(**properties)["AssociationId"]
    return made, {"Id": made}


def _bucket(cls: Any, name: str, resource: dict[str, Any], *arguments: Any, **keywords: Any) -> Any:
    """Set what moto drops: a bucket would be open, and forget what is overwritten."""
    bucket = _PLAIN_BUCKET(cls, name, resource, *arguments, **keywords)
    properties, s3 = resource["Properties"], client("s3")
    if "VersioningConfiguration" in properties:
        s3.put_bucket_versioning(Bucket=name, VersioningConfiguration=properties["VersioningConfiguration"])
    if "PublicAccessBlockConfiguration" in properties:
        closed = properties["PublicAccessBlockConfiguration"]
        s3.put_public_access_block(Bucket=name, PublicAccessBlockConfiguration=closed)
    return bucket


def _key(
    cls: Any, resource_name: str, cloudformation_json: dict[str, Any], *arguments: Any, **keywords: Any
) -> Any:
    # Templates have the policy as an object and tags as Key and Value; the service's API text, TagKey and TagValue.
    properties = dict(cloudformation_json["Properties"])
    properties["KeyPolicy"] = json.dumps(properties["KeyPolicy"])
    properties["Tags"] = [
        {"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags", [])
    ]
    return _PLAIN_KEY(
        cls, resource_name, {**cloudformation_json, "Properties": properties}, *arguments, **keywords
    )


_PLAIN_BUCKET = plain(FakeBucket, "create_from_cloudformation_json")
_PLAIN_KEY = plain(Key, "create_from_cloudformation_json")


def teach() -> None:
    """Register the types and mend moto's own."""
    mend(FakeBucket, create_from_cloudformation_json=classmethod(_bucket))
    mend(Key, create_from_cloudformation_json=classmethod(_key))
    register("AWS::S3::BucketPolicy", _bucket_policy)
    register("AWS::SNS::TopicPolicy", _topic_policy)
    register("AWS::EC2::SubnetRouteTableAssociation", _association, "", ("Id",))
    register("AWS::EC2::SecurityGroupIngress", _rule("ingress"), "", ("Id",))
    register("AWS::EC2::SecurityGroupEgress", _rule("egress"), "", ("Id",))

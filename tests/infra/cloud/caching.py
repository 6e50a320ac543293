"""ElastiCache: users, subnets and node-based caches in moto; what its API lacks is held to the shape."""

from __future__ import annotations

from typing import Any

from tests.infra.cloud.adaptor import Created, arn, client, recorded, register, through_api

HOST, PORT = "cache.invalid", "6379"


def _user(_name: str, properties: dict[str, Any], account: str) -> Created:
    mode = dict(properties.get("AuthenticationMode") or {})
    # What is `iam` in a template is so in the API as well; moto reads nothing else of it.
    through_api("elasticache", "CreateUser")({**properties, **({"AuthenticationMode": mode} if mode else {})})
    made = arn("elasticache", account, f"user:{properties['UserId']}")
    return properties["UserId"], {"Arn": made, "Status": "active"}


def _group(_name: str, properties: dict[str, Any], account: str) -> Created:
    recorded("elasticache", "CreateUserGroup", properties)
    for user in properties.get("UserIds", []):
        # Any name but the engine's own has to be there: this is the reference that a template gets wrong.
        if user != "default":
            client("elasticache").describe_users(UserId=user)
    made = arn("elasticache", account, f"usergroup:{properties['UserGroupId']}")
    return properties["UserGroupId"], {"Arn": made, "Status": "active"}


def _serverless(_name: str, properties: dict[str, Any], account: str) -> Created:
    recorded(
        "elasticache",
        "CreateServerlessCache",
        properties,
        {"FinalSnapshotName": "", "Endpoint": "", "ReaderEndpoint": ""},
    )
    made = arn("elasticache", account, f"serverlesscache:{properties['ServerlessCacheName']}")
    endpoints = {
        f"{kind}.{part}": value
        for kind in ("Endpoint", "ReaderEndpoint")
        for part, value in (("Address", HOST), ("Port", PORT))
    }
    return properties["ServerlessCacheName"], {"ARN": made, "Status": "available", **endpoints}


def _nodes(_name: str, properties: dict[str, Any], _account: str) -> Created:
    through_api("elasticache", "CreateReplicationGroup")(properties)
    endpoints = {
        f"{kind}.{part}": value
        for kind in ("PrimaryEndPoint", "ConfigurationEndPoint")
        for part, value in (("Address", HOST), ("Port", PORT))
    }
    return properties["ReplicationGroupId"], endpoints


def _subnets(name: str, properties: dict[str, Any], _account: str) -> Created:
    names = {"Description": "CacheSubnetGroupDescription"}
    given = {"CacheSubnetGroupName": name.lower(), **properties}
    through_api("elasticache", "CreateCacheSubnetGroup", rename=names)(given)
    return given["CacheSubnetGroupName"], {}


def _parameters(name: str, properties: dict[str, Any], _account: str) -> Created:
    given = {"CacheParameterGroupName": name.lower(), **properties}
    recorded("elasticache", "CreateCacheParameterGroup", given, {"Properties": ""})
    return given["CacheParameterGroupName"], {}


def teach() -> None:
    """Register the types."""
    endpoint = ("Endpoint.Address", "Endpoint.Port", "ReaderEndpoint.Address", "ReaderEndpoint.Port")
    register("AWS::ElastiCache::User", _user, "UserId", ("Arn", "Status"))
    register("AWS::ElastiCache::UserGroup", _group, "UserGroupId", ("Arn", "Status"))
    register(
        "AWS::ElastiCache::ServerlessCache", _serverless, "ServerlessCacheName", ("ARN", "Status", *endpoint)
    )
    nodes = (
        "PrimaryEndPoint.Address",
        "PrimaryEndPoint.Port",
        "ConfigurationEndPoint.Address",
        "ConfigurationEndPoint.Port",
    )
    register("AWS::ElastiCache::ReplicationGroup", _nodes, "ReplicationGroupId", nodes)
    register("AWS::ElastiCache::SubnetGroup", _subnets, "CacheSubnetGroupName")
    register("AWS::ElastiCache::ParameterGroup", _parameters, "CacheParameterGroupName")

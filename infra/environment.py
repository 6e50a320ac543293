"""The parts of a function's environment that several functions have."""

from __future__ import annotations

from collections.abc import Mapping

from aws_cdk import SecretValue

from infra.data_plane import DataPlane


def cache_environment(plane: DataPlane, user_id: str) -> Mapping[str, str]:
    """Return the settings of the cache for one of its users."""
    return {
        "REDIS_URL": plane.cache_url,
        "REDIS_MODE": plane.cache_mode,
        "REDIS_AUTH": "iam",
        "REDIS_USERNAME": user_id,
        "REDIS_IAM_CACHE": plane.cache_name,
        "REDIS_IAM_SERVERLESS": str(plane.cache_serverless).lower(),
    }


def credentials(plane: DataPlane) -> Mapping[str, str]:
    """Return user and password of the brokers, which CloudFormation fills in: the VPC has no way to the secret."""
    secret = plane.kafka_secret_arn
    return {
        "KAFKA_USERNAME": SecretValue.secrets_manager(secret, json_field="username").unsafe_unwrap(),
        "KAFKA_PASSWORD": SecretValue.secrets_manager(secret, json_field="password").unsafe_unwrap(),
    }

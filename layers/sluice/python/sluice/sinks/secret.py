"""The redaction key: given as such, or kept in AWS Secrets Manager."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sluice.settings import LEAST_KEY, SettingsError


class SecretsClient(Protocol):
    """The one call that is made of boto3's Secrets Manager client."""

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        """Return one secret's current value."""
        ...


def connect_secrets(region: str, timeout: float) -> SecretsClient:
    """Return a client of Secrets Manager; `timeout` seconds for an answer, tried twice."""
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415

    config = Config(
        connect_timeout=timeout / 4,
        read_timeout=timeout / 2,
        retries={"total_max_attempts": 2, "mode": "standard"},
    )
    client: SecretsClient = boto3.client("secretsmanager", region_name=region, config=config)
    return client


def read_key(
    named: str, timeout: float, connect: Callable[[str, float], SecretsClient] = connect_secrets
) -> bytes:
    """Return the key: `named` itself, or what the secret holds whose ARN it is; `timeout` is in seconds.

    Raises SettingsError when the secret cannot be read or is too short to be a key.
    """
    if not named.startswith("arn:"):
        return named.encode()
    from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

    region = named.split(":")[3] if named.count(":") >= 6 else ""
    if not region:
        raise SettingsError("REDACTION_KEY must be a key, or the ARN of a secret: arn:aws:secretsmanager:…")
    try:
        answer = connect(region, timeout).get_secret_value(SecretId=named)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown")
        raise SettingsError(_unreadable(named, str(code))) from None
    except BotoCoreError as error:
        raise SettingsError(_unreadable(named, type(error).__name__)) from None
    key: bytes = answer["SecretBinary"] if "SecretBinary" in answer else answer["SecretString"].encode()
    if len(key) < LEAST_KEY:
        msg = f"the secret of REDACTION_KEY has {len(key)} bytes, {LEAST_KEY} are the least"
        raise SettingsError(msg)
    return key


def _unreadable(named: str, why: str) -> str:
    return (
        f"REDACTION_KEY names {named}, which cannot be read ({why}): the function needs "
        "secretsmanager:GetSecretValue on it and a way to Secrets Manager"
    )

"""The on-failure destination: an S3 bucket."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from botocore.client import BaseClient

# Any will do: the twin's S3 asks for none, yet the SDK refuses to call without.
REGION = "eu-central-1"
ACCESS_KEY = "local"


def s3_client(endpoint: str) -> BaseClient:
    """Return an S3 client for an endpoint of the twin; a call gives up after seconds, not minutes."""
    return aws_client("s3", endpoint)


def aws_client(service: str, endpoint: str, connections: int = 10) -> BaseClient:
    """Return a client of one of the twin's AWS services."""
    # botocore costs a third of a second and 30 MB, and most pollers never write here.
    import boto3  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.session import Session  # noqa: PLC0415

    # Neither a profile nor a proxy of the user's is meant for the twin.
    session = Session(session_vars={"profile": (None, [], None, None)})
    return boto3.Session(botocore_session=session).client(
        service,
        endpoint_url=endpoint,
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=ACCESS_KEY,
        config=Config(
            connect_timeout=2,
            read_timeout=10,
            retries={"total_max_attempts": 1},
            proxies={},
            max_pool_connections=connections,
        ),
    )


class Destination:
    """Write on-failure records; a failure is reported, not raised, since the poller tries again."""

    def __init__(self, endpoint: str, bucket: str) -> None:
        self._endpoint = endpoint
        self._bucket = bucket
        self._client: BaseClient | None = None

    def write(self, key: str, body: bytes) -> bool:
        """Put one object and tell whether it lies there now."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        self._client = self._client or s3_client(self._endpoint)
        try:
            self._client.put_object(Bucket=self._bucket, Key=key, Body=body)
        except (BotoCoreError, ClientError):
            return False
        return True

"""Write dead letters to S3: JSON Lines, gzip, deterministic keys, never over what is there."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from typing import Any, Final, Protocol

# 412: the object is there already, written by an earlier try of this very batch.
_WRITTEN: Final = frozenset({"PreconditionFailed", "412"})


class S3Client(Protocol):
    """The one call that is made of boto3's S3 client."""

    def put_object(self, **request: Any) -> Any:
        """Write one object."""
        ...


class DeadLetterBucket:
    """Put objects of dead letters into the bucket."""

    def __init__(self, bucket: str, connect: Callable[[], S3Client]) -> None:
        """Keep the bucket; the client is built on the first letter (boto3 is slow to load)."""
        self._bucket = bucket
        self._connect = connect
        self._client: S3Client | None = None
        # The latest error's name, for the log.
        self.last_error = ""

    def put(self, key: str, lines: bytes) -> bool:
        """Write one object of JSON Lines under `key`; tell whether it is there now."""
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        # mtime 0: the same letters make the same bytes.
        body = gzip.compress(lines, compresslevel=6, mtime=0)
        try:
            client = self._client = self._client or self._connect()
            client.put_object(
                Bucket=self._bucket, Key=key, Body=body, IfNoneMatch="*", ContentType="application/gzip"
            )
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if code not in _WRITTEN:
                self.last_error = code
                return False
        except (BotoCoreError, OSError) as error:
            self.last_error = type(error).__name__
            return False
        return True


def connect_s3(timeout: float, connections: int = 1) -> Callable[[], Any]:
    """Return what builds the S3 client; one try, `timeout` seconds to connect and as many for an answer."""

    def connect() -> Any:
        import boto3  # noqa: PLC0415
        from botocore.config import Config  # noqa: PLC0415

        config = Config(
            connect_timeout=timeout / 4,
            read_timeout=timeout,
            retries={"total_max_attempts": 1},
            max_pool_connections=connections,
        )
        return boto3.client("s3", config=config)

    return connect

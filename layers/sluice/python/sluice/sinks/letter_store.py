"""Objects of a bucket with conditional writes: what the replay reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any, Final

from sluice.replay.store import Listed, StorageError, Stored

# Another version is there (412), another write is under way (409), or what was to be replaced is gone (404).
_REFUSED: Final = frozenset(
    {"PreconditionFailed", "412", "ConditionalRequestConflict", "409", "NoSuchKey", "404"}
)
_ABSENT: Final = frozenset({"NoSuchKey", "404"})


class LetterStore:
    """One bucket as `sluice.replay.store.Store`; safe to read with from several threads."""

    def __init__(self, bucket: str, connect: Callable[[], Any]) -> None:
        """Keep the bucket; the client is built on the first call."""
        self._bucket = bucket
        self._connect = connect
        self._made: Any = None

    def list(self, prefix: str) -> Iterator[Listed]:
        """Yield the objects under a prefix in the order of their keys. Raises StorageError."""
        page: dict[str, Any] = {"Bucket": self._bucket, "Prefix": prefix}
        while True:
            answer = self._call("list_objects_v2", page)
            for one in answer.get("Contents", ()):
                modified: datetime = one["LastModified"]
                written = modified.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
                yield Listed(one["Key"], one["ETag"], one["Size"], written)
            if not answer.get("IsTruncated"):
                return
            page["ContinuationToken"] = answer["NextContinuationToken"]

    def get(self, key: str, span: tuple[int, int] | None = None) -> Stored | None:
        """Return an object, or `span[1]` of its bytes from `span[0]` on; None where there is none."""
        request: dict[str, Any] = {"Bucket": self._bucket, "Key": key}
        if span is not None:
            request["Range"] = f"bytes={span[0]}-{span[0] + span[1] - 1}"
        try:
            answer = self._call("get_object", request, read=True)
        except _RefusedError as error:
            if error.args[0] in _ABSENT:
                return None
            raise StorageError(f"get: {error.args[0]}") from None
        return Stored(answer["Body"], answer["ETag"])

    def put(self, key: str, body: bytes, etag: str | None) -> str | None:
        """Write over the version `etag`, or where nothing is (None); return the new version, None when refused."""
        condition = {"IfNoneMatch": "*"} if etag is None else {"IfMatch": etag}
        try:
            answer = self._call("put_object", {"Bucket": self._bucket, "Key": key, "Body": body, **condition})
        except _RefusedError as error:
            if error.args[0] in _REFUSED:
                return None
            raise StorageError(f"put: {error.args[0]}") from None
        return str(answer["ETag"])

    def _call(self, operation: str, request: dict[str, Any], *, read: bool = False) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError  # noqa: PLC0415

        try:
            client = self._made = self._made or self._connect()
            answer: dict[str, Any] = getattr(client, operation)(**request)
            if read:  # the connection may end while the body comes in
                answer = {**answer, "Body": answer["Body"].read()}
        except ClientError as error:
            code = str(error.response.get("Error", {}).get("Code", "unknown"))
            if operation == "list_objects_v2":
                raise StorageError(f"list: {code}") from None
            raise _RefusedError(code) from None
        except (BotoCoreError, OSError) as error:
            raise StorageError(f"{operation}: {type(error).__name__}") from None
        return answer


class _RefusedError(Exception):
    """S3 said no; the argument is its code."""

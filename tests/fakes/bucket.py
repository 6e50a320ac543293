"""An S3 client that keeps objects in memory and fails where the schedule says."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from io import BytesIO
from typing import Any

import orjson
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.fakes.schedule import Killed, Mode, Schedule

_ADDRESS = "https://bucket.test"
_WRITTEN = datetime(2026, 11, 23, 8, 15, tzinfo=UTC)
_PAGE = 1000


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutObject")


class FakeS3:
    """Read and write objects as boto3's client does; one call is one point of the schedule."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self._schedule = schedule or Schedule()
        self.objects: dict[str, bytes] = {}
        self._versions: dict[str, int] = {}
        self.requests: list[dict[str, Any]] = []
        # What was asked, reads too: operation and key.
        self.calls: list[tuple[str, str]] = []
        # While it holds a code, every put is refused with that.
        self.refuse = ""
        # Called after each write with the key, what was there (None: nothing) and what is there now.
        self.on_write: Callable[[str, bytes | None, bytes], None] = lambda *_: None

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        self.calls.append(("put", request["Key"]))
        fault = self._schedule.step("object")
        if fault is Mode.BEFORE:
            raise EndpointConnectionError(endpoint_url=_ADDRESS)
        if self.refuse:
            raise client_error(self.refuse)
        refusal = self._refusal(request)
        if not refusal:
            self.write(request["Key"], request["Body"])
        if fault is Mode.KILL:
            raise Killed
        if fault is Mode.AFTER:
            raise ReadTimeoutError(endpoint_url=_ADDRESS)
        if refusal:
            raise client_error(refusal)
        return {"ETag": self.etag(request["Key"])}

    def _refusal(self, request: dict[str, Any]) -> str:
        key = request["Key"]
        if "IfMatch" in request:
            if key not in self.objects:
                return "NoSuchKey"
            return "" if request["IfMatch"] == self.etag(key) else "PreconditionFailed"
        return "PreconditionFailed" if key in self.objects and request.get("IfNoneMatch") == "*" else ""

    def write(self, key: str, body: bytes) -> None:
        """Write an object, whatever is there: a test's way to put one in its place."""
        before = self.objects.get(key)
        self.objects[key] = body
        self._versions[key] = self._versions.get(key, 0) + 1
        self.on_write(key, before, body)

    def etag(self, key: str) -> str:
        return f'"{key}-{self._versions[key]}"'

    def get_object(self, **request: Any) -> dict[str, Any]:
        key = request["Key"]
        self._read("get", key)
        if key not in self.objects:
            raise client_error("NoSuchKey")
        body = self.objects[key]
        if "Range" in request:
            first, last = map(int, request["Range"].removeprefix("bytes=").split("-"))
            body = body[first : last + 1]
        return {"Body": BytesIO(body), "ETag": self.etag(key)}

    def list_objects_v2(self, **request: Any) -> dict[str, Any]:
        self._read("list", request["Prefix"])
        keys = sorted(key for key in self.objects if key.startswith(request["Prefix"]))
        start = int(request.get("ContinuationToken", "0"))
        contents = [
            {"Key": key, "ETag": self.etag(key), "Size": len(self.objects[key]), "LastModified": _WRITTEN}
            for key in keys[start : start + _PAGE]
        ]
        more = len(keys) > start + _PAGE
        answer = {"Contents": contents, "IsTruncated": more}
        return answer | ({"NextContinuationToken": str(start + _PAGE)} if more else {})

    def _read(self, operation: str, key: str) -> None:
        self.calls.append((operation, key))
        fault = self._schedule.step("read")
        if fault is Mode.BEFORE:
            raise EndpointConnectionError(endpoint_url=_ADDRESS)
        if fault is Mode.KILL:
            raise Killed

    def letters(self) -> list[dict[str, Any]]:
        """Return all dead letters of all objects."""
        return [letter for body in self.objects.values() for letter in _read(body)]


@lru_cache(maxsize=1000)
def _read(body: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in gzip.decompress(body).splitlines()]

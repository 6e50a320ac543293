"""An S3 client that keeps objects in memory and fails where the schedule says."""

from __future__ import annotations

import gzip
from functools import lru_cache
from typing import Any

import orjson
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from tests.fakes.schedule import Killed, Mode, Schedule

_ADDRESS = "https://bucket.test"


def client_error(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": ""}}, "PutObject")


class FakeS3:
    """Put objects as boto3's client does; one put is one point of the schedule."""

    def __init__(self, schedule: Schedule | None = None) -> None:
        self._schedule = schedule or Schedule()
        self.objects: dict[str, bytes] = {}
        self.requests: list[dict[str, Any]] = []
        # While it holds a code, every put is refused with that.
        self.refuse = ""

    def put_object(self, **request: Any) -> dict[str, Any]:
        self.requests.append(request)
        fault = self._schedule.step("object")
        if fault is Mode.BEFORE:
            raise EndpointConnectionError(endpoint_url=_ADDRESS)
        if self.refuse:
            raise client_error(self.refuse)
        there = request["Key"] in self.objects and request.get("IfNoneMatch") == "*"
        if not there:
            self.objects[request["Key"]] = request["Body"]
        if fault is Mode.KILL:
            raise Killed
        if fault is Mode.AFTER:
            raise ReadTimeoutError(endpoint_url=_ADDRESS)
        if there:
            raise client_error("PreconditionFailed")
        return {}

    def letters(self) -> list[dict[str, Any]]:
        """Return all dead letters of all objects."""
        return [letter for body in self.objects.values() for letter in _read(body)]


@lru_cache(maxsize=1000)
def _read(body: bytes) -> list[dict[str, Any]]:
    return [orjson.loads(line) for line in gzip.decompress(body).splitlines()]

"""The bucket: how an object is put, and what counts as written."""

from __future__ import annotations

import gzip
from typing import Any

import pytest
from botocore.exceptions import NoCredentialsError, NoRegionError

from sluice.sinks.dead_letters import DeadLetterBucket, connect_s3
from tests.fakes.bucket import FakeS3
from tests.fakes.schedule import Mode, Schedule

LINES = b'{"id":"a"}\n{"id":"b"}\n'


def bucket_of(s3: FakeS3) -> DeadLetterBucket:
    return DeadLetterBucket("letters", lambda: s3)


def test_put() -> None:
    """An object is gzip without a date, so that the same letters are the same bytes, and never over another."""
    s3 = FakeS3()
    bucket = bucket_of(s3)
    lines = b"".join(b'{"id":"agent_raw_output-0-%d"}\n' % (number**5) for number in range(3_000))

    assert bucket.put("dead-letters/a.jsonl.gz", lines)
    (request,) = s3.requests
    body = request.pop("Body")
    assert request == {
        "Bucket": "letters",
        "Key": "dead-letters/a.jsonl.gz",
        "IfNoneMatch": "*",
        "ContentType": "application/gzip",
    }
    assert gzip.decompress(body) == lines
    assert body == gzip.compress(lines, compresslevel=6, mtime=0)
    assert body != gzip.compress(lines, compresslevel=7, mtime=0)
    assert bucket.last_error == ""


def test_already_written() -> None:
    """An object that is there already counts as written, and stays as it was."""
    s3 = FakeS3()
    bucket = bucket_of(s3)
    bucket.put("key", LINES)
    before = s3.objects["key"]

    assert bucket.put("key", LINES + LINES)
    assert s3.objects["key"] == before
    s3.refuse = "412"
    assert bucket.put("key", LINES)


@pytest.mark.parametrize(
    "code", ["AccessDenied", "NoSuchBucket", "SlowDown", "ConditionalRequestConflict", "500"]
)
def test_refused(code: str) -> None:
    """Any other answer means not written, and is named."""
    s3 = FakeS3()
    s3.refuse = code
    bucket = bucket_of(s3)

    assert bucket.put("key", LINES) is False
    assert bucket.last_error == code
    assert s3.objects == {}


def test_answer_without_a_code() -> None:
    """An answer that names no code is a refusal as well."""
    s3 = FakeS3()
    s3.refuse = ""
    bucket = bucket_of(s3)
    s3.put_object = _nameless  # type: ignore[method-assign]

    assert bucket.put("key", LINES) is False
    assert bucket.last_error == "unknown"


def _nameless(**_: Any) -> dict[str, Any]:
    from botocore.exceptions import ClientError

    raise ClientError({}, "PutObject")


@pytest.mark.parametrize(
    ("mode", "error", "there"),
    [(Mode.BEFORE, "EndpointConnectionError", False), (Mode.AFTER, "ReadTimeoutError", True)],
)
def test_no_answer(mode: Mode, error: str, there: bool) -> None:
    """Without an answer it was not written, as far as we know; the next try finds out."""
    s3 = FakeS3(Schedule({0: mode}))
    bucket = bucket_of(s3)

    assert bucket.put("key", LINES) is False
    assert bucket.last_error == error
    assert ("key" in s3.objects) == there
    assert bucket.put("key", LINES)


@pytest.mark.parametrize("fault", [NoRegionError(), NoCredentialsError(), OSError("no file")])
def test_no_client(fault: Exception) -> None:
    """A client that cannot be built is a letter not written, and is asked for again."""
    s3, faults = FakeS3(), [fault]

    def connect() -> FakeS3:
        if faults:
            raise faults.pop()
        return s3

    bucket = DeadLetterBucket("letters", connect)

    assert bucket.put("key", LINES) is False
    assert bucket.last_error == type(fault).__name__
    assert bucket.put("key", LINES)


def test_one_client() -> None:
    """The client is built on the first letter and kept."""
    built: list[FakeS3] = []

    def connect() -> FakeS3:
        built.append(FakeS3())
        return built[-1]

    bucket = DeadLetterBucket("letters", connect)
    assert built == []

    bucket.put("a", LINES)
    bucket.put("b", LINES)
    assert len(built) == 1


def test_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The real client tries once, within the given time: retries are ours."""
    monkeypatch.setenv("AWS_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    config = connect_s3(1.5)().meta.config

    assert (config.connect_timeout, config.read_timeout) == (0.375, 1.5)
    assert config.retries["total_max_attempts"] == 1
    assert config.max_pool_connections == 1

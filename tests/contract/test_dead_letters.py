"""What every bucket of dead letters has to do, the fake one too."""

from __future__ import annotations

import gzip
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from sluice.letters import lines, object_key
from sluice.sinks.dead_letters import DeadLetterBucket, connect_s3
from tests.fakes.bucket import FakeS3
from tests.fakes.records import letter

LINES = b'{"id":"a"}\n{"id":"b"}\n'
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_REGION": "eu-central-1",
    "AWS_DEFAULT_REGION": "eu-central-1",
}


class Rig(NamedTuple):
    """A bucket, what is in it by key, and one that is not there."""

    bucket: DeadLetterBucket
    read: Callable[[], dict[str, bytes]]
    nowhere: Callable[[], DeadLetterBucket]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
def rig(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Rig:
    """Both kinds of bucket."""
    if request.param == "real":
        return real(request.getfixturevalue("s3_endpoint"), monkeypatch)
    s3, empty = FakeS3(), FakeS3()
    empty.refuse = "NoSuchBucket"
    return Rig(
        DeadLetterBucket("letters", lambda: s3),
        lambda: dict(s3.objects),
        lambda: DeadLetterBucket("nowhere", lambda: empty),
    )


def real(endpoint: str, monkeypatch: pytest.MonkeyPatch, timeout: float = 5.0) -> Rig:
    from ops.twin.aws import create_buckets

    for name, value in CREDENTIALS.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    name = f"letters-{uuid.uuid4().hex}"
    client: Any = create_buckets(endpoint, name)

    def read() -> dict[str, bytes]:
        listed = client.list_objects_v2(Bucket=name).get("Contents", [])
        return {one["Key"]: client.get_object(Bucket=name, Key=one["Key"])["Body"].read() for one in listed}

    connect = connect_s3(timeout)
    return Rig(DeadLetterBucket(name, connect), read, lambda: DeadLetterBucket("no-" + name, connect))


def test_put(rig: Rig) -> None:
    """An object is there, under its key, as gzip of its lines."""
    letters = [letter(1), letter(2)]
    key = object_key(letters)

    assert rig.bucket.put(key, LINES)
    assert {name: gzip.decompress(body) for name, body in rig.read().items()} == {key: LINES}


def test_never_over_another(rig: Rig) -> None:
    """An object that is there counts as written and is not touched."""
    assert rig.bucket.put("a/b.jsonl.gz", LINES)
    before = rig.read()

    assert rig.bucket.put("a/b.jsonl.gz", LINES * 2)
    assert rig.read() == before
    assert rig.bucket.last_error == ""


def test_many(rig: Rig) -> None:
    """One bucket takes objects of many reasons, from six bytes to six megabytes."""
    bodies = {
        f"dead-letters/reason={n}/x.jsonl.gz": os.urandom(size) for n, size in enumerate((6, 6_000_000))
    }

    assert all(rig.bucket.put(key, body) for key, body in bodies.items())
    assert {key: gzip.decompress(body) for key, body in rig.read().items()} == bodies


def test_no_such_bucket(rig: Rig) -> None:
    """A bucket that does not exist takes nothing, and says so."""
    nowhere = rig.nowhere()

    assert not nowhere.put("key", LINES)
    assert nowhere.last_error == "NoSuchBucket"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Rig, Any]]:
    """A bucket on a server of the test's own, with a client that waits half a second."""
    from ops.twin.aws import start_aws
    from ops.twin.supervisor import Supervisor

    keeper = Supervisor()
    try:
        yield real(start_aws(keeper, tmp_path), monkeypatch, timeout=0.5), keeper
    finally:
        keeper.close()


@pytest.mark.integration
def test_silent_server(own: tuple[Rig, Any]) -> None:
    """A server that says nothing costs the time-out, and the same client writes when it speaks again."""
    rig, keeper = own
    assert rig.bucket.put("first", LINES)
    (pid,) = keeper.pids("aws")
    os.kill(pid, signal.SIGSTOP)
    began = time.monotonic()
    try:
        assert not rig.bucket.put("second", LINES)
    finally:
        os.kill(pid, signal.SIGCONT)

    assert 0.4 < time.monotonic() - began < 10
    assert rig.bucket.last_error in {"ReadTimeoutError", "ConnectTimeoutError"}
    # What was on its way may have been written after all: that is found out and counts.
    assert rig.bucket.put("second", LINES)
    assert gzip.decompress(rig.read()["second"]) == LINES


@pytest.mark.integration
def test_slow_server(own: tuple[Rig, Any]) -> None:
    """A server that is slow, yet within the time-out, is no fault."""
    rig, keeper = own
    assert rig.bucket.put("first", LINES)
    (pid,) = keeper.pids("aws")
    os.kill(pid, signal.SIGSTOP)
    waker = threading.Timer(0.25, os.kill, (pid, signal.SIGCONT))
    waker.start()

    assert rig.bucket.put("second", LINES)
    waker.join()
    assert rig.bucket.last_error == ""


@pytest.mark.integration
def test_server_gone(own: tuple[Rig, Any]) -> None:
    """Where nobody listens any more, a letter is not written, and that is known at once."""
    rig, keeper = own
    assert rig.bucket.put("first", LINES)
    keeper.stop("aws", 2.0)
    began = time.monotonic()

    assert not rig.bucket.put("second", LINES)
    assert time.monotonic() - began < 10
    assert rig.bucket.last_error in {"EndpointConnectionError", "ConnectionClosedError"}


@pytest.mark.integration
def test_same_letters_same_object(rig: Rig) -> None:
    """A batch that comes again, in whatever order, writes no second object."""
    letters = [letter(1), letter(2), letter(1, partition=1)]
    for order in (letters, letters[::-1]):
        assert rig.bucket.put(object_key(order), lines(order, "p", datetime(2026, 11, 23, tzinfo=UTC)))

    assert len(rig.read()) == 1

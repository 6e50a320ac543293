"""What every store of letters has to do, over the fake client and over a real one."""

from __future__ import annotations

import os
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError

from sluice.replay.store import StorageError
from sluice.sinks.dead_letters import connect_s3
from sluice.sinks.letter_store import LetterStore
from tests.contract.test_dead_letters import CREDENTIALS
from tests.fakes.bucket import FakeS3, client_error
from tests.fakes.schedule import Mode, Schedule

Make = Callable[[], LetterStore]


@pytest.fixture(params=["fake", pytest.param("real", marks=pytest.mark.integration)])
def store(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> LetterStore:
    """Both kinds of client."""
    if request.param == "fake":
        s3 = FakeS3()
        return LetterStore("letters", lambda: s3)
    from ops.twin.aws import create_buckets

    endpoint, name = request.getfixturevalue("s3_endpoint"), f"letters-{uuid.uuid4().hex}"
    for variable, value in CREDENTIALS.items():
        monkeypatch.setenv(variable, value)
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", endpoint)
    create_buckets(endpoint, name)
    return LetterStore(name, connect_s3(5.0, 16))


def test_read_what_was_written(store: LetterStore) -> None:
    """An object reads back as it was written, with the version that the write gave it."""
    body = os.urandom(100_000)
    etag = store.put("a", body, None)
    stored = store.get("a")

    assert stored is not None
    assert stored == (body, etag)


def test_parts(store: LetterStore) -> None:
    """A part of an object is read by where it begins and how long it is."""
    store.put("a", b"0123456789", None)
    parts = [store.get("a", span) for span in ((0, 1), (3, 4), (9, 1))]

    assert [part and part.body for part in parts] == [b"0", b"3456", b"9"]


def test_nothing_there(store: LetterStore) -> None:
    """Where nothing is, nothing is read and no version is replaced."""
    assert store.get("a") is None
    assert store.put("a", b"x", '"0"') is None
    assert list(store.list("")) == []


def test_first_one_wins(store: LetterStore) -> None:
    """Where something is, emptied or not, nothing is written as new."""
    for body in (b"first", b""):
        assert store.put(f"k{len(body)}", body, None) is not None
        assert store.put(f"k{len(body)}", b"second", None) is None
        stored = store.get(f"k{len(body)}")
        assert stored is not None
        assert stored.body == body


def test_version_by_version(store: LetterStore) -> None:
    """A version is replaced once; whoever comes with an older one is refused."""
    first = store.put("a", b"1", None)
    second = store.put("a", b"2", first)

    assert second not in {None, first}
    assert store.put("a", b"3", first) is None
    stored = store.get("a")
    assert stored is not None
    assert stored == (b"2", second)


def test_a_race_has_one_winner(store: LetterStore) -> None:
    """Of sixteen that replace one version at once, one succeeds."""
    etag = store.put("a", b"x", None)
    won: list[str | None] = []
    threads = [
        threading.Thread(target=lambda n=n: won.append(store.put("a", b"%d" % n, etag))) for n in range(16)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 16
    assert len([version for version in won if version is not None]) == 1


def test_listing(store: LetterStore) -> None:
    """All objects under a prefix are listed in the order of their keys, beyond one page, with size and version."""
    etags = {f"p/{n:04}": store.put(f"p/{n:04}", b"x" * (n % 3), None) for n in range(1_003)}
    store.put("q", b"", None)
    listed = list(store.list("p/"))

    assert [one.key for one in listed] == sorted(etags)
    assert [one.size for one in listed] == [n % 3 for n in range(1_003)]
    assert {one.key: one.etag for one in listed} == etags
    assert len({len(one.modified) for one in listed}) == 1
    assert listed[0].modified.endswith("Z")


def test_no_such_bucket(store: LetterStore) -> None:
    """A bucket that is not there is a failure, and no empty one."""
    store._bucket = "no-such-bucket-" + uuid.uuid4().hex
    if isinstance(store._connect(), FakeS3):
        s3 = store._connect()
        s3.refuse = "NoSuchBucket"
        s3.get_object = s3.list_objects_v2 = _no_bucket
    with pytest.raises(StorageError, match="put: NoSuchBucket"):
        store.put("a", b"", None)
    with pytest.raises(StorageError, match="get: NoSuchBucket"):
        store.get("a")
    with pytest.raises(StorageError, match="list: NoSuchBucket"):
        list(store.list(""))


def _no_bucket(**_: Any) -> Any:
    raise client_error("NoSuchBucket")


@pytest.mark.parametrize("code", ["PreconditionFailed", "ConditionalRequestConflict", "412", "409"])
def test_refusals(code: str) -> None:
    """What S3 says to whoever was too slow is a refusal, whichever way it says it."""
    s3 = FakeS3()
    s3.refuse = code

    assert LetterStore("letters", lambda: s3).put("a", b"", None) is None


@pytest.mark.parametrize("mode", [Mode.BEFORE, Mode.AFTER])
def test_no_answer(mode: Mode) -> None:
    """A write that goes unanswered is a failure, whether it was done or not; trying again finds out."""
    s3 = FakeS3(Schedule({0: mode}))
    store = LetterStore("letters", lambda: s3)
    with pytest.raises(StorageError):
        store.put("a", b"x", None)

    assert (store.put("a", b"x", None) is None) == (mode is Mode.AFTER)


def test_reads_without_answer() -> None:
    """A read or a listing that goes unanswered is a failure."""
    store = LetterStore("letters", lambda: FakeS3(Schedule({0: Mode.BEFORE})))
    with pytest.raises(StorageError, match="get_object: EndpointConnectionError"):
        store.get("a")
    store._made = None
    with pytest.raises(StorageError, match="list_objects_v2: EndpointConnectionError"):
        list(store.list(""))


def test_other_errors() -> None:
    """An error that is neither a refusal nor an absence goes on by its name."""

    def denied(**_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied"}}, "GetObject")

    s3 = FakeS3()
    s3.get_object = denied  # type: ignore[method-assign]
    s3.refuse = "AccessDenied"
    store = LetterStore("letters", lambda: s3)
    with pytest.raises(StorageError, match="get: AccessDenied"):
        store.get("a")
    with pytest.raises(StorageError, match="put: AccessDenied"):
        store.put("a", b"", None)

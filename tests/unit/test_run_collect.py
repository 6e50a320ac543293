"""How the runner reads back what a run left behind."""

from __future__ import annotations

import base64
import gzip
import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest
import redis

from ops.twin.cache_reader import Held, Life, life, look
from ops.twin.collect import CollectError, GivenUp, read_given_up, read_letters
from ops.twin.incarnation import make_way, source_of_record, write_cache
from tests.unit.run_rig import value


class FakeS3:
    """A bucket of two objects a page."""

    def __init__(self, **objects: bytes) -> None:
        self.objects = objects

    def get_paginator(self, name: str) -> FakeS3:
        assert name == "list_objects_v2"
        return self

    def paginate(self, Bucket: str, Prefix: str) -> Iterator[dict[str, Any]]:  # noqa: N803 -- boto3's name
        keys = [key for key in self.objects if key.startswith(Prefix)]
        for at in range(0, len(keys), 2):
            yield {"Contents": [{"Key": key} for key in keys[at : at + 2]]}
        yield {}

    def get_object(self, Bucket: str, Key: str) -> dict[str, io.BytesIO]:  # noqa: N803
        return {"Body": io.BytesIO(self.objects[Key])}


def packed(*letters: dict[str, Any]) -> bytes:
    return gzip.compress(b"".join(orjson.dumps(letter) + b"\n" for letter in letters))


def test_letters() -> None:
    """Every letter of every object is read, with its bytes and its line as it is stored."""
    first = {"id": "raw-0-1", "reason": "not_json", "value_b64": base64.b64encode(b"\xff").decode()}
    second = {"id": "raw-0-2", "reason": "empty", "value_b64": None}
    objects = FakeS3(
        **{
            "dead-letters/a": packed(first, second),
            "dead-letters/b": packed(second),
            "dead-letters/c": packed(),
            "dead-letters/emptied by a replay": b"",
            "replayed/a": packed(first),
        }
    )

    found = list(read_letters(objects, "bucket"))

    assert [[letter.id for letter in letters] for letters in found] == [
        ["raw-0-1", "raw-0-2"],
        ["raw-0-2"],
        [],
        [],
    ]
    assert [letter.value for letter in found[0]] == [b"\xff", None]
    assert found[0][1].line == orjson.dumps(second)


@pytest.mark.parametrize("line", [b"{", b"{}", b'{"id":"a","reason":"b","value_b64":"!"}'])
def test_malformed_letters(line: bytes) -> None:
    """An object that does not hold letters ends the reading with its name, and never with its content."""
    with pytest.raises(CollectError, match="dead-letter object dead-letters/a is malformed"):
        list(read_letters(FakeS3(**{"dead-letters/a": gzip.compress(line)}), "bucket"))


def test_on_failure_objects() -> None:
    """All records of an on-failure object's event are read; its payload is the event as a string."""
    records = {
        "raw-0": [
            {"topic": "raw", "partition": 0, "offset": 3, "value": "YQ=="},
            {"topic": "raw", "partition": 0, "offset": 4},
        ],
        "raw-1": [{"topic": "raw", "partition": 1, "offset": 0, "value": None}],
    }
    envelope = orjson.dumps({"payload": orjson.dumps({"records": records}).decode()})

    assert list(read_given_up(FakeS3(a=envelope), "bucket")) == [
        GivenUp("raw-0-3", b"a"),
        GivenUp("raw-0-4", None),
        GivenUp("raw-1-0", None),
    ]


class FakeCache:
    """A cache of strings; a value that is no bytes stands for another type."""

    def __init__(self, **stored: object) -> None:
        self.stored = stored
        self.down = 0
        self.gone = 0
        self._todo: list[tuple[str | bytes, ...]] = []

    def pipeline(self, *, transaction: bool) -> FakeCache:
        assert not transaction
        self._todo = []
        return self

    def execute_command(self, *command: str | bytes) -> None:
        self._todo.append(command)

    def execute(self, *, raise_on_error: bool) -> list[object]:
        assert not raise_on_error
        if self.gone:
            self.gone -= 1
            raise redis.ConnectionError
        if self.down:
            self.down -= 1
            return [redis.exceptions.ClusterDownError("CLUSTERDOWN") for _ in self._todo]
        return [
            self._run(str(name), key.decode() if isinstance(key, bytes) else key) for name, key in self._todo
        ]

    def _run(self, name: str, key: str) -> object:
        if name == "UNLINK":
            return int(self.stored.pop(key, None) is not None)
        found = self.stored.get(key)
        if name == "TTL":
            return 60
        if name == "PTTL":
            return 60_000 if found is not None and key != "expired" else -2
        return (
            found
            if found is None or isinstance(found, bytes)
            else redis.ResponseError("WRONGTYPE Operation against a key")
        )

    def scan_iter(self, match: str, count: int) -> Iterator[bytes]:
        inner = match == "[^#]*#*"
        return iter(
            [key.encode() for key in self.stored if not key.startswith("#") and (not inner or "#" in key)]
        )

    def info(self) -> dict[str, Any]:
        return {"b": {"run_id": "2", "evicted_keys": 3}, "a": {"run_id": "1"}}


def ours(source: str = "0a0a0a0a") -> bytes:
    return orjson.dumps({"_prep": {"source": source}})


NAMED = "a:2026-01-01T00:00:00Z"


def test_an_earlier_run_makes_way() -> None:
    """Of the cache only what Sluice wrote under this input's identities goes: records, variants, indexes."""
    stays = {
        "b:2026-01-01T00:00:00Z": ours(),
        f"{NAMED}#theirs00": b"theirs",
        "#recent:b": 5,
        "x#y": ours(),
    }
    cache = FakeCache(**{NAMED: ours(), f"{NAMED}#0123abcd": ours("other"), "#recent:a": 5, **stays})

    occupied = make_way(cache, [value("a", 0), value("a", 0, "other"), b"bad", None])

    assert cache.stored == stays
    assert occupied == set()


@pytest.mark.parametrize("stored", [b"theirs", b'{"_prep":1}', b"[1]", 5])
def test_foreign_values_stay(stored: object) -> None:
    """A value that is not Sluice's stays where it is, and its key is told."""
    cache = FakeCache(**{NAMED: stored})

    assert make_way(cache, [value("a", 0)]) == {NAMED}
    assert cache.stored == {NAMED: stored}


def test_a_cluster_that_is_still_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A node that cannot answer yet is asked again, and what it holds is not taken for another's value."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    monkeypatch.setattr("time.sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))
    cache = FakeCache(**{NAMED: ours()})
    cache.down = 3

    assert make_way(cache, [value("a", 0)]) == set()
    assert cache.stored == {}

    cache.down = 10_000
    with pytest.raises(redis.RedisError):
        make_way(cache, [value("a", 0)])


def test_the_cache_file_holds_this_run_alone(tmp_path: Path) -> None:
    """Only the records of this run's source are written, sorted by key."""
    cache = FakeCache(b=ours(), a=ours(), c=ours("other"), d=b"theirs")

    assert write_cache(cache, "0a0a0a0a", tmp_path / "cache.jsonl") == 2
    rows = [orjson.loads(line) for line in (tmp_path / "cache.jsonl").read_bytes().splitlines()]
    assert rows == [{"key": key, "ttl": 60, "value": {"_prep": {"source": "0a0a0a0a"}}} for key in "ab"]


def test_source_of_record() -> None:
    """A record of Sluice's names its source; nothing else does."""
    replies = [ours(), b'{"_prep":{"source":5}}', b"{}", None, ValueError()]

    assert [source_of_record(reply) for reply in replies] == ["0a0a0a0a", None, None, None, None]


def test_life_of_a_cluster() -> None:
    """The lives of all nodes together are a cluster's life, in whatever order they answer."""
    assert life(FakeCache()) == Life("1,2", 3)


def test_what_keys_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key holds a value for a time, or nothing, or what is no string; a server that is away for a moment is asked again."""
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    cache = FakeCache(a=b"v", other=5, expired=b"v")
    cache.gone = 2

    assert look(cache, ["a", "b", "other", "expired"]) == [
        Held(b"v", 60_000),
        Held(None, -2),
        Held(b"", 60_000),
        Held(None, -2),
    ]

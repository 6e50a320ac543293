"""What pretends to write in a dry run answers as the real thing would."""

from __future__ import annotations

from typing import Any

from hypothesis import given, strategies as st

from sluice.claim import Claim, CommandError, claim, withdraw
from sluice.replay.dry import DryCache, DryStore, DryTopic
from sluice.sinks.letter_store import LetterStore
from tests.fakes.bucket import FakeS3
from tests.fakes.cache import FakeCache
from tests.fakes.records import record


def store_of(s3: FakeS3) -> LetterStore:
    return LetterStore("letters", lambda: s3)


AGENTS, CONTENTS = st.sampled_from(("planner", "critic")), st.sampled_from(("a" * 32, "b" * 32, "c" * 32))
RECORDS = st.lists(
    st.tuples(st.integers(0, 5), AGENTS, CONTENTS, st.sampled_from(("0123abcd", "0badcafe"))), max_size=8
)


@given(RECORDS, RECORDS, RECORDS)
def test_the_cache_that_pretends(before: list[Any], first: list[Any], second: list[Any]) -> None:
    """Claims on it get the answers that the cache itself would give, and the cache is left as it was."""
    real, asked = FakeCache(), FakeCache()
    for cache in (real, asked):
        _claims(cache, before)
    entries, pretender = asked.keys(), DryCache(asked)

    assert [_claims(pretender, rows) for rows in (first, second)] == [
        _claims(real, rows) for rows in (first, second)
    ]
    assert asked.keys() == entries


def _claims(cache: Any, rows: list[Any]) -> list[Claim]:
    records = [record(offset, content, agent=agent, source=source) for offset, agent, content, source in rows]
    return claim(records, cache, 60, 1.0)


def test_the_cache_that_pretends_and_fails() -> None:
    """A cache that does not answer fails the claim, and one that holds another type is in nobody's way."""
    cache = FakeCache()
    cache.run = lambda commands, timeout: [CommandError("connection") for _ in commands]  # type: ignore[method-assign]
    assert claim([record(1)], DryCache(cache), 60, 1.0) == [Claim("failed", error="connection")]
    cache.run = lambda commands, timeout: [CommandError("WRONGTYPE", foreign=True) for _ in commands]  # type: ignore[method-assign]
    assert claim([record(1)], DryCache(cache), 60, 1.0) == [Claim("stored")]


def test_the_topic_and_the_store_that_pretend() -> None:
    """Everything is delivered and written, and nothing is anywhere."""
    s3 = FakeS3()
    s3.write("real", b"1")
    store = DryStore(store_of(s3), {"made": lambda: b"2"})
    one = record(1)

    assert DryTopic().send([one], 1.0).delivered == {one.origin_id}
    assert store.put("new", b"", None) is not None
    assert [key for key, stored in ((k, store.get(k)) for k in ("new", "made", "real")) if stored] == [
        "made",
        "real",
    ]
    assert [listed.key for listed in store.list("")] == ["real"]
    assert withdraw(one, DryCache(FakeCache()), 1.0)

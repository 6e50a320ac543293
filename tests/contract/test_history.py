"""The history's commands on every cache, the fake one too."""

from __future__ import annotations

import uuid
from collections.abc import Iterator

import pytest

from sluice.claim import CommandError, Commands
from sluice.history.compare import comparing
from sluice.history.store import HISTORY_PREFIX, recall, remember
from sluice.record import Record
from tests.fakes.cache import FakeCache
from tests.unit.history.rig import ALL, NOW, OTHER, TEXT, written

REAL = [pytest.param(name, marks=pytest.mark.integration) for name in ("standalone", "cluster")]


@pytest.fixture(params=["fake", *REAL])
def cache(request: pytest.FixtureRequest) -> Iterator[Commands]:
    """Every kind of cache, one after the other."""
    if request.param == "fake":
        yield FakeCache()
        return
    from tests.contract.valkey import opened, wait_for_cluster

    if request.param == "standalone":
        yield opened(request.getfixturevalue("valkey_url"))
    else:
        url = request.getfixturevalue("valkey_cluster_url")
        wait_for_cluster(url)
        yield opened(url, "cluster")


@pytest.fixture
def agent() -> str:
    """An agent that nobody else speaks of: the servers are shared."""
    return f"agent-{uuid.uuid4().hex}"


def through(cache: Commands, *records: Record) -> list[Record]:
    """Recall, compare and remember one batch; nothing may be missed."""
    assert recall(records, cache, 2.0, NOW) == 0
    for one in records:
        comparing("tag")(one)
        one.stored_key = one.cache_key
    assert remember(records, ALL, cache, 2.0) == 0
    return list(records)


def test_batch_after_batch(cache: Commands, agent: str) -> None:
    """What one batch wrote the next one reads: texts, counts and last values; a retry changes nothing."""
    through(
        cache,
        written(1, agent=agent),
        written(2, OTHER, agent=agent, region="eu"),
        written(3, agent=agent + "x"),
    )
    (again,) = through(cache, written(4, TEXT, agent=agent))
    key = HISTORY_PREFIX + agent
    before = cache.run([("HMGET", key, "state")], 2.0)
    through(cache, written(4, TEXT, agent=agent))

    assert again.history is not None
    assert again.history.state.profile.records == 2
    assert again.history.state.values == {"agent_output/1 region": "eu"}
    assert again.notes["near_duplicate"]["origin"] == "agent_raw_output-0-1"
    assert cache.run([("HMGET", key, "state")], 2.0) == before
    assert cache.run([("TTL", key)], 2.0)[0] in range(604_700, 604_801)


def test_newer_state_stays(cache: Commands, agent: str) -> None:
    """A state that another invocation wrote in the meantime is not overwritten."""
    one, other = written(1, agent=agent), written(1, OTHER, agent=agent, partition=1)
    for record in (one, other):
        recall([record], cache, 2.0, NOW)
        record.stored_key = record.cache_key
    assert remember([one], ALL, cache, 2.0) == remember([other], ALL, cache, 2.0) == 0
    (third,) = through(cache, written(2, agent=agent))

    assert third.history is not None
    assert third.history.state.profile.records == 1


def test_nothing_known(cache: Commands, agent: str) -> None:
    """An agent of whom nothing is known has an empty history, one whose key is somebody else's has none."""
    new, foreign = written(1, agent=agent), written(2, agent=agent + "x")
    cache.run([("LPUSH", HISTORY_PREFIX + foreign.agent_id, "x")], 2.0)
    assert recall([new, foreign], cache, 2.0, NOW) == 1

    assert new.history is not None
    assert new.history.state.profile.records == 0
    assert foreign.history is None


def test_another_type_is_not_written(cache: Commands, agent: str) -> None:
    """A key that became another type between read and write is left alone, and the failure is told."""
    record = written(1, agent=agent)
    recall([record], cache, 2.0, NOW)
    record.stored_key = record.cache_key
    cache.run([("LPUSH", HISTORY_PREFIX + agent, "x")], 2.0)

    assert remember([record], ALL, cache, 2.0) == 1
    assert isinstance(cache.run([("HMGET", HISTORY_PREFIX + agent, "state")], 2.0)[0], CommandError)

"""A cluster of two nodes: who is asked for what, while slots move and when a node is gone."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from functools import partial

import pytest
from redis.crc import key_slot

from sluice.claim import Claim, Command, Commands, claim, withdraw
from sluice.record import Record
from sluice.sinks.cache import ClusterCache
from tests.contract.valkey import LAST_SLOT, Valkey, opened, two_nodes, until
from tests.fakes.records import record

pytestmark = pytest.mark.integration

A, B = "a" * 32, "b" * 32
STORED, TTL = Claim("stored"), 100
HALF = LAST_SLOT // 2
Pair = tuple[Valkey, Valkey]


@pytest.fixture
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    """Two nodes, the lower half of the slots with the first."""
    folder, options = (
        tmp_path_factory.mktemp("two"),
        {"cluster-enabled": "yes", "cluster-node-timeout": "1000"},
    )
    with Valkey(folder / "first", **options) as first, Valkey(folder / "second", **options) as second:
        two_nodes(first, second)
        yield first, second


@pytest.fixture
def cache(nodes: Pair) -> Commands:
    return opened(nodes[0].url, "cluster")


def slot_of(one: Record) -> int:
    return key_slot(one.cache_key.encode())


def records() -> list[Record]:
    """Return records of both halves of the slots."""
    batch = [record(place, A, agent=f"agent-{place}") for place in range(40)]
    assert {slot_of(one) <= HALF for one in batch} == {True, False}
    return batch


def claimed(cache: Commands, batch: list[Record]) -> list[Claim]:
    return claim(batch, cache, TTL, 3.0)


def all_stored(cache: Commands, batch: list[Record]) -> bool:
    return claimed(cache, batch) == [STORED] * len(batch)


def calls(node: Valkey, command: str) -> int:
    stats = node.admin.info("commandstats")
    return int(stats.get(f"cmdstat_{command}", {}).get("calls", 0))


def ids(nodes: Pair) -> tuple[str, str]:
    first, second = (node.do("CLUSTER", "MYID").decode() for node in nodes)
    return first, second


def hand_over(nodes: Pair, slot: int) -> None:
    """Give one slot of the first node to the second, keys and all; clients are not told."""
    first, second = nodes
    start_handing_over(nodes, slot)
    _, theirs = ids(nodes)
    finish_keys(nodes, slot)
    for node in (second, first):
        node.do("CLUSTER", "SETSLOT", slot, "NODE", theirs)


def start_handing_over(nodes: Pair, slot: int) -> None:
    first, second = nodes
    mine, theirs = ids(nodes)
    second.do("CLUSTER", "SETSLOT", slot, "IMPORTING", mine)
    first.do("CLUSTER", "SETSLOT", slot, "MIGRATING", theirs)


def finish_keys(nodes: Pair, slot: int) -> None:
    first, second = nodes
    keys = first.do("CLUSTER", "GETKEYSINSLOT", slot, 1_000)
    if keys:
        first.do("MIGRATE", "127.0.0.1", second.port, "", 0, 5_000, "KEYS", *keys)


def test_each_node_is_asked_for_its_own(nodes: Pair, cache: Commands) -> None:
    """Every node gets the commands of its slots and no others: nobody is redirected."""
    batch = records()

    assert all_stored(cache, batch)
    low = sum(slot_of(one) <= HALF for one in batch)
    assert [calls(node, "set") for node in nodes] == [low, len(batch) - low]
    assert [node.admin.info("errorstats").get("errorstat_MOVED") for node in nodes] == [None, None]


def test_index_and_withdrawal_go_to_their_key(nodes: Pair, cache: Commands) -> None:
    """Scripts go to the node of their key, which is not that of their text."""
    batch = records()
    assert all_stored(cache, batch)

    agents: list[Command] = [("ZRANGE", f"#recent:agent-{place}", 0, -1) for place in range(40)]
    assert cache.run(agents, 1.0) == [[one.timestamp.encode()] for one in batch]
    assert all(withdraw(one, cache, 1.0) for one in batch)
    assert cache.run([("GET", one.cache_key) for one in batch], 1.0) == [None] * len(batch)


def test_moved(nodes: Pair, cache: Commands) -> None:
    """A slot that moved costs one redirect; the answer is the new node's, of this command and no other."""
    batch = records()
    assert all_stored(cache, batch)
    moved = [one for one in batch if slot_of(one) <= HALF][:5]
    for one in moved:
        hand_over(nodes, slot_of(one))

    # Each is mine, by the very reply of SET … GET through the client.
    assert all_stored(cache, records())
    twice = [record(place + 100, A, agent=f"agent-{place}") for place in range(40)]
    assert {one.verdict for one in claimed(cache, twice)} == {"duplicate"}
    others = [record(place + 200, B, agent=f"agent-{place}") for place in range(40)]
    assert all_stored(cache, others)
    assert all(one.conflict for one in others)
    assert cache.run([("GET", one.cache_key) for one in batch], 1.0) == [one.value for one in batch]


def test_moved_and_empty(nodes: Pair, cache: Commands) -> None:
    """A first claim that is redirected is stored on the new node, with its end."""
    batch = records()
    cache.run([("GET", "x")], 1.0)
    one = next(one for one in batch if slot_of(one) <= HALF)
    hand_over(nodes, slot_of(one))

    assert all_stored(cache, batch)
    assert 0 < nodes[1].do("TTL", one.cache_key) <= TTL


def test_map_is_learnt(nodes: Pair, cache: Commands) -> None:
    """What was redirected once goes to its node by itself from then on."""
    batch = records()
    assert all_stored(cache, batch)
    one = next(one for one in batch if slot_of(one) <= HALF)
    hand_over(nodes, slot_of(one))
    assert all_stored(cache, [one])
    redirects = nodes[0].admin.info("errorstats")["errorstat_MOVED"]["count"]

    assert all_stored(cache, [one])
    assert nodes[0].admin.info("errorstats")["errorstat_MOVED"]["count"] == redirects


def test_ask(nodes: Pair, cache: Commands) -> None:
    """While a slot is handed over, what is gone already is asked of the new node, what is not of the old."""
    batch = records()
    assert all_stored(cache, batch)
    gone, new = [one for one in batch if slot_of(one) <= HALF][:2]
    start_handing_over(nodes, slot_of(gone))
    finish_keys(nodes, slot_of(gone))
    withdraw(new, cache, 1.0)
    start_handing_over(nodes, slot_of(new))

    assert all_stored(cache, records())
    assert cache.run([("GET", one.cache_key) for one in batch], 1.0) == [one.value for one in batch]
    assert "errorstat_ASK" in nodes[0].admin.info("errorstats")


def test_one_node_gone(nodes: Pair, cache: Commands) -> None:
    """When a node is gone its records fail and the others are stored; when it is back, the rest is."""
    batch = records()
    assert all_stored(cache, batch)
    nodes[1].kill()

    claims = claimed(cache, batch)
    assert [one == STORED for one in claims] == [slot_of(one) <= HALF for one in batch]
    assert {one.error for one in claims} == {"", "connection"}
    nodes[1].start()
    until(partial(all_stored, cache, batch))


def test_start_node_gone(nodes: Pair) -> None:
    """A client that knows the cluster goes on when the node that it began with is gone for its slots only."""
    cache = opened(nodes[0].url, "cluster")
    assert isinstance(cache, ClusterCache)
    batch = records()
    assert all_stored(cache, batch)
    nodes[0].signal(signal.SIGSTOP)

    claims = claimed(cache, batch)
    nodes[0].signal(signal.SIGCONT)
    assert {one == STORED for one, of in zip(claims, batch, strict=True) if slot_of(of) > HALF} == {True}
    until(partial(all_stored, cache, batch))

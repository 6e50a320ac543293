"""What a real cache does when it fails, and that no reply of one run is ever another's."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from sluice.claim import Claim, CommandError, Commands, claim
from sluice.lookup import look_up
from sluice.record import Record
from tests.contract.proxy import Proxy
from tests.contract.valkey import LAST_SLOT, Valkey, opened, until, wait_for_cluster
from tests.fakes.records import WHEN, record

pytestmark = pytest.mark.integration

A, B = "a" * 32, "b" * 32
STORED, TTL = Claim("stored"), 100
LOADS_SLOWLY = {"enable-debug-command": "yes", "loading-process-events-interval-bytes": "1024"}


@pytest.fixture(scope="module", params=["standalone", "cluster"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A server of the module's own, alone or a cluster of one."""
    cluster = {"cluster-enabled": "yes"} if request.param == "cluster" else {}
    with Valkey(tmp_path_factory.mktemp(request.param), **LOADS_SLOWLY, **cluster) as one:
        one.mode = request.param
        if cluster:
            one.do("CLUSTER", "ADDSLOTSRANGE", 0, LAST_SLOT)
            wait_for_cluster(one.url)
        yield one


@pytest.fixture
def cache(server: Valkey) -> Commands:
    """A client of the server, which is empty."""
    server.do("FLUSHALL")
    return opened(server.url, server.mode)


def records(size: int = 4, content: str = A) -> list[Record]:
    return [record(place, content, agent=f"agent-{place}") for place in range(size)]


def claimed(cache: Commands, batch: Sequence[Record], timeout: float = 3.0) -> list[Claim]:
    return claim(batch, cache, TTL, timeout)


def all_stored(cache: Commands, batch: Sequence[Record]) -> bool:
    return claimed(cache, batch) == [STORED] * len(batch)


def check_replies(cache: Commands, batch: Sequence[Record]) -> None:
    """Each key answers with its own record: no reply of an earlier run is in the way."""
    replies = cache.run([("GET", one.cache_key) for one in batch], 2.0)

    assert replies == [one.value for one in batch]


def errors(replies: Sequence[Any]) -> set[str]:
    return {reply.kind if isinstance(reply, CommandError) else "none" for reply in replies}


def test_out_of_memory(server: Valkey, cache: Commands) -> None:
    """A full cache refuses the claims, reads go on, and once there is room the same client stores."""
    cache.run([("GET", "x")], 1.0)
    server.do("CONFIG", "SET", "maxmemory", 1)
    try:
        assert {one.error for one in claimed(cache, records())} == {"OutOfMemoryError"}
        assert cache.run([("GET", "x")], 1.0) == [None]
    finally:
        server.do("CONFIG", "SET", "maxmemory", 0)

    assert all_stored(cache, records())


def test_no_permission(server: Valkey, cache: Commands) -> None:
    """A user without the right to write gets refusals, one a command, and no broken connection."""
    server.do(
        "ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection", "+cluster", "+command"
    )
    url = server.url.replace("redis://", "redis://reader:secret@")
    claimed(cache, records())
    reader = opened(url, server.mode)

    assert {one.error for one in claimed(reader, records())} == {"NoPermissionError"}
    check_replies(reader, records())


def test_lookup_needs_no_more_than_reading(server: Valkey, cache: Commands) -> None:
    """A user who may only read finds one record and the newest ones."""
    server.do(
        "ACL", "SETUSER", "reader", "on", ">secret", "~*", "+@read", "+@connection", "+cluster", "+command"
    )
    claimed(cache, records())
    reader = opened(server.url.replace("redis://", "redis://reader:secret@"), server.mode)

    assert look_up({"agent_id": "agent-1", "timestamp": WHEN}, reader, 1.0)["statusCode"] == 200
    assert look_up({"agent_id": "agent-1", "latest": 3}, reader, 1.0)["statusCode"] == 200
    assert look_up({"agent_id": "agent-9", "latest": 3}, reader, 1.0)["statusCode"] == 404


def test_wrong_password(server: Valkey) -> None:
    """A refused login fails every command, as a value."""
    url = server.url.replace("redis://", "redis://nobody:wrong@")

    assert {one.error for one in claimed(opened(url, server.mode), records())} == {"connection"}


def test_loading(server: Valkey, cache: Commands) -> None:
    """A server that loads its data fails the commands; when it is done, the same client goes on."""
    claimed(cache, records())
    server.do("DEBUG", "POPULATE", 300, "ballast", 1_000)
    server.do("CONFIG", "SET", "key-load-delay", 3_000)
    loader: Any = server.admin.connection_pool.get_connection()
    loader.send_command("DEBUG", "RELOAD")
    seen: list[str] = []
    deadline = time.monotonic() + 20
    while "none" not in seen[-1:] and time.monotonic() < deadline:
        seen += errors(cache.run([("GET", "agent-0:" + WHEN)], 0.5))
        time.sleep(0.02)
    loader.disconnect()
    server.do("CONFIG", "SET", "key-load-delay", 0)

    assert "connection" in seen
    assert all_stored(cache, records())
    check_replies(cache, records())


def test_idle_connection_is_cut(server: Valkey, cache: Commands) -> None:
    """A connection that the server cut while it was idle, as after a freeze, costs nothing: the next run works."""
    assert all_stored(cache, records())
    server.do("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    time.sleep(0.05)

    check_replies(cache, records())


def test_killed_and_started_again(server: Valkey, cache: Commands) -> None:
    """While the server is gone every claim fails; when it is back, empty, the same client stores again."""
    assert all_stored(cache, records())
    server.kill()
    assert {one.error for one in claimed(cache, records())} == {"connection"}
    server.start()
    if server.mode == "cluster":
        server.do("CLUSTER", "ADDSLOTSRANGE", 0, LAST_SLOT) if _slots(server) == 0 else None
        # Longer than the two seconds in which a node that came back says CLUSTERDOWN.
        until(lambda: all_stored(cache, records()), 10)

    assert all_stored(cache, records())
    check_replies(cache, records())


def _slots(server: Valkey) -> int:
    return len(server.do("CLUSTER", "SLOTS"))


def test_paused(server: Valkey, cache: Commands) -> None:
    """Replies that come after the time-out are nobody's: the connection is closed, the next run reads its own."""
    assert all_stored(cache, records())
    server.signal(signal.SIGSTOP)
    try:
        began = time.monotonic()
        late = claimed(cache, records(4, B), 0.2)
        assert time.monotonic() - began < 6
    finally:
        server.signal(signal.SIGCONT)

    assert {one.error for one in late} == {"connection"}
    until(lambda: all_stored(cache, records(4, A)))
    check_replies(cache, records(4, A))


@pytest.fixture(scope="module")
def lone(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """A standalone server behind whose proxy the next tests stand."""
    with Valkey(tmp_path_factory.mktemp("lone")) as one:
        yield one


def test_half_read_replies(lone: Valkey) -> None:
    """Wherever a reply is cut, what was read whole counts, the rest failed, and the next run reads its own replies."""
    with Proxy(lone.port) as proxy:
        cache = opened(f"redis://127.0.0.1:{proxy.port}")
        batch = records(3)
        whole = len(b"$-1\r\n" * 3)
        for cut in range(whole):
            lone.do("FLUSHALL")
            proxy.cut()
            # The client tells its name first: those replies are counted, too.
            proxy.cut_after = _greeting(lone) + cut + 1
            claims = claimed(cache, batch)
            stored = sum(one == STORED for one in claims)
            assert stored == (cut + 1) // 5
            assert claims[stored:] == [Claim("failed", error="connection")] * (3 - stored)
            proxy.cut_after = None
            assert all_stored(cache, batch)
            check_replies(cache, batch)


def _greeting(server: Valkey) -> int:
    """Count the bytes of replies that a client reads before its first command's."""
    with Proxy(server.port) as proxy:
        for size in range(1, 200):
            proxy.cut_after = size
            if opened(f"redis://127.0.0.1:{proxy.port}").run([("PING", "x")], 1.0) == [b"x"]:
                return size - len(b"$1\r\nx\r\n")
    raise AssertionError("the greeting is longer than that")


def test_half_read_large_reply(lone: Valkey) -> None:
    """A large reply that is cut in its middle is no reply, and leaves nothing behind."""
    with Proxy(lone.port) as proxy:
        cache = opened(f"redis://127.0.0.1:{proxy.port}")
        batch = [record(place, A, agent=f"agent-{place}", padding=100_000) for place in range(3)]
        claimed(cache, batch)
        for cut in (10, 50_000, 100_200, 150_000, 250_000):
            proxy.cut()
            proxy.cut_after = cut
            replies = cache.run([("GET", one.cache_key) for one in batch], 1.0)
            for one, reply in zip(batch, replies, strict=True):
                assert isinstance(reply, CommandError) or reply == one.value
            assert isinstance(replies[-1], CommandError)
            proxy.cut_after = None
            check_replies(cache, batch)


def test_cut_while_frozen(lone: Valkey) -> None:
    """A connection that died in a freeze, both ends gone, is replaced without a failed claim."""
    with Proxy(lone.port) as proxy:
        cache = opened(f"redis://127.0.0.1:{proxy.port}")
        assert all_stored(cache, records())
        proxy.cut()
        time.sleep(0.05)

        assert all_stored(cache, records())
        assert proxy.connections == 2


def test_read_only_after_a_failover(lone: Valkey, tmp_path: Path) -> None:
    """A primary that became a replica is left for the new one: the address is asked again."""
    with Valkey(tmp_path / "new") as new, Proxy(lone.port) as proxy:
        cache = opened(f"redis://127.0.0.1:{proxy.port}")
        assert all_stored(cache, records())
        lone.do("REPLICAOF", "127.0.0.1", new.port)
        try:
            proxy.target = new.port
            assert {one.error for one in claimed(cache, records(4, B))} == {"ReadOnlyError"}
            assert all_stored(cache, records())
        finally:
            lone.do("REPLICAOF", "NO", "ONE")


def test_nobody_listens(server: Valkey, lone: Valkey) -> None:
    """An address where nobody listens fails every command, at once."""
    with Proxy(lone.port) as proxy:
        port = proxy.port
    began = time.monotonic()

    replies = opened(f"redis://127.0.0.1:{port}", server.mode).run([("GET", "x")] * 3, 1.0)
    assert errors(replies) == {"connection"}
    assert time.monotonic() - began < 6


def test_answers_nothing(tmp_path: Path) -> None:
    """A server that takes connections and says nothing fails within the time-out."""
    with Valkey(tmp_path / "mute") as mute:
        cache = opened(mute.url, timeout=0.3)
        mute.signal(signal.SIGSTOP)
        began = time.monotonic()

        assert errors(cache.run([("GET", "x")] * 3, 0.3)) == {"connection"}
        assert time.monotonic() - began < 6
        mute.signal(signal.SIGCONT)
        until(partial(_works, cache))


def _works(cache: Commands) -> bool:
    return cache.run([("GET", "x")], 0.3) == [None]

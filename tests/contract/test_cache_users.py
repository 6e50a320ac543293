"""The users of the cache, on a real server and through the real sinks: what each may do, and what not."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator

import pytest

from infra.cache_users import READER_ACCESS, WRITER_ACCESS
from sluice.claim import INDEX_PREFIX, Claim, Command, CommandError, Commands, claim, withdraw
from sluice.lookup import CacheUnavailableError, look_up
from sluice.settings import CacheSettings
from sluice.sinks.cache import open_cache
from tests.contract.valkey import LAST_SLOT, Valkey, wait_for_cluster
from tests.fakes.records import record

pytestmark = pytest.mark.integration

A, B, C, TTL = "a" * 32, "b" * 32, "c" * 32, 100
EARLY = "2026-11-23T08:15:00Z"
CLUSTER_ONLY = {"+cluster|slots", "+command"}


class Server(Valkey):
    """A server that lets users in."""

    def user(self, access: str) -> Commands:
        """Make a user of this access and return a client that has logged in as it."""
        name, port = f"user-{uuid.uuid4().hex[:8]}", self.port
        self.do("ACL", "SETUSER", name, ">secret", *access.split())
        url = f"redis://{name}:secret@127.0.0.1:{port}"
        return open_cache(CacheSettings(url, "cluster" if self.mode == "cluster" else "standalone", TTL), 3.0)

    def refusals(self) -> list[str]:
        """Return what users were refused since the last call."""
        found = {entry[b"object"].decode() for entry in self.do("ACL", "LOG")}
        self.do("ACL", "LOG", "RESET")
        return sorted(found)


@pytest.fixture(scope="module", params=["standalone", "cluster"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of each mode, one after the other."""
    folder = tmp_path_factory.mktemp(request.param)
    if request.param == "standalone":
        with Server(folder) as one:
            yield one
        return
    with Server(folder, **{"cluster-enabled": "yes"}) as one:
        one.mode = "cluster"
        one.do("CLUSTER", "ADDSLOTSRANGE", 0, LAST_SLOT)
        wait_for_cluster(one.url)
        yield one


@pytest.fixture
def agent() -> str:
    """An agent that no other test speaks of."""
    return f"agent-{uuid.uuid4().hex}"


def writes(cache: Commands, agent: str) -> bool:
    """Do all that preprocess does to the cache; tell whether everything came out as it should."""
    first, other, last = (record(1, A, agent=agent), record(2, B, agent=agent), record(4, C, agent=agent))
    stored = Claim("stored")
    steps: list[Callable[[], bool]] = [
        lambda: claim([first, other], cache, TTL, 2.0) == [stored, stored],
        lambda: claim([record(3, A, agent=agent)], cache, TTL, 2.0)[0].verdict == "duplicate",
        lambda: claim([record(1, A, agent=agent, padding=9)], cache, TTL, 2.0) == [stored],
        lambda: claim([last], cache, TTL, 2.0) == [stored] and withdraw(last, cache, 2.0),
    ]
    return all(step() for step in steps)


def reads(cache: Commands, agent: str) -> bool:
    """Do all that lookup does to the cache; tell whether it found what `writes` left."""
    try:
        one = look_up({"agent_id": agent, "timestamp": EARLY}, cache, 2.0)
        beside = look_up({"agent_id": agent, "timestamp": "2026-11-23T08:15:01Z"}, cache, 2.0)
        latest = look_up({"agent_id": agent, "latest": 5}, cache, 2.0)
    except CacheUnavailableError:
        return False
    return (
        one["record"]["_prep"]["content"] == A
        and beside["statusCode"] == 404
        and {found["_prep"]["content"] for found in latest["records"]} == {A, B}
    )


def refused(cache: Commands, *commands: Command) -> list[bool]:
    """Tell of each command whether the server refused it for want of permission."""
    replies = [cache.run([command], 2.0)[0] for command in commands]
    return [isinstance(reply, CommandError) and reply.kind == "NoPermissionError" for reply in replies]


def indexed(server: Server, agent: str) -> bool:
    members = server.do("ZRANGE", INDEX_PREFIX + agent, 0, -1)
    ends = server.do("TTL", INDEX_PREFIX + agent)
    return len(members) >= 2 and 0 < ends <= TTL


def test_what_they_do(server: Server, agent: str) -> None:
    """The writer does preprocess's work and the reader finds it, and neither asks for more than it may."""
    server.refusals()

    assert writes(server.user(WRITER_ACCESS), agent)
    assert indexed(server, agent)
    assert reads(server.user(READER_ACCESS), agent)
    assert server.refusals() == []


def words(access: str) -> list[str]:
    return [word for word in access.split() if word.startswith("+")]


def without(access: str, word: str) -> str:
    return " ".join(part for part in access.split() if part != word)


@pytest.mark.parametrize("word", words(WRITER_ACCESS))
def test_the_writer_needs_all_that_it_has(server: Server, agent: str, word: str) -> None:
    """Each command of the writer's is one without which its work fails, some in cluster mode only."""
    less = server.user(without(WRITER_ACCESS, word))
    done = writes(less, agent) and indexed(server, agent)

    assert done == (word in CLUSTER_ONLY and server.mode == "standalone")


@pytest.mark.parametrize("word", words(READER_ACCESS))
def test_the_reader_needs_all_that_it_has(server: Server, agent: str, word: str) -> None:
    """Each command of the reader's is one without which its work fails, some in cluster mode only."""
    assert writes(server.user(WRITER_ACCESS), agent)
    less = server.user(without(READER_ACCESS, word))

    assert reads(less, agent) == (word in CLUSTER_ONLY and server.mode == "standalone")


KEY = "agent:2026"
NEITHER: list[Command] = [
    ("FLUSHALL", KEY),
    ("FLUSHDB", KEY),
    ("KEYS", "*"),
    ("SCAN", "0"),
    ("CONFIG", "GET", "*"),
    ("ACL", "LIST"),
    ("CLIENT", "LIST"),
    ("MONITOR",),
    ("SHUTDOWN", KEY),
    ("RENAME", KEY, "a:b"),
    ("DUMP", KEY),
    ("PERSIST", KEY),
    ("PUBLISH", "channel", "x"),
]
WRITES: list[Command] = [
    ("SET", KEY, "x"),
    ("SET", KEY, "x", "NX", "GET", "EX", 9),
    ("DEL", KEY),
    ("EXPIRE", KEY, 9),
    ("ZADD", "#recent:agent", 1, "x"),
    ("EVAL", "return redis.call('GET',KEYS[1])", 1, KEY),
]
NOT_OURS: list[Command] = [("GET", "plain"), ("SET", "plain", "x", "EX", 9), ("DEL", "#plain")]


@pytest.mark.parametrize("access", [WRITER_ACCESS, READER_ACCESS], ids=["writer", "reader"])
def test_what_neither_may(server: Server, access: str) -> None:
    """Nobody empties, lists, moves or watches the cache, changes its configuration, or touches a key without a colon."""
    forbidden = NEITHER + NOT_OURS

    assert refused(server.user(access), *forbidden) == [True] * len(forbidden)


def test_the_reader_does_not_write(server: Server) -> None:
    """Whatever writes is refused to the reader, scripts as a whole among it."""
    assert refused(server.user(READER_ACCESS), *WRITES) == [True] * len(WRITES)


def test_a_script_may_no_more_than_its_user(server: Server, agent: str) -> None:
    """The writer's scripts are held to the writer's commands and keys."""
    cache = server.user(WRITER_ACCESS)
    inside = ["redis.call('FLUSHALL')", "redis.call('KEYS','*')", "redis.call('INCR',KEYS[1])"]
    server.refusals()
    replies = cache.run([("EVAL", script, 1, f"{agent}:x") for script in inside], 2.0)

    assert all(isinstance(reply, CommandError) for reply in replies)
    assert server.refusals() == ["flushall", "incr", "keys"]


def test_keys_of_features_to_come(server: Server, agent: str) -> None:
    """The writer's keys include internal ones, `#name:…`, which the reader reads as well."""
    key = f"#some:{agent}"

    assert server.user(WRITER_ACCESS).run([("SET", key, "x", "EX", 9)], 2.0) == [b"OK"]
    assert server.user(READER_ACCESS).run([("GET", key)], 2.0) == [b"x"]


def test_wrong_password(server: Server) -> None:
    """A user that is not let in is a failed connection, so a retry, and never an exception."""
    url = f"redis://nobody:wrong@127.0.0.1:{server.port}"
    mode = "cluster" if server.mode == "cluster" else "standalone"
    (reply,) = open_cache(CacheSettings(url, mode, TTL), 2.0).run([("GET", KEY)], 2.0)  # type: ignore[arg-type]

    assert isinstance(reply, CommandError)
    assert reply.kind == "connection"


@pytest.mark.parametrize("access", [WRITER_ACCESS, READER_ACCESS], ids=["writer", "reader"])
def test_what_elasticache_takes(access: str) -> None:
    """The strings switch the user on, start from no command at all, and hold no password and no `reset`."""
    first, keys, nothing, *commands = access.split()

    assert (first, keys.endswith("~*:*"), nothing) == ("on", True, "-@all")
    assert commands == [word for word in commands if word.startswith("+") and "@" not in word]

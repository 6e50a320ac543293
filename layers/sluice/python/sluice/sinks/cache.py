"""Run commands on the cache: one packed round trip a node, every reply read, errors as values."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import hiredis
import redis
from redis._parsers.hiredis import NOT_ENOUGH_DATA
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import (
    ReadOnlyError,
    RedisClusterException,
    RedisError,
    ResponseError,
)
from redis.retry import Retry

from sluice.claim import Command, CommandError, Reply

if TYPE_CHECKING:
    from sluice.claim import Commands
    from sluice.settings import CacheSettings

_WRONG_TYPE: Final = "WRONGTYPE"
_REDIRECTS: Final = frozenset({"MovedError", "AskError"})
# Commands to a block; one block for all would hold a batch of 6 MB a second time.
_BLOCK: Final = 256
_CONNECTION: Final = CommandError("connection")


def open_cache(settings: CacheSettings, timeout: float) -> Commands:
    """Build the client that the settings ask for; nothing connects before the first command.

    `timeout` in seconds bounds writing, and a quarter of it connecting to one address. Retries are the caller's: the
    library's own ten would eat the function's time in one outage.
    """
    options: dict[str, Any] = {
        "socket_timeout": timeout,
        # A name may have several addresses, each of which is tried for so long.
        "socket_connect_timeout": timeout / 4,
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
        # No CLIENT SETINFO: two commands a connection, which the cache's users need not be allowed.
        "driver_info": None,
    }
    if settings.iam is None:
        return _connect(settings, options)
    from sluice.sinks.cache_iam import IamPassword, RenewedCache  # noqa: PLC0415  # botocore is slow to load

    options["credential_provider"] = IamPassword(settings.iam)
    return RenewedCache(partial(_connect, settings, options))


def _connect(settings: CacheSettings, options: dict[str, Any]) -> StandaloneCache | ClusterCache:
    if settings.mode == "cluster":
        return ClusterCache(settings.url, options)
    return StandaloneCache(redis.ConnectionPool.from_url(settings.url, **options))


class StandaloneCache:
    """A cache behind one address."""

    def __init__(self, pool: redis.ConnectionPool) -> None:
        """Keep the pool; its connections outlive the invocation."""
        self._pool = pool

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        """Return one reply or CommandError a command, in order; `timeout` is in seconds for all of it."""
        return _exchange(self._pool, commands, time.monotonic() + timeout)

    def close(self) -> None:
        """Close the connections; the next command opens one."""
        self._pool.disconnect()


class ClusterCache:
    """A cache in cluster mode, as ElastiCache Serverless is.

    `RedisCluster.pipeline` costs 47 µs a command against 12 for commands packed by hiredis, so the
    commands are grouped by node and packed here; the client keeps the map of the slots.
    """

    def __init__(self, url: str, options: dict[str, Any]) -> None:
        """Keep the address; the map of the slots is read on the first command."""
        self._url = url
        self._options = options
        self._client: redis.RedisCluster | None = None

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        """Return one reply or CommandError a command, in order; redirects go once through the client.

        `timeout` is in seconds for all of it, but for the client's own connecting.
        """
        end = time.monotonic() + timeout
        try:
            client = self._client = self._client or _connect_cluster(self._url, self._options)
            groups = _by_node(client, commands)
        except (RedisError, RedisClusterException, OSError):
            self._client = None
            return [_CONNECTION] * len(commands)
        replies: list[Reply | CommandError] = [_CONNECTION] * len(commands)
        for node, indexes in groups.items():
            pool = client.get_redis_connection(node).connection_pool
            answers = _exchange(pool, [commands[index] for index in indexes], end)
            for index, answer in zip(indexes, answers, strict=True):
                replies[index] = answer
        _follow(client, commands, replies, end)
        if any(reply is _CONNECTION for reply in replies):
            self.close()  # a node is gone: read the map of the slots anew
        return replies

    def close(self) -> None:
        """Close the connections; the next command reads the map of the slots anew."""
        client, self._client = self._client, None
        if client is not None:
            # Its `close` leaves the nodes' sockets to the garbage collector, which rarely comes.
            client.disconnect_connection_pools()  # type: ignore[no-untyped-call]


def _follow(
    client: redis.RedisCluster,
    commands: Sequence[Command],
    replies: list[Reply | CommandError],
    end: float,
) -> None:
    """Follow the redirects until the time is up or a node does not answer: each may wait for it in vain."""
    alive = True
    for index, reply in enumerate(replies):
        if isinstance(reply, CommandError) and reply.kind in _REDIRECTS:
            alive = alive and time.monotonic() < end
            replies[index] = _through_client(client, commands[index]) if alive else _CONNECTION
            alive = alive and replies[index] is not _CONNECTION


def _connect_cluster(url: str, options: dict[str, Any]) -> redis.RedisCluster:
    return redis.RedisCluster.from_url(url, require_full_coverage=False, **options)


def _by_node(client: redis.RedisCluster, commands: Sequence[Command]) -> dict[Any, Sequence[int]]:
    primaries: list[Any] = client.get_primaries()  # type: ignore[no-untyped-call]
    if len(primaries) == 1:
        return {primaries[0]: range(len(commands))}
    groups: defaultdict[Any, list[int]] = defaultdict(list)
    for index, command in enumerate(commands):
        slot = key_slot(_key(command))
        groups[client.nodes_manager.get_node_from_slot(slot)].append(index)
    return dict(groups)


def _key(command: Command) -> bytes:
    key = command[3] if command[0] == "EVAL" else command[1]
    return key.encode() if isinstance(key, str) else bytes(key)  # type: ignore[arg-type]


def _through_client(client: redis.RedisCluster, command: Command) -> Reply | CommandError:
    try:
        # Without get=True the client's SET callback turns what GET answered into a bool.
        options = {"get": True} if "GET" in command else {}
        reply: Reply = client.execute_command(*command, **options)  # type: ignore[no-untyped-call]
    except ResponseError as error:
        return _refused(error)
    except (RedisError, RedisClusterException, OSError):
        return _CONNECTION
    return reply


def _exchange(
    pool: redis.ConnectionPool, commands: Sequence[Command], end: float
) -> list[Reply | CommandError]:
    """Send all commands at once and read every reply up to `end`; a connection not fully read is closed."""
    replies: list[Reply | CommandError] = []
    sound = True
    if not commands:
        return replies
    try:
        connection: Any = pool.get_connection()
    except (RedisError, OSError):
        return [_CONNECTION] * len(commands)
    try:
        connection.send_packed_command(_packed(commands), check_health=False)
        for reply in _replies(connection, len(commands), end):
            if isinstance(reply, ResponseError):
                # A primary that became a replica keeps its connections: only a new one finds the new primary.
                sound = sound and not isinstance(reply, ReadOnlyError)
                reply = _refused(reply)
            replies.append(reply)
    except (RedisError, OSError):
        pass  # what was not answered is filled in below, and retried by the caller
    finally:
        if not sound or len(replies) != len(commands):
            connection.disconnect()
        pool.release(connection)
    return replies + [_CONNECTION] * (len(commands) - len(replies))


def _replies(connection: Any, count: int, end: float) -> Iterator[Any]:
    """Yield so many replies, errors of the server among them; raise what ends the connection.

    Straight from the connection's parser: the library's own way to a reply is five calls deep, which
    is 1 µs of the 4 that a record's command costs.
    """
    parser = connection._parser  # noqa: SLF001 -- see above
    gets = parser._reader.gets  # noqa: SLF001
    for _ in range(count):
        while (reply := gets(False)) is NOT_ENOUGH_DATA:
            parser.read_from_socket(timeout=_left(end))
        if isinstance(reply, RedisError) and not isinstance(reply, ResponseError):
            raise reply
        yield reply


def _left(end: float) -> float:
    # Never 0, which would mean "do not wait", nor less: what has arrived already is still read.
    return max(0.001, end - time.monotonic())


def _packed(commands: Sequence[Command]) -> list[bytes]:
    """Return the commands as they are sent, joined to blocks: a third less than the library's own packing."""
    pack: Any = hiredis.pack_command  # its stub says: a tuple of one
    packed = list(map(pack, commands))
    return [b"".join(packed[at : at + _BLOCK]) for at in range(0, len(packed), _BLOCK)]


def _refused(error: ResponseError) -> CommandError:
    # The library takes the code off the errors it has a class for.
    code = str(error).partition(" ")[0]
    kind = code if type(error) is ResponseError else type(error).__name__
    return CommandError(kind, foreign=kind == _WRONG_TYPE)

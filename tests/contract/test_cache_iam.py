"""A user of IAM on a real server, played by one that knows the very token: how it logs in, and in again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from itertools import count
from pathlib import Path

import pytest

from infra.cache_users import WRITER_ACCESS
from sluice.claim import CommandError, Commands
from sluice.settings import CacheSettings, IamUser
from sluice.sinks import cache_iam
from sluice.sinks.aws_token import Token
from sluice.sinks.cache import open_cache
from tests.contract.valkey import LAST_SLOT, Valkey, wait_for_cluster
from tests.fakes.role import forget

pytestmark = pytest.mark.integration

USER = IamUser("sluice-writer", "agents", serverless=True, region="eu-central-1")
MINUTE = 60.0


class Clock:
    """The wall's clock, as it stands for tokens and connections."""

    now = 1_763_900_000.0


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that the test moves."""
    wall = Clock()
    for name in ("IamPassword", "RenewedCache"):
        made = partial(getattr(cache_iam, name), clock=lambda: wall.now)
        monkeypatch.setattr(cache_iam, name, made)
    return wall


@pytest.fixture(params=["standalone", "cluster"])
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Valkey]:
    """A server of each mode."""
    cluster = request.param == "cluster"
    with Valkey(tmp_path, **({"cluster-enabled": "yes"} if cluster else {})) as one:
        one.mode = request.param
        if cluster:
            one.do("CLUSTER", "ADDSLOTSRANGE", 0, LAST_SLOT)
            wait_for_cluster(one.url)
        yield one


def opened(server: Valkey) -> Commands:
    # Where it runs the address is rediss://: the settings see to that.
    mode = "cluster" if server.mode == "cluster" else "standalone"
    return open_cache(CacheSettings(f"redis://127.0.0.1:{server.port}", mode, 60, USER), 2.0)  # type: ignore[arg-type]


def tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sign with `token 1`, `token 2` and so on: a server that knows a password plays ElastiCache."""
    numbers = count(1)

    def sign(_user: IamUser, clock: Callable[[], float]) -> Token:
        return Token(f"token-{next(numbers)}", clock() + 900)

    monkeypatch.setattr(cache_iam, "sign_in", sign)


def know(server: Valkey, token: str) -> None:
    """Have the user known by this token alone; connections that are open stay open."""
    server.do("ACL", "SETUSER", USER.name, "resetpass", f">{token}", *WRITER_ACCESS.split())


def stored(cache: Commands) -> bool:
    return cache.run([("SET", "agent:x", "y", "EX", 9)], 2.0) == [b"OK"]


def test_logs_in(server: Valkey, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Connections are authenticated with user and token; a later one with the token of its own time."""
    tokens(monkeypatch)
    know(server, "token-1")
    cache = opened(server)
    assert stored(cache)

    know(server, "token-2")
    clock.now += 9 * MINUTE
    assert stored(cache)  # the connection is the first one still
    server.do("CLIENT", "KILL", "USER", USER.name)
    assert not stored(cache)  # the connection was cut, and token 1 is no longer known
    clock.now += 2 * MINUTE
    assert stored(cache)


def test_renewed(server: Valkey, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """After eleven hours the connections are new ones, with a new token, and no command fails for it."""
    tokens(monkeypatch)
    know(server, "token-1")
    cache = opened(server)
    assert stored(cache)
    before = clients(server)

    know(server, "token-2")
    clock.now += 11 * 60 * MINUTE + 1
    assert stored(cache)
    assert before.isdisjoint(clients(server))


def clients(server: Valkey) -> set[str]:
    """Return the ids of the user's connections."""
    listed = server.do("CLIENT", "LIST")
    lines = listed.decode().splitlines() if isinstance(listed, bytes) else [str(one) for one in listed]
    return {line.split()[0] for line in lines if f"user={USER.name}" in line}


def test_no_credentials(server: Valkey, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials every command comes back as one that was not answered, so it is retried."""
    forget(monkeypatch)
    (reply,) = opened(server).run([("GET", "agent:x")], 2.0)

    assert isinstance(reply, CommandError)
    assert reply.kind == "connection"

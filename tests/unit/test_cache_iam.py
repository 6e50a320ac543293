"""ElastiCache's tokens: what is signed, how long one is used, and that no connection gets too old."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from urllib.parse import parse_qs, urlsplit

import botocore.auth
import pytest
import redis
from botocore.credentials import Credentials
from botocore.hooks import HierarchicalEmitter
from botocore.model import ServiceId
from botocore.signers import RequestSigner

from sluice.claim import Command, CommandError, Reply
from sluice.settings import CacheSettings, IamUser
from sluice.sinks import cache
from sluice.sinks.cache_iam import IamPassword, RenewedCache, sign_in
from tests.fakes.role import forget, take_role

USER = IamUser("sluice-writer", "agents", serverless=True, region="eu-central-1")
NODES = IamUser("sluice-writer", "agents", serverless=False, region="eu-central-1")
NOW = dt.datetime(2026, 11, 23, 8, 15, tzinfo=dt.UTC)
HOUR = 3_600


class Wall:
    """A clock on the wall."""

    def __init__(self) -> None:
        self.now = NOW.timestamp()

    def __call__(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """Signatures bear the time of this clock, and there is a role to sign with."""
    clock = Wall()
    monkeypatch.setattr(
        botocore.auth, "get_current_datetime", lambda: dt.datetime.fromtimestamp(clock.now, dt.UTC)
    )
    take_role(monkeypatch)
    return clock


@pytest.mark.parametrize("user", [USER, NODES], ids=["serverless", "nodes"])
def test_shape(user: IamUser, wall: Wall) -> None:
    """A token is a presigned GET on the cache's name, for the action, the user and fifteen minutes, without scheme."""
    token = sign_in(user, wall)
    parts = urlsplit(f"https://{token.value}")
    query = {name: value for name, [value] in parse_qs(parts.query).items()}

    assert (parts.netloc, parts.path, token.end) == ("agents", "/", NOW.timestamp() + 900)
    assert len(query.pop("X-Amz-Signature")) == 64
    assert query.pop("ResourceType", None) == ("ServerlessCache" if user.serverless else None)
    assert query == {
        "Action": "connect",
        "User": "sluice-writer",
        "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
        "X-Amz-Credential": "AKIDEXAMPLE/20261123/eu-central-1/elasticache/aws4_request",
        "X-Amz-Date": "20261123T081500Z",
        "X-Amz-Expires": "900",
        "X-Amz-SignedHeaders": "host",
        "X-Amz-Security-Token": "session",
    }


@pytest.mark.parametrize("user", [USER, NODES], ids=["serverless", "nodes"])
def test_signature(user: IamUser, wall: Wall) -> None:
    """The signature is that of botocore's own presigned URLs, which AWS's examples use."""
    emitter = HierarchicalEmitter()  # the signer does not keep it alive
    credentials = Credentials("AKIDEXAMPLE", "secret", "session")
    signer = RequestSigner(ServiceId("elasticache"), user.region, "elasticache", "v4", credentials, emitter)
    kind = "&ResourceType=ServerlessCache" if user.serverless else ""
    url = f"https://agents/?Action=connect&User=sluice-writer{kind}"
    request = {"method": "GET", "url": url, "body": {}, "headers": {}, "context": {}}
    theirs = signer.generate_presigned_url(request, operation_name="connect", expires_in=900)

    assert f"https://{sign_in(user, wall).value}" == theirs


def test_used_for_ten_minutes(wall: Wall) -> None:
    """Connections of ten minutes share a token; a later one has a new one, of the credentials of that time."""
    password = IamPassword(USER, wall)
    first = password.get_credentials()
    wall.now += 599
    same = password.get_credentials()
    wall.now += 1
    later = password.get_credentials()

    assert first == same
    assert {first[0], later[0]} == {"sluice-writer"}
    assert "X-Amz-Date=20261123T082500Z" in later[1]


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials connecting fails with an error of the client's own, which the sink takes for an outage."""
    forget(monkeypatch)
    with pytest.raises(redis.AuthenticationError, match="NoCredentialsError"):
        IamPassword(USER).get_credentials()
    assert issubclass(redis.AuthenticationError, redis.ConnectionError)


class Inner:
    """A cache that notes what it is asked and whether it was left."""

    def __init__(self) -> None:
        self.asked: list[Command] = []
        self.closed = False

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        assert not self.closed
        self.asked += commands
        return [None] * len(commands)

    def close(self) -> None:
        self.closed = True


def test_renewed_before_twelve_hours(wall: Wall) -> None:
    """Connections are left after eleven hours, on the next call, before ElastiCache ends them after twelve."""
    made: list[Inner] = []

    def connect() -> Inner:
        made.append(Inner())
        return made[-1]

    renewed = RenewedCache(connect, wall)
    for hours in (0, 5, 6, 1, 10, 1.5, 100):
        wall.now += hours * HOUR
        assert renewed.run([("GET", str(hours))], 1.0) == [None]

    assert [one.closed for one in made] == [True, True, True, False]
    assert [[key for _, key in one.asked] for one in made] == [
        ["0", "5", "6"],
        ["1", "10"],
        ["1.5"],
        ["100"],
    ]


@pytest.mark.parametrize("mode", ["standalone", "cluster"])
def test_wired(monkeypatch: pytest.MonkeyPatch, mode: Any) -> None:
    """With a user of IAM the client gets its password from here, in both modes; without one it is told of none."""
    told: list[dict[str, Any]] = []
    monkeypatch.setattr(
        cache, "_connect", lambda settings, options: told.append(options | {"mode": settings.mode})
    )
    cache.open_cache(CacheSettings("rediss://cache.test:6379", mode, 60, USER), 2.0)
    cache.open_cache(CacheSettings("rediss://cache.test:6379", mode, 60), 2.0)
    (with_user, without) = told

    assert with_user["mode"] == mode
    assert with_user["credential_provider"].get_credentials()[0] == "sluice-writer"
    assert "credential_provider" not in without
    assert with_user["socket_timeout"] == 2.0

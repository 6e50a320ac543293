"""The servers that a twin embeds, and those it is given."""

from __future__ import annotations

import os
import signal
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis
from confluent_kafka import Producer
from redis.cluster import RedisCluster

from ops.twin.cache import check_cache, start_cache
from ops.twin.config import EventSource, TwinConfig, TwinError
from ops.twin.supervisor import Child, Supervisor
from ops.twin.twin import Twin

pytestmark = pytest.mark.integration


@pytest.fixture
def functions(tmp_path: Path) -> Path:
    folder = tmp_path / "functions"
    folder.mkdir()
    (folder / "preprocess.py").write_text(
        "import os\n\ndef handler(event, context):\n    return dict(os.environ) if not event else {}\n"
    )
    return folder


def wait_for(condition: Callable[[], object], seconds: float = 15) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def answers(url: str) -> bool:
    try:
        with redis.Redis.from_url(url, socket_timeout=2) as client:
            return bool(client.ping())
    except redis.RedisError:
        return False


@contextmanager
def played_redis(version: str) -> Iterator[str]:
    """Play a server that knows nothing but INFO."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            for line in self.rfile:
                if line.strip().upper() == b"INFO":
                    info = f"redis_version:{version}\r\ncluster_enabled:0\r\n".encode()
                    self.wfile.write(b"$%d\r\n%b\r\n" % (len(info), info))
                elif line.strip().upper() in {b"HELLO", b"CLIENT"}:
                    self.wfile.write(b"-ERR unknown command\r\n")

    class Server(socketserver.ThreadingTCPServer):
        allow_reuse_address = True
        daemon_threads = True
        block_on_close = False

    with Server(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}/0"
        server.shutdown()


def test_functions_are_told_where_everything_is(functions: Path) -> None:
    """A function gets the servers of its twin in its environment, and overrides win."""
    config = TwinConfig(functions=functions, environment={"LOG_LEVEL": "DEBUG", "CLEANED_TOPIC": "other"})
    with Twin(config) as twin:
        told = twin.invoke("preprocess", {}).payload
        expected = {
            "KAFKA_BOOTSTRAP_SERVERS": twin.bootstrap,
            "KAFKA_AUTH": "none",
            "CLEANED_TOPIC": "other",
            "REDIS_URL": twin.redis_url,
            "REDIS_MODE": "standalone",
            "REDIS_AUTH": "none",
            "DEAD_LETTER_BUCKET": twin.dead_letter_bucket,
            "PARTIAL_FAILURES": "true",
            "REDACTION_KEY": twin.redaction_key,
            "LOG_LEVEL": "DEBUG",
            "AWS_ENDPOINT_URL_S3": twin.s3_endpoint,
        }

    assert expected.items() <= told.items()


def test_given_servers_are_shared(functions: Path, bootstrap_servers: str, valkey_url: str) -> None:
    """Each twin on given servers is a new incarnation: topics, group, buckets and source of its own."""
    config = TwinConfig(kafka=bootstrap_servers, redis=valkey_url, functions=functions)
    with Twin(config) as one, Twin(config) as two:
        producer = Producer({"bootstrap.servers": bootstrap_servers, "log_level": 2})
        for partition in range(4):
            producer.produce(one.raw_topic, b"{}", partition=partition)
        assert producer.flush(10) == 0
        one.start_pollers()
        wait_for(lambda: one.committed() == dict.fromkeys(range(4), 1))

        assert two.committed() == dict.fromkeys(range(4), 0)
        assert one.pids("broker") == one.pids("cache") == []
        assert (one.bootstrap, one.redis_url) == (bootstrap_servers, valkey_url)
        for name in (
            "raw_topic",
            "cleaned_topic",
            "consumer_group",
            "dead_letter_bucket",
            "event_source_arn",
        ):
            assert getattr(one, name) != getattr(two, name)


def wait_for_commits(twin: Twin, offset: int) -> None:
    wait_for(lambda: set(twin.committed().values()) == {offset})


def test_pollers_go_on_where_they_stopped(functions: Path) -> None:
    """A mapping that was stopped goes on behind what it had committed."""
    with Twin(TwinConfig(functions=functions, partitions=2)) as twin:
        producer = Producer({"bootstrap.servers": twin.bootstrap, "log_level": 2})
        for round_ in (1, 2):
            for partition in range(2):
                producer.produce(twin.raw_topic, b"{}", partition=partition)
            assert producer.flush(10) == 0
            twin.start_pollers()
            wait_for_commits(twin, round_)
            twin.stop_pollers()
            assert twin.pids("poller") == []
        stats = twin.poller_stats()

    assert [s["starts"] for s in stats] == [2, 2]
    assert sum(s["acknowledged"] for s in stats) == 4


def test_no_broker() -> None:
    """A bootstrap server that does not answer is one clear line."""
    with pytest.raises(TwinError, match=r"^no Kafka broker answers at 127\.0\.0\.1:1$"):
        Twin(TwinConfig(kafka="127.0.0.1:1")).__enter__()


@pytest.mark.parametrize("url", ["redis://127.0.0.1:1/0", "redis://:secret@127.0.0.1:1/0", "nonsense"])
def test_no_cache(url: str) -> None:
    """A cache that does not answer is one clear line that holds no password."""
    with pytest.raises(TwinError, match=r"^no cache answers at ") as caught:
        check_cache(url, "standalone")

    assert "\n" not in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("version", "fine"), [("6.2.14", False), ("7.0.0", True), ("10.1.0", True)])
def test_old_cache(version: str, fine: bool) -> None:
    """A cache older than Redis 7 is refused by its version."""
    with played_redis(version) as url:
        if fine:
            check_cache(url, "standalone")
        else:
            with pytest.raises(TwinError, match=r"is Redis 6\.2\.14; 7\.0 or newer is needed"):
                check_cache(url, "standalone")


def test_mode_of_the_cache(valkey_url: str, valkey_cluster_url: str) -> None:
    """A cache whose mode is not the one stated is refused, in either direction."""
    check_cache(valkey_cluster_url, "cluster")
    with pytest.raises(TwinError, match="is not a cluster, yet the mode is cluster"):
        check_cache(valkey_url, "cluster")
    with pytest.raises(TwinError, match="is a cluster, yet the mode is standalone"):
        check_cache(valkey_cluster_url, "standalone")


@pytest.mark.parametrize("cluster", [False, True])
def test_killed_cache_comes_back_empty(tmp_path: Path, cluster: bool) -> None:
    """A killed cache is started again on its port, empty; one in cluster mode has all its slots again."""
    keeper = Supervisor()
    url = start_cache(keeper, tmp_path, cluster=cluster)
    connect = RedisCluster.from_url if cluster else redis.Redis.from_url
    with connect(url) as client:
        assert client.set("agent:1", "x")
    (pid,) = keeper.pids("cache")
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: keeper.pids("cache") not in ([], [pid]) and answers(url))
    time.sleep(2.5 if cluster else 0)  # a node that comes back holds its peace for two seconds
    with connect(url) as client:
        assert client.get("agent:1") is None
        assert all(client.set(f"agent:{n}", "x") for n in range(50))
    keeper.close()


def kill_and_wait(twin: Twin, kind: str) -> None:
    (pid,) = twin.pids(kind)
    os.kill(pid, signal.SIGKILL)
    wait_for(lambda: twin.pids(kind) not in ([], [pid]))


def test_what_is_restarted(functions: Path) -> None:
    """Killed pollers, Lambda service, cache and broker come back; S3, which forgets everything, is reported."""
    with Twin(TwinConfig(functions=functions, event_source=EventSource(pollers=1))) as twin:
        twin.start_pollers()
        for kind in ("poller", "lambda", "cache", "broker"):
            kill_and_wait(twin, kind)
            twin.alive()
        wait_for(lambda: answers(twin.redis_url))
        os.kill(twin.pids("aws")[0], signal.SIGKILL)
        wait_for(lambda: not twin.pids("aws"))
        with pytest.raises(TwinError, match="the aws died"):
            twin.alive()


def test_a_child_that_only_fails_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child that ends by itself again and again is reported instead of being started for ever."""
    monkeypatch.setattr("ops.twin.supervisor.MAX_EXITS", 3)
    keeper = Supervisor()
    log = tmp_path / "tries.log"
    keeper.add(Child("poller", ["/bin/sh", "-c", "echo tried; exit 1"], dict(os.environ), log, restart=True))

    def given_up() -> bool:
        try:
            keeper.check()
        except TwinError:
            return True
        return False

    wait_for(given_up)
    keeper.close()

    assert log.read_text().count("tried") == 4

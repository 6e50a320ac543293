"""`python -m ops.twin run`, from its arguments to its exit code."""

from __future__ import annotations

import gzip
import os
import signal
import socketserver
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.twin.cache import start_cache
from ops.twin.cache_reader import connect
from ops.twin.config import REPOSITORY
from ops.twin.inputs import identity, read_values
from ops.twin.options import SAMPLE, RunOptions
from ops.twin.run import run
from ops.twin.supervisor import Supervisor
from sluice.reasons import REASONS
from tests.integration.run_rig import left_over, runner, write_input

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# What no line of a file can bring about.
NOT_FROM_INPUT = {"step_failed", "undelivered"}
REAL_DATA = REPOSITORY.parent / "shared" / "data" / "tau_airline.jsonl.gz"
TIMES = {"seconds", "records_per_second"}


def lines(path: Path) -> list[Any]:
    return [orjson.loads(line) for line in path.read_bytes().splitlines()]


def untimed(summary: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in summary.items() if name not in TIMES}


@pytest.fixture(scope="module")
def sample_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[str], str]:
    """Return the output folder, the lines on standard output and standard error of a run of the sample."""
    folder = tmp_path_factory.mktemp("sample")
    process = runner(folder / "tmp", "--out", str(folder / "out"))
    out, err = process.communicate(timeout=120)

    assert process.returncode == 0, err.decode()
    assert left_over(folder) == []
    return folder / "out", out.decode().splitlines(), err.decode()


def test_sample(sample_run: tuple[Path, list[str], str]) -> None:
    """The sample stream goes through, every reason that a line can have occurs, and nothing is lost."""
    _, out, err = sample_run
    summary = orjson.loads(out[-1])

    assert summary["received"] == len(read_values(str(SAMPLE)))
    assert summary["received"] == (
        summary["cleaned"] + summary["duplicates"] + sum(summary["dead_letters"].values())
    )
    assert set(summary["dead_letters"]) == set(REASONS) - NOT_FROM_INPUT
    assert summary["lost"] == summary["repeats"] == summary["retried"] == 0
    assert min(summary["duplicates"], summary["conflicts"]) > 0
    assert all(line.startswith("sluice: ") for line in err.splitlines())
    assert any("before" in line for line in out)
    assert any("after" in line for line in out)


def test_cleaned_file(sample_run: tuple[Path, list[str], str]) -> None:
    """cleaned.jsonl holds the cleaned topic in order, partition by partition, with key and headers."""
    folder, out, _ = sample_run
    rows = lines(folder / "cleaned.jsonl")
    places = [(row["partition"], row["offset"]) for row in rows]

    assert len(rows) == orjson.loads(out[-1])["cleaned"]
    assert places == sorted(set(places))
    for row in rows:
        assert row["key"] == row["value"]["agent_id"]
        assert row["headers"]["sluice-origin"] == row["value"]["_prep"]["origin"]


def test_dead_letters_file(sample_run: tuple[Path, list[str], str]) -> None:
    """dead_letters.jsonl holds each letter once, and as many of each reason as the summary says."""
    folder, out, _ = sample_run
    rows = lines(folder / "dead_letters.jsonl")

    assert Counter(row["reason"] for row in rows) == orjson.loads(out[-1])["dead_letters"]
    assert len({row["id"] for row in rows}) == len(rows)


def test_cache_file(sample_run: tuple[Path, list[str], str]) -> None:
    """cache.jsonl holds the very records of the cleaned topic, each under its key and with a time to live."""
    folder, _, _ = sample_run
    rows = lines(folder / "cache.jsonl")
    values = {orjson.dumps(row["value"]) for row in lines(folder / "cleaned.jsonl")}

    assert {orjson.dumps(row["value"]) for row in rows} == values
    for row in rows:
        named = f"{row['value']['agent_id']}:{row['value']['timestamp']}"
        assert row["key"] == named or row["key"].startswith(f"{named}#")
        assert 0 < row["ttl"] <= 3600


def test_summary_file(sample_run: tuple[Path, list[str], str]) -> None:
    """summary.json is the last line of standard output."""
    folder, out, _ = sample_run

    assert lines(folder / "summary.json") == [orjson.loads(out[-1])]


@pytest.mark.skipif(not REAL_DATA.exists(), reason="the real data is not beside this repository")
def test_real_data() -> None:
    """The outputs of a real agent go through without a loss, a dead letter or a difference."""
    result = run(RunOptions(source=str(REAL_DATA)))

    assert result.differences == []
    assert untimed(result.summary) == {
        **dict.fromkeys(("repeats", "duplicates", "conflicts", "retried", "lost"), 0),
        "received": 3618,
        "cleaned": 3618,
        "dead_letters": {},
    }


def test_standard_input(tmp_path: Path) -> None:
    """Standard input is read as lines, and a gzipped copy of it gives the same outcome."""
    path = write_input(tmp_path / "in.jsonl", seed=5, records=300)
    zipped = tmp_path / "in.jsonl.gz"
    zipped.write_bytes(gzip.compress(path.read_bytes()))
    process = runner(tmp_path / "tmp", "--input", "-")

    out, err = process.communicate(path.read_bytes(), timeout=120)

    assert process.returncode == 0, err.decode()
    assert untimed(orjson.loads(out.splitlines()[-1])) == untimed(run(RunOptions(source=str(zipped))).summary)


@pytest.mark.parametrize("mode", ["standalone", "cluster"])
def test_a_second_run_on_running_servers(
    mode: str, request: pytest.FixtureRequest, bootstrap_servers: str, tmp_path: Path
) -> None:
    """A second run on the same broker and cache gives the same result: each run is a new incarnation."""
    url = request.getfixturevalue("valkey_url" if mode == "standalone" else "valkey_cluster_url")
    source = str(write_input(tmp_path / "in.jsonl", seed=6, records=400))
    options = RunOptions(
        source=source, kafka=bootstrap_servers, redis=url, redis_mode=mode, out=tmp_path / "out"
    )

    first, second = run(options), run(options)

    assert first.differences == second.differences == []
    assert untimed(first.summary) == untimed(second.summary)
    assert first.summary["conflicts"] > 0
    assert len(lines(tmp_path / "out" / "cache.jsonl")) == second.summary["cleaned"]


def test_what_others_cached_stays(bootstrap_servers: str, valkey_url: str, tmp_path: Path) -> None:
    """Values that are not Sluice's survive a run, and what comes to their keys is a conflict."""
    path = write_input(tmp_path / "in.jsonl", seed=7, records=50)
    named = [found.key for found in map(identity, read_values(str(path))) if found is not None]
    client = connect(valkey_url, "standalone")
    theirs = {
        named[0]: b"theirs",
        f"{named[1]}#0123abcd": b'{"_prep":1}',
        "stranger:1": b'{"_prep":{"source":"x"}}',
    }
    options = RunOptions(source=str(path), kafka=bootstrap_servers, redis=valkey_url)
    without = run(options)
    client.mset(theirs)

    result = run(options)

    assert result.differences == []
    assert client.mget(*theirs) == list(theirs.values())
    assert result.summary["conflicts"] == without.summary["conflicts"] + 1
    client.delete(*theirs)
    client.close()


def test_a_short_time_to_live(tmp_path: Path) -> None:
    """Records that were cleaned longer ago than they live in the cache are gone from it, and the run says why."""
    path = write_input(tmp_path / "in.jsonl", seed=9, records=400)

    result = run(RunOptions(source=str(path), record_ttl_seconds=1))

    assert result.differences == []
    assert "the run took longer than a record stays in the cache (1 s)" in result.notes


def test_a_cache_that_evicts(supervisor: Supervisor, tmp_path: Path) -> None:
    """A cache that is full forgets records, which is no difference where it says so itself."""
    path = write_input(tmp_path / "in.jsonl", seed=10, records=3_000)
    url = start_cache(supervisor, tmp_path, cluster=False)
    client = connect(url, "standalone")
    client.config_set("maxmemory-policy", "allkeys-lru")
    client.config_set("maxmemory", client.info("memory")["used_memory"] + 500_000)

    result = run(RunOptions(source=str(path), redis=url))
    client.close()

    assert result.differences == []
    assert any(note.startswith("the cache evicted ") for note in result.notes)
    assert any(note.endswith(" cleaned records are not in the cache any more") for note in result.notes)


class OldRedis(socketserver.BaseRequestHandler):
    """Answer like a Redis of an older version."""

    def handle(self) -> None:
        while asked := self.request.recv(65_536):
            info = b"redis_version:6.2.14\r\nredis_mode:standalone\r\n" if b"INFO" in asked.upper() else b""
            answers = [b"$%d\r\n%s\r\n" % (len(info), info)] if info else [b"+OK\r\n"] * asked.count(b"*")
            self.request.sendall(b"".join(answers))


@pytest.fixture
def old_redis() -> Iterator[str]:
    """A server that claims to be Redis 6."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), OldRedis) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"redis://127.0.0.1:{server.server_address[1]}?protocol=2"
        server.shutdown()


def refused(folder: Path, *arguments: str, **environment: str) -> str:
    """Run with bad arguments; return the one line of complaint."""
    process = runner(folder / "tmp", *arguments, **environment)
    out, err = process.communicate(timeout=60)

    assert process.returncode == 2, err.decode()
    assert out == b""
    assert left_over(folder) == []
    progress = (" sent, ", " are up", "the first batch waits")
    (line,) = [line for line in err.decode().splitlines() if not any(part in line for part in progress)]
    return line


def test_missing_file(tmp_path: Path) -> None:
    """A file that is not there is a bad argument."""
    assert refused(tmp_path, "--input", str(tmp_path / "no.jsonl")).endswith("No such file or directory")


def test_unreadable_file(tmp_path: Path) -> None:
    """A folder in a file's place is a bad argument."""
    (tmp_path / "in.jsonl").mkdir()

    assert refused(tmp_path, "--input", str(tmp_path / "in.jsonl")).endswith("Is a directory")


def test_no_broker(tmp_path: Path) -> None:
    """A bootstrap server that does not answer is a bad argument."""
    assert "no Kafka broker answers" in refused(tmp_path, KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:1")


def test_no_cache(tmp_path: Path) -> None:
    """A cache that does not answer is a bad argument."""
    assert "no cache answers" in refused(tmp_path, REDIS_URL="redis://127.0.0.1:1")


def test_an_old_cache(tmp_path: Path, old_redis: str) -> None:
    """A cache older than Redis 7 is a bad argument."""
    assert "is Redis 6.2.14; 7.0 or newer is needed" in refused(tmp_path, REDIS_URL=old_redis)


def test_a_line_that_no_broker_takes(tmp_path: Path) -> None:
    """A line beyond the broker's own limit is a bad argument, named by its number."""
    path = tmp_path / "in.jsonl"
    path.write_bytes(b"{}\n" + b"x" * 20_000_000)

    assert "line 2 of the input has 20000000 bytes" in refused(tmp_path, "--input", str(path))


def test_ctrl_c(tmp_path: Path) -> None:
    """Ctrl-C in the middle of a run ends it within seconds, with exit code 130, no summary and no process left."""
    path = write_input(tmp_path / "in.jsonl", seed=8, records=60_000)
    process = runner(tmp_path / "tmp", "--input", str(path))
    assert process.stderr is not None
    seen = b""
    while b"settled" not in seen:
        seen += os.read(process.stderr.fileno(), 1000)

    process.send_signal(signal.SIGINT)
    started = time.monotonic()
    out, err = process.communicate(timeout=30)

    assert process.returncode == 130
    assert out == b""
    assert b"Traceback" not in err
    assert time.monotonic() - started < 15
    assert left_over(tmp_path) == []
    assert list((tmp_path / "tmp").iterdir()) == []

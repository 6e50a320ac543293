"""The event source mapping on a real broker: one test per semantic."""

from __future__ import annotations

import base64
import itertools
import threading
import time
from pathlib import Path
from typing import Any

import orjson
import pytest

from ops.twin.events import EventHead
from tests.integration.event_source_rig import OK, Call, FunctionFailedError, Servers, rig, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def servers(bootstrap_servers: str, s3_endpoint: str, tmp_path: Path) -> Servers:
    return Servers(bootstrap_servers, s3_endpoint, tmp_path)


def values(count: int, size: int = 10) -> list[bytes]:
    return [b"%0*d" % (size, number) for number in range(count)]


def named(topic: str, *places: tuple[int, int]) -> dict[str, Any]:
    return {
        "batchItemFailures": [
            {"itemIdentifier": {"partition": f"{topic}-{p}", "offset": offset}} for p, offset in places
        ]
    }


def test_event_carries_the_messages(servers: Servers) -> None:
    """A function receives the very bytes of key, value and headers, tombstones included, and their broker times."""
    with rig(servers) as r:
        r.produce([b"\x00\xff{}"], key=b"k", headers=[("h", b"\x80a")], timestamp=1_700_000_000_123)
        r.produce([None, b""])
        r.start()
        r.wait_committed(3)
        event = r.function.calls[0].event
        first, tombstone, empty = event["records"][f"{r.config.topic}-0"]

    assert event["eventSource"] == "aws:kafka"
    assert event["eventSourceArn"] == r.config.event_source_arn
    assert event["bootstrapServers"] == servers.bootstrap
    assert base64.b64decode(first["value"]) == b"\x00\xff{}"
    assert base64.b64decode(first["key"]) == b"k"
    assert first["headers"] == [{"h": [-128, 97]}]
    assert (first["timestamp"], first["timestampType"]) == (1_700_000_000_123, "CREATE_TIME")
    assert (tombstone["key"], tombstone["value"], empty["value"]) == (None, None, "")


def test_batch_size_and_window(servers: Servers) -> None:
    """A batch is sent when it is full; what is left is sent when its window is over."""
    with rig(servers, batch_size=10, window_seconds=0.5) as r:
        r.produce(values(25))
        r.start()
        r.wait_committed(25)

    assert [len(call.places) for call in r.function.calls] == [10, 10, 5]


def test_window_gathers(servers: Servers) -> None:
    """Records that come one by one within a window are sent together."""
    with rig(servers, window_seconds=1.5) as r:
        r.start()
        r.produce(values(1))
        time.sleep(0.3)
        r.produce(values(2))
        r.wait_committed(3)

    assert [len(call.places) for call in r.function.calls] == [3]


def test_no_window(servers: Servers) -> None:
    """With a window of zero nothing is waited for, yet what is there already goes together."""
    with rig(servers, window_seconds=0) as r:
        r.produce(values(5))
        r.start()
        r.wait_committed(5)

    assert [len(call.places) for call in r.function.calls] == [5]


def test_payload_limit(servers: Servers) -> None:
    """No event exceeds the payload limit, and none is smaller than it must be."""
    limit = 300_000
    with rig(servers, max_payload_bytes=limit, window_seconds=0.5) as r:
        r.produce(values(20, 40_000))
        r.start()
        r.wait_committed(20)
    sizes = [call.size for call in r.function.calls]
    record = 4 * 40_000 // 3

    assert all(size <= limit for size in sizes)
    assert all(size + record + 200 > limit for size in sizes[:-1])


def test_six_megabytes(servers: Servers) -> None:
    """With the default limit an event of large records comes close to 6 MB and stays below it."""
    with rig(servers, batch_size=10_000, window_seconds=2.0) as r:
        r.produce(values(24, 500_000))
        r.start()
        r.wait_committed(24)

    assert max(call.size for call in r.function.calls) in range(5_300_000, 6 * 1024 * 1024 + 1)


def test_several_pollers_keep_each_partition_in_order(servers: Servers) -> None:
    """Pollers of one group share the partitions, and no partition's records are ever reordered."""
    with rig(servers, partitions=4, pollers=2, batch_size=20) as r:
        for partition in range(4):
            r.produce(values(100), partition)
        r.start()
        r.wait_committed(100, 100, 100, 100)
        r.stop()
        stats = [r.stats(0), r.stats(1)]

    assert sum(s.acknowledged for s in stats) == 400
    for partition in range(4):
        offsets = [o for call in r.function.calls for p, o in call.places if p == partition]
        assert offsets == sorted(offsets)
        assert set(offsets) == set(range(100))


def test_commit_follows_success(servers: Servers) -> None:
    """A batch that fails is sent again, whole, and committed only once it succeeded."""
    seen: list[dict[int, int]] = []

    def fail_three_times(call: Call) -> Any:
        seen.append(r.committed())
        if len(seen) <= 3:
            raise FunctionFailedError
        return OK

    with rig(servers, fail_three_times) as r:
        r.produce(values(5))
        r.start()
        r.wait_committed(5)
        wait_for(lambda: r.stats().acknowledged == 5, "the counters")
        stats = r.stats()

    assert seen == [{0: 0}] * 4
    assert [call.places for call in r.function.calls] == [[(0, n) for n in range(5)]] * 4
    assert (stats.invocations, stats.failed_invocations, stats.retries) == (4, 3, 3)


@pytest.mark.parametrize(("resend", "second"), [(False, [2]), (True, [2, 3, 4])])
def test_partial_response(servers: Servers, resend: bool, second: list[int]) -> None:
    """After a partial response only what failed is sent again, or all from it on, as the option says."""
    answers = itertools.chain(["partial"], itertools.repeat("ok"))

    def behaviour(_: Call) -> Any:
        return named(r.config.topic, (0, 2)) if next(answers) == "partial" else OK

    with rig(servers, behaviour, resend_successes=resend) as r:
        r.produce(values(5))
        r.start()
        r.wait_committed(5)

    assert [[o for _, o in call.places] for call in r.function.calls] == [[0, 1, 2, 3, 4], second]


def test_partial_response_commits_its_settled_part(servers: Servers) -> None:
    """While one record fails, its partition is committed up to it and the other partitions in full."""
    release = threading.Event()

    def behaviour(call: Call) -> Any:
        return OK if release.is_set() or (0, 2) not in call.places else named(r.config.topic, (0, 2))

    with rig(servers, behaviour, partitions=2, window_seconds=0.5) as r:
        r.produce(values(4), 0)
        r.produce(values(3), 1)
        r.start()
        r.wait_committed(2, 3)
        release.set()
        r.wait_committed(4, 3)


def test_unknown_identifier(servers: Servers) -> None:
    """An identifier that was not in the event sends the whole batch again."""
    answers = itertools.chain([(0, 99)], itertools.repeat(None))

    def behaviour(_: Call) -> Any:
        place = next(answers)
        return named(r.config.topic, place) if place else OK

    with rig(servers, behaviour) as r:
        r.produce(values(3))
        r.start()
        r.wait_committed(3)

    assert [call.places for call in r.function.calls] == [[(0, 0), (0, 1), (0, 2)]] * 2


def test_failures_are_a_success_without_the_mode(servers: Servers) -> None:
    """Without ReportBatchItemFailures a returned failure is silently committed."""
    with rig(servers, lambda _: named(r.config.topic, (0, 1)), report_batch_item_failures=False) as r:
        r.produce(values(3))
        r.start()
        r.wait_committed(3)

    assert len(r.function.calls) == 1


def test_exhausted_attempts_go_to_the_on_failure_bucket(servers: Servers) -> None:
    """A bad record, found by halving, is given up after its attempts: the bucket holds its event as it was sent."""

    def behaviour(call: Call) -> Any:
        if (0, 2) in call.places:
            raise FunctionFailedError
        return OK

    with rig(servers, behaviour, bisect_on_error=True, retry_attempts=1) as r:
        r.produce(values(4))
        r.start()
        r.wait_committed(4)
        (envelope,) = r.on_failure()
        stats = r.stats()
    sent = [call for call in r.function.calls if call.places == [(0, 2)]]

    assert sorted(r.function.succeeded) == [(0, 0), (0, 1), (0, 3)]
    assert len(sent) == 2
    assert orjson.loads(envelope["payload"]) == sent[0].event
    assert envelope["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert (stats.acknowledged, stats.on_failure_objects, stats.on_failure_records) == (3, 1, 1)


def test_on_failure_is_written_before_the_commit(servers: Servers) -> None:
    """While the on-failure bucket does not take it, a record given up is neither committed nor lost."""

    def behaviour(_: Call) -> Any:
        raise FunctionFailedError

    with rig(servers, behaviour, retry_attempts=0) as r:
        r.s3.delete_bucket(Bucket=r.bucket)
        r.produce(values(2))
        r.start()
        wait_for(lambda: r.stats().failed_invocations == 1, "the failed call")
        time.sleep(0.5)
        assert r.committed() == {0: 0}
        r.s3.create_bucket(Bucket=r.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-central-1"})
        r.wait_committed(2)

        assert len(r.on_failure()) == 1
    assert len(r.function.calls) == 1


def test_oversized_record(servers: Servers) -> None:
    """A record that no event can carry goes to the on-failure bucket uncalled; its neighbours are delivered."""
    with rig(servers, max_payload_bytes=2_000, window_seconds=0.3) as r:
        r.produce([b"a", b"x" * 2_000, b"b"])
        r.start()
        r.wait_committed(3)
        (envelope,) = r.on_failure()

    assert r.function.succeeded == [(0, 0), (0, 2)]
    assert envelope["requestContext"]["condition"] == "MaximumPayloadSizeExceeded"
    assert envelope["responseContext"] is None
    assert (
        envelope["payload"]
        .encode()
        .startswith(EventHead(r.config.event_source_arn, servers.bootstrap).opening())
    )


def test_record_age(servers: Servers) -> None:
    """A record older than the limit goes to the on-failure bucket uncalled; younger ones are delivered."""
    with rig(servers, max_record_age_seconds=60) as r:
        r.produce([b"old"], timestamp=int((time.time() - 120) * 1000))
        r.produce([b"young"])
        r.start()
        r.wait_committed(2)
        (envelope,) = r.on_failure()

    assert r.function.succeeded == [(0, 1)]
    assert envelope["KafkaBatchInfo"]["recordsInfo"][f"{r.config.topic}-0"]["lastRecordOffset"] == "0"

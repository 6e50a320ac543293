"""The event source mapping when its own parts stop, die or change places."""

from __future__ import annotations

import os
import signal
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from tests.integration.event_source_rig import OK, Call, FunctionFailedError, Rig, Servers, rig, wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def servers(bootstrap_servers: str, s3_endpoint: str, tmp_path: Path) -> Servers:
    return Servers(bootstrap_servers, s3_endpoint, tmp_path)


def values(count: int) -> list[bytes]:
    return [b"%d" % number for number in range(count)]


class Gate:
    """A function that can be held inside a call."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def __call__(self, _: Call) -> Any:
        self.entered.set()
        assert self.open.wait(20)
        return OK


def poller_pid(r: Rig) -> int:
    (pid,) = r.supervisor.pids("poller")
    return pid


def test_function_absent(servers: Servers) -> None:
    """While no function answers, the poller waits: nothing is given up, whatever the limit of attempts."""
    with rig(servers, function_up=False, retry_attempts=0) as r:
        r.produce(values(3))
        r.start()
        wait_for(lambda: r.stats().failed_invocations >= 3, "calls in vain")
        assert r.committed() == {0: 0}
        r.function.start()
        r.wait_committed(3)

        assert r.on_failure() == []
    assert len(r.function.succeeded) == 3


def test_sigterm_finishes_the_invocation(servers: Servers) -> None:
    """A poller that is told to stop waits for the running call and commits it, and takes no further batch."""
    gate = Gate()
    with rig(servers, gate, batch_size=5) as r:
        r.produce(values(10))
        r.start()
        assert gate.entered.wait(20)
        stopper = threading.Thread(target=r.stop)
        stopper.start()
        time.sleep(0.3)
        gate.open.set()
        stopper.join(20)

        assert r.committed() == {0: 5}
    assert len(r.function.calls) == 1


def test_sigterm_ends_a_retry(servers: Servers) -> None:
    """A poller that is told to stop between two attempts leaves at once, without committing the batch."""

    def behaviour(_: Call) -> Any:
        raise FunctionFailedError

    with rig(servers, behaviour, retry_backoff_seconds=5.0) as r:
        r.produce(values(5))
        r.start()
        wait_for(lambda: r.stats().failed_invocations == 1, "the failed call")
        started = time.monotonic()
        r.stop()

        assert time.monotonic() - started < 3
        assert r.committed() == {0: 0}


def test_sigkill_in_an_invocation(servers: Servers) -> None:
    """A poller killed in the middle of a call comes back and sends the same batch: nothing is skipped."""
    gate = Gate()
    with rig(servers, gate, batch_size=5) as r:
        r.produce(values(20))
        r.start()
        assert gate.entered.wait(20)
        assert r.stats().in_flight == 5
        os.kill(poller_pid(r), signal.SIGKILL)
        gate.open.set()
        r.wait_committed(20)
        starts = r.stats().starts
    offsets = [o for call in r.function.calls for _, o in call.places]

    assert starts == 2
    assert offsets[:10] == [*range(5), *range(5)]
    assert offsets[5:] == list(range(20))


@pytest.mark.slow
def test_rebalance_in_a_retry(servers: Servers) -> None:
    """A partition that moves while its batch fails is taken up by its new owner where it was committed."""
    release = threading.Event()

    def behaviour(call: Call) -> Any:
        if not release.is_set():
            raise FunctionFailedError
        return OK

    with rig(servers, behaviour, partitions=2, batch_size=50, pollers=2, retry_backoff_seconds=0.2) as r:
        r.produce(values(30), 0)
        r.produce(values(30), 1)
        r.start(0)
        wait_for(
            lambda: {p for call in r.function.calls for p, _ in call.places} == {0, 1}, "both partitions"
        )
        r.start(1)
        wait_for(lambda: r.stats(1).in_flight or r.stats(1).failed_invocations, "the second poller", 60)
        assert r.committed() == {0: 0, 1: 0}
        release.set()
        r.wait_committed(30, 30)
        r.stop()
        stats = [r.stats(0), r.stats(1)]

    assert set(r.function.succeeded) == {(p, offset) for p in (0, 1) for offset in range(30)}
    assert all(s.acknowledged == 30 for s in stats)

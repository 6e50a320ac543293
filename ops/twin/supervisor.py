"""Keep a twin's children alive, and end them together."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ops.twin.config import REPOSITORY, TwinError
from ops.twin.process import Launcher, terminate, wait_for_port

# A child that gives up by itself this often has a fault that a restart does not mend.
MAX_EXITS = 10
MAX_PAUSE_SECONDS = 2.0


@dataclass
class Child:
    """Describe one supervised command; `restart` says whether its death is survivable."""

    kind: str
    command: Sequence[str]
    env: Mapping[str, str]
    log: Path
    restart: bool
    process: subprocess.Popen[bytes] | None = None
    exits: list[int] = field(default_factory=list)
    not_before: float = 0.0

    @property
    def own_exits(self) -> int:
        """Return how often it ended by itself: a negative code is a signal, which says nothing about it."""
        return sum(code >= 0 for code in self.exits)

    def last_words(self) -> str:
        """Return the last line of its log."""
        lines = self.log.read_text(errors="replace").split("\n") if self.log.exists() else []
        return next((line for line in reversed(lines) if line.strip()), "(it said nothing)")

    def gone(self) -> bool:
        """Tell whether it was started and does not run any more."""
        return self.process is not None and self.process.poll() is not None


class Supervisor:
    """Start children, restart those that may be restarted, report the death of the others."""

    def __init__(self) -> None:
        self._launcher = Launcher()
        self._children: list[Child] = []
        self._lock = threading.RLock()
        self._closing = threading.Event()
        self._watch = threading.Thread(target=self._run, name="supervisor", daemon=True)
        self._watch.start()

    def add(self, child: Child, port: int | None = None) -> None:
        """Start a child and, given a port, wait until it listens there."""
        with self._lock:
            self._start(child)
            self._children.append(child)
        if port is not None and child.process is not None:
            wait_for_port(port, child.process, child.kind)

    def _start(self, child: Child) -> None:
        child.log.parent.mkdir(parents=True, exist_ok=True)
        with child.log.open("ab") as log:
            child.process = self._launcher.start(child.command, env=child.env, cwd=REPOSITORY, stdout=log)

    def _run(self) -> None:
        while not self._closing.wait(0.05):
            with self._lock:
                for child in self._children:
                    self._revive(child)

    def _revive(self, child: Child) -> None:
        if not child.gone() or child.process is None or self._hopeless(child):
            return
        if not child.not_before:
            child.exits.append(child.process.returncode)
            child.not_before = time.monotonic() + min(0.02 * 2**child.own_exits, MAX_PAUSE_SECONDS)
        if time.monotonic() >= child.not_before and not self._hopeless(child):
            child.not_before = 0.0
            self._start(child)

    @staticmethod
    def _hopeless(child: Child) -> bool:
        return child.own_exits > MAX_EXITS or (bool(child.exits) and not child.restart)

    def check(self) -> None:
        """Raise TwinError when a child is gone for good."""
        with self._lock:
            for child in self._children:
                if self._hopeless(child) or (child.gone() and not child.restart):
                    # The log goes with the twin, so its last words go into the message.
                    raise TwinError(
                        f"the {child.kind} died and cannot be brought back; its last words: {child.last_words()}"
                    )

    def pids(self, kind: str) -> list[int]:
        """Return the process ids of the running children of a kind."""
        with self._lock:
            return [
                child.process.pid
                for child in self._children
                if child.kind == kind and child.process is not None and not child.gone()
            ]

    def stop(self, kind: str, grace_seconds: float) -> None:
        """End the children of a kind for good."""
        with self._lock:
            ending = [child for child in self._children if child.kind == kind]
            self._children = [child for child in self._children if child.kind != kind]
        terminate([child.process for child in ending if child.process is not None], grace_seconds)

    def close(self) -> None:
        """End whatever still runs, and the watching."""
        self._closing.set()
        self._watch.join()
        with self._lock:
            left = [child.process for child in self._children if child.process is not None]
            self._children = []
        terminate(left, 1.0)
        self._launcher.close()

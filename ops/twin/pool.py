"""A pool of execution environments: started when needed, replaced when they die."""

from __future__ import annotations

import threading

from ops.twin.answers import Reply
from ops.twin.config import TwinError
from ops.twin.environments import Environment, FunctionSpec
from ops.twin.process import Launcher
from ops.twin.runtime_replies import function_error


class Pool:
    """Run a function's calls, each in an environment of its own, at most `limit` at once."""

    def __init__(self, spec: FunctionSpec, limit: int, launcher: Launcher) -> None:
        self._spec = spec
        self._launcher = launcher
        self._slots = threading.BoundedSemaphore(limit)
        self._lock = threading.Lock()
        self._idle: list[Environment] = []
        self._all: list[Environment] = []
        self._started = 0

    def _take(self) -> Environment:
        with self._lock:
            while self._idle:
                # The last used is the warmest.
                environment = self._idle.pop()
                if environment.alive():
                    return environment
                self._forget(environment)
            self._started += 1
            number = self._started
        environment = Environment(self._spec, number, self._launcher)
        with self._lock:
            self._all.append(environment)
        return environment

    def _forget(self, environment: Environment) -> None:
        self._all.remove(environment)
        environment.close()

    def invoke(self, event: bytes) -> Reply:
        """Run one event; an environment that cannot start is the function's error, as in Lambda."""
        with self._slots:
            try:
                environment = self._take()
            except TwinError as error:
                return function_error("Runtime.InitError", str(error))
            environment.busy = True
            reply, reusable = environment.invoke(event)
            environment.busy = False
            with self._lock:
                if reusable:
                    self._idle.append(environment)
                else:
                    self._forget(environment)
            return reply

    def describe(self) -> list[dict[str, object]]:
        """Return name, emulator pid, Python pids and state of each environment."""
        with self._lock:
            return [
                {"function": self._spec.name, "rie": x.pid, "runtime": x.runtime_pids(), "busy": x.busy}
                for x in self._all
            ]

    def close(self) -> None:
        """Kill all environments."""
        with self._lock:
            for environment in list(self._all):
                self._forget(environment)
            self._idle = []

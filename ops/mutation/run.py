"""Run tests against a mutant, in a forked process."""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec, SourceFileLoader
from importlib.util import spec_from_file_location
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple

import pytest

from ops.mutation.mutate import Mutant

# Loaded before the fork, so that a mutant costs its tests and not the imports. None of them starts a thread then.
PRELOADED = (
    "aws_lambda_powertools",
    "confluent_kafka",
    "hypothesis",
    "jsonschema",
    "jsonschema_rs",
    "orjson",
    "redis",
)
OPTIONS = (
    "-x",
    "-q",
    "-W",
    "ignore::pytest.PytestAssertRewriteWarning",
    "-p",
    "no:randomly",
    "-p",
    "no:cacheprovider",
    "-m",
    "not integration and not kafka",
)


class Verdict(NamedTuple):
    """What became of a mutant."""

    mutant: Mutant
    survived: bool


class _Loader(SourceFileLoader):
    """Load a module from code that is not its file's."""

    def __init__(self, name: str, path: Path, code: CodeType) -> None:
        super().__init__(name, str(path))
        self._code = code

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # the import system's signature
        return self._code


class _Finder(MetaPathFinder):
    """Put a mutant in the place of its module."""

    def __init__(self, mutant: Mutant) -> None:
        parts = mutant.path.with_suffix("").parts
        self._name = ".".join(parts[len(parts) - 1 - parts[::-1].index("sluice") :])
        self._mutant = mutant

    def find_spec(
        self,
        fullname: str,
        path: Sequence[str] | None,  # noqa: ARG002  # the import system's signature
        target: ModuleType | None = None,  # noqa: ARG002
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        loader = _Loader(fullname, self._mutant.path, self._mutant.code)
        return spec_from_file_location(fullname, self._mutant.path, loader=loader)


def baseline(tests: Sequence[str]) -> float | None:
    """Return the seconds that *tests* take on the unchanged code, None when they fail."""
    for name in PRELOADED:
        importlib.import_module(name)
    started = time.monotonic()
    _, status = os.waitpid(_fork(None, tests), 0)
    return None if status else time.monotonic() - started


def judge(todo: Sequence[Mutant], tests: Sequence[str], limit: float, workers: int) -> Iterator[Verdict]:
    """Run *tests* on every mutant, *workers* at a time; one that takes longer than *limit* seconds is killed."""
    waiting = list(reversed(todo))
    running: dict[int, tuple[Mutant, float]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                mutant = waiting.pop()
                running[_fork(mutant, tests)] = (mutant, time.monotonic() + limit)
            time.sleep(0.01)
            for pid, (mutant, deadline) in list(running.items()):
                done, status = os.waitpid(pid, os.WNOHANG)
                if done:
                    del running[pid]
                    yield Verdict(mutant, survived=status == 0)
                elif time.monotonic() > deadline:
                    os.kill(pid, signal.SIGKILL)
    finally:
        for pid in running:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)


def _fork(mutant: Mutant | None, tests: Sequence[str]) -> int:
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        silence = os.open(os.devnull, os.O_WRONLY)
        os.dup2(silence, 1)
        os.dup2(silence, 2)
        if mutant is not None:
            sys.meta_path.insert(0, _Finder(mutant))
        code = int(pytest.main([*OPTIONS, *tests]))
    finally:
        os._exit(code)

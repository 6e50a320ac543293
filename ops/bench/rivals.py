"""Contenders as child processes, and rounds in which they take turns."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from ops.bench.inputs import BATCH_RECORDS, PARTITIONS, Workload
from ops.bench.servers import Servers
from ops.twin.config import REPOSITORY
from ops.twin.process import module_environment

LAYER = REPOSITORY / "layers" / "sluice" / "python"


class WorkerError(Exception):
    """A contender's process ended without an answer."""


class Worker:
    """One contender's process."""

    def __init__(self, kind: str, config: Mapping[str, Any]) -> None:
        """Start it."""
        environment = module_environment()
        environment["PYTHONPATH"] += f":{LAYER}"
        environment |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}
        environment |= {"AWS_REGION": "eu-central-1", "AWS_DEFAULT_REGION": "eu-central-1"}
        environment |= {"AWS_ENDPOINT_URL_S3": str(config.get("s3_endpoint", ""))}
        self._kind = kind
        self._process = subprocess.Popen(
            [sys.executable, "-m", "ops.bench.worker", kind, json.dumps(config)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=environment,
            text=True,
        )

    def __enter__(self) -> Self:
        """Return the running contender."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End it."""
        self.close()

    def ask(self, request: Mapping[str, Any]) -> dict[str, Any]:
        """Send one request and wait for the answer; WorkerError when there is none."""
        if self._process.stdin is None or self._process.stdout is None:
            raise WorkerError(f"the contender {self._kind} has no pipes")
        print(json.dumps(request), file=self._process.stdin, flush=True)
        line = self._process.stdout.readline()
        if not line:
            raise WorkerError(f"the contender {self._kind} ended; what it said stands above")
        answer: dict[str, Any] = json.loads(line)
        return answer

    def close(self) -> None:
        """Close its input, which ends it; kill it when that does not."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


def config(servers: Servers) -> dict[str, Any]:
    """Return what every contender is told."""
    return {
        "bootstrap": servers.bootstrap,
        "redis_url": servers.redis_url,
        "s3_endpoint": servers.s3_endpoint,
        "environment": servers.environment("set for every round"),
    }


def play(
    worker: Worker,
    servers: Servers,
    workload: Workload,
    count: int,
    run: str,
    *,
    most: int = BATCH_RECORDS,
) -> dict[str, Any]:
    """Play one round: fresh keys, fresh topics, an empty cache."""
    values = workload.values(count, run)
    path = Path(servers.run_dir) / "values.jsonl"
    path.write_bytes(b"\n".join(values))
    raw, cleaned = servers.topic(1), servers.topic(PARTITIONS)
    request = {"values": str(path), "raw_topic": raw, "cleaned_topic": cleaned, "most": most}
    answer = worker.ask(request)
    servers.forget(raw, cleaned)
    if answer["records"] != count:
        raise WorkerError(f"{count} records were given, {answer['records']} were worked on")
    return answer

"""Execution environments: one runtime interface emulator and one Python each, one call at a time."""

from __future__ import annotations

import contextlib
import http.client
import os
import signal
import sys
import threading
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ops.twin.answers import Reply
from ops.twin.config import TwinError
from ops.twin.destination import ACCESS_KEY, REGION
from ops.twin.process import HOST, Launcher, free_port, signal_group, tethered, wait_for_port
from ops.twin.runtime_replies import EXITED, read_runtime_reply

EMBEDDED_METRICS = b'{"_aws"'
END_OF_INVOCATION = b"END RequestId: "
PATH = "/2015-03-31/functions/function/invocations"


@dataclass(frozen=True)
class FunctionSpec:
    """Hold what an execution environment of one function needs."""

    name: str
    rie: str
    functions: str
    layer: str
    environment: Mapping[str, str]
    timeout_seconds: int
    run_dir: str

    @property
    def handler(self) -> str:
        """Return the handler as Lambda names it."""
        return f"{self.name}.handler"

    def variables(self, number: int) -> dict[str, str]:
        """Return the environment of the function's process: nothing of ours leaks in but the PATH."""
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": self.run_dir,
            "LANG": "C.UTF-8",
            "TZ": ":UTC",
            "LAMBDA_TASK_ROOT": self.functions,
            "LAMBDA_RUNTIME_DIR": "/var/runtime",
            "_HANDLER": self.handler,
            "PYTHONPATH": os.pathsep.join([self.functions, self.layer]),
            "AWS_LAMBDA_FUNCTION_NAME": self.name,
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "1769",  # one whole vCPU
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout_seconds),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{self.name}",
            "AWS_LAMBDA_LOG_STREAM_NAME": f"[{number}]",
            "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": ACCESS_KEY,
            "AWS_SECRET_ACCESS_KEY": ACCESS_KEY,
            "AWS_EC2_METADATA_DISABLED": "true",
            **self.environment,
        }

    def command(self, port: int, runtime_port: int) -> list[str]:
        """Return the emulator's command line; the Python it forks is tied to it."""
        addresses = {"interface-emulator": port, "api": runtime_port}
        options = [x for name, at in addresses.items() for x in (f"--runtime-{name}-address", f"{HOST}:{at}")]
        python = [sys.executable, "-m", "awslambdaric", self.handler]
        return [self.rie, "--log-level", "error", *options, *tethered(python, 0)]


class Environment:
    """Own one emulator and the Python under it."""

    def __init__(self, spec: FunctionSpec, number: int, launcher: Launcher) -> None:
        self.spec = spec
        self.busy = False
        self._ended = threading.Semaphore(0)
        self.port = free_port()
        self._process = launcher.start(
            spec.command(self.port, free_port()),
            env=spec.variables(number),
            cwd=Path(spec.functions),
            stdout=-1,
        )
        self._drain = threading.Thread(target=self._copy_output, args=(number,), daemon=True)
        self._drain.start()
        self._connection = http.client.HTTPConnection(HOST, self.port, timeout=spec.timeout_seconds + 20)
        try:
            wait_for_port(self.port, self._process, "Lambda runtime")
        except TwinError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Return the emulator's process id."""
        return self._process.pid

    def runtime_pids(self) -> list[int]:
        """Return the process ids of the Python under the emulator: none before the first call."""
        found: list[int] = []
        for task in Path(f"/proc/{self.pid}/task").glob("*/children"):
            with contextlib.suppress(OSError):
                found += map(int, task.read_text().split())
        return found

    def alive(self) -> bool:
        """Tell whether the emulator runs."""
        return self._process.poll() is None

    def _copy_output(self, number: int) -> None:
        run_dir, name = Path(self.spec.run_dir), self.spec.name
        output = self._process.stdout
        if output is None:
            return
        with (
            (run_dir / f"emf-{name}.jsonl").open("ab", buffering=0) as metrics,
            (run_dir / "logs" / f"{name}-{number}.log").open("ab", buffering=0) as log,
        ):
            self._sort_lines(output, metrics, log)

    def _sort_lines(self, output: IO[bytes], metrics: IO[bytes], log: IO[bytes]) -> None:
        for line in output:
            # One write a line: environments share the file. Half a line is what a killed process leaves.
            is_metrics = line.startswith(EMBEDDED_METRICS) and line.endswith(b"\n")
            (metrics if is_metrics else log).write(line)
            if line.startswith(END_OF_INVOCATION):
                self._ended.release()

    def invoke(self, event: bytes) -> tuple[Reply, bool]:
        """Run one event; return the reply and whether this environment can be used again."""
        try:
            self._connection.request("POST", PATH, body=event)
            response = self._connection.getresponse()
            status, body = response.status, response.read()
        except (OSError, http.client.HTTPException):
            return EXITED, False
        reply, reusable = read_runtime_reply(status, body)
        if reusable:
            # What the function printed is in its files before its caller goes on.
            self._ended.acquire(timeout=2)
        return reply, reusable and self.alive()

    def close(self) -> None:
        """Kill the emulator and the Python under it."""
        signal_group(self._process, signal.SIGKILL)
        self._process.wait()
        self._drain.join(2)
        self._connection.close()
        if self._process.stdout is not None and not self._drain.is_alive():
            self._process.stdout.close()

"""The Lambda service: `python -m ops.twin.lambdas CONFIG`.

It speaks the Invoke path of the AWS API, so a boto3 client with this endpoint works, and owns a pool of execution
environments per function.
"""

from __future__ import annotations

import signal
import sys
import threading
from dataclasses import asdict, dataclass, field, fields
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import orjson

from ops.twin.answers import Reply
from ops.twin.config import INVOKE_LIMIT_BYTES
from ops.twin.environments import FunctionSpec
from ops.twin.pool import Pool
from ops.twin.process import HOST, Launcher

PREFIX, SUFFIX = "/2015-03-31/functions/", "/invocations"
ENVIRONMENTS = "/environments"


@dataclass(frozen=True)
class LambdaConfig:
    """Hold what the service is told: one JSON file, written by the twin."""

    port: int
    rie: str
    functions: str
    layer: str
    environment: dict[str, str]
    timeout_seconds: int
    concurrency: int
    run_dir: str
    # Seconds of single functions, where they differ.
    timeouts: dict[str, int] = field(default_factory=dict)

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> LambdaConfig:
        """Read the file that `write` wrote."""
        data: dict[str, Any] = orjson.loads(path.read_bytes())
        return cls(**{one.name: data[one.name] for one in fields(cls)})


def _refusal(status: int, kind: str, message: str) -> Reply:
    return Reply(status, kind, orjson.dumps({"Type": "User", "Message": message}))


class Service:
    """Find a function's pool, or make it: a function is a file in the functions folder."""

    def __init__(self, config: LambdaConfig) -> None:
        self._config = config
        self._launcher = Launcher()
        self._lock = threading.Lock()
        self._pools: dict[str, Pool] = {}
        (Path(config.run_dir) / "logs").mkdir(parents=True, exist_ok=True)

    def invoke(self, name: str, event: bytes) -> Reply:
        """Answer one Invoke call; the error of a reply whose status is not 200 is the exception's name."""
        if len(event) > INVOKE_LIMIT_BYTES:
            message = f"{len(event)} byte payload is too large (the limit is {INVOKE_LIMIT_BYTES} bytes)"
            return _refusal(413, "RequestTooLargeException", message)
        pool = self._pool(name)
        if pool is None:
            return _refusal(404, "ResourceNotFoundException", f"Function not found: {name}")
        return pool.invoke(event or b"{}")

    def _pool(self, name: str) -> Pool | None:
        with self._lock:
            if name not in self._pools:
                if not (name.isidentifier() and (Path(self._config.functions) / f"{name}.py").is_file()):
                    return None
                self._pools[name] = Pool(self._spec(name), self._config.concurrency, self._launcher)
            return self._pools[name]

    def _spec(self, name: str) -> FunctionSpec:
        config = self._config
        return FunctionSpec(
            name=name,
            rie=config.rie,
            functions=config.functions,
            layer=config.layer,
            environment=config.environment,
            timeout_seconds=config.timeouts.get(name, config.timeout_seconds),
            run_dir=config.run_dir,
        )

    def describe(self) -> list[dict[str, object]]:
        """Return all execution environments."""
        with self._lock:
            pools = list(self._pools.values())
        return [environment for pool in pools for environment in pool.describe()]

    def close(self) -> None:
        """Kill all execution environments."""
        with self._lock:
            for pool in self._pools.values():
                pool.close()
        self._launcher.close()


class Handler(BaseHTTPRequestHandler):
    """Speak HTTP for the service; connections are kept."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    service: ClassVar[Service]

    def do_POST(self) -> None:  # http.server's name
        """Answer an Invoke call."""
        event = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.path.startswith(PREFIX) and self.path.endswith(SUFFIX):
            self._answer(self.service.invoke(self.path[len(PREFIX) : -len(SUFFIX)], event))
        else:
            self._answer(_refusal(404, "UnknownOperationException", "no such path"))

    def do_GET(self) -> None:  # http.server's name
        """List the execution environments."""
        known = self.path == ENVIRONMENTS
        reply = Reply(200, None, orjson.dumps(self.service.describe()))
        self._answer(reply if known else _refusal(404, "UnknownOperationException", "no such path"))

    def _answer(self, reply: Reply) -> None:
        self.send_response(reply.status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(reply.body)))
        self.send_header("X-Amz-Executed-Version", "$LATEST")
        if reply.error is not None:
            self.send_header(
                "X-Amz-Function-Error" if reply.status == 200 else "x-amzn-ErrorType", reply.error
            )
        self.end_headers()
        self.wfile.write(reply.body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # http.server's name
        """Keep quiet: one line a call helps nobody."""


class Server(ThreadingHTTPServer):
    """Listen with a backlog that a burst of pollers and lookups does not fill."""

    request_queue_size = 128
    daemon_threads = True
    block_on_close = False


def main(arguments: list[str]) -> None:
    """Serve until SIGTERM."""
    config = LambdaConfig.read(Path(arguments[0]))
    Handler.service = Service(config)
    server = Server((HOST, config.port), Handler)
    # `shutdown` waits for the loop, so it cannot be called from the loop's own thread.
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    try:
        server.serve_forever(poll_interval=0.1)
    finally:
        Handler.service.close()


if __name__ == "__main__":
    main(sys.argv[1:])

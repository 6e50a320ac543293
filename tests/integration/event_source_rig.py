"""A mapping on a real broker and a real S3, before a function that is played by a thread of the test."""

from __future__ import annotations

import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import orjson
from confluent_kafka import Producer

from ops.twin.aws import create_buckets
from ops.twin.broker import Topics
from ops.twin.config import EventSource
from ops.twin.poller_config import PollerConfig
from ops.twin.process import HOST, free_port, module_environment
from ops.twin.stats import PollerStats
from ops.twin.supervisor import Child, Supervisor

Place = tuple[int, int]  # partition, offset
OK: dict[str, Any] = {"batchItemFailures": []}


class FunctionFailedError(Exception):
    """Raised by a played function: the caller sees a function error."""


class Call(NamedTuple):
    """One event as it arrived."""

    event: dict[str, Any]
    size: int

    @property
    def places(self) -> list[Place]:
        return [(r["partition"], r["offset"]) for group in self.event["records"].values() for r in group]


Behaviour = Callable[[Call], Any]


class PlayedFunction:
    """Answer Invoke calls with what the test says, and remember them."""

    def __init__(self, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.calls: list[Call] = []
        self.succeeded: list[Place] = []
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        played = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                answer, error = played.answer(body)
                self.send_response(200)
                self.send_header("Content-Length", str(len(answer)))
                if error:
                    self.send_header("X-Amz-Function-Error", error)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, request: Any, client_address: Any) -> None:
                """A killed poller's connection breaks: that is the test's doing."""

        self._server = Server((HOST, self.port), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def answer(self, body: bytes) -> tuple[bytes, str | None]:
        call = Call(orjson.loads(body), len(body))
        self.calls.append(call)
        try:
            answer = self.behaviour(call)
        except FunctionFailedError as error:
            return orjson.dumps({"errorType": "FunctionFailedError", "errorMessage": str(error)}), "Unhandled"
        failed = {
            (f["itemIdentifier"]["partition"], f["itemIdentifier"]["offset"])
            for f in (answer or OK)["batchItemFailures"]
        }
        self.succeeded += [
            (p, o) for p, o in call.places if not any(o == fo and s.endswith(f"-{p}") for s, fo in failed)
        ]
        return orjson.dumps(answer), None

    def stop(self) -> None:
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


class Rig:
    """A topic, a consumer group, buckets, and pollers that can be started and stopped."""

    def __init__(self, servers: Servers, partitions: int, source: EventSource, behaviour: Behaviour) -> None:
        name = f"raw-{uuid.uuid4().hex[:8]}"
        self.partitions = partitions
        self.function = PlayedFunction(behaviour)
        self.supervisor = Supervisor()
        self.topics = Topics(servers.bootstrap, {}, embedded=True)
        self.topics.create(name, partitions=partitions)
        self.bucket = f"on-failure-{name}"
        self.s3 = create_buckets(servers.s3_endpoint, self.bucket)
        self.config = PollerConfig(
            bootstrap=servers.bootstrap,
            kafka_properties={},
            topic=name,
            group=f"group-{name}",
            source=source,
            event_source_arn=f"arn:aws:kafka:eu-central-1:000000000000:cluster/test/{name}",
            mapping_id=name,
            lambda_port=self.function.port,
            function_name="played",
            function_timeout_seconds=20,
            s3_endpoint=servers.s3_endpoint,
            on_failure_bucket=self.bucket,
            run_dir=str(servers.run_dir),
        )
        self._producer = Producer(
            {
                "bootstrap.servers": servers.bootstrap,
                "linger.ms": 1,
                "log_level": 2,
                "message.max.bytes": 10**7,
            }
        )

    def produce(self, values: Sequence[bytes | None], partition: int = 0, **fields: Any) -> None:
        for value in values:
            self._producer.produce(self.config.topic, partition=partition, value=value, **fields)
        assert self._producer.flush(20) == 0

    def start(self, *numbers: int) -> None:
        run_dir = Path(self.config.run_dir)
        path = run_dir / "pollers.json"
        self.config.write(path)
        for number in numbers or range(self.config.source.pollers):
            command = [sys.executable, "-m", "ops.twin.poller", str(path), str(number)]
            log = run_dir / f"poller-{number}.log"
            self.supervisor.add(Child("poller", command, module_environment(), log, restart=True))

    def stop(self) -> None:
        self.supervisor.stop("poller", 20)

    def committed(self) -> dict[int, int]:
        return self.topics.committed(self.config.group, self.config.topic, self.partitions)

    def stats(self, poller: int = 0) -> PollerStats:
        return PollerStats.load(Path(self.config.run_dir), poller)

    def on_failure(self) -> list[dict[str, Any]]:
        found = self.s3.list_objects_v2(Bucket=self.bucket).get("Contents", [])
        bodies = [self.s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read() for item in found]
        return [orjson.loads(body) for body in bodies]

    def wait_committed(self, *expected: int) -> None:
        wait_for(lambda: list(self.committed().values()) == list(expected), "the commits")

    def close(self) -> None:
        self.supervisor.close()
        self.function.stop()
        self.topics.close()


class Servers(NamedTuple):
    """What a rig stands on."""

    bootstrap: str
    s3_endpoint: str
    run_dir: Path


def wait_for(condition: Callable[[], Any], what: str, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for {what}"
        time.sleep(0.02)


@contextmanager
def rig(
    servers: Servers,
    behaviour: Behaviour = lambda _: OK,
    *,
    partitions: int = 1,
    function_up: bool = True,
    **changes: Any,
) -> Iterator[Rig]:
    """Set up a mapping; settings not named are quick ones."""
    quick: dict[str, Any] = {"window_seconds": 0.1, "retry_backoff_seconds": 0.01, "pollers": 1}
    made = Rig(servers, partitions, EventSource(**{**quick, **changes}), behaviour)
    try:
        if function_up:
            made.function.start()
        yield made
    finally:
        made.close()

"""The twin: everything around the functions, on one machine, as one context manager."""

from __future__ import annotations

import secrets
import shutil
import signal
import sys
import tempfile
import threading
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, NoReturn, Self

import orjson

from ops.twin.aws import create_buckets, start_aws
from ops.twin.broker import Topics, start_broker
from ops.twin.cache import check_cache, start_cache
from ops.twin.config import TwinConfig
from ops.twin.destination import s3_client
from ops.twin.invoke import FunctionClient, InvokeResult
from ops.twin.lambdas import LambdaConfig
from ops.twin.poller_config import PollerConfig
from ops.twin.process import free_port, module_environment
from ops.twin.rie import ensure_rie
from ops.twin.stats import PollerStats
from ops.twin.supervisor import Child, Supervisor

if TYPE_CHECKING:
    from botocore.client import BaseClient

RAW_TOPIC, CLEANED_TOPIC = "agent_raw_output", "agent_cleaned"
# On the way out nothing waits for a slow function: what it did not acknowledge is not committed.
CLOSE_GRACE_SECONDS = 5.0


def _end_on_sigterm(_number: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(128 + signal.SIGTERM)


class Twin:
    """Run broker, cache, S3, Lambda service and pollers; on exit nothing of them is left."""

    def __init__(self, config: TwinConfig | None = None) -> None:
        self.config = config or TwinConfig()
        self.run_id = uuid.uuid4().hex[:8]
        self.mapping_id = str(uuid.uuid4())
        self.event_source_arn = (
            f"arn:aws:kafka:eu-central-1:000000000000:cluster/sluice-twin/{self.mapping_id}-1"
        )
        suffix = "" if self.config.kafka is None else f"-{self.run_id}"
        self.raw_topic, self.cleaned_topic = RAW_TOPIC + suffix, CLEANED_TOPIC + suffix
        self.consumer_group = f"{self.config.event_source.consumer_group}-{self.run_id}"
        self.dead_letter_bucket = f"sluice-dead-letters-{self.run_id}"
        self.on_failure_bucket = f"sluice-on-failure-{self.run_id}"
        # A key of its own for each run: what it writes can be joined within the run and with nothing else.
        self.redaction_key = secrets.token_hex(32)
        self.redis_mode = self.config.redis_mode
        self.bootstrap = self.redis_url = self.s3_endpoint = ""
        self.lambda_port = 0
        self.run_dir = Path()
        self._own_run_dir = False
        self._supervisor: Supervisor | None = None
        self._topics: Topics | None = None
        self._functions: FunctionClient | None = None
        self._handlers: dict[signal.Signals, Any] = {}

    def __enter__(self) -> Self:
        """Start everything but the pollers; TwinError when something cannot."""
        self._catch_sigterm()
        try:
            self._make_run_dir()
            self._supervisor = Supervisor()
            self._start_servers(self._supervisor)
            self._start_lambdas(self._supervisor)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Stop everything."""
        self.close()

    # --- starting ------------------------------------------------------------------------------------------

    def _catch_sigterm(self) -> None:
        # Only the main thread may, and a handler of the caller's stays.
        if threading.current_thread() is threading.main_thread():
            self._handlers[signal.SIGINT] = signal.getsignal(signal.SIGINT)
            self._handlers[signal.SIGTERM] = signal.getsignal(signal.SIGTERM)
            if self._handlers[signal.SIGTERM] is signal.SIG_DFL:
                signal.signal(signal.SIGTERM, _end_on_sigterm)

    def _make_run_dir(self) -> None:
        self._own_run_dir = self.config.run_dir is None
        if self.config.run_dir is None:
            self.run_dir = Path(tempfile.mkdtemp(prefix="sluice-twin-")).resolve()
        else:
            # A folder of its own in there: an earlier run's counters are not this one's.
            self.run_dir = self.config.run_dir.resolve() / f"twin-{self.run_id}"
        (self.run_dir / "logs").mkdir(parents=True, exist_ok=True)

    def _start_servers(self, supervisor: Supervisor) -> None:
        config = self.config
        if config.redis is not None:
            check_cache(config.redis, config.redis_mode)
        self.bootstrap = config.kafka or start_broker(supervisor, self.run_dir)
        self._topics = Topics(self.bootstrap, config.kafka_properties, embedded=config.kafka is None)
        self._topics.check()
        cluster = config.redis_mode == "cluster"
        self.redis_url = config.redis or start_cache(supervisor, self.run_dir, cluster=cluster)
        self._topics.create(self.raw_topic, partitions=config.partitions)
        self._topics.create(
            self.cleaned_topic, partitions=config.partitions, max_message_bytes=config.cleaned_topic_bytes
        )
        self.s3_endpoint = start_aws(supervisor, self.run_dir)
        create_buckets(self.s3_endpoint, self.dead_letter_bucket, self.on_failure_bucket)

    def function_environment(self) -> dict[str, str]:
        """Return the environment that the functions get on top of Lambda's own."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_AUTH": "none",
            "CLEANED_TOPIC": self.cleaned_topic,
            "REDIS_URL": self.redis_url,
            "REDIS_MODE": self.redis_mode,
            "REDIS_AUTH": "none",
            "DEAD_LETTER_BUCKET": self.dead_letter_bucket,
            "REDACTION_KEY": self.redaction_key,
            "PARTIAL_FAILURES": "true" if self.config.event_source.report_batch_item_failures else "false",
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
            **self.config.environment,
        }

    def _start_lambdas(self, supervisor: Supervisor) -> None:
        config = self.config
        # One port for the whole run, so that callers find a restarted service again.
        self.lambda_port = free_port()
        told = LambdaConfig(
            port=self.lambda_port,
            rie=str(ensure_rie()),
            functions=str(config.functions.resolve()),
            layer=str(config.layer.resolve()),
            environment=self.function_environment(),
            timeout_seconds=config.function_timeout_seconds,
            concurrency=config.event_source.pollers + 1,
            run_dir=str(self.run_dir),
        )
        path = self.run_dir / "lambdas.json"
        told.write(path)
        command = [sys.executable, "-m", "ops.twin.lambdas", str(path)]
        log = self.run_dir / "logs" / "lambdas.log"
        supervisor.add(Child("lambda", command, module_environment(), log, restart=True), self.lambda_port)
        self._functions = FunctionClient(self.lambda_port, config.function_timeout_seconds + 30)

    # --- running -------------------------------------------------------------------------------------------

    def start_pollers(self) -> None:
        """Start the event source mapping."""
        config, supervisor = self.config, self._running()
        path = self.run_dir / "pollers.json"
        PollerConfig(
            bootstrap=self.bootstrap,
            kafka_properties=dict(config.kafka_properties),
            topic=self.raw_topic,
            group=self.consumer_group,
            source=config.event_source,
            event_source_arn=self.event_source_arn,
            mapping_id=self.mapping_id,
            lambda_port=self.lambda_port,
            function_name=config.function_name,
            function_timeout_seconds=config.function_timeout_seconds,
            s3_endpoint=self.s3_endpoint,
            on_failure_bucket=self.on_failure_bucket,
            run_dir=str(self.run_dir),
        ).write(path)
        for number in range(config.event_source.pollers):
            command = [sys.executable, "-m", "ops.twin.poller", str(path), str(number)]
            log = self.run_dir / "logs" / f"poller-{number}.log"
            supervisor.add(Child("poller", command, module_environment(), log, restart=True))

    def stop_pollers(self) -> None:
        """Let the pollers finish their current invocation, commit and leave."""
        self._running().stop("poller", self.config.function_timeout_seconds + 5)

    def poller_stats(self) -> list[dict[str, int]]:
        """Return each poller's counters (see `PollerStats`)."""
        pollers = range(self.config.event_source.pollers)
        return [asdict(PollerStats.load(self.run_dir, number)) for number in pollers]

    def alive(self) -> None:
        """Raise TwinError when a child died that cannot be brought back."""
        self._running().check()

    def invoke(self, name: str, payload: object) -> InvokeResult:
        """Call a function and wait for its answer."""
        return self._client().invoke(name, payload)

    def environments(self) -> list[dict[str, Any]]:
        """Return the execution environments: function, rie (pid), runtime (pids), busy."""
        return self._client().environments()

    def committed(self) -> dict[int, int]:
        """Return per raw partition the offset that the mapping reads next."""
        self._running()
        topics = self._topics
        return topics.committed(self.consumer_group, self.raw_topic, self.config.partitions) if topics else {}

    def emf(self, function: str | None = None) -> Iterator[dict[str, Any]]:
        """Yield the embedded metrics that a function (preprocess) printed so far."""
        path = self.run_dir / f"emf-{function or self.config.function_name}.jsonl"
        if path.exists():
            with path.open("rb") as lines:
                # The last line may still be under way.
                yield from (orjson.loads(line) for line in lines if line.endswith(b"\n"))

    def pids(self, kind: str) -> list[int]:
        """Return the pids of a kind: broker, cache, aws, lambda, poller, or rie and runtime of the environments."""
        if kind == "rie":
            return [int(environment["rie"]) for environment in self.environments()]
        if kind == "runtime":
            return [int(pid) for environment in self.environments() for pid in environment["runtime"]]
        return self._running().pids(kind)

    def s3(self) -> BaseClient:
        """Return a new S3 client."""
        return s3_client(self.s3_endpoint)

    def _running(self) -> Supervisor:
        if self._supervisor is None:
            raise RuntimeError("the twin is not running")
        return self._supervisor

    def _client(self) -> FunctionClient:
        if self._functions is None:
            raise RuntimeError("the twin is not running")
        return self._functions

    # --- stopping ------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Stop pollers, then functions, then servers; a second Ctrl-C does not cut this short."""
        handlers = self._handlers if threading.current_thread() is threading.main_thread() else {}
        for number in handlers:
            signal.signal(number, signal.SIG_IGN)
        try:
            self._stop_children()
        finally:
            if self._own_run_dir:
                shutil.rmtree(self.run_dir, ignore_errors=True)
                self._own_run_dir = False
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._handlers = {}

    def _stop_children(self) -> None:
        supervisor, self._supervisor = self._supervisor, None
        if supervisor is not None:
            supervisor.stop("poller", CLOSE_GRACE_SECONDS)
            supervisor.stop("lambda", CLOSE_GRACE_SECONDS)
        if self._functions is not None:
            self._functions.close()
        if self._topics is not None:
            self._topics.close()
        if supervisor is not None:
            supervisor.close()

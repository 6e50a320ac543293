"""The servers of a bench run: a broker, a cache and an S3, on fresh data, ended with the run."""

from __future__ import annotations

import shutil
import tempfile
import uuid
from pathlib import Path
from types import TracebackType
from typing import Self

import redis
from confluent_kafka.admin import AdminClient

from ops.twin.aws import create_buckets, start_aws
from ops.twin.broker import Topics, start_broker
from ops.twin.cache import start_cache
from ops.twin.supervisor import Supervisor

BUCKET = "sluice-bench"


class Servers:
    """Start the servers on enter, end them on exit."""

    def __init__(self) -> None:
        """Start nothing yet."""
        self.bootstrap = self.redis_url = self.s3_endpoint = ""
        self.run_dir = Path()

    def __enter__(self) -> Self:
        """Start everything; TwinError when something cannot."""
        self.run_dir = Path(tempfile.mkdtemp(prefix="sluice-bench-"))
        self._supervisor = Supervisor()
        try:
            self.bootstrap = start_broker(self._supervisor, self.run_dir)
            self.redis_url = start_cache(self._supervisor, self.run_dir, cluster=False)
            self.s3_endpoint = start_aws(self._supervisor, self.run_dir)
            create_buckets(self.s3_endpoint, BUCKET)
            self._topics = Topics(self.bootstrap, {}, embedded=True)
            self._admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 2})
            self._cache = redis.Redis.from_url(self.redis_url)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """End everything, remove what was written."""
        self._end()

    def _end(self) -> None:
        self._supervisor.close()
        shutil.rmtree(self.run_dir, ignore_errors=True)

    def topic(self, partitions: int) -> str:
        """Create a topic of a new name."""
        name = f"bench-{uuid.uuid4().hex[:12]}"
        self._topics.create(name, partitions=partitions)
        return name

    def forget(self, *topics: str) -> None:
        """Delete topics and empty the cache: the embedded broker slows down with what it holds."""
        for future in self._admin.delete_topics(list(topics), operation_timeout=30).values():
            future.result(30)
        self._cache.flushall()

    def environment(self, cleaned_topic: str) -> dict[str, str]:
        """Return the functions' environment."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "CLEANED_TOPIC": cleaned_topic,
            "REDIS_URL": self.redis_url,
            "DEAD_LETTER_BUCKET": BUCKET,
            "REDACTION_KEY": "a key of the benchmark and of nothing else",
            "PARTIAL_FAILURES": "true",
            "AWS_ENDPOINT_URL_S3": self.s3_endpoint,
        }

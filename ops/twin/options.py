"""What a run can be told, and the twin that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ops.sample import limits
from ops.twin.config import REPOSITORY, EventSource, Shared, TwinConfig
from ops.twin.verify import DEFAULT_TOPIC_BYTES

LAYER = REPOSITORY / "layers" / "sluice" / "python"
SAMPLE = REPOSITORY / "events" / "records" / "sample.jsonl"
# The functions' own defaults.
MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES = 1_048_576, 1_000_000


@dataclass(frozen=True)
class RunOptions:
    """Hold what a run can be told; servers that are not given are embedded."""

    source: str = str(SAMPLE)
    out: Path | None = None
    kafka: str | None = None
    redis: str | None = None
    redis_mode: str = "standalone"
    # The twin that runs already: its buckets and its cleaned topic hold what others left there.
    shared: Shared | None = None
    max_message_bytes: int | None = None
    partitions: int = 4
    event_source: EventSource = field(default_factory=EventSource)
    layer: Path = LAYER
    stall_seconds: float = 180.0
    kafka_properties: Mapping[str, str] = field(default_factory=dict)
    function_timeout_seconds: int = 60
    record_ttl_seconds: int = 3600  # as the functions' own default

    def limits(self) -> tuple[int, int]:
        """Return MAX_MESSAGE_BYTES and MAX_CLEANED_BYTES: the sample has small ones, to be small itself.

        Not on a twin that stays: its replays have the functions' own limits, so its runs have them, too.
        """
        message, cleaned = MAX_MESSAGE_BYTES, MAX_CLEANED_BYTES
        if self.is_sample() and self.shared is None:
            message, cleaned = limits.MAX_MESSAGE_BYTES, limits.MAX_CLEANED_BYTES
        return self.max_message_bytes or message, cleaned

    def is_sample(self) -> bool:
        """Tell whether the input is the sample, which has limits of its own."""
        return self.source != "-" and Path(self.source).resolve() == SAMPLE

    def topic_bytes(self) -> int:
        """Return the cleaned topic's `max.message.bytes`: the sample has a small one, so that it is met."""
        return limits.CLEANED_TOPIC_BYTES if self.is_sample() and self.shared is None else DEFAULT_TOPIC_BYTES

    def twin_config(self) -> TwinConfig:
        """Return the twin's configuration."""
        message, cleaned = self.limits()
        environment = {
            "MAX_MESSAGE_BYTES": str(message),
            "MAX_CLEANED_BYTES": str(cleaned),
            "RECORD_TTL_SECONDS": str(self.record_ttl_seconds),
        }
        return TwinConfig(
            kafka=self.kafka,
            redis=self.redis,
            redis_mode=self.redis_mode,
            partitions=self.partitions,
            event_source=self.event_source,
            environment=environment,
            kafka_properties=self.kafka_properties,
            function_timeout_seconds=self.function_timeout_seconds,
            cleaned_topic_bytes=self.topic_bytes(),
            shared=self.shared,
            layer=self.layer,
        )

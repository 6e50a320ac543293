"""What a poller process is told: one JSON file, written by the twin."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

import orjson

from ops.twin.config import EventSource


@dataclass(frozen=True)
class PollerConfig:
    """Hold the settings of all pollers of one mapping."""

    bootstrap: str
    kafka_properties: Mapping[str, str]
    topic: str
    group: str
    source: EventSource
    event_source_arn: str
    mapping_id: str
    lambda_port: int
    function_name: str
    function_timeout_seconds: int
    s3_endpoint: str
    on_failure_bucket: str
    run_dir: str

    def write(self, path: Path) -> None:
        """Write the file that `read` reads."""
        path.write_bytes(orjson.dumps(asdict(self)))

    @classmethod
    def read(cls, path: Path) -> PollerConfig:
        """Read the file that `write` wrote."""
        data: dict[str, Any] = orjson.loads(path.read_bytes())
        data["source"] = EventSource(**data["source"])
        return cls(**{field.name: data[field.name] for field in fields(cls)})

"""A poller's counters, kept in a file that a reader never sees half written."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

import orjson


@dataclass
class PollerStats:
    """Count what one poller did, across its restarts; `in_flight` is the size of the batch being invoked."""

    poller: int
    starts: int = 0
    invocations: int = 0
    failed_invocations: int = 0
    retries: int = 0
    acknowledged: int = 0
    on_failure_objects: int = 0
    on_failure_records: int = 0
    in_flight: int = 0

    @staticmethod
    def path(run_dir: Path, poller: int) -> Path:
        """Return where a poller keeps its counters."""
        return run_dir / f"poller-{poller}.json"

    @classmethod
    def load(cls, run_dir: Path, poller: int) -> PollerStats:
        """Read the counters; zeros when the poller has not written any."""
        try:
            return cls(**orjson.loads(cls.path(run_dir, poller).read_bytes()))
        except FileNotFoundError:
            return cls(poller)

    def save(self, run_dir: Path) -> None:
        """Replace the file at once."""
        path = self.path(run_dir, self.poller)
        draft = path.with_suffix(".draft")
        draft.write_bytes(orjson.dumps(asdict(self)))
        draft.replace(path)

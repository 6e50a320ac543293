"""Wait until the pollers share the partitions.

Records sent before that are read by whoever is first, and once more by the next owner: harmless, but
then a run without any fault has repeats.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from confluent_kafka import ConsumerGroupState, KafkaException
from confluent_kafka.admin import AdminClient

from ops.twin.twin import Twin

_POLL_SECONDS = 0.1
_REQUEST_SECONDS = 5.0


def wait_for_group(twin: Twin, properties: Mapping[str, str], seconds: float) -> bool:
    """Return whether the pollers share all partitions before the time is up. Raises TwinError."""
    admin = AdminClient({"bootstrap.servers": twin.bootstrap, "log_level": 2, **properties})
    pollers, partitions = twin.config.event_source.pollers, twin.config.partitions
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        twin.alive()
        try:
            future = admin.describe_consumer_groups([twin.consumer_group], request_timeout=_REQUEST_SECONDS)
            if _shared(future[twin.consumer_group].result(_REQUEST_SECONDS), pollers, partitions):
                return True
        except (KafkaException, TimeoutError):
            # A group that does not exist yet is an error on some brokers.
            pass
        time.sleep(_POLL_SECONDS)
    return False


def _shared(group: Any, pollers: int, partitions: int) -> bool:
    owned = [member.assignment.topic_partitions for member in group.members if member.assignment is not None]
    busy = sum(bool(places) for places in owned)
    return (
        group.state is ConsumerGroupState.STABLE
        and sum(map(len, owned)) == partitions
        and busy == min(pollers, partitions)
        and len(group.members) == pollers
    )

"""Start the pollers and wait until they share the partitions.

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
_SECONDS = 30.0
# A rebalance takes up to one heartbeat, 3 s.
_EMBEDDED_SECONDS = 6.0
_ATTEMPTS = 3


def start_pollers(twin: Twin, properties: Mapping[str, str]) -> str:
    """Start the pollers; return what their group is like if they still do not share the partitions.

    The embedded broker forgets both members when one joins just as it answers the other, and then it
    never answers either. Nothing was read yet, so another group does as well.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        twin.start_pollers()
        embedded = twin.config.kafka is None
        seen = wait_for_group(twin, properties, _EMBEDDED_SECONDS if embedded else _SECONDS)
        if not seen or not embedded or attempt == _ATTEMPTS:
            break
        twin.stop_pollers()
        twin.consumer_group = f"{twin.consumer_group}-{attempt}"
    return seen


def wait_for_group(twin: Twin, properties: Mapping[str, str], seconds: float) -> str:
    """Wait until the pollers share all partitions; return what the group is like if they still do not.

    Raises TwinError when a poller is gone for good.
    """
    admin = AdminClient({"bootstrap.servers": twin.bootstrap, "log_level": 2, **properties})
    pollers, partitions = twin.config.event_source.pollers, twin.config.partitions
    deadline = time.monotonic() + seconds
    seen = "unknown"
    while time.monotonic() < deadline:
        twin.alive()
        try:
            future = admin.describe_consumer_groups([twin.consumer_group], request_timeout=_REQUEST_SECONDS)
            group = future[twin.consumer_group].result(_REQUEST_SECONDS)
        except (KafkaException, TimeoutError) as error:
            # A group that does not exist yet is an error on some brokers.
            seen = str(error)
        else:
            if _shared(group, pollers, partitions):
                return ""
            seen = f"{group.state.name}, {len(group.members)} members"
        time.sleep(_POLL_SECONDS)
    return seen


def _shared(group: Any, pollers: int, partitions: int) -> bool:
    owned = [member.assignment.topic_partitions for member in group.members if member.assignment is not None]
    busy = sum(bool(places) for places in owned)
    return (
        group.state is ConsumerGroupState.STABLE
        and sum(map(len, owned)) == partitions
        and busy == min(pollers, partitions)
        and len(group.members) == pollers
    )

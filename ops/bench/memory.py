"""Memory of a function's process over events of 6 MB."""

from __future__ import annotations

from typing import Any

from ops.bench.inputs import PARTITIONS, Workload, payloads
from ops.bench.rivals import Worker, config
from ops.bench.servers import Servers

EVENTS = 50
# More than fit: the payload limit ends the event.
RECORDS = 10_000


def measure_memory(servers: Servers, workload: Workload, events: int = EVENTS) -> dict[str, Any]:
    """Return resident and peak memory after the first and the last event, and the growth between them."""
    topic = servers.topic(PARTITIONS)
    told = {**config(servers), "environment": servers.environment(topic)}
    path = servers.run_dir / "event.json"
    answers: list[dict[str, Any]] = []
    with Worker("memory", told) as worker:
        for number in range(events):
            path.write_bytes(payloads(workload.values(RECORDS, f"memory-{number}"), RECORDS)[0])
            answers.append(worker.ask({"payload": str(path)}))
    servers.forget(topic)
    first, last = answers[0], answers[-1]
    return {
        "events": events,
        "event_bytes": first["event_bytes"],
        "first_rss_mb": first["rss_kb"] / 1024,
        "first_peak_mb": first["peak_kb"] / 1024,
        "last_rss_mb": last["rss_kb"] / 1024,
        "last_peak_mb": last["peak_kb"] / 1024,
        "growth": last["rss_kb"] / first["rss_kb"] - 1,
    }

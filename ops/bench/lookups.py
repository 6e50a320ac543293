"""How long the lookup handler takes to answer."""

from __future__ import annotations

import random
from typing import Any

import orjson

from ops.bench.figures import percentile
from ops.bench.inputs import BATCH_RECORDS, PARTITIONS, Workload
from ops.bench.rivals import Worker, config
from ops.bench.servers import Servers

RECORDS = 10_000
LATEST = 10


def measure_lookups(servers: Servers, workload: Workload, calls: int) -> dict[str, Any]:
    """Fill the cache through the handler, then ask: single records, and the newest ten of an agent."""
    values, topic = workload.values(RECORDS, "lookup"), servers.topic(PARTITIONS)
    path = servers.run_dir / "values.jsonl"
    path.write_bytes(b"\n".join(values))
    with Worker("whole", config(servers)) as worker:
        worker.ask({"values": str(path), "cleaned_topic": topic, "most": BATCH_RECORDS})
    asked = random.Random(calls).choices([orjson.loads(value) for value in values], k=calls)
    kinds: dict[str, list[dict[str, Any]]] = {
        "one": [{"agent_id": body["agent_id"], "timestamp": body["timestamp"]} for body in asked],
        "latest": [{"agent_id": body["agent_id"], "latest": LATEST} for body in asked],
    }
    results: dict[str, Any] = {"calls": calls, "latest": LATEST}
    with Worker("lookups", config(servers)) as worker:
        worker.ask({"requests": kinds["one"][:50] + kinds["latest"][:50]})
        for kind, requests in kinds.items():
            seconds = worker.ask({"requests": requests})["seconds"]
            results[f"{kind}_p50_ms"] = percentile(seconds, 50) * 1000
            results[f"{kind}_p99_ms"] = percentile(seconds, 99) * 1000
    servers.forget(topic)
    results["p99_ms"] = max(results["one_p99_ms"], results["latest_p99_ms"])
    return results

"""Sluice's own side of the measurements: the whole handler, and its stages one by one."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ops.bench.inputs import payloads
from sluice.claim import claim
from sluice.deadline import Deadline
from sluice.lookup_wiring import lookup
from sluice.publish import publish
from sluice.record import Record
from sluice.settings import read_cache_settings, read_settings
from sluice.source import read_event
from sluice.wiring import Preprocess, preprocess

Handler = Callable[[Any, Any], dict[str, Any]]


class Context:
    """Play Lambda's context: a minute is left."""

    aws_request_id = "bench"

    def get_remaining_time_in_millis(self) -> int:
        """Return a minute."""
        return 60_000


def _first_event() -> dict[str, Any]:
    """Return an event of one record: it builds the function and connects its clients."""
    value = b'{"agent_id":"warm","timestamp":"2026-01-01T00:00:00Z","text":"up"}'
    event: dict[str, Any] = json.loads(payloads([value])[0])
    return event


def _handle(handler: Handler, event: dict[str, Any]) -> None:
    answer = handler(event, Context())
    if answer["batchItemFailures"]:
        raise RuntimeError(f"not taken: {answer['batchItemFailures'][:3]}")


class Whole:
    """Run the handler over events that are dicts already, as awslambdaric hands them over."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Keep the environment but for the cleaned topic."""
        self._environment = environment

    def prepare(self, values: Sequence[bytes], cleaned_topic: str, most: int) -> None:
        """Make the events and a handler of this round's own, warmed up."""
        environment = {**self._environment, "CLEANED_TOPIC": cleaned_topic}
        self._handler: Handler = preprocess(lambda: read_settings(environment))
        _handle(self._handler, _first_event())
        self._payloads = payloads(values, most)

    def batches(self) -> Iterator[dict[str, Any]]:
        """Yield the events; one at a time, as in the function, so that none burdens the collector."""
        return map(json.loads, self._payloads)

    def work(self, batch: dict[str, Any]) -> int:
        """Handle one event and return its number of records."""
        _handle(self._handler, batch)
        return sum(map(len, batch["records"].values()))

    def close(self) -> None:
        """Let go of the handler and its clients."""
        del self._handler, self._payloads


class Stages:
    """Run one stage after the other over a batch, and note the CPU time of each."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Keep the environment but for the cleaned topic."""
        self._environment = environment

    def prepare(self, values: Sequence[bytes], cleaned_topic: str, most: int) -> None:
        """Make the events and the parts of a handler, warmed up."""
        environment = {**self._environment, "CLEANED_TOPIC": cleaned_topic}
        deadline = Deadline(Context().get_remaining_time_in_millis)
        self._function = Preprocess(read_settings(environment), "", deadline)
        self._payloads = payloads(values, most)
        self._deadline = deadline
        self.seconds: dict[str, float] = {}
        self.work(_first_event())
        self.seconds.clear()

    def batches(self) -> Iterator[dict[str, Any]]:
        """Yield the events."""
        return map(json.loads, self._payloads)

    def _note(self, stage: str, started: float) -> float:
        now = time.process_time()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - started
        return time.process_time()

    def work(self, batch: dict[str, Any]) -> int:
        """Work through one event, stage by stage, and return its number of records."""
        function = self._function
        started = time.process_time()
        source, messages = read_event(batch)
        started = self._note("read_event", started)
        records = [Record(message, source) for message in messages]
        # The function's own parts, so that what is measured here is what runs there.
        for name, step in function._pipeline._steps:  # noqa: SLF001
            for record in records:
                step(record)
            started = self._note(name, started)
        sinks = function._sinks  # noqa: SLF001
        claims = claim(records, sinks.cache, sinks.ttl, self._deadline.wait())
        started = self._note("store", started)
        published = publish(records, sinks.topic, self._deadline)
        self._note("publish", started)
        if any(one.verdict != "stored" for one in claims) or len(published.delivered) != len(records):
            raise RuntimeError("not every record was stored and published")
        return len(records)

    def close(self) -> None:
        """Let go of the parts and their clients."""
        del self._function, self._payloads


class Lookups:
    """Call the lookup handler and note how long each answer took."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Build the handler."""
        self._handler: Handler = lookup(lambda: read_cache_settings(environment))

    def run(self, requests: Sequence[dict[str, Any]]) -> list[float]:
        """Return the seconds that each request took; every one must be answered with 200."""
        context, seconds = Context(), []
        for request in requests:
            started = time.perf_counter()
            answer = self._handler(request, context)
            seconds.append(time.perf_counter() - started)
            if answer["statusCode"] != 200:
                raise RuntimeError(f"looked for {request}, got {answer}")
        return seconds


class Events:
    """Handle events in this process and say what memory it holds."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        """Make the handler."""
        self._handler = preprocess(lambda: read_settings(environment))

    def handle(self, payload: Path) -> dict[str, Any]:
        """Handle one event; return the resident and the peak memory afterwards, in kB."""
        body = payload.read_bytes()
        _handle(self._handler, json.loads(body))
        status = Path("/proc/self/status").read_text()
        return {"event_bytes": len(body), "rss_kb": _kb(status, "VmRSS"), "peak_kb": _kb(status, "VmHWM")}


def _kb(status: str, name: str) -> int:
    found = re.search(rf"^{name}:\s+(\d+) kB$", status, re.MULTILINE)
    if found is None:
        raise RuntimeError(f"the kernel does not tell {name}")
    return int(found[1])

"""What the benchmarks feed."""

from __future__ import annotations

import ast
import gzip
import json
from itertools import chain
from pathlib import Path

import orjson
import pytest

from ops.bench.inputs import PAYLOAD_BYTES, Workload, payloads
from sluice.outcome import DeadLetter
from sluice.source import read_event
from sluice.wiring import build_pipeline

BASELINES = Path(__file__).resolve().parents[2] / "ops" / "bench" / "baselines"
OURS = {"sluice", "ops"}


@pytest.mark.parametrize("size", [500, 2_000, 8_000])
def test_texts_have_their_size(size: int) -> None:
    """A generated text is as long as its workload says, to a character."""
    texts = [orjson.loads(value)["text"] for value in Workload("any", size).values(300, "a")]

    assert {size - 3 <= len(text.encode()) <= size for text in texts} == {True}


def test_runs_share_no_identity() -> None:
    """Every run has keys of its own: nothing of it is a duplicate of another."""
    first, second = (Workload("500 B", 500).values(1_000, run) for run in ("a", "b"))
    keys = [(body["agent_id"], body["timestamp"]) for body in map(orjson.loads, first + second)]

    assert len(set(keys)) == 2_000


def test_runs_are_alike() -> None:
    """All runs have the same texts, so their rounds can be compared."""
    first, second = (Workload("500 B", 500).values(500, run) for run in ("a", "b"))

    assert [orjson.loads(one)["text"] for one in first] == [orjson.loads(one)["text"] for one in second]


def test_real_messages(tmp_path: Path) -> None:
    """Real messages keep all but their agent, which every run and every time round has anew."""
    path = tmp_path / "real.jsonl.gz"
    body = {"agent_id": "tau", "timestamp": "2024-05-15T15:00:14Z", "text": "x", "role": "assistant"}
    path.write_bytes(gzip.compress(orjson.dumps(body) + b"\n"))
    values = [orjson.loads(value) for value in Workload("real", real=path).values(3, "a")]

    assert len({value["agent_id"] for value in values}) == 3
    assert [value | {"agent_id": "tau"} for value in values] == [body] * 3


@pytest.mark.parametrize("size", [500, 8_000])
def test_events(size: int) -> None:
    """Events hold every message once, in batches of at most a thousand, below Lambda's payload limit."""
    values = Workload("any", size).values(1_500, "a")
    events = payloads(values)
    sizes = [sum(map(len, json.loads(event)["records"].values())) for event in events]
    messages = chain.from_iterable(read_event(json.loads(event))[1] for event in events)

    assert max(map(len, events)) <= PAYLOAD_BYTES
    assert max(sizes) <= 1_000
    assert sorted(message.value or b"" for message in messages) == sorted(values)


def test_the_pipeline_takes_them() -> None:
    """No generated message becomes a dead letter, and some of each hundred have dirt to wash away."""
    event = payloads(Workload("500 B", 500).values(200, "a"))[0]
    source, messages = read_event(json.loads(event))
    judged = build_pipeline(version="test").judge(messages, source)
    flags = {flag for record in judged if not isinstance(record, DeadLetter) for flag in record.flags}

    assert not any(isinstance(verdict, DeadLetter) for verdict in judged)
    assert "remove_urls" in flags
    assert len(flags) > 1


@pytest.mark.parametrize("path", sorted(BASELINES.glob("*.py")), ids=lambda path: path.name)
def test_baselines_import_nothing_of_ours(path: Path) -> None:
    """The yardsticks stand on their own."""
    tree = ast.parse(path.read_text())
    imported = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    imported |= {node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}

    assert {name.partition(".")[0] for name in imported} & OURS == set()

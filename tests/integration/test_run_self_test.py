"""The runner is not fooled: each function that cheats makes it end with exit code 1."""

from __future__ import annotations

from pathlib import Path

import orjson
import pytest

from ops.twin.cli import DIFFERENT
from tests.integration.run_rig import left_over, patched_layer, runner, write_input

pytestmark = [pytest.mark.integration, pytest.mark.slow]

# Publish through a topic that cheats; `cheat` turns the records to send into those that are sent.
CHEATING_TOPIC = """

class _Cheat:
    def __init__(self, topic, cheat):
        self.topic, self.cheat, self.alone_above = topic, cheat, topic.alone_above

    def send(self, records, *rest, **more):
        self.topic.send(self.cheat(list(records)), *rest, **more)
        return Report({record.origin_id for record in records}, {}, "")


def _cheating(cheat):
    from sluice import deliver as module
    honest = module.deliver

    def deliver(messages, judged, sinks, deadline):
        return honest(messages, judged, sinks._replace(topic=_Cheat(sinks.topic, cheat)), deadline)

    module.deliver = deliver
    return deliver


from sluice.publish import Report
"""
DROP_ONE = """
_dropped = []

def _drop(records):
    if _dropped:
        return records
    _dropped.append(records.pop())
    return records

deliver = _cheating(_drop)
"""
SWAP_TWO = """
def _swap(records):
    for first, second in zip(records, records[1:]):
        same = first.agent_id == second.agent_id and first.message.origin.partition == second.message.origin.partition
        if same:
            at = records.index(first)
            records[at], records[at + 1] = second, first
            break
    return records

deliver = _cheating(_swap)
"""
CHANGE_A_BYTE = """
def _change(records):
    records[0].value = records[0].value.replace(b"text", b"taxt", 1)
    return records

deliver = _cheating(_change)
"""
ALL_DUPLICATES = """

def claim(records, *rest, **more):
    return [Claim("duplicate", original="somewhere") for _ in records]
"""
OTHER_REASON = """
_honest_lines = lines

def lines(letters, *rest, **more):
    return _honest_lines([letter._replace(reason="not_utf8") for letter in letters], *rest, **more)
"""
MISCOUNT = """
_honest_counts = _counts

def _counts(*rest, **more):
    counts = _honest_counts(*rest, **more)
    return counts | {"RecordsCleaned": counts["RecordsCleaned"] - 1, "RecordsDuplicate": counts["RecordsDuplicate"] + 1}
"""
CACHED_OTHERWISE = """
_honest_set = _set

def _set(key, value, ttl, **more):
    return _honest_set(key, value.replace(b"text", b"taxt", 1), ttl, **more)
"""
NOT_CACHED = """

def _set(key, value, ttl, **more):
    return ("GET", key)
"""
WITHOUT_TTL = """
_honest_set = _set

def _set(key, value, ttl, **more):
    return _honest_set(key, value, ttl, **more)[:-2]
"""
SHORT_TTL = """
_honest_set = _set

def _set(key, value, ttl, **more):
    return _honest_set(key, value, 900, **more)
"""


@pytest.mark.parametrize(
    ("module", "code", "difference", "lost"),
    [
        pytest.param("deliver.py", CHEATING_TOPIC + DROP_ONE, "lost", True, id="drop"),
        pytest.param(
            "deliver.py", CHEATING_TOPIC + SWAP_TWO, "first occurrence out of order", False, id="swap"
        ),
        pytest.param("deliver.py", ALL_DUPLICATES, "lost", True, id="all-duplicates"),
        pytest.param(
            "deliver.py", CHEATING_TOPIC + CHANGE_A_BYTE, "cleaned message differs", True, id="byte"
        ),
        pytest.param(
            "deliver.py", OTHER_REASON, "dead letter as not_utf8, the pipeline says", True, id="reason"
        ),
        pytest.param("telemetry.py", MISCOUNT, "the functions count", False, id="counters"),
        pytest.param(
            "claim.py",
            CACHED_OTHERWISE,
            "cached with other bytes than were published",
            False,
            id="cached-bytes",
        ),
        pytest.param("claim.py", NOT_CACHED, "cleaned, but not in the cache", False, id="not-cached"),
        pytest.param("claim.py", WITHOUT_TTL, "cached without a time to live", False, id="no-ttl"),
        pytest.param("claim.py", SHORT_TTL, "cached for less time than the 3600 s", False, id="short-ttl"),
    ],
)
def test_a_cheating_function(module: str, code: str, difference: str, lost: bool, tmp_path: Path) -> None:
    """A function that drops, swaps, changes, misnames, miscounts or hides records, or calls all duplicates, is found out."""
    layer = patched_layer(tmp_path, module, code)
    path = write_input(tmp_path / "in.jsonl", seed=3, records=400, agents=3)
    process = runner(tmp_path / "tmp", "--input", str(path), "--layer", str(layer))

    out, err = process.communicate(timeout=120)

    lines = out.decode().splitlines()
    summary = orjson.loads(lines[-1])
    assert process.returncode == DIFFERENT, err.decode()
    assert any(line.startswith(f"DIFFERENCE: {difference}") for line in lines)
    assert (summary["lost"] > 0) is lost
    assert left_over(tmp_path) == []


def test_an_unpatched_copy_passes(tmp_path: Path) -> None:
    """The same input through an unchanged copy of the layer has no difference, so the cheats above are what was found."""
    layer = patched_layer(
        tmp_path, "deliver.py", CHEATING_TOPIC + "\ndeliver = _cheating(lambda records: records)\n"
    )
    path = write_input(tmp_path / "in.jsonl", seed=3, records=400, agents=3)
    process = runner(tmp_path / "tmp", "--input", str(path), "--layer", str(layer))

    out, _ = process.communicate(timeout=120)

    assert process.returncode == 0, out.decode()
    assert orjson.loads(out.splitlines()[-1])["lost"] == 0

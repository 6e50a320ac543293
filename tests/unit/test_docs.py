"""The reference page says what the code says."""

from __future__ import annotations

import dataclasses
import inspect
import json
import re
from pathlib import Path
from typing import Any

from sluice import reasons, telemetry
from sluice.reasons import REASONS
from sluice.replay.letter import STATES
from sluice.replay.paper import OUTPUT
from sluice.replay.repair import OPERATIONS
from sluice.replay.request import FIELDS, read_request
from sluice.replay.rules import EXAMPLES
from sluice.settings import DOCUMENTED
from sluice.telemetry import METRIC_NAMES
from tests.fakes.replays import Replays, key_of, letter

PAGE = (Path(__file__).resolve().parents[2] / "docs/reference.md").read_text()


def table(heading: str) -> dict[str, list[str]]:
    """Read the table below a heading: the cells of each row by its first one."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    rows = [re.split(r" *(?<!\\)\| *", line)[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {first.strip("`"): [cell.replace("\\|", "|") for cell in cells] for first, *cells in rows}


def comments(source: str, names: tuple[str, ...]) -> dict[str, list[str]]:
    """Read the comment above each name of a closed list: `first: second`."""
    above = dict(re.findall(r"(\S[^\n]*)\n +\"(\w+)\",", source))
    found = {name: comment for comment, name in above.items() if name in names}
    return {name: found[name].removeprefix("# ").split(": ", 1) for name in names}


def test_reasons() -> None:
    """Every reason is on the page, in the list's order, with its stage and its comment, and no other."""
    assert table("Reasons of dead letters") == comments(inspect.getsource(reasons), REASONS)
    assert tuple(table("Reasons of dead letters")) == REASONS


def test_metrics() -> None:
    """Every metric is on the page with its unit and its comment, and no other."""
    assert table("Metrics") == comments(inspect.getsource(telemetry), METRIC_NAMES)


def test_settings() -> None:
    """Every setting is on the page with its default and its meaning, and no other."""
    defaults = {"": "empty", None: "required"}

    assert table("Settings") == {
        setting.name: [defaults.get(setting.default, f"`{setting.default}`"), setting.meaning]
        for setting in DOCUMENTED
    }


def test_replay_input() -> None:
    """Every field of a replay's input is on the page with its default, and the defaults are the defaults."""
    assert table("Replay: input") == {f.name: [f"`{f.default}`", f.meaning] for f in FIELDS}
    given: dict[str, Any] = {"filter": {}}
    for field in FIELDS:
        where, _, name = field.name.rpartition(".")
        (given[where] if where else given)[name] = json.loads(field.default)

    spelled, empty = read_request(given, ()), read_request({}, ())
    assert dataclasses.replace(spelled, raw={}) == empty


def test_replay_output() -> None:
    """Every field of a replay's output is on the page, and a replay puts out just these; a dry run these and its plan."""
    world = Replays()
    world.put(key_of("a"), letter(1))
    dry, real = world.dry_run({}), world.execute("r1")

    assert real is not None
    assert {name: [meaning] for name, meaning in OUTPUT.items()} == table("Replay: output")
    assert real.keys() == OUTPUT.keys()
    planned = {"reasons", "bytes", "objects", "chunks", "estimate", "samples", "max_concurrency"}
    assert dry.keys() == OUTPUT.keys() | planned


def test_repair_rules() -> None:
    """Every repair rule is on the page with an example, and no other."""
    shown = table("Replay: repair rules")

    assert tuple(shown) == tuple(OPERATIONS)
    for name, (meaning, *examples) in EXAMPLES.items():
        assert shown[name][0] == meaning
        assert [json.loads(cell.strip("`")) for cell in shown[name][1:]] == examples


def test_states() -> None:
    """Every state of a letter is on the page."""
    assert set(table("Replay: states of a letter")) == STATES

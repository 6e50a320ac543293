"""The reference page says what the code says."""

from __future__ import annotations

import inspect
import json
import re
from pathlib import Path

from sluice import features, reasons, telemetry
from sluice.features import GROUPS
from sluice.impute import IMPUTE_EXAMPLE
from sluice.reasons import REASONS
from sluice.settings import DOCUMENTED
from sluice.telemetry import METRIC_NAMES
from sluice.validate import IDENTITY, compile_schema

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


def test_features() -> None:
    """Every group of features is on the page with its comment, and no other; the example of imputation works."""
    source = inspect.getsource(features)

    assert table("Features") == {name: [": ".join(said)] for name, said in comments(source, GROUPS).items()}
    assert IMPUTE_EXAMPLE in PAGE
    field = json.loads("{" + IMPUTE_EXAMPLE + "}")
    own = {"required": list(IDENTITY), "properties": {**IDENTITY, "zone": {"type": "string"}, **field}}
    (rule,) = compile_schema("own/1", own).impute
    assert (rule.field, rule.last, rule.other, rule.constant) == ("region", True, "zone", ("unknown",))


def test_settings() -> None:
    """Every setting is on the page with its default and its meaning, and no other."""
    defaults = {"": "empty", None: "required"}

    assert table("Settings") == {
        setting.name: [defaults.get(setting.default, f"`{setting.default}`"), setting.meaning]
        for setting in DOCUMENTED
    }

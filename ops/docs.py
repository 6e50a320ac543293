"""Write docs/reference.md from the tables in the code: `python -m ops.docs`; a test holds them together."""

from __future__ import annotations

import inspect
import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from sluice import reasons, settings, telemetry
from sluice.replay import letter, paper, request, rules

REFERENCE = Path(__file__).parent.parent / "docs" / "reference.md"
_MEMBER = re.compile(r'^    # (?P<meaning>.+)\n    "(?P<name>\w+)",$', re.MULTILINE)


def commented(module: ModuleType) -> Iterator[tuple[str, str]]:
    """Yield name and comment of each member of the module's closed list, in its order."""
    for match in _MEMBER.finditer(inspect.getsource(module)):
        yield match["name"], match["meaning"]


def render() -> str:
    """Return the page: reasons, settings and metrics, a table each."""
    parts = [
        "# Reference",
        "Made from the code by `make docs`; do not edit.",
        "## Reasons of dead letters",
        _table(("reason", "stage", "when"), [(f"`{n}`", *m.split(": ", 1)) for n, m in commented(reasons)]),
        "## Settings",
        (
            "Environment variables of `preprocess`, `replay_plan` and `replay_batch`; `lookup` reads those of the "
            "cache (`REDIS_…`), `replay_report` the buckets."
        ),
        _table(("variable", "default", "meaning"), map(_setting, settings.DOCUMENTED)),
        "## Metrics",
        f"Namespace `{telemetry.NAMESPACE}`, dimension `service` (`preprocess` or `replay`); `DeadLetters` has the dimension `reason`, too.",
        _table(
            ("metric", "unit", "meaning"), [(f"`{n}`", *m.split(": ", 1)) for n, m in commented(telemetry)]
        ),
    ]
    return "\n\n".join([*parts, *_replay()]) + "\n"


def _replay() -> Iterator[str]:
    yield "## Replay: input"
    yield "Of the state machine `replay`. Every field is optional; `{}` is a dry run over all that waits."
    yield _table(
        ("field", "default", "meaning"),
        [(f"`{f.name}`", f"`{f.default}`", f.meaning) for f in request.FIELDS],
    )
    yield "## Replay: output"
    yield (
        "`selected = recovered + duplicates + still_failing + parked + busy + not_run`, always. A dry run adds what it "
        "planned: `reasons`, `bytes`, `objects`, `chunks`, `estimate` (`seconds`, `dollars`) and up to five `samples`."
    )
    yield _table(("field", "meaning"), [(f"`{name}`", meaning) for name, meaning in paper.OUTPUT.items()])
    yield "## Replay: repair rules"
    yield (
        "Each is an object of `repair`, applied in order before validation; what it changes gets the flag `repaired`. "
        "Places are JSON pointers. With `when` a rule applies only to letters of one `reason`, or where the value `at` "
        "a place `equals` a value or `matches` an RE2 expression."
    )
    yield _table(("rule", "what it does", "example", "before", "after"), map(_rule, rules.EXAMPLES))
    yield "## Replay: states of a letter"
    yield _table(("state", "when"), [(f"`{n}`", m) for n, m in commented(letter)])


def _rule(name: str) -> tuple[str, ...]:
    meaning, *examples = rules.EXAMPLES[name]
    return f"`{name}`", meaning, *(f"`{json.dumps(example)}`" for example in examples)


def _setting(setting: settings.Setting) -> tuple[str, str, str]:
    default = (
        "required" if setting.default is None else f"`{setting.default}`" if setting.default else "empty"
    )
    return f"`{setting.name}`", default, setting.meaning.replace("|", "\\|")


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(f"| {' | '.join(row)} |" for row in lines)


if __name__ == "__main__":
    REFERENCE.parent.mkdir(exist_ok=True)
    REFERENCE.write_text(render(), encoding="utf-8")

"""Write docs/reference.md and docs/cleaning.md from the code: `python -m ops.docs`; tests hold them together."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from types import ModuleType

from ops import cleaning_page
from sluice import features, reasons, settings, telemetry
from sluice.impute import IMPUTE_EXAMPLE

REFERENCE = Path(__file__).parent.parent / "docs" / "reference.md"
_MEMBER = re.compile(r'^    # (?P<meaning>.+)\n    "(?P<name>\w+)",$', re.MULTILINE)

_FEATURES = (
    "In `_prep.features`; the groups that `FEATURES` adds. `NEAR_DUPLICATES` and `outliers` need a history: "
    "[what it may decide](decisions/0011-history-is-a-help.md)."
)
_IMPUTE = (
    "`x-sluice-impute` on an optional field of a schema fills it in where it is missing, by the first of these "
    "that gives a value which the field's own schema allows; `_prep.imputed` names the source:"
)


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
        "Environment variables of `preprocess`; `lookup` reads those of the cache (`REDIS_…`).",
        _table(("variable", "default", "meaning"), map(_setting, settings.DOCUMENTED)),
        "## Features",
        _FEATURES,
        _table(("group", "what it says"), [(f"`{n}`", m) for n, m in commented(features)]),
        _IMPUTE,
        "```json\n" + IMPUTE_EXAMPLE + "\n```",
        "## Metrics",
        f"Namespace `{telemetry.NAMESPACE}`, dimension `service`; `DeadLetters` has the dimension `reason`, too.",
        _table(
            ("metric", "unit", "meaning"), [(f"`{n}`", *m.split(": ", 1)) for n, m in commented(telemetry)]
        ),
    ]
    return "\n\n".join(parts) + "\n"


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
    cleaning_page.CLEANING.write_text(cleaning_page.render(), encoding="utf-8")

"""What goes to the terminal: tables and lines in which nothing that an agent wrote can drive it."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Literal

import orjson
from rich.console import Console
from rich.table import Table
from rich.text import Text

Output = Literal["table", "json"]
# A file or a pipe is not 80 characters wide.
_FILE_WIDTH: Final = 200
_LONGEST_CELL: Final = 80
out = Console(
    highlight=False, markup=False, soft_wrap=True, width=None if sys.stdout.isatty() else _FILE_WIDTH
)
err = Console(stderr=True, highlight=False, markup=False, soft_wrap=True)


def plain(value: object) -> str:
    """Return a text without characters that a terminal acts on."""
    text = "" if value is None else str(value)
    return "".join(
        letter if letter.isprintable() else letter.encode("unicode_escape", "backslashreplace").decode()
        for letter in text
    )


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a table; numbers stand to the right."""
    shown = Table(title=title, title_justify="left", title_style="bold", box=None, pad_edge=False)
    cells = [tuple(row) for row in rows]
    for number, column in enumerate(columns):
        right = bool(cells) and all(isinstance(row[number], int) for row in cells)
        # The first names the row: it is to be copied.
        shown.add_column(column, justify="right" if right else "left", overflow="fold", no_wrap=number == 0)
    for row in cells:
        shown.add_row(*(Text(_cell(cell)) for cell in row))
    # A table, unlike a line, is cut to the width: folded cells, whole columns.
    out.print(shown, soft_wrap=False)


def _cell(value: object) -> str:
    text = f"{value:,}" if isinstance(value, int) else plain(value)
    return text if len(text) <= _LONGEST_CELL else f"{text[: _LONGEST_CELL - 1]}…"


def json(value: object) -> None:
    """Print one JSON value on one line."""
    print(orjson.dumps(value).decode())


def fields(values: Mapping[str, Any], indent: str = "  ") -> None:
    """Print names and values, one a line."""
    width = max(map(len, values), default=0)
    for name, value in values.items():
        out.print(f"{indent}{name:{width}}  {plain(value)}")


def message(value: bytes | None, limit: int) -> str:
    """Return a message for people: JSON indented, all else as it is, unprintable characters escaped."""
    if value is None:
        return "(no value: a tombstone)"
    try:
        text = orjson.dumps(orjson.loads(value), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        text = value.decode("utf-8", "backslashreplace")
    lines = "\n".join(map(plain, text.split("\n")))
    return (
        lines if len(lines) <= limit else f"{lines[:limit]}… ({len(value):,} bytes; --full shows all of them)"
    )

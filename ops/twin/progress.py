"""Say on standard error how far a run is: bars on a terminal, a plain line now and then elsewhere."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

_PLAIN_SECONDS = 2.0
STAGES = ("sent", "settled", "checked")


class Display:
    """Show how many records are sent, settled (acknowledged to the broker) and checked."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        """Prepare; nothing is shown before `with`."""
        self._console = console or Console(stderr=True)
        self._total = total
        self._counts = dict.fromkeys(STAGES, 0)
        self._last_line = time.monotonic()
        self._bars: Progress | None = None
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> Self:
        """Begin to show."""
        if self._console.is_terminal:
            columns = (
                TextColumn("{task.description:>8}"),
                BarColumn(),
                MofNCompleteColumn(),
                TimeElapsedColumn(),
            )
            self._bars = Progress(*columns, console=self._console)
            self._tasks = {name: self._bars.add_task(name, total=self._total) for name in STAGES}
            self._bars.start()
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Give the terminal back."""
        if self._bars is not None:
            self._bars.stop()

    def say(self, line: str) -> None:
        """Print one line between whatever is shown."""
        self._console.print(f"sluice: {line}", markup=False, highlight=False)

    def update(self, stage: str, count: int) -> None:
        """Show a stage's new count."""
        self._counts[stage] = count
        if self._bars is not None:
            self._bars.update(self._tasks[stage], completed=count)
        elif time.monotonic() - self._last_line >= _PLAIN_SECONDS:
            self._last_line = time.monotonic()
            counts = ", ".join(f"{self._counts[name]:,} {name}" for name in STAGES)
            self.say(f"{counts} of {self._total:,}")

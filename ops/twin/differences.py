"""What the check found that should not be: counted by kind, with a few examples."""

from __future__ import annotations

from collections import Counter

_EXAMPLES = 3


class Differences:
    """Collect differences; any one of them makes the run fail."""

    def __init__(self) -> None:
        """Begin with none."""
        self.count: Counter[str] = Counter()
        self._examples: dict[str, list[str]] = {}

    def __bool__(self) -> bool:
        return bool(self.count)

    def add(self, kind: str, example: str = "", times: int = 1) -> None:
        """Count a difference of this kind; the first examples are kept. Never pass a record's text."""
        self.count[kind] += times
        examples = self._examples.setdefault(kind, [])
        if example and len(examples) < _EXAMPLES:
            examples.append(example)

    def lines(self) -> list[str]:
        """Return one plain line a kind."""
        return [self._line(kind, times) for kind, times in self.count.items()]

    def _line(self, kind: str, times: int) -> str:
        examples = self._examples[kind]
        line = f"{kind} ({times} times)" if times > 1 else kind
        if not examples:
            return line
        return f"{line}: {', '.join(examples)}{', …' if times > len(examples) else ''}"

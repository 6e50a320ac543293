"""What `OUT=folder` gets: the cleaned topic, the letters, the cache and the summary, as JSON Lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import orjson

from ops.twin.collect import Consumed, Letter


def json_line(fields: Mapping[str, Any]) -> bytes:
    """Return one line of JSON; keys given as bytes are read as UTF-8."""
    return orjson.dumps(
        {name: _text(value) if isinstance(value, bytes) else value for name, value in fields.items()},
        option=orjson.OPT_APPEND_NEWLINE,
    )


def _text(value: bytes) -> str:
    return value.decode(errors="backslashreplace")


def _json(value: bytes | None) -> Any:
    """Embed a value: as the very JSON that it is, or, where it is none, as a string."""
    if value is None:
        return None
    try:
        orjson.loads(value)
    except orjson.JSONDecodeError:
        return _text(value)
    return orjson.Fragment(value)


NAMES = ("cleaned.jsonl", "dead_letters.jsonl", "cache.jsonl", "summary.json")


class Outputs:
    """Write the files of one run while its check reads the records, so that none is held twice.

    They get their names together, with the summary: a run that breaks off leaves what an earlier one wrote.
    """

    def __init__(self, folder: Path) -> None:
        """Make the folder. Raises OSError."""
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._whole = False
        self._cleaned = self.part("cleaned.jsonl").open("wb")
        self._letters = self.part("dead_letters.jsonl").open("wb")
        self._letter_ids: set[str] = set()

    def part(self, name: str) -> Path:
        """Return where a file is written until the run is over."""
        return self._folder / f".{name}.part"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Close the files."""
        self._cleaned.close()
        self._letters.close()
        for name in NAMES:
            if self._whole and self.part(name).exists():
                self.part(name).replace(self._folder / name)
            else:
                self.part(name).unlink(missing_ok=True)

    def cleaned(self, chunk: Sequence[Consumed]) -> None:
        """Write messages of the cleaned topic, in the order given."""
        self._cleaned.writelines(
            json_line(
                {
                    "partition": message.partition,
                    "offset": message.offset,
                    "key": message.key,
                    "headers": {name: _text(value or b"") for name, value in message.headers},
                    "value": _json(message.value),
                }
            )
            for message in chunk
        )

    def letters(self, letters: Sequence[Letter]) -> None:
        """Write letters as they are stored; one that two objects hold is written once."""
        for letter in letters:
            if letter.id not in self._letter_ids:
                self._letter_ids.add(letter.id)
                self._letters.write(letter.line + b"\n")

    def summary(self, summary: Mapping[str, Any]) -> None:
        """Write the summary: the same object as the last line on standard output."""
        self.part("summary.json").write_bytes(json_line(summary))
        self._whole = True

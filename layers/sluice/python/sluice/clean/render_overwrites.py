"""Lines that a terminal wrote over → what it showed in the end."""

from __future__ import annotations

import re
from unicodedata import combining, east_asian_width

from sluice.clean.json_spans import is_json
from sluice.clean.strip_terminal_escapes import strip_all_but_erasures

_OVERWRITE = re.compile(r"\r(?!\r*+\n)|\x08")
# Erase in line (to the end, to the start, all of it), cursor back.
_TOKEN = re.compile(r"\x1b\[([0-2]?)K|\x1b\[(\d{0,6})D|([\r\x08])|([^\r\x08\x1b]++)|\x1b")
_ATTACHED = frozenset("\u200c\u200d\ufe0e\ufe0f")


def render_overwrites(text: str) -> str:
    """Apply carriage returns, backspaces and the erasures between them as a terminal does, line by line.

    Columns are characters, two for wide ones; a combining mark shares its character's. JSON may use a carriage
    return as white space, and stays.
    """
    if ("\r" not in text and "\x08" not in text) or not _OVERWRITE.search(text) or is_json(text.strip()):
        return text
    lines, stripped = text.split("\n"), strip_all_but_erasures(text).split("\n")
    if len(lines) != len(stripped):
        # A sequence spans lines.
        lines = stripped
    return "\n".join(map(_render, lines, stripped))


def _render(as_it_came: str, line: str) -> str:
    end = line.rstrip("\r")
    if "\r" not in end and "\x08" not in end:
        return as_it_came
    screen = _Line()
    for token in _TOKEN.finditer(end):
        erased, back, move, written = token.groups()
        if written:
            for char in written:
                screen.write(char)
        elif move:
            screen.back(1 if move == "\x08" else screen.column)
        elif back is not None:
            screen.back(int(back or 1))
        elif erased is not None:
            screen.erase(erased)
    return screen.shown() + line[len(end) :]


class _Line:
    """Hold the cells of one line from the column `start` on; a wide character is followed by an empty cell."""

    def __init__(self) -> None:
        self._start = self.column = 0
        self._cells: list[str] = []

    def write(self, char: str) -> None:
        if self._cells and (char in _ATTACHED or combining(char)) and self.column > self._start:
            self._cells[self.column - self._start - 1] += char
            return
        self._put(char)
        if east_asian_width(char) in {"W", "F"}:
            self._put("")

    def _put(self, char: str) -> None:
        if not self._cells:
            self._start = self.column
        place = self.column - self._start
        if place < 0:
            # All at once, or hostile text would have the cells moved again and again.
            self._cells[:0] = " " * self._start
            self._start, place = 0, self.column
        if place < len(self._cells):
            self._cells[place] = char
        else:
            self._cells.append(char)
        self.column += 1

    def back(self, columns: int) -> None:
        self.column = max(0, self.column - columns)

    def erase(self, part: str) -> None:
        # To the start matters where that is all of the line, else it is left: blanks in front of a word.
        if part == "2" or (part == "1" and self.column >= self._start + len(self._cells)):
            self._cells.clear()
        elif part in {"", "0"}:
            del self._cells[max(0, self.column - self._start) :]

    def shown(self) -> str:
        return " " * (self._start if self._cells else 0) + "".join(self._cells)

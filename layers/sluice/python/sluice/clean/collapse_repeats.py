"""A line said again and again → once, with a count."""

from __future__ import annotations

from itertools import groupby

# Dolma's repetition tagger: four times in a row is a repetition.
MIN_REPEATS = 4


def collapse_repeats(text: str) -> str:
    """Keep the first of four and more equal lines in a row, blank lines between them or not, and count the others."""
    if not may_repeat(text):
        return text
    pieces: list[str] = []
    for line, run in groupby(_with_blanks(text.split("\n")), key=lambda each: each[0].rstrip()):
        lines = list(run)
        if len(lines) < MIN_REPEATS or not line:
            pieces += ["\n".join(each) for each in lines]
        else:
            # Blanks before the first stay, and so do those behind the last.
            pieces.append("\n".join([lines[0][0], f"<REPEATED:{len(lines) - 1}>", *lines[-1][1:]]))
    return "\n".join(pieces)


def may_repeat(text: str) -> bool:
    """Tell whether lines that are not blank occur often enough."""
    if text.count("\n") < MIN_REPEATS - 1:
        return False
    lines = text.split("\n")
    repeats = len(lines) - len(set(lines))
    # Blank lines are equal, too, and count for nothing.
    return repeats >= MIN_REPEATS - 1 and repeats - max(0, lines.count("") - 1) >= MIN_REPEATS - 1


def _with_blanks(lines: list[str]) -> list[list[str]]:
    """Group each line with the blank lines that follow it."""
    groups: list[list[str]] = []
    for line in lines:
        if groups and not line.strip():
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups

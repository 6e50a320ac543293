"""A text → its parts by kind, so that an operator touches only what it may."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Iterator
from typing import Final, Literal, NamedTuple, get_args

from sluice.clean.block_kinds import block_kinds
from sluice.clean.json_spans import Span, is_json, json_spans

Kind = Literal[
    # sentences, headings, lists: white space carries no meaning but the end of a line
    "prose",
    # fenced, indented or plainly recognisable source code, configuration and shell input
    "code",
    # one JSON value with a string or a container in it
    "json",
    # rows of cells: Markdown, box-drawn, tab- or comma-separated, aligned by blanks
    "table",
    # a unified diff
    "diff",
    # lines that begin with a time or a level
    "log",
    # a stack trace
    "trace",
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)


class Segment(NamedTuple):
    """Hold one part of a text and its kind."""

    kind: Kind
    text: str


_CONTINUES = re.compile(
    r"\[?\d\d[\d:/]|\[?[A-Z]{3}|[A-Z][a-z]{2} [ \d]\d |\d{1,3}(?:\.\d{1,3}){3} "  # a log
    r"|@@ |\+\+\+ |Traceback |\$ |<REPEATED:"
)
_INDENTED = re.compile(r" ++[^\s*+0-9-]")
_CODE_ENDS = (";", "{", "}", ")")


def may_hold_structure(text: str) -> bool:
    """Tell in about half a microsecond (500 B of prose) whether the text can hold anything but prose."""
    # Single characters: to look for two costs twenty times as much.
    if '"' in text and ("{" in text or "[" in text):
        return True
    if "\n" not in text:
        return False
    return "|" in text or "`" in text or "\t" in text or "~" in text or _has_line(text.split("\n"))


def _has_line(lines: list[str]) -> bool:
    """Tell whether a line is indented or, following another, could belong to a structure."""
    before = ""
    for line in lines:
        if line and (
            (_INDENTED.match(line) or before[-1:] == ":")
            if line[0] == " "
            else (before and line[:2] != "- " and _may_continue(line))
        ):
            return True
        before = line
    return False


def _may_continue(line: str) -> bool:
    return (
        line.endswith(_CODE_ENDS)
        or ("=" in line and " = " in line)
        or ("  " in line)
        or ("," in line and line.count(",") - line.count(", ") > 1)
        or _CONTINUES.match(line) is not None
    )


def segment(text: str) -> list[Segment]:
    """Cut the text into parts that, joined, are the text; neighbours differ in kind or are two JSON values."""
    if not may_hold_structure(text):
        return [Segment("prose", text)] if text else []
    if is_json(text):
        return [Segment("json", text)]
    values = json_spans(text, fences := _fences(text))
    inline: list[Span] = []
    marked: list[tuple[int, int, Kind]] = [(start, end, "code") for start, end in fences]
    for start, end in values:
        if _has_lines_of_its_own(text, start, end):
            marked.append((start, end, "json"))
        else:
            inline.append((start, end))
    return list(_merge(_parts(text, sorted(marked), inline)))


# A block fenced by three back-ticks or tildes and more, indented by a list or not; unclosed, it goes to the end.
_FENCE = re.compile(r"^[ \t]*+(?P<fence>`{3,}+(?=[^`\n]*$)|~{3,}+).*$", re.MULTILINE)


def _fences(text: str) -> list[Span]:
    spans: list[Span] = []
    opened: tuple[int, str] | None = None
    if "```" not in text and "~~~" not in text:
        return spans
    for line in _FENCE.finditer(text):
        fence = line["fence"]
        if opened is None:
            opened = (line.start(), fence)
        elif fence.startswith(opened[1]) and line[0].strip() == fence:
            spans.append((opened[0], min(line.end() + 1, len(text))))
            opened = None
    return [*spans, (opened[0], len(text))] if opened else spans


_RIGHT = re.compile(r"[^\S\n]*+(?:\n|\Z)")


def _has_lines_of_its_own(text: str, start: int, end: int) -> bool:
    before = start
    while before and text[before - 1] in " \t":
        before -= 1
    return (not before or text[before - 1] == "\n") and _RIGHT.match(text, end) is not None


def _parts(text: str, marked: list[tuple[int, int, Kind]], inline: list[Span]) -> Iterator[Segment]:
    at = 0
    for start, end, kind in [*marked, (len(text), len(text), "prose")]:
        if at < start:
            yield from _blocks(text, at, start, inline)
        yield Segment(kind, text[start:end])
        at = end


def _blocks(text: str, start: int, end: int, inline: list[Span]) -> Iterator[Segment]:
    """Yield the parts of a passage without fences, JSON inside of prose cut out of it."""
    spans = inline[bisect_left(inline, (start, 0)) : bisect_left(inline, (end, 0))]
    pieces, at = [], start
    for opening, closing in spans:
        # A value is one word of its line: its braces and line ends say nothing about the block.
        pieces += [text[at:opening], "x" * (closing - opening)]
        at = closing
    pieces.append(text[at:end])
    waiting, at = deque(spans), start
    for kind, block in block_kinds("".join(pieces)):
        after = at + len(block)
        while waiting and waiting[0][0] < after:
            opening, closing = waiting.popleft()
            if kind == "prose":
                yield Segment("prose", text[at:opening])
                yield Segment("json", text[opening:closing])
                at = closing
        yield Segment(kind, text[at:after])
        at = after


def _merge(parts: Iterator[Segment]) -> Iterator[Segment]:
    """Join neighbours of one kind; two JSON values stay two."""
    kind: Kind = "prose"
    pieces: list[str] = []
    for part in parts:
        if not part.text:
            continue
        if pieces and (part.kind != kind or kind == "json"):
            yield Segment(kind, "".join(pieces))
            pieces.clear()
        kind = part.kind
        pieces.append(part.text)
    if pieces:
        yield Segment(kind, "".join(pieces))

"""The kinds of a passage's blocks, which blank lines part."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from itertools import groupby, pairwise
from typing import Literal

BlockKind = Literal["prose", "code", "table", "diff", "log", "trace"]
_Lines = Sequence[str]

_ITEM = re.compile(r"[ \t]*+(?:[-*+•]|\d{1,3}[.)])[ \t]")

_RULER = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_GAP = re.compile(r"[^\s.!?:,] {2,}+(?=\S)")

_DIFF_HEAD = re.compile(r"diff --git |@@ -\d|--- \S|\+\+\+ \S")
_DIFF_LINE = re.compile(r"[ +\-@\\]|diff |index |(?:new|deleted) file|(?:rename|similarity|old|new) |$")

_TRACE = re.compile(
    r"Traceback \(most recent call last\)|[ \t]++at [\w$.<]|[ \t]++File \"[^\"]++\", line \d|goroutine \d++ \["
    r"|Caused by: |[ \t]++from \S+?:\d++:in "
)

_LEVEL = r"(?:TRACE|DEBUG|INFO|NOTICE|WARN|WARNING|ERROR|ERR|CRITICAL|CRIT|FATAL|SEVERE)"
_LOG = re.compile(
    r"[\[(]?(?:\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d|\d\d:\d\d:\d\d|[A-Z][a-z]{2} [ \d]\d \d\d:\d\d)"
    rf"|\[?{_LEVEL}(?:\]|:|\s)|\d{{1,3}}(?:\.\d{{1,3}}){{3}} \S++ \S++ \["
    r"|<REPEATED:\d++>$"  # what is left of equal lines
)

_KEYWORD = re.compile(
    r"\s*+(?:(?:async )?def \w|class \w++\s*+[(:{]|import [\w{*\"']|from [\w.]++ import |return\b(?! to\b)|try:|elif "
    r"|(?:if|else|for|while|with|except)\b[^\n]*+(?<=[:{)])$|(?:const|let|var) \w++ =|function\b|#include|package \w++;"
    r"|(?:public|private|protected|static) \w|use \w++::|fn \w|func \w|(?:fi|done|esac)$"
    r"|(?:SELECT|INSERT INTO|UPDATE|DELETE FROM|CREATE|ALTER|DROP|FROM|WHERE|GROUP BY|ORDER BY|LEFT JOIN|JOIN|VALUES)\b"
    r"|@\w++|[$#] \w|#!|//|/\*|\[[A-Za-z][\w.-]*+\]$)"
    # Tags of HTML, but not the bare ones around a model's thoughts.
    r"|[ \t]++</?\w[^>]*+>|<\w++ [^>]*+>|<\w++>[^<]*+</",
    re.MULTILINE,
)
_ASSIGNMENT = re.compile(
    r"\s*+(?:export )?[\w.\[\]\"']++(?:, ?[\w.]++)*+(?:: ?[\w\[\], .|]++)?+ *+[-+*/|:]?=(?![=>])[ \t]*+\S"
)
_CALL = re.compile(r"\w\(")
_CALL_ENDS = (")", "):", ");", "),")
_STATEMENT_ENDS = (";", "{", "}", "},", "];", "});")
_OPENS = (":", "{", "(", "[", ",", "=", "\\", ";", "=>", "->", " then", " do", " else")
_YAML_KEY = re.compile(r"\s*+[\w./'\"-]++:(?:\s|$)")


def block_kinds(passage: str) -> Iterator[tuple[BlockKind, str]]:
    """Yield kind and text of the passage's blocks; blank lines go with the code or table that they interrupt."""
    blocks = [
        (blank, list(lines)) for blank, lines in groupby(_lines(passage), lambda line: not line.strip())
    ]
    kinds = _with_neighbours(blocks, [None if blank else _kind(lines) for blank, lines in blocks])
    for place, (_, lines) in enumerate(blocks):
        kind = kinds[place]
        if kind is None:
            before = kinds[place - 1] if place else None
            kind = before if before is not None and [before] == kinds[place + 1 : place + 2] else "prose"
        yield kind, "".join(lines)


def _lines(passage: str) -> list[str]:
    lines = passage.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _with_neighbours(
    blocks: Sequence[tuple[bool, _Lines]], kinds: list[BlockKind | None]
) -> list[BlockKind | None]:
    """Give a block that continues the code or diff before or after it the same kind."""
    previous: BlockKind | None = None
    for step in (1, -1):
        for place in range(len(kinds))[::step]:
            kind, lines = kinds[place], blocks[place][1]
            if kind == "prose" and (
                (previous == "code" and len(lines) == 1 and _is_code_line(lines[0]))
                or (previous == "diff" and step == 1 and all(map(_DIFF_LINE.match, lines)))
            ):
                kinds[place] = previous
            if kind is not None:
                previous = kinds[place]
        previous = None
    return kinds


def _kind(lines: _Lines) -> BlockKind:
    if len(lines) == 1:
        # One line is structure only where Markdown says so: indented by four.
        line = lines[0]
        return "code" if line.startswith(("    ", "\t")) and not _ITEM.match(line) else "prose"
    return next((kind for kind, test in _TESTS if test(lines)), "prose")


def _is_diff(lines: _Lines) -> bool:
    heads = sum(_DIFF_HEAD.match(line) is not None for line in lines)
    return heads > 1 or lines[0].startswith("@@ -")


def _is_trace(lines: _Lines) -> bool:
    return any(map(_TRACE.match, lines))


def _is_log(lines: _Lines) -> bool:
    dated = sum(_LOG.match(line) is not None for line in lines)
    return dated > 1 and 2 * dated >= len(lines)


def _is_table(lines: _Lines) -> bool:
    if all("|" in line or _RULER.fullmatch(line) for line in lines):
        return any(map(_RULER.fullmatch, lines)) or all(line.lstrip().startswith("|") for line in lines)
    tabs = {line.strip("\n").lstrip("\t").count("\t") for line in lines}
    if len(tabs) == 1 and tabs != {0}:
        return True
    commas = {line.count(",") for line in lines}
    if len(lines) > 2 and len(commas) == 1 and min(commas) > 1 and not any(", " in line for line in lines):
        return True
    return _is_aligned(lines) and not any(map(_ITEM.match, lines))


def _is_aligned(lines: _Lines) -> bool:
    """Tell whether columns begin, or end, at the same places in all lines.

    Two blanks below two blanks can be chance: with two lines it takes a wider gap or a second column.
    """
    begins, ends = _columns(lines[0])
    for line in lines[1:]:
        more = _columns(line)
        begins, ends = begins & more[0], ends & more[1]
        if not begins and not ends:
            return False
    return len(lines) > 2 or max(len(begins), len(ends)) > 1 or any("   " in line.strip() for line in lines)


def _columns(line: str) -> tuple[set[int], set[int]]:
    """Return where cells begin that blanks part from the one before, and where those end."""
    begins = {gap.end() for gap in _GAP.finditer(line)}
    return begins, {_cell_end(line, begin) for begin in begins}


def _cell_end(line: str, begin: int) -> int:
    end = line.find("  ", begin)
    return end if end >= 0 else len(line.rstrip())


def _is_code(lines: _Lines) -> bool:
    indents = [len(line) - len(line.lstrip(" \t")) for line in lines]
    items = [_ITEM.match(line) is not None for line in lines]
    if not any(items):
        if all(line.startswith(("    ", "\t")) for line in lines):
            return True
        steps = zip(pairwise(indents), lines, strict=False)
        if any(after > before and line.rstrip().endswith(_OPENS) for (before, after), line in steps):
            return True
    if _is_yaml(lines, indents):
        return True
    return 2 * sum(map(_is_code_line, lines)) >= len(lines)


def _is_yaml(lines: _Lines, indents: Sequence[int]) -> bool:
    keys = sum(_YAML_KEY.match(line) is not None for line in lines)
    return keys > 1 and max(indents) > 0 and all(_YAML_KEY.match(line) or _ITEM.match(line) for line in lines)


def _is_code_line(line: str) -> bool:
    if _ITEM.match(line):
        return False
    end = line.rstrip()
    return (
        end.endswith(_STATEMENT_ENDS)
        or (end.endswith(_CALL_ENDS) and _CALL.search(end) is not None)
        or _ASSIGNMENT.match(line) is not None
        or _KEYWORD.match(line) is not None
    )


_TESTS: tuple[tuple[BlockKind, Callable[[_Lines], bool]], ...] = (
    ("diff", _is_diff),
    ("trace", _is_trace),
    ("table", _is_table),
    ("log", _is_log),
    ("code", _is_code),
)

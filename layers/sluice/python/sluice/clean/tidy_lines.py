"""Lines of prose → the same lines without trailing blanks, with one blank line between paragraphs."""

from __future__ import annotations

import re

# Line ends beyond LF, and separators of ASCII, which are white space for str.split.
_OTHERS = dict.fromkeys("\x0b\x0c\x85\u2028\u2029", "\n") | dict.fromkeys("\x1c\x1d\x1e\x1f", " ")
_BLANK_LINES = re.compile(r"\n{3,}+")


def tidy_lines(text: str) -> str:
    """Take trailing blanks and all but one of the blank lines in a row; keep every line and its indent."""
    for char, instead in _OTHERS.items():
        if char in text:
            text = text.replace(char, instead)
    # What follows the last line end may be followed by another part in the same line.
    *lines, last = text.split("\n")
    text = "\n".join([*map(str.rstrip, lines), last])
    return _BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text

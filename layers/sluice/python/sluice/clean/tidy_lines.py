"""Lines of prose → the same lines without trailing blanks, with one blank line between paragraphs."""

from __future__ import annotations

import re

# Line ends beyond LF, and separators of ASCII, which are white space for str.split.
_OTHER_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_SEPARATORS = re.compile("[\x1c-\x1f]")
_TRAILING = re.compile(r"(?<![^\S\n])[^\S\n]++(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}+")


def tidy_lines(text: str) -> str:
    """Take trailing blanks and all but one of the blank lines in a row; keep every line and its indent."""
    text = _SEPARATORS.sub(" ", _OTHER_ENDS.sub("\n", text))
    return _BLANK_LINES.sub("\n\n", _TRAILING.sub("", text))

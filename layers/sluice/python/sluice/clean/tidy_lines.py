"""Lines of prose → the same lines without trailing blanks, with one blank line between paragraphs."""

from __future__ import annotations

import re

from sluice.clean.plain import is_clean_ascii

# Line ends beyond LF, and separators of ASCII, which are white space for str.split.
_OTHER_ENDS = re.compile("[\x0b\x0c\x85\u2028\u2029]")
_SEPARATORS = re.compile("[\x1c-\x1f]")
_TRAILING = re.compile(r"(?<![^\S\n])[^\S\n]++(?=\n)")
_BLANK_LINES = re.compile(r"\n{3,}+")


def tidy_lines(text: str) -> str:
    """Take trailing blanks and all but one of the blank lines in a row; keep every line and its indent."""
    if not is_clean_ascii(text):
        text = _SEPARATORS.sub(" ", _OTHER_ENDS.sub("\n", text))
    if "\n" not in text:
        return text
    if not text.isascii() or " \n" in text or "\t\n" in text:
        text = _TRAILING.sub("", text)
    return _BLANK_LINES.sub("\n\n", text) if "\n\n\n" in text else text

"""What a text says in characters that nobody sees."""

from __future__ import annotations

import re

from sluice.clean.remove_invisible import FLAG

# As much as shows what it is about; a message of 6 MB can hide a million letters.
MAX_HIDDEN = 200
# Tag letters mirror ASCII; two and more of them outside of a flag are a message. (One is a slip.)
_TAGS = re.compile(rf"(?:{FLAG})|([\U000e0020-\U000e007e]{{2,}}+)")
# A row of variation selectors stands for bytes: VS1 is 0, VS17 is 16.
_SELECTORS = re.compile(r"[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}+")


def hidden_text(text: str) -> str:
    """Return what tag letters and rows of variation selectors spell, "" for nothing; 200 characters at most."""
    if text.isascii():
        return ""
    tags = (match[1] or "" for match in _TAGS.finditer(text))
    spelled = " ".join("".join(chr(ord(tag) - 0xE0000) for tag in run) for run in tags if run)
    rows = (bytes(map(_byte, match[0])) for match in _SELECTORS.finditer(text))
    read = " ".join(row.decode("utf-8", "ignore") for row in rows)
    return " ".join("".join(filter(str.isprintable, f"{spelled} {read}")).split())[:MAX_HIDDEN]


def _byte(selector: str) -> int:
    number = ord(selector)
    return number - 0xFE00 if number <= 0xFE0F else number - 0xE0100 + 16

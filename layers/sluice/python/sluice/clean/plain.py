"""The short cut: text that the standard chain would only collapse."""

from __future__ import annotations

from unicodedata import is_normalized

from sluice.clean.fix_mojibake import may_hold_mojibake
from sluice.clean.remove_invisible import has_stray_mark
from sluice.clean.remove_urls import remove_urls

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))


def clean_plain(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the text and the flags that the standard chain gives for text without dirt, else None.

    Collapsed text that is printable holds no control, format, tag, private or unassigned character,
    no surrogate and no white space but the space; so the first and the third operator find nothing in
    it, nor in the text before, which only had more white space. What is left to rule out, beyond ASCII,
    is mojibake, decomposed characters and stray marks. A URL goes up to the next space, so removing it
    brings no two other characters together. The result passes the same tests, has no URL and is
    collapsed: it is a fixed point of the chain.
    """
    line = _collapse_lines(text)
    if not _is_printable(line):
        line = " ".join(text.split())
        if not _is_printable(line):
            return None
    # Of the text itself: a no-break space may be the second half of an "à", an en quad is not NFC.
    if not text.isascii() and (_is_mojibake(text) or not is_normalized("NFC", text) or _has_mark(line)):
        return None
    if ":" in line and "://" in line and (rest := remove_urls(line)) != line:
        return _collapse_lines(rest), (remove_urls.__name__,)
    return line, ()


def _is_mojibake(text: str) -> bool:
    # Mojibake is two characters beyond ASCII side by side, or one before a question mark. (Or a lone C1
    # control, but that is not printable.) Looking for such a pair first saves the patterns most texts.
    return b"??" in text.encode("ascii", "replace") and may_hold_mojibake(text)


def _has_mark(line: str) -> bool:
    # The first bytes of U+034F, U+180B…, U+FE00… and U+E0100…: to look for four bytes costs a tenth of what it
    # costs to look for a class of characters.
    data = line.encode()
    return (0xCD in data or 0xE1 in data or 0xEF in data or 0xF3 in data) and has_stray_mark(line)


def _is_printable(line: str) -> bool:
    # For ASCII a deletion of all good bytes is twice as fast as isprintable.
    return not line.encode().translate(None, _PRINTABLE_ASCII) if line.isascii() else line.isprintable()


def _collapse_lines(text: str) -> str:
    """Collapse line ends and spaces at a third of the price of split and join; leave tabs and the like."""
    line = text.replace("\n", " ").strip(" ")
    if "  " in line:
        line = line.replace("  ", " ")
        if "  " in line:
            return " ".join(line.split())
    return line

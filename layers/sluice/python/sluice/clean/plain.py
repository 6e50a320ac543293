"""The short cut: text that the standard chain would only collapse."""

from __future__ import annotations

from unicodedata import is_normalized

from sluice.clean.collapse_repeats import may_repeat
from sluice.clean.fix_mojibake import may_hold_mojibake
from sluice.clean.remove_invisible import has_stray_mark
from sluice.clean.remove_urls import remove_urls
from sluice.clean.replace_blobs import has_long_word
from sluice.clean.segment import may_hold_structure

_PRINTABLE_ASCII = bytes(range(0x20, 0x7F))
_CLEAN_ASCII = _PRINTABLE_ASCII + b"\t\n"


def clean_plain(text: str) -> tuple[str, tuple[str, ...]] | None:
    """Return the text and the flags that the standard chain gives for prose without dirt, else None.

    Structure, carriage returns, repeated lines and long words are ruled out at once, each at a look.
    Collapsed text that is printable holds no control, format, tag, private or unassigned character,
    no surrogate and no white space but the space; so the operators of hygiene find nothing in it, nor in
    the text before, which only had more white space. What is left to rule out, beyond ASCII,
    is mojibake, decomposed characters and stray marks. A text with
    an address is washed in one pass; the result passes the same tests and has no address: it is a fixed
    point of the chain.
    """
    if "\r" in text or may_hold_structure(text) or has_long_word(text) or ("\n" in text and may_repeat(text)):
        return None
    line = _collapse_lines(text)
    if not _is_printable(line):
        line = " ".join(text.split())
        if not _is_printable(line):
            return None
    # Of the text itself: a no-break space may be the second half of an "à", an en quad is not NFC.
    if not text.isascii() and (_is_mojibake(text) or not is_normalized("NFC", text) or _has_mark(line)):
        return None
    if ":" in line and "://" in line and (rest := remove_urls(line)) != line:
        # Lines may be equal when their addresses are gone.
        return None if "\n" in text else (_collapse_lines(rest), (remove_urls.__name__,))
    return line, ()


def is_clean_ascii(text: str) -> bool:
    """Tell whether the text is printable ASCII, tabs and line feeds."""
    return text.isascii() and not text.encode().translate(None, _CLEAN_ASCII)


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

"""Terminal control sequences (ECMA-48) → nothing; the text between them stays."""

from __future__ import annotations

import re

# 7-bit. Every alternative is optional after ESC, so no ESC survives, whatever follows it. Quantifiers are
# possessive and every body stops at the next ESC, so the scan is linear however the sequences are broken.
_CSI = r"\[[0-?]*+[ -/]*+[@-~]?"  # parameters may be private (?25l) or colon-separated (38:2:…m)
_END = r"(?:\x07|\x1b\\|\x9c)"  # BEL, ST, 8-bit ST
_LINE = r"[^\x07\x18\x1a\x1b\n\v\f\r\x85\u2028\u2029]*+"  # unterminated: its line goes, not the text
_OSC = rf"\]{_LINE}{_END}?"
_STRING = rf"[PX^_](?:[^\x07\x18\x1a\x1b\x9c]*+{_END}|{_LINE})"  # DCS, SOS, PM, APC; images span lines
_SHIFT = r"O[A-Za-z]"  # SS3: an echoed cursor or function key
_SHORT = r"[ -/]++[0-~]?|[0-~]"  # charset switches; two-byte escapes

# 8-bit. The same code points are what is left of UTF-8 that was read as a one-byte charset: “ is â\x80\x9c,
# И is Р\x98 and ž is \x9e. Such neighbours are matched first and kept for fix_mojibake. Keeping looks only at
# characters that stay, and everything else is consumed at once, so a second pass finds nothing new.
_TAIL = r"[\x80-\xbfŠŒŽšœžŸƒˆ˜\u2013-\u2122]"  # continuation bytes in Latin-1 and Windows-1252
_UTF8 = rf"[\xc2-\xdfĂĹĆČĘĚĎĐŃŇŐŘŮŰŢ]{_TAIL}|[\xe0-\xef]{_TAIL}{{2}}|[\xf0-\xf4]{_TAIL}{{3}}"
_C1_STRINGS = r"\x90\x98\x9d-\x9f"
_KEPT = rf"(?:{_UTF8})[{_C1_STRINGS}]*+|[\xa0-\u04ff\u2013-\u2122][{_C1_STRINGS}]++|[A-Za-z][\x9e\x9f]++"
# A quotation mark or a backslash ends them, too: these code points are allowed in a JSON string, which must stay one.
_C1 = rf"\x9b[0-?]*+[!#-/]*+[@-\[\]-~]?|[{_C1_STRINGS}](?:[ !#-~]*+{_END})?"

_SEVEN_BIT = rf"\x1b(?:{_CSI}|{_OSC}|{_STRING}|{_SHIFT}|{_SHORT})?"
_ASCII = re.compile(_SEVEN_BIT)
_ANY = re.compile(rf"({_KEPT})|{_SEVEN_BIT}|{_C1}")
_C1_INTRODUCERS = "\x9b\x9d\x90\x98\x9e\x9f"


def strip_terminal_escapes(text: str) -> str:
    """Remove terminal control sequences, also broken ones; a hyperlink (OSC 8) keeps its text."""
    if not text.isascii() and any(c1 in text for c1 in _C1_INTRODUCERS):
        return _ANY.sub(r"\1", text)
    return _ASCII.sub("", text) if "\x1b" in text else text


_ERASURE = re.compile(r"(?:\x1b\[|\x9b)([0-2]?K|\d{0,6}D)")


def strip_all_but_erasures(text: str) -> str:
    """Do the same, but leave "erase in line" and "cursor back", in their 7-bit form, for whoever renders the line."""
    return _ANY.sub(_keep_erasure, text)


def _keep_erasure(match: re.Match[str]) -> str:
    erasure = _ERASURE.fullmatch(match[0])
    return f"\x1b[{erasure[1]}" if erasure else match[1] or ""

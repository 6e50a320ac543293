"""Characters that nobody sees → nothing, except where a script or an emoji needs them."""

from __future__ import annotations

import re

# Controls that are white space for str.split are left to collapse_whitespace.
_CONTROLS = r"\x00-\x08\x0e-\x1b\x7f\x80-\x84\x86-\x9f"
_FORMATS = (
    r"\u00ad"  # soft hyphen
    r"\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # direction marks, overrides, isolates
    r"\u180e\u200b\u2060-\u2065\ufeff"  # zero-width spaces, word joiner, invisible operators, BOM
    r"\u206a-\u206f\ufff9-\ufffb"  # deprecated format controls, interlinear annotation
)
_TAGS = r"\U000e0000-\U000e00ff\U000e01f0-\U000e0fff"
_JOINERS = r"\u200c\u200d"
_GRAPHEME_JOINER = r"\u034f"
_SELECTORS = r"\u180b-\u180d\u180f\ufe00-\ufe0f\U000e0100-\U000e01ef"

_SURROGATES = r"\ud800-\udfff"

_SUSPECT = re.compile(rf"[{_CONTROLS}{_FORMATS}{_TAGS}{_JOINERS}{_GRAPHEME_JOINER}{_SELECTORS}{_SURROGATES}]")
_CONTROL = re.compile(rf"[{_CONTROLS}]+")
_SURROGATE = re.compile(rf"[{_SURROGATES}]")
# A flag such as England's: black flag, region in tag letters, cancel tag. Tags elsewhere smuggle text.
FLAG = r"\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{3,6}\U000e007f"
_ALWAYS = re.compile(rf"({FLAG})|[{_CONTROLS}{_FORMATS}{_TAGS}]+")
# A selector changes the look of the one visible character before it; a row of them smuggles bytes.
# (Here and below the look-behind comes second: a pattern that begins with a class is found faster.)
# The grapheme joiner has no look at all.
_MARKS = _GRAPHEME_JOINER + _SELECTORS
_STRAY_MARK = re.compile(rf"[{_MARKS}](?:(?<={_GRAPHEME_JOINER})|(?<![^\s{_JOINERS}{_MARKS}][{_SELECTORS}]))")
# Joiners have a meaning between letters of Persian or Indic scripts and between emoji, never beside ASCII.
_AFTER = rf"(?<![^\x00-\x7f\s{_JOINERS}][{_JOINERS}])"
_BEFORE = rf"(?![^\x00-\x7f\s{_JOINERS}{_SELECTORS}])"
_STRAY_JOINER = re.compile(rf"[{_JOINERS}](?:{_AFTER}|{_BEFORE})")


def remove_invisible(text: str) -> str:
    """Remove control, format, tag and stray joining characters; a lone surrogate becomes U+FFFD.

    A surrogate has no UTF-8 form, so the record could not be sent with it; a pair becomes its character.
    """
    if text.isascii():
        return _CONTROL.sub("", text)
    if not _SUSPECT.search(text):
        return text
    if _SURROGATE.search(text):
        text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    text = _ALWAYS.sub(r"\1", text)
    text = _STRAY_MARK.sub("", text)
    return _STRAY_JOINER.sub("", text)


def has_stray_mark(text: str) -> bool:
    """Tell whether the text holds a mark that remove_invisible takes away although it counts as printable."""
    return _STRAY_MARK.search(text) is not None

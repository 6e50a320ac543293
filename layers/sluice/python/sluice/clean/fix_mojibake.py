"""UTF-8 that was read as a one-byte charset → the characters that were meant."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

# The charsets that ftfy tries. An undefined byte stands for the C1 control of the same number, as in
# browsers and in ftfy's "sloppy" codecs.
_CHARSETS = (
    "latin-1", "cp1252", "cp1251", "cp1250", "cp1253", "cp1254", "cp1257", "iso8859-2", "mac-roman", "cp437",
)  # fmt: skip

# Lead bytes of two, three and four, and continuation bytes.
_UTF8_RANGES = ((0xC2, 0xDF), (0xE0, 0xEF), (0xF0, 0xF4), (0x80, 0xBF))

_SETTINGS: dict[str, Any] = {
    # Off: it takes a space for a lost U+00A0 and so decides by guess where a word ends.
    "restore_byte_a0": False,
    # On: a sequence that lost a byte becomes U+FFFD, which is honest, and the rest is decoded.
    "replace_lossy_sequences": True,
    # Off: it takes one step for each such passage, each over the whole text, so hostile text of 100 kB takes a
    # minute. `_decode_passages` does it in one.
    "decode_inconsistent_utf8": False,
    # On: a C1 control that is left when the terminal escapes are gone was a Windows-1252 character.
    "fix_c1_controls": True,
}


def fix_mojibake(text: str) -> str:
    """Decode mojibake where it is beyond doubt; leave all other text alone."""
    if text.isascii() or not may_hold_mojibake(text):
        return text
    # Here and not above: ftfy takes longer to import than all of sluice, and most batches never need it.
    import ftfy  # noqa: PLC0415

    # Each round decodes what the one before uncovered; decoding only ever shortens, so this ends.
    while (decoded := _decode_passages(ftfy.fix_encoding(text, **_SETTINGS))) != text:
        text = decoded
    return text


def _decode_passages(text: str) -> str:
    """Decode single characters of mojibake (Windows-1252) in text that is not mojibake as a whole."""
    return text if text.isascii() else _sequence().sub(_decode_sequence, text)


@cache
def _sequence() -> re.Pattern[str]:
    lead2, lead3, lead4, tail = (_shown_in_1252(*r) for r in _UTF8_RANGES)
    return re.compile(f"[{lead2}][{tail}]|[{lead3}][{tail}]{{2}}|[{lead4}][{tail}]{{3}}")


def _decode_sequence(match: re.Match[str]) -> str:
    from ftfy.badness import is_bad  # noqa: PLC0415

    shown = match[0]
    # "È”" is the end of a quotation as well as "Ȕ": only what no language writes is decoded.
    if not is_bad(shown):
        return shown
    try:
        return shown.encode("sloppy-windows-1252").decode()
    except UnicodeDecodeError:
        return shown


def _shown_in_1252(first: int, last: int) -> str:
    return re.escape("".join(sorted({_decode(byte, "cp1252") for byte in range(first, last + 1)})))


def may_hold_mojibake(text: str) -> bool:
    """Tell at about 1/20 of ftfy's price whether ftfy could change the text.

    It can where a lead byte and its continuation bytes, as one of the charsets shows them, stand side
    by side, or where a C1 control stands alone. The first pattern is the faster one and lets hardly
    any clean text pass, the second one is exact about how many bytes belong together.
    """
    pair, sequence = _triggers()
    return pair.search(text) is not None and sequence.search(text) is not None


@cache
def _triggers() -> tuple[re.Pattern[str], re.Pattern[str]]:
    lead2, lead3, lead4 = _shown(0xC0, 0xDF), _shown(0xE0, 0xEF), _shown(0xF0, 0xF4)
    # ftfy also repairs sequences in which a byte was lost and shows as U+FFFD or as a question mark.
    tail = _shown(0x80, 0xBF) + "\ufffd?"
    c1 = "\x80-\x84\x86-\x9f"  # not NEL, which is a line end
    return (
        re.compile(f"[{lead2}{lead3}{lead4}{c1}](?:(?<=[{c1}])|[{tail}])"),
        re.compile(f"[{c1}]|[{lead2}][{tail}]|[{lead3}][{tail}]{{2}}|[{lead4}][{tail}]{{3}}"),
    )


def _shown(first: int, last: int) -> str:
    """Return the inside of a character class: what the bytes first to last look like in any charset."""
    shown = {_decode(byte, charset) for byte in range(first, last + 1) for charset in _CHARSETS}
    return re.escape("".join(sorted(shown)))


def _decode(byte: int, charset: str) -> str:
    try:
        return bytes([byte]).decode(charset)
    except UnicodeDecodeError:
        return chr(byte)

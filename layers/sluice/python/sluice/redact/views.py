r"""How a secret may be disguised, and where what is found in plain sight lies in the text.

A view is the text as a reader of its last layer sees it: without characters that nobody sees, percent- and
\u-escapes decoded. A find in it is mapped back, so what is replaced is the disguise, too.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from typing import Final, NamedTuple

# UTF-8, byte by byte: U+00AD, U+034F, U+061C, U+180E, U+200B…200F, U+202A…202E, U+2060…206F, U+FE00…FE0F,
# U+FEFF, U+E0000…E0FFF; then control characters and terminal control sequences.
_INVISIBLE: Final = (
    rb"(?:\xc2\xad|\xcd\x8f|\xd8\x9c|\xe1\xa0\x8e|\xe2\x80[\x8b-\x8f\xaa-\xae]|\xe2\x81[\xa0-\xaf]"
    rb"|\xef\xb8[\x80-\x8f]|\xef\xbb\xbf|\xf3\xa0[\x80-\xbf][\x80-\xbf]"
    rb"|\x1b\[[0-?]*+[ -/]*+[@-~]?|[\x00-\x08\x0e-\x1f\x7f])++"
)
# Decoded is ASCII only, which is all that the rules' anchors are made of; %2540 is %40 encoded once more.
_DISGUISE: Final = re.compile(rb"%s|%%(?:25)*([2-7][0-9A-Fa-f])|\\++u00([2-7][0-9A-Fa-f])" % _INVISIBLE)
# The same in RE2's syntax, as a trigger.
DISGUISE_TRIGGER: Final = (
    r"[\x{AD}\x{34F}\x{61C}\x{180E}\x{200B}-\x{200F}\x{202A}-\x{202E}\x{2060}-\x{206F}\x{FE00}-\x{FE0F}\x{FEFF}"
    r"\x{E0000}-\x{E0FFF}]|[\x00-\x08\x0e-\x1f\x7f]|%[2-7][0-9A-Fa-f]|\\u00[2-7][0-9A-Fa-f]"
)

# A text may hold JSON as a string, and that again: there the n of \n and of \\n is no letter. What they mean is
# put at their end, so no find is displaced, and they go as a whole, so none is cut in two.
_ESCAPE: Final = re.compile(rb"""\\++(?:([nrtbf"'/])|u(?!00[2-7])[0-9A-Fa-f]{4}|(?!u))""")
_MEANT: Final = {b"n": b"\n", b"r": b"\r", b"t": b"\t", b'"': b'"', b"'": b"'", b"/": b"/"}
_ASCII_ESCAPE: Final = re.compile(rb"\\++u00[2-7][0-9A-Fa-f]")


class View(NamedTuple):
    """Hold a text without its disguise, and per piece of it: where it begins, here and there, and its width there.

    A piece is a run of bytes that stand for themselves (width 1 each), or one decoded byte.
    """

    data: bytes
    here: list[int]
    there: list[int]
    widths: list[int]

    def original(self, start: int, end: int) -> tuple[int, int]:
        """Return where the bytes from `start` to before `end` stand in the disguised text."""
        first = bisect_right(self.here, start) - 1
        last = bisect_right(self.here, end - 1) - 1
        return (
            self.there[first] + start - self.here[first],
            self.there[last] + (end - 1 - self.here[last]) + self.widths[last],
        )


def masked(data: bytes) -> bytes:
    """Return the text with the escapes of JSON strings in it turned into what they mean, or blanked.

    Those of visible ASCII stay: `undisguised` decodes them.
    """
    return _ESCAPE.sub(_meant, data) if b"\\" in data else data


def _meant(escape: re.Match[bytes]) -> bytes:
    return _MEANT.get(escape[1], b" ").rjust(len(escape[0]))


def blanked(plain: bytes) -> bytes:
    """Return a masked text with the escapes that are left blanked: the text as it stands there."""
    return _ASCII_ESCAPE.sub(lambda match: b" " * len(match[0]), plain) if b"\\u" in plain else plain


def undisguised(data: bytes) -> View:
    """Return the text as a reader of its last layer sees it."""
    plain, here, there, widths = bytearray(), list[int](), list[int](), list[int]()
    at = 0

    def piece(start: int, width: int, content: bytes) -> None:
        here.append(len(plain))
        there.append(start)
        widths.append(width)
        plain.extend(content)

    for match in _DISGUISE.finditer(data):
        if match.start() > at:
            piece(at, 1, data[at : match.start()])
        if code := match[1] or match[2]:
            piece(match.start(), match.end() - match.start(), bytes([int(code, 16)]))
        at = match.end()
    if at < len(data):
        piece(at, 1, data[at:])
    return View(bytes(plain), here, there, widths)

"""A 64-bit fingerprint that similar texts nearly share (Charikar 2002)."""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from operator import add
from typing import Any, Final

from sluice.record import Record

BITS: Final = 64
# All 64 counters are lanes of 16 bits in one integer, so that a word costs one addition instead of 64. Two
# thirds of what a lane holds are words, the rest keeps the carry of the final comparison inside the lane.
_LANE: Final = 2
_MOST_TOKENS: Final = 32_000
_ONES: Final = int.from_bytes(b"\x00\x01" * BITS, "big")
_SPREAD: Final = [
    b"".join(b"\x00\x01" if byte >> (7 - bit) & 1 else b"\x00\x00" for bit in range(8)) for byte in range(256)
]
_TOP_BIT: Final = bytes(ord("1") if byte & 0x80 else ord("0") for byte in range(256))
# Words are runs of ASCII letters, digits and underscores and of everything beyond ASCII; case counts.
_WORD_BYTES: Final = bytes(
    byte if byte >= 0x80 or byte == ord("_") or chr(byte).isalnum() else ord(" ") for byte in range(256)
)
# Above so many bytes a character, most of the text is in a script without spaces: pairs of characters then.
_DENSE: Final = 2.2
# About 5 MB: the words of many agents; started anew when full.
_MOST_KNOWN: Final = 16_384
_LONGEST_KNOWN: Final = 64


class _Lanes(dict[Any, int]):
    """Remember each word's hash, its bits spread to the lanes."""

    def __missing__(self, word: bytes | str) -> int:
        data = word.encode() if isinstance(word, str) else word
        digest = blake2b(data, digest_size=BITS // 8).digest()
        lanes = int.from_bytes(b"".join(map(_SPREAD.__getitem__, digest)), "big")
        if len(data) <= _LONGEST_KNOWN:
            if len(self) >= _MOST_KNOWN:
                self.clear()
            self[word] = lanes
        return lanes


_KNOWN: Final = _Lanes()
_lanes_of: Final = _KNOWN.__getitem__


def simhash(record: Record, features: dict[str, Any]) -> None:
    """Add the cleaned text's SimHash, 16 hex digits; texts without a word have none."""
    value = simhash_of(record.body["text"])
    if value is not None:
        features["simhash"] = f"{value:016x}"


def simhash_of(text: str) -> int | None:
    """Return the 64-bit SimHash of the text's words, None when it has none.

    Bit by bit the majority of the words' hashes, a word as often as it occurs. Of a text of more than
    32,000 words the first so many count.
    """
    data = text.encode()
    tokens: list[bytes] | list[str] = data.translate(_WORD_BYTES).split()
    if len(data) > _DENSE * len(text) and len(text) > 1:
        tokens = list(map(add, text, text[1:]))
    del tokens[_MOST_TOKENS:]
    return _majority(map(_lanes_of, tokens), len(tokens)) if tokens else None


def _majority(lanes: Iterable[int], count: int) -> int:
    # A lane's top bit is set exactly where more than half of the words have the bit.
    total = sum(lanes) + (0x7FFF - count // 2) * _ONES
    return int(total.to_bytes(BITS * _LANE, "big")[::_LANE].translate(_TOP_BIT), 2)


def distance(one: int, other: int) -> int:
    """Return in how many bits two hashes differ."""
    return (one ^ other).bit_count()

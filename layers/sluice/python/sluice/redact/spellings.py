"""How equal finds come to be spelt one way, so that they get one hash."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

_NOT_DIGITS: Final = bytes(set(range(256)) - set(b"0123456789"))
_ALPHANUMERIC: Final = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NOT_ALPHANUMERIC: Final = bytes(set(range(256)) - set(_ALPHANUMERIC))


def as_is(find: bytes) -> bytes:
    """Leave a find as it stands."""
    return find


def lower(find: bytes) -> bytes:
    """Fold the case of an address."""
    return find.decode(errors="replace").lower().encode()


def digits(find: bytes) -> bytes:
    """Keep the digits of a number."""
    return find.translate(None, _NOT_DIGITS)


def alphanumeric(find: bytes) -> bytes:
    """Keep letters and digits: groups of four, line ends and dashes say nothing."""
    return find.translate(None, _NOT_ALPHANUMERIC)


SPELLINGS: Final[dict[str, Callable[[bytes], bytes]]] = {
    step.__name__: step for step in (as_is, lower, digits, alphanumeric)
}

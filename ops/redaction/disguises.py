"""How a secret travels: as it is, split by what nobody sees, escaped, in JSON within JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote

Disguise = Callable[[str], str]


def _split(mark: str) -> Disguise:
    # In the middle, where it cuts a prefix's tail or a number in two.
    return lambda secret: secret[: len(secret) // 2] + mark + secret[len(secret) // 2 :]


DISGUISES: dict[str, Disguise] = {
    "none": str,
    "zero-width space": _split("\u200b"),
    "soft hyphen": _split("\xad"),
    "tag character": _split("\U000e0041"),
    "direction mark": _split("\u202e"),
    "NUL": _split("\x00"),
    "colour": _split("\x1b[1;31m"),
    "percent": lambda secret: quote(secret, safe=" \n"),
    "percent, twice": lambda secret: quote(quote(secret, safe=" \n"), safe=" \n"),
    "JSON in a string": lambda secret: json.dumps({"out": f"first\n{secret}\nlast"}),
    "JSON in JSON": lambda secret: json.dumps(json.dumps({"out": f"first\n{secret}\tlast"})),
    "unicode escapes": lambda secret: "".join(
        char if char.isspace() else f"\\u{ord(char):04x}" for char in secret
    ),
    "a letter escaped": lambda secret: f"{secret[:3]}\\u{ord(secret[3]):04x}{secret[4:]}",
}

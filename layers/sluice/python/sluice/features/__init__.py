"""What a text is like, in figures: one group of features a file."""

from __future__ import annotations

from typing import Final, Literal, get_args

Group = Literal[
    # always: bytes of the message, characters, words and estimated tokens of the cleaned text
    "counts",
    # shares of characters: digits, symbols, and URLs before cleaning
    "ratios",
    # shares of what occurred before: lines, and runs of five words
    "repetition",
    # the language of the prose by CLD3, "und" where it is not sure
    "language",
    # the kinds of segments that the text has: prose, code, json, …
    "kinds",
    # 64-bit SimHash of the words; near-duplicates are found by it
    "simhash",
    # flags against the agent's own running profile; brings `ratios` along
    "outliers",
]
GROUPS: Final[tuple[Group, ...]] = get_args(Group)

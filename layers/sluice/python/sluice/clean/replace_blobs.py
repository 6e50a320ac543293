"""Long runs of base64 and hex → their digest and length."""

from __future__ import annotations

import re
from hashlib import sha256

# The length at which C4 and NeMo Curator take a word for no word (1,000 characters).
MIN_BLOB = 1_000
# MIME wraps at 76, PEM at 64.
_SHORTEST_LINE, _LONGEST_LINE = 60, 76
_UNIT = r"(?:[A-Za-z0-9+/_-]|\\/)"
_END = r"(?:\r?\n|(?:\\r)?\\n)"
# Escapes first, so that the n of a JSON string's \n is not taken for the first letter of a blob.
_RUN = re.compile(
    rf"\\(?:u[0-9A-Fa-f]{{4}}|.)|({_UNIT}{{{_SHORTEST_LINE},}}+(?:{_END}{_UNIT}++)*+={{0,2}})", re.DOTALL
)
_WRAP = re.compile(f"({_END})")
_HEX = frozenset("0123456789abcdefABCDEF")


def replace_blobs(text: str) -> str:
    """Put `<BLOB:sha256:length>` for base64 (also wrapped) and hex of 1,000 characters and more.

    Digest and length are those of the text that stood there. What has no mixture of letters and digits, such as a
    ruler or a row of equal letters, stays.
    """
    return _RUN.sub(_replace, text) if has_long_word(text) else text


def has_long_word(text: str) -> bool:
    """Tell whether a stretch without spaces could hold a blob."""
    if len(text) < MIN_BLOB:
        return False
    # A run of that length covers one of these windows whole.
    half = MIN_BLOB // 2
    return any(text.find(" ", at, at + half) < 0 for at in range(0, len(text) - half + 1, half))


def _replace(match: re.Match[str]) -> str:
    run = match[1]
    if run is None or len(run) < MIN_BLOB:
        return match[0]
    # Lines at the even places, what parts them at the odd ones.
    parts, pieces, at = _WRAP.split(run), [], 0
    while at < len(parts):
        after = _wrapped(parts, at)
        block = "".join(parts[at:after])
        pieces += [_label(block) if _is_blob(block) else block, *parts[after : after + 1]]
        at = after + 1
    return "".join(pieces)


def _label(run: str) -> str:
    return f"<BLOB:{sha256(run.encode()).hexdigest()}:{len(run)}>"


def _wrapped(parts: list[str], at: int) -> int:
    """Return where the lines end that are as wide as the one at `at`, a shorter last one included."""
    width, first = _width(parts[at]), at
    if not _SHORTEST_LINE <= width <= _LONGEST_LINE:
        return at + 1
    while at + 2 < len(parts) and _width(parts[at + 2]) == width:
        at += 2
    last = parts[at + 2] if at + 2 < len(parts) else ""
    # What follows may be a word of the text: a last line ends in padding or is a mixture, too.
    if at > first and last and _width(last) < width and (last.endswith("=") or _is_mixed(last)):
        at += 2
    return at + 1


def _width(line: str) -> int:
    return len(line) - line.count("\\")


def _is_blob(block: str) -> bool:
    if len(block) < MIN_BLOB:
        return False
    # Digests one below the other are no blob, so several lines have to be base64.
    return _is_base64(block) or ("\n" not in block and "\\n" not in block and _is_hex(block))


def _is_hex(run: str) -> bool:
    # Any thousand digits of random bytes show more than ten of the sixteen; the decimal digits alone are a number.
    letters = set(run)
    return letters <= _HEX and len(letters) > 10


def _is_base64(run: str) -> bool:
    return len(set(run)) > 24 and _is_mixed(run)


def _is_mixed(run: str) -> bool:
    letters = set(run)
    return all(any(test(letter) for letter in letters) for test in (str.islower, str.isupper, str.isdigit))

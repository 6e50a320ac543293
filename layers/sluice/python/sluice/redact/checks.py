"""What no regular expression can say about a find: check digits, ranges, randomness.

Every check takes the find and a few bytes on either side, so it sees what a look-around would.
"""

from __future__ import annotations

import json
import re
import tomllib
from binascii import Error as Base64Error
from collections import Counter
from collections.abc import Callable
from functools import cache
from ipaddress import ip_address
from math import log2
from typing import Final

from pybase64 import b64decode

from sluice.redact.kinds import RULES
from sluice.redact.spellings import alphanumeric, digits

# Bits a character: detect-secrets' limit for hexadecimal text, gitleaks' for its generic rule.
HEX_ENTROPY: Final = 3.0
ENTROPY: Final = 3.5
# Of a longer find the first characters tell as much.
_JUDGED: Final = 256
_LONGEST_HEADER: Final = 8_192
_SPACE: Final = ord(" ")
_HEX: Final = re.compile(rb"[0-9a-fA-F]+")
_DIGIT: Final = re.compile(rb"[0-9]")
_LETTER: Final = re.compile(rb"[A-Za-z]")
_CAPITAL: Final = re.compile(rb"[A-Z]")
_LOWER: Final = re.compile(rb"[a-z]")
_SYMBOL: Final = re.compile(rb"[!@#%^*+~?]")
_A_DATE: Final = re.compile(rb"\+?[0-9]{4}-[0-9]{2}-[0-9]{2}")
_OTHER_NUMBER: Final = re.compile(rb"(?i)(?:isbn|doi|version|release)[\s:#]*$")
# What stands after "@2x" is no domain.
_FILE_ENDINGS: Final = frozenset(
    {b"png", b"jpg", b"jpeg", b"gif", b"svg", b"webp", b"js", b"ts", b"css", b"py", b"so", b"json", b"md"}
)
# Card networks: first digits from, to, and the lengths they are issued in.
_CARD_RANGES: Final = (
    ("4", "4", (13, 16, 19)),  # Visa
    ("51", "55", (16,)),  # Mastercard
    ("2221", "2720", (16,)),  # Mastercard, since 2017
    ("34", "34", (15,)),  # American Express
    ("37", "37", (15,)),
    ("300", "305", (14, 16)),  # Diners Club
    ("36", "36", (14, 16)),
    ("38", "39", (14, 16)),
    ("6011", "6011", (16, 19)),  # Discover
    ("644", "659", (16, 19)),
    ("3528", "3589", (16, 19)),  # JCB
    ("62", "62", (16, 17, 18, 19)),  # UnionPay
)


def always(_: bytes, __: bytes, ___: bytes) -> bool:
    """Trust the pattern."""
    return True


def has_digit(find: bytes, _: bytes, __: bytes) -> bool:
    """Want a digit: what has none is a name in code."""
    return _DIGIT.search(find) is not None


def letters_and_digits(find: bytes, _: bytes, __: bytes) -> bool:
    """Want letters and digits, as any random string of that length has."""
    return _DIGIT.search(find) is not None and _LETTER.search(find) is not None


def coded(find: bytes, _: bytes, __: bytes) -> bool:
    """Want a digit, or a capital inside the word: what has neither is a word."""
    return _DIGIT.search(find) is not None or (
        _CAPITAL.search(find, 1) is not None and _LOWER.search(find) is not None
    )


def random(find: bytes, _: bytes, after: bytes) -> bool:
    """Want letters, digits and much entropy, and no call or index after it."""
    judged = find[:_JUDGED]
    if _DIGIT.search(judged) is None or _LETTER.search(judged) is None or after[:1] in {b"(", b"["}:
        return False
    return entropy(judged) >= (HEX_ENTROPY if _HEX.fullmatch(judged) else ENTROPY)


def password(find: bytes, _: bytes, after: bytes) -> bool:
    """Want what a person chooses and no name in code is: a digit, a symbol or a capital inside."""
    if after[:1] in {b"(", b"[", b"{"} or len(set(find)) == 1:
        return False
    return _SYMBOL.search(find) is not None or coded(find, b"", b"")


def jose_header(find: bytes, _: bytes, __: bytes) -> bool:
    """Want a first part that is a JSON object with `alg` (RFC 7515, section 4.1.1)."""
    part = find.partition(b".")[0][:_LONGEST_HEADER]
    try:
        header = json.loads(b64decode(part + b"=" * (-len(part) % 4), b"-_", validate=True))
    except (Base64Error, ValueError, RecursionError):
        return False
    return isinstance(header, dict) and isinstance(header.get("alg"), str)


def email(find: bytes, _: bytes, __: bytes) -> bool:
    """Refuse the user of a Git address and the name of an image in two sizes."""
    return not find.startswith(b"git@") and find.rpartition(b".")[2].lower() not in _FILE_ENDINGS


def card(find: bytes, _: bytes, __: bytes) -> bool:
    """Want a range that was issued, its length, and Luhn's check digit."""
    number = digits(find).decode()
    issued = any(
        len(number) in lengths and first <= number[: len(first)] <= last
        for first, last, lengths in _CARD_RANGES
    )
    return issued and luhn(number)


def luhn(number: str) -> bool:
    """Tell whether the digits pass ISO/IEC 7812-1, annex B."""
    doubled = (int(digit) * 2 for digit in number[-2::-2])
    return (sum(d - 9 if d > 9 else d for d in doubled) + sum(map(int, number[::-2]))) % 10 == 0


def iban(find: bytes, _: bytes, __: bytes) -> bool:
    """Want the length of its country and remainder 1 (ISO 7064, MOD 97-10)."""
    account = alphanumeric(find).decode()
    if iban_lengths().get(account[:2]) != len(account):
        return False
    return int("".join(str(int(char, 36)) for char in account[4:] + account[:4])) % 97 == 1


def iban_end(find: bytes) -> int:
    """Return how many bytes the account number takes: what follows in capitals is no part of it."""
    missing = iban_lengths().get(find[:2].decode(), 0)
    for at, byte in enumerate(find):
        missing -= byte != _SPACE
        if not missing:
            return at + 1
    return len(find)


@cache
def iban_lengths() -> dict[str, int]:
    """Return the number of characters by country."""
    with RULES.open("rb") as file:
        lengths: dict[str, int] = tomllib.load(file)["iban_lengths"]
    return lengths


def ssn(find: bytes, _: bytes, __: bytes) -> bool:
    """Refuse areas, groups and serials that are never given."""
    area, group, serial = find.split(b"-")
    return area not in {b"000", b"666"} and area < b"900" and group != b"00" and serial != b"0000"


def phone(find: bytes, before: bytes, _: bytes) -> bool:
    """Refuse dates in added lines of a diff, and numbers of books and versions."""
    return _A_DATE.match(find) is None and _OTHER_NUMBER.search(before) is None


def public_address(find: bytes, before: bytes, _: bytes) -> bool:
    """Want an address that is routed worldwide and no version of four parts."""
    try:
        return ip_address(find.decode()).is_global and _OTHER_NUMBER.search(before) is None
    except ValueError:
        return False


def entropy(text: bytes) -> float:
    """Return Shannon's entropy in bits a character."""
    return -sum(n / len(text) * log2(n / len(text)) for n in Counter(text).values())


CHECKS: Final[dict[str, Callable[[bytes, bytes, bytes], bool]]] = {
    check.__name__: check
    for check in (
        always, has_digit, letters_and_digits, coded, random, password, jose_header, email, card, iban, ssn, phone,
        public_address,
    )
}  # fmt: skip

TRIMS: Final[dict[str, Callable[[bytes], int]]] = {"whole": len, "iban": iban_end}

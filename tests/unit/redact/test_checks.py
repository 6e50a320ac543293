"""The checks: what no regular expression can say."""

from __future__ import annotations

from string import digits

import pytest
from hypothesis import given, strategies as st

from sluice.redact.checks import CHECKS, entropy, iban_end, luhn

TABLE = [
    ("has_digit", "a-b-7", True),
    ("has_digit", "your-token", False),
    ("letters_and_digits", "a7", True),
    ("letters_and_digits", "1234", False),
    ("letters_and_digits", "abcd", False),
    ("coded", "abc7", True),
    ("coded", "dXNlcjpwYXNz", True),
    ("coded", "Required", False),
    ("coded", "REQUIRED", False),
    ("coded", "middleware", False),
    ("random", "9f8a7c6e5d4b3a29", True),
    ("random", "aaaaaaaaaaaaaaa1", False),
    ("random", "0000000011111111", False),
    ("random", "name_of_the_next_page", False),
    ("password", "hunter2", True),
    ("password", "correct!horse", True),
    ("password", "aBcdef", True),
    ("password", "string", False),
    ("password", "String", False),
    ("password", "config.database", False),
    ("password", "11111111", False),
    ("jose_header", "eyJhbGciOiJub25lIn0.e30.", True),
    ("jose_header", "eyJ0eXAiOiJKV1QifQ.e30.x", False),
    ("jose_header", "eyJhbGciOjF9.e30.x", False),
    ("jose_header", "eyJhbGciOi.e30.x", False),
    ("jose_header", "WzFd.e30.x", False),
    ("email", "a@b.co", True),
    ("email", "git@github.com", False),
    ("email", "logo@2x.PNG", False),
    ("card", "4111-1111-1111-1111", True),
    ("card", "411111111111111", False),
    ("card", "9111111111111111", False),
    ("card", "378282246310005", True),
    ("card", "2223003122003222", True),
    ("card", "2720990000000007", True),
    ("card", "2721000000000004", False),
    ("iban", "NO9386011117947", True),
    ("iban", "NO938601111794", False),
    ("iban", "XX9386011117947", False),
    ("iban", "NO9386011117948", False),
    ("ssn", "899-01-0001", True),
    ("ssn", "900-01-0001", False),
    ("ssn", "666-01-0001", False),
    ("ssn", "123-00-0001", False),
    ("ssn", "123-01-0000", False),
    ("phone", "+12125550187", True),
    ("phone", "+2026-01-05", False),
    ("public_address", "8.8.8.8", True),
    ("public_address", "192.168.0.1", False),
    ("public_address", "08.8.8.8", False),
    ("public_address", "2606:4700::1", True),
    ("public_address", "2001:db8::1", False),
    ("public_address", "2606:::1", False),
]


@pytest.mark.parametrize(("check", "find", "expected"), TABLE)
def test_table(check: str, find: str, expected: bool) -> None:
    """Every check says yes to what is meant and no to what only has its form."""
    assert CHECKS[check](find.encode(), b"", b"") is expected


def test_every_check_is_tested() -> None:
    """The table has a yes and a no of every check but the one that trusts the pattern."""
    assert {(check, verdict) for check, _, verdict in TABLE} == {
        (check, verdict) for check in CHECKS if check != "always" for verdict in (True, False)
    }


@pytest.mark.parametrize("check", ["random", "password"])
def test_calls(check: str) -> None:
    """What is called or indexed is code that fetches a secret."""
    assert CHECKS[check](b"getSecret7x9q2w8z", b"", b" ")
    assert not CHECKS[check](b"getSecret7x9q2w8z", b"", b"(")
    assert not CHECKS[check](b"getSecret7x9q2w8z", b"", b"[")


@pytest.mark.parametrize("before", [b"ISBN ", b"isbn: ", b"version ", b"Release #"])
def test_other_numbers(before: bytes) -> None:
    """A number that is announced as another kind of number is no telephone and no address."""
    assert not CHECKS["phone"](b"212-555-0187", before, b"")
    assert not CHECKS["public_address"](b"8.8.8.8", before, b"")


@given(st.text(digits, min_size=2, max_size=18), st.sampled_from(digits), st.integers(0, 17))
def test_luhn(number: str, other: str, at: int) -> None:
    """Of the ten last digits one is right, and no change of a single digit goes unseen."""
    (right,) = (number + last for last in digits if luhn(number + last))
    changed = right[: at % len(right)] + other + right[at % len(right) + 1 :]

    assert luhn(changed) == (changed == right)


def test_end_of_an_account() -> None:
    """The country says where an account number ends, blanks not counted."""
    assert iban_end(b"NO93 8601 1117 947 EUR") == len("NO93 8601 1117 947")
    assert iban_end(b"NO93 8601") == len("NO93 8601")
    assert iban_end(b"XX93 8601") == len("XX93 8601")


def test_entropy() -> None:
    """Entropy is 0 for one character and the logarithm of their number where all differ."""
    assert entropy(b"aaaa") == 0
    assert entropy(b"0123456789abcdef") == 4


@pytest.mark.parametrize("check", CHECKS)
@given(find=st.binary(min_size=1, max_size=40))
def test_total(check: str, find: bytes) -> None:
    """A check that takes free text takes any bytes."""
    if check not in {"ssn", "iban"}:  # their patterns let nothing pass that they could not read
        assert CHECKS[check](find, b"", b"") in {True, False}

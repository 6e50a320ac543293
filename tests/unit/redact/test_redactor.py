"""Redaction: placeholders that join and tell nothing, a fixed point, total and linear."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import given, strategies as st

from ops.redaction.disguises import DISGUISES
from ops.sample.dice import Dice
from sluice.redact.redactor import RedactionDidNotSettle, Redactor
from sluice.redact.rules import load_rules
from tests.unit.clean.laws import LINEAR, growth, nasty_text

PLAIN, KEYED, OTHER = Redactor(), Redactor(b"k" * 32), Redactor(b"o" * 32)
RULES = load_rules()
PIECES = [
    *(rule.hit for rule in RULES), *(rule.miss for rule in RULES), " ", "\n", '"', "\\", "\\n", "\\u0041", "%40", "@",
    "<EMAIL:12345678>", "<PASSWORD:12345678>", "password=", "token: ", "\u200b", "\u0338", ":", "4", "1", ".", "-", "{", "}",
]  # fmt: skip
texts = st.lists(st.sampled_from(PIECES) | st.characters(), max_size=12).map("".join)

TABLE = {
    "prose": ("Call me tomorrow at 10:30, room 4.11-2.", "Call me tomorrow at 10:30, room 4.11-2."),
    "e-mails": ("a@b.co,C.D@e-f.org;x@y", "<EMAIL>,<EMAIL>;x@y"),
    "after a line feed of JSON": (r'{"t":"x\nbob@example.com"}', r'{"t":"x\n<EMAIL>"}'),
    "after an escape of JSON": (r'{"t":"\u00e9bob@example.com"}', r'{"t":"\u00e9<EMAIL>"}'),
    "other alphabets": ("мария@пример.рф, 邮箱jane@example.com。", "<EMAIL>, 邮箱<EMAIL>。"),
    "images in two sizes": ("icon@2x.png lodash@4.17.21 @decorator user@host", "icon@2x.png lodash@4.17.21 @decorator user@host"),
    "card before digits": ("5 4111 1111 1111 1111 123", "5 <CARD> 123"),
    "card after a year": ("2026 4111 1111 1111 1111", "2026 <CARD>"),
    "cards of other lengths": ("378282246310005 3782-822463-10005 30569309025904", "<CARD> <CARD> <CARD>"),
    "not a card": ("1767600000000 20260105090000123 1234 5678 9012 3456", "1767600000000 20260105090000123 1234 5678 9012 3456"),
    "card as a number of JSON": ('{"n": 4111111111111111}', '{"n": "<CARD>"}'),
    "card in an array": ("[4111111111111111,1]", '["<CARD>",1]'),
    "card as a number of JSON in JSON": (r'"{\"n\": 4111111111111111}"', r'"{\"n\": \"<CARD>\"}"'),
    "account before capitals": ("DE89 3704 0044 0532 0130 00 EUR 500", "<IBAN> EUR 500"),
    "account in one piece": ("IBAN:GB82WEST12345698765432.", "IBAN:<IBAN>."),
    "telephones": ("+49 30 901820-10, (212) 555-0187, 212-555-0187", "<PHONE>, <PHONE>, <PHONE>"),
    "not a telephone": ("+12345 1+1234567890x ISBN 212-555-0187 v212-555-0187.3", "+12345 1+1234567890x ISBN 212-555-0187 v212-555-0187.3"),
    "security numbers": ("078-05-1120 000-05-1120 666-05-1120 078-00-1120", "<SSN> 000-05-1120 666-05-1120 078-00-1120"),
    "addresses": ("8.8.8.8 8.8.4.4, http://9.9.9.9:80/ end 1.1.1.1.", "<IP> <IP>, http://<IP>:80/ end <IP>."),
    "not public": ("127.0.0.1 10.1.2.3 172.16.0.1 169.254.0.1 203.0.113.7", "127.0.0.1 10.1.2.3 172.16.0.1 169.254.0.1 203.0.113.7"),
    "not an address": ("1.2.3.4.5 v8.8.8.8 version 8.8.8.8 999.8.8.8", "1.2.3.4.5 v8.8.8.8 version 8.8.8.8 999.8.8.8"),
    "address of six": ("[2606:4700:4700::1111]:443 2001:db8::1 std::vector fe80::1", "[<IP>]:443 2001:db8::1 std::vector fe80::1"),
    "user and password": ("redis://:pa55@c:6379 https://u@h/ ftp://me@x.org:pw@h", "redis://:<URL_PASSWORD>@c:6379 https://u@h/ ftp://<EMAIL>:<URL_PASSWORD>@h"),
    "code": ('password = getpass("Password: ")\ntoken = os.environ["TOKEN_NAME_2"]', 'password = getpass("Password: ")\ntoken = os.environ["TOKEN_NAME_2"]'),
    "types": ("password: str | None = None, token: SomeTokenType, api_key=api_key_of_user_1()", "password: str | None = None, token: SomeTokenType, api_key=api_key_of_user_1()"),
    "usage": ('"max_tokens": 4096, "token_type": "bearer", "pwd": "/home/agent"', '"max_tokens": 4096, "token_type": "bearer", "pwd": "/home/agent"'),
    "hashes": ("commit 9f8a7c6e5d4b3a291f8a7c6e5d4b3a291f8a7c6e sha256:0123abcd", "commit 9f8a7c6e5d4b3a291f8a7c6e5d4b3a291f8a7c6e sha256:0123abcd"),
    "key in a header": ('-H "Authorization: Bearer abc123def456ghi789"', '-H "Authorization: Bearer <AUTHORIZATION>"'),
    "masked already": ("password=******** secret: <redacted>", "password=******** secret: <redacted>"),
    "cut off key": ("-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\nBKcwggSjAgEAAo", "<PRIVATE_KEY>"),
    "mention of a key": ("It starts with -----BEGIN PRIVATE KEY----- and so on.", "It starts with -----BEGIN PRIVATE KEY----- and so on."),
    "keys glued together": ("AKIA" + "IOSFODNN7EXAMPLE" "AKIA" "IOSFODNN7EXAMPLEx", "<AWS_KEY><AWS_KEY>x"),
    "mark behind": ("bob@example.com\u0338 x", "<EMAIL> x"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), TABLE.values(), ids=TABLE)
def test_table(text: str, expected: str) -> None:
    """What the rules name goes, what only looks alike stays, and what was JSON is JSON."""
    assert PLAIN.text(text) == expected
    assert [PLAIN.may_hold(json.dumps([text]).encode())] >= [text != expected]


def test_placeholder() -> None:
    """Kind and 8 hex digits: the same for the same secret under one key, another under another."""
    first, second = KEYED.text("bob@example.com and Bob@Example.com").split(" and ")

    assert re.fullmatch("<EMAIL:[0-9a-f]{8}>", first)
    assert first == second
    assert first != KEYED.text("eve@example.com")
    assert first != OTHER.text("bob@example.com")


def test_kinds() -> None:
    """The kinds of all finds are told, in the order of the text."""
    assert PLAIN.redact("078-05-1120 a@b.co x@y.org") == ("<SSN> <EMAIL> <EMAIL>", ("SSN", "EMAIL", "EMAIL"))


def test_prefix() -> None:
    """What stands before a text is context, and never part of the result."""
    assert PLAIN.text("hunter22") == "hunter22"
    assert PLAIN.redact("hunter22", "db_password=") == ("<PASSWORD>", ("PASSWORD",))
    assert PLAIN.redact("x", "a@b.co=") == ("x", ())


def test_keep() -> None:
    """Kinds that are kept stay readable, the others go; a kind that no rule has is refused."""
    assert Redactor(keep=("EMAIL",)).text("a@b.co 078-05-1120") == "a@b.co <SSN>"
    with pytest.raises(ValueError, match="no rule finds MAIL; known are ANTHROPIC_KEY"):
        Redactor(keep=("MAIL",))


def test_headers() -> None:
    """A header's value is redacted with its name for context, and any other bytes come out as they went in."""
    assert PLAIN.header("x-api-key", b"9f8a7c6e5d4b3a29") == b"<SECRET>"
    assert PLAIN.header("note", b"\xff a@b.co") == b"\xff <EMAIL>"
    assert PLAIN.header("note", b"\xff\xed\xa0\x80") == b"\xff\xed\xa0\x80"


@given(texts | nasty_text)
def test_fixed_point(text: str) -> None:
    """A second pass finds nothing, any text comes through, and the quick look never misses what is found."""
    try:
        redacted, kinds = KEYED.redact(text)
    except RedactionDidNotSettle:
        return
    assert KEYED.redact(redacted) == (redacted, ())
    assert bool(kinds) == (redacted != text)
    if kinds and not any("\ud800" <= char <= "\udfff" for char in text):
        assert KEYED.may_hold(json.dumps({"a": text}).encode())
        assert KEYED.may_hold(json.dumps({"a": text}, ensure_ascii=False).encode())


@given(st.lists(st.sampled_from(RULES), min_size=1, max_size=6), st.sampled_from(sorted(DISGUISES)))
def test_nothing_is_left(rules: list[object], disguise: str) -> None:
    """Of secrets side by side, a blank between them, none is left."""
    named = [rule for rule in RULES if rule in rules]
    redacted, kinds = PLAIN.redact(DISGUISES[disguise](" \n ".join(rule.hit for rule in named)))

    assert set(kinds) >= {rule.kind for rule in named}
    assert PLAIN.redact(redacted) == (redacted, ())


def test_it_gives_up() -> None:
    """What would take more rounds than there are is an error, and so a dead letter: never half redacted."""

    class Endless(Redactor):
        def _placeholder(self, find: object) -> bytes:
            return b"a@b.co"

    with pytest.raises(RedactionDidNotSettle):
        Endless().text("078-05-1120")


def test_states_fit() -> None:
    """After a megabyte of all that the triggers look at, the one that was not there yet still answers."""
    dice, place = Dice(1), [rule.name for rule in RULES].index("email")
    noise = "".join(dice.pick(PIECES)[: dice.between(1, 12)] for _ in range(200_000)).replace("@", "")
    noise = noise.replace("%40", "").replace(r"\u0040", "")

    assert place not in PLAIN._text_set.Match(noise.encode())
    assert place in PLAIN._text_set.Match(f"{noise} bob@example.com".encode())


@pytest.mark.parametrize(
    "unit",
    [
        *(f"{rule.hit} " for rule in RULES), "%41", "\u200b", "a@", "a@b.", "eyJhbGciOi.", "-----BEGIN PRIVATE KEY-----",
        "4", "41 ", "DE89 ", "1.", "1.1.1.1 ", "://a:", "password=", "pwd=aaaaa,", "token: ", "+1 ", "2606:", "\\u0041", "\\n",
        "%25", "<EMAIL>", "\x1b[",
    ],
)  # fmt: skip
def test_is_linear(unit: str) -> None:
    """Ten times as much of what a rule looks at takes about ten times as long."""

    def redact(text: str) -> str:
        return KEYED.text(text)

    assert growth(redact, unit, 4_000) < LINEAR

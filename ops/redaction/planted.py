"""Secrets and personal data out of a seeded generator, written from the providers' pages and apart from the rules."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Final

from ops.sample.dice import Dice

_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_DIGITS: Final = "0123456789"
_HEX: Final = "0123456789abcdef"
_WORD: Final = _LOWER + _LOWER.upper() + _DIGITS
_URL: Final = _WORD + "-_"
_BASE32: Final = _LOWER.upper() + "234567"
_BASE64: Final = _WORD + "+/"


def _some(dice: Dice, letters: str, count: int) -> str:
    return "".join(dice.pick(letters) for _ in range(count))


def _jwt(dice: Dice) -> str:
    def part(content: dict[str, str]) -> str:
        return base64.urlsafe_b64encode(json.dumps(content).encode()).decode().rstrip("=")

    return ".".join(
        (
            part({"alg": "RS256", "kid": _some(dice, _HEX, 8)}),
            part({"sub": _some(dice, _LOWER, 9)}),
            _some(dice, _URL, 86),
        )
    )


def _pem(dice: Dice) -> str:
    name = dice.pick(("", "RSA ", "EC ", "OPENSSH ", "ENCRYPTED "))
    lines = "\n".join(_some(dice, _BASE64, 64) for _ in range(dice.between(2, 25)))
    return f"-----BEGIN {name}PRIVATE KEY-----\n{lines}\n-----END {name}PRIVATE KEY-----"


def _card(dice: Dice) -> str:
    stem = dice.pick(("4", "51", "55", "2221", "6011")) + _some(dice, _DIGITS, 15)
    stem = stem[:15]
    total = sum(sum(divmod(int(d) * (2 - place % 2), 10)) for place, d in enumerate(stem))
    number = stem + str(-total % 10)
    blank = dice.pick(("", " ", "-"))
    return blank.join(number[at : at + 4] for at in range(0, 16, 4))


def _iban(dice: Dice) -> str:
    country, length = dice.pick((("DE", 18), ("AT", 16), ("PL", 24), ("NO", 11)))
    account = _some(dice, _DIGITS, length)
    letters = "".join(str(ord(letter) - 55) for letter in country)
    number = f"{country}{98 - int(account + letters + '00') % 97:02}{account}"
    return number if dice.chance(0.5) else " ".join(number[at : at + 4] for at in range(0, len(number), 4))


def _email(dice: Dice) -> str:
    name = f"{_some(dice, _LOWER, dice.between(2, 9))}{dice.pick('.-_+')}{_some(dice, _LOWER + _DIGITS, 4)}"
    return f"{name}@{_some(dice, _LOWER, 7)}.{dice.pick(('com', 'co.uk', 'example', 'museum'))}"


def _phone(dice: Dice) -> str:
    area, exchange, line = (
        f"2{_some(dice, _DIGITS, 2)}",
        f"5{_some(dice, _DIGITS, 2)}",
        _some(dice, _DIGITS, 4),
    )
    return dice.pick(
        (f"+1{area}{exchange}{line}", f"+1 ({area}) {exchange}-{line}", f"({area}) {exchange}-{line}",
         f"{area}-{exchange}-{line}", f"+49 {area} {exchange}{line}", f"+44 20 {line} {line}")
    )  # fmt: skip


def _password(dice: Dice) -> str:
    return _some(dice, _LOWER, 6) + _some(dice, _DIGITS, 2) + dice.pick("!#%*")


PLANTED: Final[dict[str, Callable[[Dice], tuple[str, str, str]]]] = {
    "AWS access key": lambda d: ("", d.pick(("AKIA", "ASIA")) + _some(d, _BASE32, 16), ""),
    "AWS secret key": lambda d: ("aws_secret_access_key=", _some(d, _BASE64, 40), ""),
    "GitHub token": lambda d: ("", d.pick(("ghp_", "gho_", "ghs_")) + _some(d, _WORD, 36), ""),
    "GitHub fine-grained token": lambda d: (
        "",
        f"github_pat_{_some(d, _WORD, 22)}_{_some(d, _WORD, 59)}",
        "",
    ),
    "GitLab token": lambda d: ("", "glpat-" + _some(d, _WORD, 19) + "7", ""),
    "Slack token": lambda d: (
        "",
        f"xoxb-{_some(d, _DIGITS, 11)}-{_some(d, _DIGITS, 12)}-{_some(d, _WORD, 24)}",
        "",
    ),
    "Stripe key": lambda d: ("", "sk_live_" + _some(d, _WORD, 24), ""),
    "OpenAI key": lambda d: ("", "sk-proj-" + _some(d, _URL, 73) + "7", ""),
    "Anthropic key": lambda d: ("", f"sk-ant-api03-{_some(d, _URL, 93)}AA", ""),
    "Google key": lambda d: ("", "AIza" + _some(d, _URL, 35), ""),
    "Hugging Face token": lambda d: ("", "hf_" + _some(d, _WORD, 34), ""),
    "npm token": lambda d: ("", "npm_" + _some(d, _WORD, 35) + "7", ""),
    "JWT": lambda d: ("", _jwt(d), ""),
    "private key": lambda d: ("", _pem(d), ""),
    "password in a URL": lambda d: (f"postgres://{_some(d, _LOWER, 5)}:", _some(d, _URL, 14), "@db:5432/x"),
    "password assigned": lambda d: (d.pick(("password=", "PASSWORD: ", "pwd=")), _password(d), ""),
    "bearer token": lambda d: ("Authorization: Bearer ", _some(d, _URL, 39) + "7", ""),
    "key by its name": lambda d: (
        d.pick(("api_key=", "client_secret: ", "token = ")),
        _some(d, _HEX, 30) + "a7",
        "",
    ),
    "e-mail address": lambda d: ("", _email(d), ""),
    "telephone": lambda d: ("", _phone(d), ""),
    "card": lambda d: ("", _card(d), ""),
    "account": lambda d: ("", _iban(d), ""),
    "social security number": lambda d: (
        "",
        f"{d.between(100, 665)}-{d.between(10, 99)}-{d.between(1000, 9999)}",
        "",
    ),
    "public IPv4 address": lambda d: ("", f"8.{d.below(256)}.{d.below(256)}.{d.below(256)}", ""),
    "public IPv6 address": lambda d: ("", "2606:" + ":".join(_some(d, _HEX, 4) for _ in range(7)), ""),
}
"""By name: what stands before a secret, the secret, what stands behind it."""

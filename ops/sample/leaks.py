"""What agents paste by accident: secrets and personal data, all made up or out of documentation.

The sample is a file of this repository, so there are only such as its hosts' scanners know for examples: the
forms of the other providers stand in the rules' own tests, in parts.
"""

from __future__ import annotations

import json

from ops.sample.dice import Dice

_LEAKS = (
    "AKIAIOSFODNN7EXAMPLE",
    "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U",
    "postgres://app:hunter2@db.internal:5432/orders",
    "Authorization: Basic YWxhZGRpbjpvcGVuc2VzYW1l",
    '{"user": "app", "password": "Tr0ub4dor"}',
    "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1duRSxKtLYX5CB04fSeQ6tF1aY/PuoAoGCCqGSM49\n-----END EC PRIVATE KEY-----",
    "jane.doe@example.com",
    "+1 (212) 555-0187",
    "4111 1111 1111 1111",
    "DE89 3704 0044 0532 0130 00",
    "078-05-1120",
    "from 8.8.4.4",
)


def leak(text: str, dice: Dice) -> str:
    """Paste one to three of them: as they are, split by something that nobody sees, or in JSON."""
    for _ in range(dice.between(1, 3)):
        secret = dice.pick(_LEAKS)
        middle = dice.below(len(secret))
        hidden = dice.pick(
            (
                secret, secret, secret[:middle] + "\u200b" + secret[middle:], secret.replace("@", "%40"),
                json.dumps({"result": f"ok\n{secret}"}),
            )
        )  # fmt: skip
        text = f"{text}\n{hidden}" if dice.chance(0.5) else f"{hidden} {text}"
    return text

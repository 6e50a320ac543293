"""The account that does not exist: where it is and how to get in."""

from __future__ import annotations

import os

REGION = "eu-central-1"
ACCOUNT = "123456789012"  # moto's own
# `localhost` and not 127.0.0.1, with which moto takes the bucket out of a template's address wrongly.
ENDPOINT = f"http://localhost:{os.environ.get('MOTO_PORT', '0')}"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "nobody",
    "AWS_SECRET_ACCESS_KEY": "nothing",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
}

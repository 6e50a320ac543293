"""The function's role, as AWS Lambda gives it to a function: in the environment."""

from __future__ import annotations

import os

import pytest


def forget(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take away all credentials, those of whoever runs the tests as well; the region is a setting, and stays."""
    for name in [name for name in os.environ if name.startswith("AWS_") and name != "AWS_REGION"]:
        monkeypatch.delenv(name)


def take_role(monkeypatch: pytest.MonkeyPatch, key: str = "AKIDEXAMPLE") -> None:
    """Have the credentials of a role, under this access key."""
    forget(monkeypatch)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "session")

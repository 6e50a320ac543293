"""The redaction key: given, or read from Secrets Manager."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from sluice.settings import SettingsError
from sluice.sinks.secret import connect_secrets, read_key

ARN = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:sluice-redaction-AbCdEf"
KEY = "k" * 32


class FakeSecrets:
    """A Secrets Manager with one answer."""

    def __init__(self, answer: dict[str, Any] | Exception) -> None:
        self.answer = answer
        self.asked: list[Any] = []

    def connect(self, region: str, timeout: float) -> FakeSecrets:
        self.asked += [region, timeout]
        return self

    def get_secret_value(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def test_given() -> None:
    """A key that is no ARN is the key, and nobody is asked."""
    assert read_key(KEY, 1, FakeSecrets({}).connect) == KEY.encode()


@pytest.mark.parametrize("answer", [{"SecretString": KEY}, {"SecretBinary": KEY.encode()}])
def test_kept(answer: dict[str, Any]) -> None:
    """An ARN is read once, in its own region, as text or bytes."""
    secrets = FakeSecrets(answer)

    assert read_key(ARN, 2, secrets.connect) == KEY.encode()
    assert secrets.asked == ["eu-central-1", 2, {"SecretId": ARN}]


def test_too_short() -> None:
    """A secret that is too short for a key is refused, and not quoted."""
    with pytest.raises(SettingsError, match="has 5 bytes, 32 are the least") as caught:
        read_key(ARN, 1, FakeSecrets({"SecretString": "s3cr3"}).connect)
    assert "s3cr3" not in str(caught.value)


@pytest.mark.parametrize(
    ("error", "why"),
    [
        (
            ClientError({"Error": {"Code": "AccessDeniedException"}}, "GetSecretValue"),
            "AccessDeniedException",
        ),
        (ConnectTimeoutError(endpoint_url="https://secretsmanager.example"), "ConnectTimeoutError"),
    ],
)
def test_not_readable(error: Exception, why: str) -> None:
    """What keeps the secret from being read is named, with what the function needs."""
    with pytest.raises(SettingsError, match=rf"cannot be read \({why}\): .* secretsmanager:GetSecretValue"):
        read_key(ARN, 1, FakeSecrets(error).connect)


@pytest.mark.parametrize("named", ["arn:aws:secretsmanager", "arn:aws:secretsmanager::1:secret:x"])
def test_not_an_arn(named: str) -> None:
    """Half an ARN is refused with the form of a whole one."""
    with pytest.raises(SettingsError, match="the ARN of a secret: arn:aws:secretsmanager:…"):
        read_key(named, 1)


def test_connect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The client of boto3 has the region and the time-outs it was told; making it asks nobody."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):  # as in a function, which has them
        monkeypatch.setenv(name, "test")
    client: Any = connect_secrets("eu-west-1", 4.0)

    assert client.meta.region_name == "eu-west-1"
    assert (client.meta.config.connect_timeout, client.meta.config.read_timeout) == (1.0, 2.0)

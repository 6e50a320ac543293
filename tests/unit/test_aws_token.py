"""Tokens: kept while they are good, made anew after, out of the credentials of that moment."""

from __future__ import annotations

import threading

import pytest
from botocore.exceptions import (
    BotoCoreError,
    CredentialRetrievalError,
    NoCredentialsError,
    PartialCredentialsError,
)

from sluice.sinks.aws_token import TOKEN_SECONDS, FunctionCredentials, KeptToken, Token
from tests.fakes.role import forget, take_role

START = 1_763_900_000.0


class Signer:
    """Sign with a number, or fail as often as told."""

    def __init__(self) -> None:
        self.now = START
        self.signed = 0
        self.failures = 0

    def __call__(self) -> Token:
        if self.failures:
            self.failures -= 1
            raise NoCredentialsError
        self.signed += 1
        return Token(f"token {self.signed}", self.now + TOKEN_SECONDS)

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("later", "token"),
    [(0, 1), (1, 1), (599, 1), (600, 2), (720, 2), (899, 2), (86_400, 2), (-1, 2), (-86_400, 2)],
)
def test_kept(later: float, token: int) -> None:
    """A token is given out for ten minutes; after that, or when the clock was set back, there is a new one."""
    signer = Signer()
    tokens = KeptToken(signer, signer.clock)
    tokens.get()
    signer.now += later

    assert tokens.get().value == f"token {token}"
    assert tokens.get().value == f"token {token}"


def test_good_for_a_while() -> None:
    """Whenever it is asked for, a token has five minutes left at least, and fifteen at most."""
    signer = Signer()
    tokens = KeptToken(signer, signer.clock)
    for _ in range(200):
        left = tokens.get().end - signer.now
        assert 300 < left <= TOKEN_SECONDS
        signer.now += 37

    assert signer.signed == 200 * 37 // 629 + 1


def test_nothing_is_signed_before_it_is_needed() -> None:
    """Whoever builds it signs nothing yet."""
    signer = Signer()
    KeptToken(signer, signer.clock)

    assert signer.signed == 0


def test_a_failure_is_not_kept() -> None:
    """No credentials is an error of that call; the next one tries again."""
    signer = Signer()
    signer.failures = 1
    tokens = KeptToken(signer, signer.clock)
    with pytest.raises(NoCredentialsError):
        tokens.get()

    assert tokens.get().value == "token 1"


def test_one_for_all_threads() -> None:
    """The client's thread and ours share one token."""
    signer = Signer()
    tokens = KeptToken(signer, signer.clock)
    threads = [threading.Thread(target=tokens.get) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert signer.signed == 1


def test_credentials_of_this_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials are read each time: those that a woken environment has been given count, not the first ones."""
    finder = FunctionCredentials()
    for key in ("AKIDONE", "AKIDTWO"):
        take_role(monkeypatch, key)
        found = finder.load().get_frozen_credentials()
        assert (found.access_key, found.secret_key, found.token) == (key, "secret", "session")


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a role there is an error at once: no profile, no metadata service is asked (sockets are off here)."""
    forget(monkeypatch)
    with pytest.raises(NoCredentialsError):
        FunctionCredentials().load()


def test_half_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """A key without its secret is an error of the same kind."""
    take_role(monkeypatch, "AKIDONE")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(PartialCredentialsError):
        FunctionCredentials().load()


@pytest.mark.parametrize("address", ["http://203.0.113.7/credentials", "nonsense"])
def test_an_endpoint_that_is_none(monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    """An endpoint that is not on this host is refused, as an error that is retried like the others."""
    forget(monkeypatch)
    monkeypatch.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", address)
    with pytest.raises(CredentialRetrievalError) as caught:
        FunctionCredentials().load()

    assert isinstance(caught.value, BotoCoreError)

"""Log in to Amazon MSK as the function's own role: SASL OAUTHBEARER with a signed token."""

from __future__ import annotations

from collections.abc import Callable

from aws_msk_iam_sasl_signer import MSKAuthTokenProvider
from botocore.exceptions import BotoCoreError
from confluent_kafka import KafkaError, KafkaException

from sluice.sinks.aws_token import FunctionCredentials, KeptToken, Token


class RoleLogin:
    """Give producers their tokens.

    The client asks for a token on a thread of its own, as soon as it is built and again when four fifths of a token's
    life are over (within a second of waking up, when that was slept through). Its constructor waits for the first one,
    in steps of a second, and for ten seconds when none comes. So `check` makes one before: what fails then fails at once,
    and is retried like any other fault.
    """

    def __init__(self, region: str, sign: Callable[[str], Token] | None = None) -> None:
        """Keep the region of the cluster; `sign` makes a token for it."""
        self._tokens = KeptToken(lambda: (sign or sign_in)(region))

    def check(self) -> None:
        """Make a token for a new producer; raises KafkaException when there are no credentials for one.

        A new one each time: where a producer had to be replaced, its token may have been what was wrong with it.
        """
        try:
            self._tokens.renew()
        except BotoCoreError as error:
            reason = f"no credentials to sign in with: {type(error).__name__}"
            raise KafkaException(KafkaError(KafkaError.SASL_AUTHENTICATION_FAILED, reason)) from error

    def __call__(self, _config: str) -> tuple[str, float]:
        """Return token and end (epoch seconds), as confluent-kafka's `oauth_cb` does."""
        return self._tokens.get()


def sign_in(region: str) -> Token:
    """Return a token for `kafka-cluster:Connect`; raises BotoCoreError when there are no credentials."""
    value, end_ms = MSKAuthTokenProvider.generate_auth_token_from_credentials_provider(
        region, FunctionCredentials()
    )
    return Token(value, end_ms / 1000)

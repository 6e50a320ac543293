"""Log in to ElastiCache as an IAM user: a signed token for a password, and no connection older than that lasts."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.exceptions import BotoCoreError
from redis import CredentialProvider
from redis.exceptions import AuthenticationError

from sluice.claim import Command, CommandError, Commands, Reply
from sluice.settings import IamUser
from sluice.sinks.aws_token import TOKEN_SECONDS, FunctionCredentials, KeptToken, Token

# ElastiCache ends a connection 12 hours after it was authenticated, in the middle of a batch if need be.
_RENEW_SECONDS: Final = 11 * 3600


class IamPassword(CredentialProvider):
    """Give each new connection user and token; a token is used for ten minutes, of the fifteen that it is good for."""

    def __init__(self, user: IamUser, clock: Callable[[], float] = time.time) -> None:
        """Keep the user; nothing is signed before the first connection."""
        self._user = user
        self._tokens = KeptToken(lambda: sign_in(user, clock), clock)

    def get_credentials(self) -> tuple[str, str]:
        """Return user and token; raises AuthenticationError, which a caller takes for a failed connection."""
        try:
            return self._user.name, self._tokens.get().value
        except BotoCoreError as error:
            msg = f"no credentials to sign in with: {type(error).__name__}"
            raise AuthenticationError(msg) from error


def sign_in(user: IamUser, clock: Callable[[], float] = time.time) -> Token:
    """Return a token for `elasticache:Connect`: a signed address without its scheme.

    The end is counted from before the signing. Raises BotoCoreError when there are no credentials.
    """
    end = clock() + TOKEN_SECONDS
    parameters = {"Action": "connect", "User": user.name}
    if user.serverless:
        parameters["ResourceType"] = "ServerlessCache"
    request = AWSRequest(method="GET", url=f"https://{user.cache}/", params=parameters)
    credentials = FunctionCredentials().load()
    SigV4QueryAuth(credentials, "elasticache", user.region, expires=TOKEN_SECONDS).add_auth(request)
    return Token(request.prepare().url.removeprefix("https://"), end)


class Closable(Commands, Protocol):
    """A cache that can be left."""

    def close(self) -> None:
        """Close the connections."""
        ...


class RenewedCache:
    """A cache whose connections are closed, between two calls, before ElastiCache ends them."""

    def __init__(self, connect: Callable[[], Closable], clock: Callable[[], float] = time.time) -> None:
        """Keep what builds the client; the clock is the wall's, for a frozen environment's own stands still."""
        self._connect = connect
        self._clock = clock
        self._cache = connect()
        self._since = clock()

    def run(self, commands: Sequence[Command], timeout: float) -> list[Reply | CommandError]:
        """Return one reply or CommandError a command, in order, within `timeout` seconds."""
        now = self._clock()
        if now - self._since > _RENEW_SECONDS:
            self._cache.close()
            self._cache, self._since = self._connect(), now
        return self._cache.run(commands, timeout)

"""Signed tokens that stand for a password: kept for a while, and made of credentials that are read anew each time.

Whoever imports this pays for botocore, so it is imported where IAM is asked for, and nowhere else.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any, Final, NamedTuple

from botocore.credentials import ContainerProvider, CredentialProvider, EnvProvider
from botocore.exceptions import BotoCoreError, CredentialRetrievalError, NoCredentialsError
from botocore.httpsession import URLLib3Session
from botocore.utils import ContainerMetadataFetcher

# Both Amazon MSK and ElastiCache take a signature for this long at most.
TOKEN_SECONDS: Final = 900
# A token is used with this much of its life left, or not at all: clocks differ, and connecting takes its time. It is
# more than the fifth that librdkafka leaves (180 s), so whenever that asks for a new token, it gets one.
_LEAST_SECONDS: Final = 300
# The container's endpoint is on the same host. The library would ask it three times for 2 s, with 1 s in between.
_CONTAINER_SECONDS: Final = 1.0


class Token(NamedTuple):
    """Hold a signed token and its end, in epoch seconds."""

    value: str
    end: float


class KeptToken:
    """Keep one token and make the next when it is nearly over; safe to use from the client's own threads."""

    def __init__(self, sign: Callable[[], Token], clock: Callable[[], float] = time.time) -> None:
        """Keep what signs; the clock is the wall's, for a frozen environment's own stands still."""
        self._sign = sign
        self._clock = clock
        self._lock = threading.Lock()
        self._token = Token("", 0.0)

    def get(self) -> Token:
        """Return a token with five minutes left at least; raises BotoCoreError when there are no credentials."""
        with self._lock:
            left = self._token.end - self._clock()
            # More than a whole life: the clock was set back, so nothing is known of the kept one.
            if not _LEAST_SECONDS < left <= TOKEN_SECONDS:
                self._token = self._sign()
            return self._token

    def renew(self) -> None:
        """Make a new token, however good the kept one may be; raises BotoCoreError when there are no credentials."""
        with self._lock:
            self._token = self._sign()


class FunctionCredentials(CredentialProvider):  # type: ignore[misc]  # botocore has no annotations
    """Find the credentials where AWS Lambda puts them: in the environment, with SnapStart behind a local endpoint.

    botocore's own chain goes on to files, other processes and the metadata service of EC2, which costs a session and,
    where there are no credentials, seconds.
    """

    METHOD = CANONICAL_NAME = "function"

    def load(self) -> Any:
        """Return the credentials of this moment; raises BotoCoreError when there are none."""
        fetcher = ContainerMetadataFetcher(URLLib3Session(timeout=_CONTAINER_SECONDS), sleep=lambda _: None)
        fetcher.RETRY_ATTEMPTS = 1  # the caller retries
        try:
            found = EnvProvider().load() or ContainerProvider(fetcher=fetcher).load()
        except BotoCoreError:
            raise
        except (
            OSError,
            ValueError,
            KeyError,
            TypeError,
        ) as error:  # an endpoint that answers with something else
            raise CredentialRetrievalError(provider=self.METHOD, error_msg=type(error).__name__) from error
        if found is None:
            raise NoCredentialsError
        return found

"""Amazon MSK's tokens: what is signed, who asks for them, and what becomes of a failure."""

from __future__ import annotations

import base64
import time
from typing import NoReturn
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.exceptions import NoCredentialsError
from confluent_kafka import KafkaError, KafkaException

from sluice.publish import Report, publish
from sluice.sinks.aws_token import Token
from sluice.sinks.topic import CleanedTopic, producer_config
from sluice.sinks.topic_iam import RoleLogin, sign_in
from tests.fakes.broker import FakeBroker
from tests.fakes.records import record
from tests.fakes.role import forget, take_role
from tests.fakes.schedule import Clock, Mode, Schedule
from tests.fakes.script import deadline_of

CONFIG = producer_config("broker.test:9098", 1_000_000, 2.0, {})


class Signing:
    """Sign, but for the first times."""

    def __init__(self, failures: int = 0) -> None:
        self.failures = failures
        self.regions: list[str] = []

    def __call__(self, region: str) -> Token:
        self.regions.append(region)
        if len(self.regions) <= self.failures:
            raise NoCredentialsError
        return Token("token", time.time() + 900)


def test_shape(monkeypatch: pytest.MonkeyPatch) -> None:
    """A token is a presigned URL of the region's cluster service, in base64, good for fifteen minutes."""
    take_role(monkeypatch)
    token = sign_in("eu-central-1")
    url = urlsplit(base64.urlsafe_b64decode(token.value + "=" * (-len(token.value) % 4)).decode())
    query = {name: value for name, [value] in parse_qs(url.query).items()}

    assert (url.scheme, url.netloc, url.path) == ("https", "kafka.eu-central-1.amazonaws.com", "/")
    assert 895 < token.end - time.time() <= 900
    assert len(query["X-Amz-Signature"]) == 64
    assert query["X-Amz-Credential"].startswith("AKIDEXAMPLE/")
    assert query["X-Amz-Credential"].endswith("/eu-central-1/kafka-cluster/aws4_request")
    assert (
        query.items()
        >= {
            "Action": "kafka-cluster:Connect",
            "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
            "X-Amz-Expires": "900",
            "X-Amz-Security-Token": "session",
            "X-Amz-SignedHeaders": "host",
        }.items()
    )


def test_callback(monkeypatch: pytest.MonkeyPatch) -> None:
    """As `oauth_cb` it answers with token and end in epoch seconds, of the role of the moment."""
    take_role(monkeypatch)
    login = RoleLogin("eu-central-1")
    login.check()
    token, end = login("")

    assert (login(""), token.isascii()) == ((token, end), True)
    assert 300 < end - time.time() <= 900


def test_signed_once() -> None:
    """The look before a producer is built and the client's own question share one token."""
    signing = Signing()
    login = RoleLogin("eu-central-1", signing)
    login.check()
    login("")
    login("")

    assert signing.regions == ["eu-central-1"]


def test_signed_anew_for_the_next_producer() -> None:
    """A producer that is replaced leaves its token behind: that may have been what was wrong."""
    signing, broker = Signing(), FakeBroker(Schedule({0: Mode.BEFORE}))
    topic = CleanedTopic("agent_cleaned", CONFIG, broker.producer, RoleLogin("eu-central-1", signing).check)
    sent = [bool(topic.send([record(1)], 1.0).delivered) for _ in range(3)]

    assert (sent, len(broker.producers), len(signing.regions)) == ([False, True, True], 2, 2)


def test_no_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without credentials there is an error at once, of the client's own kind, that says what is missing."""
    forget(monkeypatch)
    with pytest.raises(KafkaException, match="no credentials to sign in with: NoCredentialsError") as caught:
        RoleLogin("eu-central-1").check()

    assert caught.value.args[0].code() == KafkaError.SASL_AUTHENTICATION_FAILED


def test_a_failed_login_is_a_fault() -> None:
    """No token means no producer: nothing is delivered, nothing raised, and nothing waits for the client's ten seconds."""
    broker = FakeBroker()
    topic = CleanedTopic(
        "agent_cleaned", CONFIG, broker.producer, RoleLogin("eu-central-1", Signing(1)).check
    )

    assert topic.send([record(1)], 1.0) == Report(set(), {}, "SASL_AUTHENTICATION_FAILED")
    assert (broker.producers, topic.replaced) == ([], 0)
    assert topic.send([record(1)], 1.0).delivered == {record(1).origin_id}


@pytest.mark.parametrize(
    ("failures", "expected"),
    [(3, (1, "")), (1_000, (0, "SASL_AUTHENTICATION_FAILED"))],
    ids=["while", "ever"],
)
def test_a_failed_login_is_retried(failures: int, expected: tuple[int, str]) -> None:
    """A login that fails for a while costs that while; one that fails on ends the work before the invocation does."""
    clock, broker = Clock(20.0), FakeBroker()
    login = RoleLogin("eu-central-1", Signing(failures))
    topic = CleanedTopic("agent_cleaned", CONFIG, broker.producer, login.check)
    began = clock.now

    done = publish([record(1)], topic, deadline_of(clock))

    assert (len(done.delivered), done.fault if not done.delivered else "") == expected
    assert 0 < clock.now - began <= 15.0


def test_a_producer_that_cannot_be_built() -> None:
    """Whatever the client says against its configuration is told as a fault of that send."""
    topic = CleanedTopic("agent_cleaned", CONFIG, _refuse)

    assert topic.send([record(1)], 1.0) == Report(set(), {}, "_INVALID_ARG")


def _refuse(_config: object) -> NoReturn:
    raise KafkaException(KafkaError(KafkaError._INVALID_ARG))

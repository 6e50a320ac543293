"""Tokens on Apache Kafka: they reach the broker, a refused one is a retry, one that was slept through is made anew.

The broker takes tokens that nobody signed, so these stand in for those of Amazon MSK, which it cannot check.
"""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

import orjson
import pytest
from confluent_kafka import KafkaError

from ops.kafka.broker import ApacheKafka
from sluice.publish import publish
from sluice.settings import read_settings
from sluice.sinks import topic_iam
from sluice.sinks.aws_token import Token
from sluice.sinks.topic import CleanedTopic
from sluice.wiring import open_topic
from tests.contract.kafka import create_topic, read_all
from tests.fakes.records import record
from tests.fakes.role import take_role
from tests.fakes.schedule import Clock
from tests.fakes.script import deadline_of

pytestmark = [pytest.mark.kafka, pytest.mark.integration]

REGION = "eu-central-1"


def unsigned(seconds: float) -> Token:
    """Return a token that says itself who bears it and until when."""
    now = time.time()
    claims = {"sub": "sluice", "iat": now, "exp": now + seconds}
    parts = [
        base64.urlsafe_b64encode(orjson.dumps(part)).rstrip(b"=").decode()
        for part in ({"alg": "none"}, claims)
    ]
    return Token(".".join([*parts, ""]), now + seconds)


def environment(broker: ApacheKafka, name: str) -> dict[str, str]:
    return {
        "KAFKA_BOOTSTRAP_SERVERS": broker.token_bootstrap,
        "KAFKA_AUTH": "iam",
        "KAFKA_CA_FILE": str(broker.ca_file),
        "AWS_REGION": REGION,
        "CLEANED_TOPIC": name,
        "REDIS_URL": "redis://cache.invalid",
        "DEAD_LETTER_BUCKET": "letters",
    }


@pytest.fixture
def name(apache_kafka: ApacheKafka) -> str:
    """A topic of the test's own."""
    return create_topic(apache_kafka.bootstrap, 1)


def topic_of(broker: ApacheKafka, name: str, **options: Any) -> CleanedTopic:
    """Build the topic as `preprocess` does, with further options of the client."""
    topic = open_topic(read_settings(environment(broker, name)), "", deadline_of(Clock(60.0)))
    topic._config |= options
    return topic


def test_delivered(apache_kafka: ApacheKafka, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A producer whose token the broker takes delivers, within a flush of five seconds from nothing."""
    monkeypatch.setattr(topic_iam, "sign_in", lambda region: unsigned(900))
    report = topic_of(apache_kafka, name).send([record(1), record(2)], 5.0)

    assert (report.delivered, report.fault) == ({record(1).origin_id, record(2).origin_id}, "")
    assert len(read_all(apache_kafka.bootstrap, name, 2)) == 2


def test_refused(apache_kafka: ApacheKafka, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token that the broker refuses reaches it, and is a retry that ends before the invocation does."""
    take_role(monkeypatch)
    told: list[str] = []

    def note(error: KafkaError) -> None:
        told.append(error.str())

    topic = topic_of(apache_kafka, name, error_cb=note, log_level=0)
    began = time.monotonic()
    done = publish([record(1)], topic, deadline_of(Waking(12.0)))

    assert done.delivered == set()
    assert done.fault
    assert time.monotonic() - began < 12
    assert any("invalid_token" in words for words in told)
    assert read_all(apache_kafka.bootstrap, name, 0, 2.0) == []


class Waking(Clock):
    """A clock of real time."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self._end = time.monotonic() + seconds

    def start(self) -> None:
        """Run already."""

    def remaining_ms(self) -> int:
        return int((self._end - time.monotonic()) * 1000)

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


SLEEPER = """
import sys, time
from tests.contract.test_topic_iam import unsigned
from sluice.deadline import Deadline
from sluice.publish import publish
from sluice.settings import read_settings
from sluice.sinks import topic_iam
from sluice.wiring import open_topic
from tests.fakes.records import record
signed = []
def sign(region):
    signed.append(region)
    return unsigned(4)
topic_iam.sign_in = sign
topic = None
for place in range(2):
    end = time.time() + 30
    deadline = Deadline(lambda: int((end - time.time()) * 1000))
    topic = topic or open_topic(read_settings(), "", deadline)
    done = publish([record(place)], topic, deadline)
    print(len(done.delivered), len(signed), flush=True)
    sys.stdin.readline()
"""


@pytest.fixture
def sleeper(apache_kafka: ApacheKafka, name: str) -> Iterator[subprocess.Popen[str]]:
    """A process that sends, then waits for a line and sends again, with tokens of four seconds."""
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root), str(root / "layers/sluice/python")])
    with subprocess.Popen(
        [sys.executable, "-c", SLEEPER],
        env=environment(apache_kafka, name) | {"PYTHONPATH": paths},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        yield process
        process.kill()


def test_slept_through(apache_kafka: ApacheKafka, name: str, sleeper: subprocess.Popen[str]) -> None:
    """An environment that was frozen until its token and its connections were dead delivers, with a new token."""
    assert sleeper.stdin is not None
    assert sleeper.stdout is not None
    assert told(sleeper.stdout)[0] == 1
    sleeper.send_signal(signal.SIGSTOP)
    apache_kafka.kill()
    time.sleep(5)
    apache_kafka.start()
    sleeper.send_signal(signal.SIGCONT)
    print(file=sleeper.stdin, flush=True)
    delivered, signed = told(sleeper.stdout)

    assert delivered == 1
    assert signed > 2
    assert len(dict.fromkeys(value for _, _, value, _ in read_all(apache_kafka.bootstrap, name, 2))) == 2


def told(stream: IO[str]) -> tuple[int, int]:
    delivered, signed = map(int, stream.readline().split())
    return delivered, signed

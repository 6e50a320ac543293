"""The Apache Kafka that the suite starts is what the tests take it for."""

from __future__ import annotations

import pytest
from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from ops.kafka.broker import ApacheKafka

Settings = dict[str, str | int | float | bool]

pytestmark = [pytest.mark.kafka, pytest.mark.integration]


def write(client: Settings, topic: str, value: bytes) -> None:
    admin = AdminClient(client)
    [created] = admin.create_topics([NewTopic(topic, 2, 1)]).values()
    created.result(10)
    producer = Producer(client | {"enable.idempotence": True})
    producer.produce(topic, value, partition=1)

    assert producer.flush(20) == 0


def read(client: Settings, topic: str) -> bytes | None:
    consumer = Consumer(client | {"group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    try:
        message = consumer.poll(20)
    finally:
        consumer.close()

    assert message is not None
    return message.value()


def test_sasl_ssl(apache_kafka: ApacheKafka) -> None:
    """A client with the password and the certificate reads back what it wrote."""
    write(apache_kafka.client(), "sasl", b"over TLS")

    assert read(apache_kafka.client(), "sasl") == b"over TLS"


@pytest.mark.parametrize("wrong", [{"sasl.password": "wrong"}, {"ssl.ca.location": "probe"}])
def test_sasl_ssl_refuses(apache_kafka: ApacheKafka, wrong: dict[str, str]) -> None:
    """A client with a wrong password, or without the certificate, gets no answer."""
    admin = AdminClient(apache_kafka.client() | wrong | {"log_level": 0})

    with pytest.raises(KafkaException):
        admin.list_topics(timeout=3)


def test_kill_keeps_data(apache_kafka: ApacheKafka) -> None:
    """What was acknowledged before a kill is there after the next start, at the same address."""
    client: Settings = {"bootstrap.servers": apache_kafka.bootstrap, "log_level": 0}
    write(client, "durable", b"acknowledged")
    before = apache_kafka.pid

    apache_kafka.kill()
    apache_kafka.start()

    assert apache_kafka.pid != before
    assert read(client, "durable") == b"acknowledged"


def test_no_topic_by_accident(apache_kafka: ApacheKafka) -> None:
    """A topic that nobody created is an error, as on Amazon MSK."""
    producer = Producer(
        {"bootstrap.servers": apache_kafka.bootstrap, "message.timeout.ms": 3000, "log_level": 0}
    )
    errors: list[str] = []
    producer.produce(
        "nowhere", b"", on_delivery=lambda error, _: errors.append(error.name() if error else "")
    )
    producer.flush(20)

    assert len(errors) == 1
    assert errors[0] in {"_MSG_TIMED_OUT", "UNKNOWN_TOPIC_OR_PART", "_UNKNOWN_TOPIC"}

"""One Apache Kafka node (KRaft, broker and controller in one) on 127.0.0.1, for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import Self

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from ops.kafka.certificate import write_certificate
from ops.kafka.classpath import KafkaUnavailableError, classpath, java
from ops.twin.process import Launcher, free_port

START_SECONDS = 60
STOP_SECONDS = 30
# Small and quick to start: the tests keep a few topics of a few megabytes.
JVM = ("-Xmx768m", "-Xms256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Dlog4j2.level=WARN")

PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl},TOKEN://127.0.0.1:{token},\
CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{plain},SASL_SSL://127.0.0.1:{sasl},TOKEN://127.0.0.1:{token}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,TOKEN:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
sasl.enabled.mechanisms=SCRAM-SHA-512
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=\
org.apache.kafka.common.security.scram.ScramLoginModule required;
# Takes tokens that nobody signed, until their end: Apache Kafka's own stand-in for an authority such as AWS.
listener.name.token.sasl.enabled.mechanisms=OAUTHBEARER
listener.name.token.oauthbearer.sasl.jaas.config=\
org.apache.kafka.common.security.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";
ssl.keystore.type=PEM
ssl.keystore.location={home}/server.pem
log.dirs={home}/data
# As on Amazon MSK: a topic that nobody created is an error, not a new topic.
auto.create.topics.enable=false
offsets.topic.num.partitions=4
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
# After a kill the controller waits this long before it lets the same node in again.
broker.heartbeat.interval.ms=500
broker.session.timeout.ms=3000
"""


class ApacheKafka:
    """A broker with listeners for PLAINTEXT, SCRAM-SHA-512 and OAUTHBEARER (both SASL_SSL), as a context manager.

    `kill` and `start` again keep address and data; `stop` on the way out removes them.
    """

    username = "sluice"

    def __init__(self) -> None:
        self.password = secrets.token_urlsafe(16)
        self.home = Path(tempfile.mkdtemp(prefix="sluice-kafka-"))
        self._launcher = Launcher()
        ports: set[int] = set()
        while len(ports) < 4:
            ports.add(free_port())
        plain, sasl, token, controller = ports
        self.bootstrap = f"127.0.0.1:{plain}"
        self.sasl_bootstrap = f"127.0.0.1:{sasl}"
        self.token_bootstrap = f"127.0.0.1:{token}"
        self.ca_file = self.home / "ca.pem"
        self.log_file = self.home / "server.log"
        self._properties = self.home / "server.properties"
        self._properties.write_text(
            PROPERTIES.format(home=self.home, plain=plain, sasl=sasl, token=token, controller=controller)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        try:
            write_certificate(self.ca_file, self.home / "server.pem")
            self._format()
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int:
        """The process id of the running broker."""
        if self._process is None or self._process.poll() is not None:
            raise KafkaUnavailableError("Apache Kafka is not running")
        return self._process.pid

    def environment(self) -> dict[str, str]:
        """Return the variables by which tests find this broker."""
        return {
            "KAFKA_BOOTSTRAP_SERVERS": self.bootstrap,
            "KAFKA_SASL_BOOTSTRAP_SERVERS": self.sasl_bootstrap,
            "KAFKA_USERNAME": self.username,
            "KAFKA_PASSWORD": self.password,
            "KAFKA_CA_FILE": str(self.ca_file),
        }

    def client(self) -> dict[str, str | int | float | bool]:
        """Return librdkafka's configuration for the SASL_SSL listener."""
        return {
            "bootstrap.servers": self.sasl_bootstrap,
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "SCRAM-SHA-512",
            "sasl.username": self.username,
            "sasl.password": self.password,
            "ssl.ca.location": str(self.ca_file),
        }

    def start(self) -> None:
        """Start the broker, on the data of an earlier start if there are any, and wait until it answers."""
        command = self._java("kafka.Kafka", str(self._properties))
        with self.log_file.open("ab") as log:
            self._process = self._launcher.start(command, env=os.environ, cwd=self.home, stdout=log)
        self._wait()

    def stop(self) -> None:
        """Shut the broker down in good order."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the broker at once, as a power cut would."""
        self._signal(signal.SIGKILL)

    def close(self) -> None:
        """Stop the broker, if it runs, and remove its data."""
        self.stop()
        self._launcher.close()
        shutil.rmtree(self.home, ignore_errors=True)

    def _java(self, *arguments: str) -> list[str]:
        return [java(), *JVM, "-cp", classpath(), *arguments]

    def _format(self) -> None:
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
        scram = f"SCRAM-SHA-512=[name={self.username},password={self.password}]"
        tool = ["kafka.tools.StorageTool", "format", f"--cluster-id={cluster}"]  # it may begin with a hyphen
        command = self._java(*tool, "--config", str(self._properties), "--add-scram", scram)
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            last = (done.stdout + done.stderr).strip().splitlines()[-1:]
            raise KafkaUnavailableError(f"Apache Kafka could not format its storage: {last}")

    def _wait(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process and self._process.poll() is None:
            try:
                if admin.list_topics(timeout=1).brokers:
                    return
            except KafkaException:
                time.sleep(0.1)
        last = self.log_file.read_text(errors="replace").splitlines()[-3:]
        raise KafkaUnavailableError(f"Apache Kafka did not start: {' / '.join(last)}")

    def _signal(self, number: int) -> None:
        if self._process is None:
            return
        if self._process.poll() is None:
            self._process.send_signal(number)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

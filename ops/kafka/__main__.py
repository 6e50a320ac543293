"""`python -m ops.kafka` runs Apache Kafka until Ctrl-C; `python -m ops.kafka COMMAND…` runs a command with it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time

from ops.kafka.broker import ApacheKafka
from ops.kafka.classpath import KafkaUnavailableError, classpath


def main(command: list[str]) -> int:
    """Start Apache Kafka; run *command* with its address in the environment, else wait for Ctrl-C."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        say("finding Apache Kafka (Maven fetches some 70 MB the first time)")
        classpath()
        started = time.monotonic()
        with ApacheKafka() as broker:
            say(f"Apache Kafka answers after {time.monotonic() - started:.1f} s on {broker.bootstrap}")
            return accompany(broker, command) if command else stay(broker)
    except KafkaUnavailableError as error:
        say(str(error))
        return 2
    except KeyboardInterrupt:
        return 130


def accompany(broker: ApacheKafka, command: list[str]) -> int:
    """Run *command* while *broker* is there and return its exit code."""
    return subprocess.run(command, env=os.environ | broker.environment(), check=False).returncode


def stay(broker: ApacheKafka) -> int:
    """Print how to reach *broker*, and keep it until Ctrl-C."""
    for name, value in broker.environment().items():
        print(f"export {name}='{value}'", flush=True)
    say("stop it with Ctrl-C")
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        say("stopping Apache Kafka")
    return 0


def say(line: str) -> None:
    """Tell the user on stderr; stdout holds what a shell can evaluate."""
    print(f"kafka: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

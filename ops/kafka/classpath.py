"""Find Java and Apache Kafka's jars, fetched once by Maven."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

HERE = Path(__file__).resolve().parent
POM = HERE / "pom.xml"
OLDEST_JAVA = 17


class KafkaUnavailableError(Exception):
    """Apache Kafka cannot be had, or does not start, on this machine; the message says why in one line."""


def java() -> str:
    """Return the Java to run the broker with."""
    home = os.environ.get("JAVA_HOME", "")
    found = shutil.which("java", path=f"{home}/bin") if home else None
    found = found or shutil.which("java")
    if not found:
        raise KafkaUnavailableError(f"Apache Kafka needs Java {OLDEST_JAVA} or newer: no `java` was found")
    words = subprocess.run([found, "-version"], capture_output=True, text=True, check=False).stderr
    version = re.search(r'version "(\d+)', words)
    if not version or int(version[1]) < OLDEST_JAVA:
        raise KafkaUnavailableError(
            f"Apache Kafka needs Java {OLDEST_JAVA} or newer: {words.splitlines()[:1]}"
        )
    return found


def classpath() -> str:
    """Return the class path of Apache Kafka; Maven is asked when the pom is new or a jar has gone."""
    known = HERE / "target" / f"classpath-{hashlib.sha256(POM.read_bytes()).hexdigest()[:16]}.txt"
    if known.is_file() and all(Path(jar).is_file() for jar in known.read_text().split(os.pathsep)):
        return known.read_text()
    maven = shutil.which("mvn")
    if not maven:
        raise KafkaUnavailableError("Apache Kafka is fetched by Maven: no `mvn` was found")
    known.parent.mkdir(exist_ok=True)
    part = known.with_suffix(f".{os.getpid()}")  # two at once: the last whole file wins
    goal = [maven, "-B", "-q", "-f", str(POM), "dependency:build-classpath", f"-Dmdep.outputFile={part}"]
    done = subprocess.run(goal, capture_output=True, text=True, check=False)
    if done.returncode or not part.is_file():
        raise KafkaUnavailableError(f"Maven could not fetch Apache Kafka: {first_error(done.stdout)}")
    part.replace(known)
    return known.read_text()


def first_error(words: str) -> str:
    """Return the first line that Maven marks as an error."""
    return next((line for line in words.splitlines() if "ERROR" in line), "it gave no reason")[:300]

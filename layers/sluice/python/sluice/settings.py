"""The functions' settings: the only reader of the environment.

Every setting is read and checked on the first call; SettingsError names all that is wrong at once.
`DOCUMENTED` is the one table of them: README's list is tested against it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple, cast
from urllib.parse import SplitResult, urlsplit

from sluice.version import pipeline_version


class Setting(NamedTuple):
    """Document one environment variable; `default` None means required."""

    name: str
    default: str | None
    meaning: str


DOCUMENTED: Final = (
    Setting(
        "KAFKA_BOOTSTRAP_SERVERS", "", "brokers of the cleaned topic, host:port,…; empty: those of the event"
    ),
    Setting(
        "KAFKA_AUTH",
        "none",
        "none | scram (SASL_SSL, SCRAM-SHA-512) | iam (SASL_SSL, the function's own role)",
    ),
    Setting("KAFKA_USERNAME", "", "user for scram"),
    Setting("KAFKA_PASSWORD", "", "password for scram"),
    Setting("KAFKA_CA_FILE", "", "PEM file of the brokers' authority, where the system's does not know it"),
    Setting("CLEANED_TOPIC", "agent_cleaned", "topic that cleaned records are published to"),
    Setting("REDIS_URL", None, "redis:// or rediss:// (TLS) address of the cache"),
    Setting("REDIS_MODE", "standalone", "standalone | cluster (ElastiCache Serverless is cluster)"),
    Setting(
        "REDIS_AUTH", "none", "none | password (user and password in REDIS_URL) | iam (a user of ElastiCache)"
    ),
    Setting("REDIS_USERNAME", "", "user for iam: its id, which is its name, too"),
    Setting("REDIS_IAM_CACHE", "", "for iam: name of the serverless cache, or id of the replication group"),
    Setting("REDIS_IAM_SERVERLESS", "true", "for iam: false where the cache is a replication group"),
    Setting("AWS_REGION", "", "for iam: region of brokers and cache; AWS Lambda sets it"),
    Setting("RECORD_TTL_SECONDS", "3600", "how long the cache keeps a record, 1 to 604800"),
    Setting("DEAD_LETTER_BUCKET", None, "S3 bucket of the dead letters"),
    Setting("ON_FAILURE_BUCKET", "", "S3 bucket of what the event source gave up on; empty: none to replay"),
    Setting("MAX_MESSAGE_BYTES", "1048576", "longest raw message, 1 to 6000000"),
    Setting("MAX_CLEANED_BYTES", "1000000", "longest cleaned record with key and headers, 1 to 6000000"),
    Setting("PASSED_HEADERS", "", "names of further message headers to pass on, comma-separated"),
    Setting("PARTIAL_FAILURES", "false", "true only where the event source has ReportBatchItemFailures on"),
    Setting(
        "POWERTOOLS_SERVICE_NAME", "preprocess", "name in logs and metrics: one for each stage of an account"
    ),
    Setting("PIPELINE_VERSION", "", "name of this pipeline; empty: package version + hash of its rules"),
)


class SettingsError(ValueError):
    """Raised with one line for every setting that is missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """Hold what `preprocess` needs to know; sizes in bytes, `record_ttl` in seconds."""

    bootstrap_servers: str
    kafka_auth: Literal["none", "scram", "iam"]
    kafka_username: str
    kafka_password: str
    kafka_ca_file: str
    aws_region: str
    cleaned_topic: str
    cache: CacheSettings
    dead_letter_bucket: str
    max_message_bytes: int
    max_cleaned_bytes: int
    passed_headers: tuple[str, ...]
    partial_failures: bool
    service: str
    pipeline_version: str


@dataclass(frozen=True)
class CacheSettings:
    """Hold what a client of the cache needs to know; `record_ttl` in seconds, `iam` the user to log in as."""

    url: str
    mode: Literal["standalone", "cluster"]
    record_ttl: int
    iam: IamUser | None = None


@dataclass(frozen=True)
class IamUser:
    """Hold what a token of ElastiCache is signed for: the user, the cache's name and its kind."""

    name: str
    cache: str
    serverless: bool
    region: str


@dataclass(frozen=True)
class ReplaySettings:
    """Hold where the replay finds its letters; no `on_failure_bucket`: nothing to import."""

    dead_letter_bucket: str
    on_failure_bucket: str
    service: str


class _Reader:
    """Read values one by one and keep what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._defaults = {setting.name: setting.default for setting in DOCUMENTED}
        self.errors: list[str] = []

    def text(self, name: str, default: str | None = None) -> str:
        value = self._environment.get(name) or default or self._defaults[name]
        if value is None:
            self.errors.append(f"{name} is not set")
        return value or ""

    def choice(self, name: str, *allowed: str) -> str:
        value = self.text(name)
        if value not in allowed:
            self.errors.append(f"{name} is {value!r}, allowed are {', '.join(allowed)}")
        return value

    def number(self, name: str, low: int, high: int) -> int:
        value = self.text(name)
        if not value.isascii() or not value.isdecimal() or not low <= int(value) <= high:
            self.errors.append(f"{name} is {value!r}, allowed are whole numbers from {low} to {high}")
            return low
        return int(value)

    def finish(self) -> None:
        if self.errors:
            raise SettingsError("; ".join(self.errors))


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings of `preprocess`; raises SettingsError naming every fault."""
    reader = _Reader(os.environ if environment is None else environment)
    auth = cast("Literal['none', 'scram', 'iam']", reader.choice("KAFKA_AUTH", "none", "scram", "iam"))
    settings = Settings(
        bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS"),
        kafka_auth=auth,
        kafka_username=reader.text("KAFKA_USERNAME"),
        kafka_password=reader.text("KAFKA_PASSWORD"),
        kafka_ca_file=reader.text("KAFKA_CA_FILE"),
        aws_region=reader.text("AWS_REGION"),
        cleaned_topic=reader.text("CLEANED_TOPIC"),
        cache=_cache(reader),
        dead_letter_bucket=reader.text("DEAD_LETTER_BUCKET"),
        max_message_bytes=reader.number("MAX_MESSAGE_BYTES", 1, 6_000_000),
        max_cleaned_bytes=reader.number("MAX_CLEANED_BYTES", 1, 6_000_000),
        passed_headers=tuple(filter(None, map(str.strip, reader.text("PASSED_HEADERS").split(",")))),
        partial_failures=reader.choice("PARTIAL_FAILURES", "true", "false") == "true",
        service=reader.text("POWERTOOLS_SERVICE_NAME"),
        pipeline_version=reader.text("PIPELINE_VERSION") or pipeline_version(),
    )
    if auth == "scram" and not (settings.kafka_username and settings.kafka_password):
        reader.errors.append("KAFKA_AUTH is 'scram', so KAFKA_USERNAME and KAFKA_PASSWORD must be set")
    if auth == "iam" and not settings.aws_region:
        reader.errors.append("KAFKA_AUTH is 'iam', so AWS_REGION must be set")
    reader.finish()
    return settings


def read_cache_settings(environment: Mapping[str, str] | None = None) -> CacheSettings:
    """Read and check the settings of the cache alone, for `lookup`; raises SettingsError."""
    reader = _Reader(os.environ if environment is None else environment)
    settings = _cache(reader)
    reader.finish()
    return settings


def read_replay_settings(environment: Mapping[str, str] | None = None) -> ReplaySettings:
    """Read and check the settings of the replay's buckets; raises SettingsError."""
    reader = _Reader(os.environ if environment is None else environment)
    settings = ReplaySettings(
        reader.text("DEAD_LETTER_BUCKET"),
        reader.text("ON_FAILURE_BUCKET"),
        reader.text("POWERTOOLS_SERVICE_NAME", "replay"),
    )
    reader.finish()
    return settings


def _cache(reader: _Reader) -> CacheSettings:
    url = reader.text("REDIS_URL")
    mode = cast("Literal['standalone', 'cluster']", reader.choice("REDIS_MODE", "standalone", "cluster"))
    auth = reader.choice("REDIS_AUTH", "none", "password", "iam")
    user = _iam_user(reader)
    address = _address(url)
    if url and address is None:
        # Never quote the address: it may hold the password.
        reader.errors.append("REDIS_URL must look like redis://host:6379 or rediss://host:6379")
    elif address is not None and auth == "password" and not address.password:
        reader.errors.append(
            "REDIS_AUTH is 'password', so REDIS_URL must hold one: rediss://user:password@host:6379"
        )
    elif address is not None and auth == "iam" and (address.scheme != "rediss" or "@" in address.netloc):
        reader.errors.append(
            "REDIS_AUTH is 'iam', so REDIS_URL must be rediss://host:6379, without user and password"
        )
    ttl = reader.number("RECORD_TTL_SECONDS", 1, 604_800)
    if auth != "iam":
        return CacheSettings(url, mode, ttl)
    if not (user.name and user.cache and user.region):
        reader.errors.append(
            "REDIS_AUTH is 'iam', so REDIS_USERNAME, REDIS_IAM_CACHE and AWS_REGION must be set"
        )
    return CacheSettings(url, mode, ttl, user)


def _iam_user(reader: _Reader) -> IamUser:
    cache = reader.text("REDIS_IAM_CACHE")
    if cache != cache.lower():
        # ElastiCache compares the signed name with its own, which is in small letters: a token would be refused.
        reader.errors.append(f"REDIS_IAM_CACHE is {cache!r}, allowed are names in small letters")
    serverless = reader.choice("REDIS_IAM_SERVERLESS", "true", "false") == "true"
    return IamUser(reader.text("REDIS_USERNAME"), cache, serverless, reader.text("AWS_REGION"))


def _address(url: str) -> SplitResult | None:
    """Return the parts of a cache's address, None when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
    except ValueError:  # its text may quote the password
        return None
    return parts if usable else None

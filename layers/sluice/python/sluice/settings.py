"""The functions' settings: the only reader of the environment.

Every setting is read and checked on the first call; SettingsError names all that is wrong at once.
`DOCUMENTED` is the one table of them: README's list is tested against it.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, NamedTuple, cast
from urllib.parse import SplitResult, urlsplit

from sluice.clean.profiles import URL_MODES, UrlMode
from sluice.features import GROUPS, Group
from sluice.history import NEAR_POLICIES, NearPolicy
from sluice.redact.kinds import known_kinds
from sluice.version import pipeline_version

# Of a key in characters: 128 bits even where they are hexadecimal digits.
LEAST_KEY: Final = 32


class Setting(NamedTuple):
    """Document one environment variable; `default` None means required."""

    name: str
    default: str | None
    meaning: str


DOCUMENTED: Final = (
    Setting(
        "KAFKA_BOOTSTRAP_SERVERS", "", "brokers of the cleaned topic, host:port,…; empty: those of the event"
    ),
    Setting("KAFKA_AUTH", "none", "none | scram (SASL_SSL, SCRAM-SHA-512)"),
    Setting("KAFKA_USERNAME", "", "user for scram"),
    Setting("KAFKA_PASSWORD", "", "password for scram"),
    Setting("KAFKA_CA_FILE", "", "PEM file of the brokers' authority, where the system's does not know it"),
    Setting("CLEANED_TOPIC", "agent_cleaned", "topic that cleaned records are published to"),
    Setting("REDIS_URL", None, "redis:// or rediss:// (TLS) address of the cache"),
    Setting("REDIS_MODE", "standalone", "standalone | cluster (ElastiCache Serverless is cluster)"),
    Setting("REDIS_AUTH", "none", "none | password (user and password in REDIS_URL)"),
    Setting("RECORD_TTL_SECONDS", "3600", "how long the cache keeps a record, 1 to 604800"),
    Setting("DEAD_LETTER_BUCKET", None, "S3 bucket of the dead letters"),
    Setting("MAX_MESSAGE_BYTES", "1048576", "longest raw message, 1 to 6000000"),
    Setting("MAX_CLEANED_BYTES", "1000000", "longest cleaned record with key and headers, 1 to 6000000"),
    Setting("PASSED_HEADERS", "", "names of further message headers to pass on, comma-separated"),
    Setting(
        "FEATURES",
        "",
        "features besides the counts, comma-separated: " + ", ".join(GROUPS[1:]) + "; or all",
    ),
    Setting(
        "URL_MODE",
        "profile",
        "web addresses: profile (as it has them) | remove | keep | host (alone)"
        " | strip (credentials, tracking)",
    ),
    Setting(
        "NEAR_DUPLICATES",
        "tag",
        "off | tag | drop: what to do with an agent's near-duplicates, where FEATURES has simhash",
    ),
    Setting("PARTIAL_FAILURES", "false", "true only where the event source has ReportBatchItemFailures on"),
    Setting(
        "REDACTION_KEY",
        None,
        "key of the placeholders' hashes: 32 characters or more, or the ARN of a secret",
    ),
    Setting("REDACTION_KEEP", "", "kinds that are not redacted, comma-separated: EMAIL,IP"),
    Setting("PIPELINE_VERSION", "", "name of this pipeline; empty: package version + hash of its rules"),
)


# What decides a record's result and so is a part of the pipeline's version.
_DECIDE: Final = ("FEATURES", "NEAR_DUPLICATES", "URL_MODE", "REDACTION_KEEP")


class SettingsError(ValueError):
    """Raised with one line for every setting that is missing or wrong."""


@dataclass(frozen=True)
class Settings:
    """Hold what `preprocess` needs to know; sizes in bytes, `record_ttl` in seconds."""

    bootstrap_servers: str
    kafka_auth: Literal["none", "scram"]
    kafka_username: str
    kafka_password: str
    kafka_ca_file: str
    cleaned_topic: str
    cache: CacheSettings
    dead_letter_bucket: str
    max_message_bytes: int
    max_cleaned_bytes: int
    passed_headers: tuple[str, ...]
    features: tuple[Group, ...]
    urls: UrlMode
    near_duplicates: NearPolicy
    partial_failures: bool
    redaction: RedactionSettings
    pipeline_version: str


@dataclass(frozen=True)
class CacheSettings:
    """Hold what a client of the cache needs to know; `record_ttl` in seconds."""

    url: str
    mode: Literal["standalone", "cluster"]
    record_ttl: int


@dataclass(frozen=True)
class RedactionSettings:
    """Hold the key's value or the ARN of the secret that holds it, and the kinds that stay readable."""

    key: str = field(repr=False)
    keep: tuple[str, ...]


class _Reader:
    """Read values one by one and keep what is wrong with them."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._environment = environment
        self._defaults = {setting.name: setting.default for setting in DOCUMENTED}
        self.errors: list[str] = []

    def text(self, name: str) -> str:
        value = self._environment.get(name) or self._defaults[name]
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

    def names(self, name: str) -> tuple[str, ...]:
        return tuple(filter(None, map(str.strip, self.text(name).split(","))))

    def changed(self, *names: str) -> dict[str, str]:
        """Return those of the settings that have another value than their default."""
        values = {name: self.text(name) for name in names}
        return {name: value for name, value in values.items() if value != self._defaults[name]}

    def finish(self) -> None:
        if self.errors:
            raise SettingsError("; ".join(self.errors))


def read_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Read and check all settings of `preprocess`; raises SettingsError naming every fault."""
    reader = _Reader(os.environ if environment is None else environment)
    auth = cast("Literal['none', 'scram']", reader.choice("KAFKA_AUTH", "none", "scram"))
    settings = Settings(
        bootstrap_servers=reader.text("KAFKA_BOOTSTRAP_SERVERS"),
        kafka_auth=auth,
        kafka_username=reader.text("KAFKA_USERNAME"),
        kafka_password=reader.text("KAFKA_PASSWORD"),
        kafka_ca_file=reader.text("KAFKA_CA_FILE"),
        cleaned_topic=reader.text("CLEANED_TOPIC"),
        cache=_cache(reader),
        dead_letter_bucket=reader.text("DEAD_LETTER_BUCKET"),
        max_message_bytes=reader.number("MAX_MESSAGE_BYTES", 1, 6_000_000),
        max_cleaned_bytes=reader.number("MAX_CLEANED_BYTES", 1, 6_000_000),
        passed_headers=reader.names("PASSED_HEADERS"),
        features=_features(reader),
        urls=cast("UrlMode", reader.choice("URL_MODE", *URL_MODES)),
        near_duplicates=cast("NearPolicy", reader.choice("NEAR_DUPLICATES", *NEAR_POLICIES)),
        partial_failures=reader.choice("PARTIAL_FAILURES", "true", "false") == "true",
        redaction=_redaction(reader),
        pipeline_version=reader.text("PIPELINE_VERSION") or pipeline_version(chosen=reader.changed(*_DECIDE)),
    )
    if auth == "scram" and not (settings.kafka_username and settings.kafka_password):
        reader.errors.append("KAFKA_AUTH is 'scram', so KAFKA_USERNAME and KAFKA_PASSWORD must be set")
    reader.finish()
    return settings


def read_cache_settings(environment: Mapping[str, str] | None = None) -> CacheSettings:
    """Read and check the settings of the cache alone, for `lookup`; raises SettingsError."""
    reader = _Reader(os.environ if environment is None else environment)
    settings = _cache(reader)
    reader.finish()
    return settings


def read_redaction_settings(environment: Mapping[str, str] | None = None) -> RedactionSettings:
    """Read and check the settings of redaction alone, for who names agents; raises SettingsError."""
    reader = _Reader(os.environ if environment is None else environment)
    settings = _redaction(reader)
    reader.finish()
    return settings


def _redaction(reader: _Reader) -> RedactionSettings:
    key, keep = reader.text("REDACTION_KEY"), reader.names("REDACTION_KEEP")
    if key and not key.startswith("arn:") and len(key) < LEAST_KEY:
        # Never quote the key.
        reader.errors.append(f"REDACTION_KEY has {len(key)} characters, {LEAST_KEY} are the least")
    if keep and (unknown := set(keep) - known_kinds()):
        allowed = ", ".join(sorted(known_kinds()))
        reader.errors.append(f"REDACTION_KEEP names {', '.join(sorted(unknown))}, allowed are {allowed}")
    return RedactionSettings(key, keep)


def _features(reader: _Reader) -> tuple[Group, ...]:
    named = reader.names("FEATURES")
    groups = GROUPS if "all" in named else tuple(group for group in GROUPS if group in named)
    if unknown := sorted(set(named) - {*GROUPS, "all"}):
        reader.errors.append(f"FEATURES names {', '.join(unknown)}, allowed are {', '.join(GROUPS)}, all")
    return groups


def _cache(reader: _Reader) -> CacheSettings:
    url = reader.text("REDIS_URL")
    mode = cast("Literal['standalone', 'cluster']", reader.choice("REDIS_MODE", "standalone", "cluster"))
    auth = reader.choice("REDIS_AUTH", "none", "password")
    address = _address(url)
    if url and address is None:
        # Never quote the address: it may hold the password.
        reader.errors.append("REDIS_URL must look like redis://host:6379 or rediss://host:6379")
    elif address is not None and auth == "password" and not address.password:
        reader.errors.append(
            "REDIS_AUTH is 'password', so REDIS_URL must hold one: rediss://user:password@host:6379"
        )
    return CacheSettings(url=url, mode=mode, record_ttl=reader.number("RECORD_TTL_SECONDS", 1, 604_800))


def _address(url: str) -> SplitResult | None:
    """Return the parts of a cache's address, None when it is none."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in {"redis", "rediss"} and parts.hostname and parts.port != 0
    except ValueError:  # its text may quote the password
        return None
    return parts if usable else None

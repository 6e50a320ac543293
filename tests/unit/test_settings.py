"""The settings: defaults, all faults at once, no secret in a message."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.settings import (
    DOCUMENTED,
    CacheSettings,
    IamUser,
    ReplaySettings,
    Setting,
    Settings,
    SettingsError,
    read_cache_settings,
    read_replay_settings,
    read_settings,
)
from sluice.version import pipeline_version

LEAST = {"REDIS_URL": "redis://cache:6379", "DEAD_LETTER_BUCKET": "letters"}
DEFAULTS = Settings(
    bootstrap_servers="",
    kafka_auth="none",
    kafka_username="",
    kafka_password="",
    kafka_ca_file="",
    aws_region="",
    cleaned_topic="agent_cleaned",
    cache=CacheSettings(url="redis://cache:6379", mode="standalone", record_ttl=3_600),
    dead_letter_bucket="letters",
    max_message_bytes=1_048_576,
    max_cleaned_bytes=1_000_000,
    passed_headers=(),
    partial_failures=False,
    service="preprocess",
    pipeline_version=pipeline_version(),
)
SECRET = "s3cret"
NO_ADDRESS = "REDIS_URL must look like redis://host:6379 or rediss://host:6379"


def errors(environment: dict[str, str]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        read_settings(LEAST | environment)
    return str(caught.value).split("; ")


def test_defaults() -> None:
    """With what is required and nothing else, every setting has its default."""
    assert read_settings(LEAST) == DEFAULTS


def test_empty_is_unset() -> None:
    """A variable that is set to nothing counts as not set."""
    assert read_settings(LEAST | {setting.name: "" for setting in DOCUMENTED} | LEAST) == DEFAULTS


def test_documented_defaults() -> None:
    """The table's defaults are the defaults: spelled out, they change nothing."""
    spelled = {setting.name: setting.default for setting in DOCUMENTED if setting.default is not None}

    assert read_settings(LEAST | spelled) == DEFAULTS
    assert {setting.name for setting in DOCUMENTED if setting.default is None} == set(LEAST)


SET: list[tuple[str, str, str, object]] = [
    ("KAFKA_BOOTSTRAP_SERVERS", "a:9092,b:9092", "bootstrap_servers", "a:9092,b:9092"),
    ("KAFKA_USERNAME", "u", "kafka_username", "u"),
    ("KAFKA_PASSWORD", "p", "kafka_password", "p"),
    ("KAFKA_CA_FILE", "ca.pem", "kafka_ca_file", "ca.pem"),
    ("AWS_REGION", "eu-central-1", "aws_region", "eu-central-1"),
    ("CLEANED_TOPIC", "other", "cleaned_topic", "other"),
    ("DEAD_LETTER_BUCKET", "other", "dead_letter_bucket", "other"),
    ("MAX_MESSAGE_BYTES", "1", "max_message_bytes", 1),
    ("MAX_MESSAGE_BYTES", "6000000", "max_message_bytes", 6_000_000),
    ("MAX_CLEANED_BYTES", "65536", "max_cleaned_bytes", 65_536),
    ("PASSED_HEADERS", " tenant, b3 ,,", "passed_headers", ("tenant", "b3")),
    ("PARTIAL_FAILURES", "true", "partial_failures", True),
    ("POWERTOOLS_SERVICE_NAME", "sluice-dev-preprocess", "service", "sluice-dev-preprocess"),
    ("PIPELINE_VERSION", "blue", "pipeline_version", "blue"),
    ("REDIS_URL", "rediss://c:1", "cache", CacheSettings("rediss://c:1", "standalone", 3_600)),
    ("REDIS_MODE", "cluster", "cache", CacheSettings("redis://cache:6379", "cluster", 3_600)),
    ("RECORD_TTL_SECONDS", "604800", "cache", CacheSettings("redis://cache:6379", "standalone", 604_800)),
]


@pytest.mark.parametrize(("name", "value", "field", "expected"), SET, ids=lambda v: str(v)[:30])
def test_each_setting(name: str, value: str, field: str, expected: object) -> None:
    """Every variable sets its field and no other."""
    changed: dict[str, Any] = {field: expected}

    assert read_settings(LEAST | {name: value}) == Settings(**(vars(DEFAULTS) | changed))


def test_scram() -> None:
    """SCRAM takes a user and a password, which are required then."""
    credentials = {"KAFKA_USERNAME": "u", "KAFKA_PASSWORD": "p"}

    assert read_settings(LEAST | {"KAFKA_AUTH": "scram"} | credentials).kafka_auth == "scram"
    for name in credentials:
        assert errors({"KAFKA_AUTH": "scram"} | credentials | {name: ""}) == [
            "KAFKA_AUTH is 'scram', so KAFKA_USERNAME and KAFKA_PASSWORD must be set"
        ]


IAM = {
    "REDIS_AUTH": "iam",
    "REDIS_URL": "rediss://cache:6379",
    "REDIS_USERNAME": "sluice-writer",
    "REDIS_IAM_CACHE": "agents",
    "AWS_REGION": "eu-central-1",
}


@pytest.mark.parametrize(("serverless", "expected"), [("", True), ("true", True), ("false", False)])
def test_cache_iam(serverless: str, expected: bool) -> None:
    """A user of IAM is known by its name, its cache and that one's kind, and its region; `lookup` reads the same."""
    environment = LEAST | IAM | {"REDIS_IAM_SERVERLESS": serverless}
    user = IamUser("sluice-writer", "agents", serverless=expected, region="eu-central-1")
    cache = CacheSettings("rediss://cache:6379", "standalone", 3_600, user)

    assert read_settings(environment).cache == cache
    assert read_cache_settings(environment) == cache


@pytest.mark.parametrize("name", ["REDIS_USERNAME", "REDIS_IAM_CACHE", "AWS_REGION"])
def test_cache_iam_needs(name: str) -> None:
    """A user of IAM needs all three."""
    assert errors(IAM | {name: ""}) == [
        "REDIS_AUTH is 'iam', so REDIS_USERNAME, REDIS_IAM_CACHE and AWS_REGION must be set"
    ]


@pytest.mark.parametrize(
    "url", ["redis://cache:6379", f"rediss://:{SECRET}@cache:6379", "rediss://user@cache:6379"]
)
def test_cache_iam_address(url: str) -> None:
    """A user of IAM takes TLS, and no other user or password beside itself."""
    assert errors(IAM | {"REDIS_URL": url}) == [
        "REDIS_AUTH is 'iam', so REDIS_URL must be rediss://host:6379, without user and password"
    ]


def test_cache_iam_small_letters() -> None:
    """The cache's name is signed as ElastiCache writes it; another spelling is an error here, not a refusal there."""
    assert errors(IAM | {"REDIS_IAM_CACHE": "Agents"}) == [
        "REDIS_IAM_CACHE is 'Agents', allowed are names in small letters"
    ]


def test_kafka_iam() -> None:
    """The role's login takes a region and nothing else."""
    assert read_settings(LEAST | {"KAFKA_AUTH": "iam", "AWS_REGION": "eu-central-1"}).kafka_auth == "iam"
    assert errors({"KAFKA_AUTH": "iam"}) == ["KAFKA_AUTH is 'iam', so AWS_REGION must be set"]


def test_every_setting_is_tested() -> None:
    """The tests above set every variable of the table."""
    assert {name for name, *_ in SET} | {
        "KAFKA_AUTH",
        "REDIS_IAM_SERVERLESS",
        "ON_FAILURE_BUCKET",
    } | IAM.keys() == {setting.name for setting in DOCUMENTED}


def test_buckets_of_the_replay() -> None:
    """The replay needs the bucket of the letters; without an on-failure bucket there is nothing to import."""
    assert read_replay_settings({"DEAD_LETTER_BUCKET": "a"}) == ReplaySettings("a", "", "replay")
    given = {"DEAD_LETTER_BUCKET": "a", "ON_FAILURE_BUCKET": "b", "POWERTOOLS_SERVICE_NAME": "c"}
    assert read_replay_settings(given) == ReplaySettings("a", "b", "c")
    with pytest.raises(SettingsError, match=r"^DEAD_LETTER_BUCKET is not set$"):
        read_replay_settings({})


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_AUTH", "aws_iam"),
        ("REDIS_IAM_SERVERLESS", "no"),
        ("REDIS_MODE", "sentinel"),
        ("REDIS_AUTH", "Password"),
        ("PARTIAL_FAILURES", "1"),
        ("PARTIAL_FAILURES", "True"),
        ("RECORD_TTL_SECONDS", "0"),
        ("RECORD_TTL_SECONDS", "604801"),
        ("MAX_MESSAGE_BYTES", "6000001"),
        ("MAX_MESSAGE_BYTES", "-1"),
        ("MAX_MESSAGE_BYTES", "1e6"),
        ("MAX_CLEANED_BYTES", "0"),
        ("MAX_CLEANED_BYTES", "1 000"),
        ("MAX_CLEANED_BYTES", "١٢"),
    ],
)
def test_wrong_values(name: str, value: str) -> None:
    """A value that is not allowed is named, quoted, and said to be allowed is what is."""
    (error,) = errors({name: value})

    assert error.startswith(f"{name} is {value!r}, allowed are ")


def test_all_errors_at_once() -> None:
    """One error names everything that is missing or wrong."""
    wrong = {
        "KAFKA_AUTH": "x",
        "REDIS_MODE": "x",
        "REDIS_AUTH": "x",
        "REDIS_IAM_CACHE": "X",
        "REDIS_IAM_SERVERLESS": "x",
        "RECORD_TTL_SECONDS": "x",
        "MAX_MESSAGE_BYTES": "x",
        "MAX_CLEANED_BYTES": "x",
        "PARTIAL_FAILURES": "x",
    }
    with pytest.raises(SettingsError) as caught:
        read_settings(wrong)

    assert {error.split(" ")[0] for error in str(caught.value).split("; ")} == set(wrong) | set(LEAST)


CACHE_URLS = [
    f"http://user:{SECRET}@cache",
    f"redis://user:{SECRET}@",
    f"redis://user:{SECRET}@:6379",
    f"user:{SECRET}@cache:6379",
    f"redis://user:{SECRET}@cache:99999",
    f"redis://user:{SECRET}@cache:port",
    f"redis://user:{SECRET}@cache:0",
    f"redis://user:{SECRET}[@cache",
    f"redis://user:[{SECRET}]@cache",
    f"redis://user:{SECRET}\u2100@cache",
    SECRET,
]


@pytest.mark.parametrize("url", CACHE_URLS)
def test_secrets_are_not_quoted(url: str) -> None:
    """A wrong address of the cache is named, but not quoted: it may hold the password."""
    (error,) = errors({"REDIS_URL": url, "KAFKA_PASSWORD": SECRET})

    assert error == NO_ADDRESS


def test_secrets_beside_other_errors() -> None:
    """Neither password shows up in an error about something else."""
    found = errors(
        {
            "REDIS_URL": f"redis://:{SECRET}@cache",
            "KAFKA_PASSWORD": SECRET,
            "KAFKA_AUTH": "scram",
            "REDIS_MODE": "x",
        }
    )

    assert len(found) == 2
    assert not any(SECRET in error for error in found)


def _refusal(url: str) -> str:
    try:
        read_cache_settings({"REDIS_URL": url})
    except SettingsError as error:
        return str(error)
    return ""


@given(st.text(max_size=30))
def test_any_address(rest: str) -> None:
    """Whatever the address, it is taken or refused by name."""
    for url in (rest, f"redis://{rest}", f"redis://u:{rest}@cache:6379"):
        assert _refusal(url) in {"", "REDIS_URL is not set", NO_ADDRESS}


def test_passwords_of_the_cache() -> None:
    """REDIS_AUTH=password requires a password in the address, and allows one without a user."""
    wants = {"REDIS_AUTH": "password"}

    assert read_settings(LEAST | wants | {"REDIS_URL": "rediss://:p@c:1"}).cache.url == "rediss://:p@c:1"
    for url in ("rediss://c:1", "rediss://user@c:1", "rediss://user:@c:1"):
        assert errors(wants | {"REDIS_URL": url}) == [
            "REDIS_AUTH is 'password', so REDIS_URL must hold one: rediss://user:password@host:6379"
        ]


def test_lookup_needs_the_cache_only() -> None:
    """`lookup` reads the cache's settings and is not concerned with the rest."""
    environment = {"REDIS_URL": "redis://cache", "REDIS_MODE": "cluster", "KAFKA_AUTH": "nonsense"}

    assert read_cache_settings(environment) == CacheSettings("redis://cache", "cluster", 3_600)
    with pytest.raises(SettingsError, match=r"^REDIS_URL is not set; REDIS_MODE is 'x'"):
        read_cache_settings({"REDIS_MODE": "x"})


def test_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without an argument the process's environment is read, at the time of the call."""
    for setting in DOCUMENTED:
        monkeypatch.delenv(setting.name, raising=False)
    with pytest.raises(SettingsError, match="REDIS_URL is not set"):
        read_cache_settings()
    for name, value in LEAST.items():
        monkeypatch.setitem(os.environ, name, value)

    assert read_settings() == DEFAULTS
    assert read_cache_settings() == DEFAULTS.cache
    assert read_replay_settings() == ReplaySettings(DEFAULTS.dead_letter_bucket, "", "replay")


@pytest.mark.parametrize("setting", DOCUMENTED, ids=lambda setting: setting.name)
def test_the_table(setting: Setting) -> None:
    """Every variable is documented in a few words, once."""
    assert re.fullmatch(r"[A-Z_]+", setting.name)
    assert 10 < len(setting.meaning) < 110
    assert [other.name for other in DOCUMENTED].count(setting.name) == 1

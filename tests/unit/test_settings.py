"""The settings: defaults, all faults at once, no secret in a message."""

from __future__ import annotations

import os
import re
from typing import Any

import pytest
from hypothesis import given, strategies as st

from sluice.features import GROUPS
from sluice.settings import (
    DOCUMENTED,
    CacheSettings,
    RedactionSettings,
    Setting,
    Settings,
    SettingsError,
    read_cache_settings,
    read_redaction_settings,
    read_settings,
)
from sluice.version import pipeline_version

KEY = "k" * 32
LEAST = {"REDIS_URL": "redis://cache:6379", "DEAD_LETTER_BUCKET": "letters", "REDACTION_KEY": KEY}
DEFAULTS = Settings(
    bootstrap_servers="",
    kafka_auth="none",
    kafka_username="",
    kafka_password="",
    kafka_ca_file="",
    cleaned_topic="agent_cleaned",
    cache=CacheSettings(url="redis://cache:6379", mode="standalone", record_ttl=3_600),
    dead_letter_bucket="letters",
    max_message_bytes=1_048_576,
    max_cleaned_bytes=1_000_000,
    passed_headers=(),
    features=(),
    partial_failures=False,
    redaction=RedactionSettings(KEY, ()),
    urls="profile",
    near_duplicates="tag",
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
    ("CLEANED_TOPIC", "other", "cleaned_topic", "other"),
    ("DEAD_LETTER_BUCKET", "other", "dead_letter_bucket", "other"),
    ("MAX_MESSAGE_BYTES", "1", "max_message_bytes", 1),
    ("MAX_MESSAGE_BYTES", "6000000", "max_message_bytes", 6_000_000),
    ("MAX_CLEANED_BYTES", "65536", "max_cleaned_bytes", 65_536),
    ("PASSED_HEADERS", " tenant, b3 ,,", "passed_headers", ("tenant", "b3")),
    ("FEATURES", "simhash, language", "features", ("language", "simhash")),
    ("FEATURES", "all", "features", GROUPS),
    ("URL_MODE", "host", "urls", "host"),
    ("NEAR_DUPLICATES", "drop", "near_duplicates", "drop"),
    ("PARTIAL_FAILURES", "true", "partial_failures", True),
    ("REDACTION_KEY", "arn:aws:x", "redaction", RedactionSettings("arn:aws:x", ())),
    ("REDACTION_KEEP", "IP, EMAIL", "redaction", RedactionSettings(KEY, ("IP", "EMAIL"))),
    ("PIPELINE_VERSION", "blue", "pipeline_version", "blue"),
    ("REDIS_URL", "rediss://c:1", "cache", CacheSettings("rediss://c:1", "standalone", 3_600)),
    ("REDIS_MODE", "cluster", "cache", CacheSettings("redis://cache:6379", "cluster", 3_600)),
    ("RECORD_TTL_SECONDS", "604800", "cache", CacheSettings("redis://cache:6379", "standalone", 604_800)),
]


@pytest.mark.parametrize(("name", "value", "field", "expected"), SET, ids=lambda v: str(v)[:30])
def test_each_setting(name: str, value: str, field: str, expected: object) -> None:
    """Every variable sets its field and no other, but for the version that names what decides a record's result."""
    decides = {name: value} if name in {"FEATURES", "NEAR_DUPLICATES", "URL_MODE", "REDACTION_KEEP"} else {}
    changed: dict[str, Any] = {"pipeline_version": pipeline_version(chosen=decides), field: expected}

    assert read_settings(LEAST | {name: value}) == Settings(**(vars(DEFAULTS) | changed))


def test_scram() -> None:
    """SCRAM takes a user and a password, which are required then."""
    credentials = {"KAFKA_USERNAME": "u", "KAFKA_PASSWORD": "p"}

    assert read_settings(LEAST | {"KAFKA_AUTH": "scram"} | credentials).kafka_auth == "scram"
    for name in credentials:
        assert errors({"KAFKA_AUTH": "scram"} | credentials | {name: ""}) == [
            "KAFKA_AUTH is 'scram', so KAFKA_USERNAME and KAFKA_PASSWORD must be set"
        ]


def test_redaction_key() -> None:
    """A key is there and long enough, or none of the functions starts; its value is in no message."""
    assert errors({"REDACTION_KEY": ""}) == ["REDACTION_KEY is not set"]
    assert errors({"REDACTION_KEY": SECRET}) == ["REDACTION_KEY has 6 characters, 32 are the least"]
    assert KEY not in repr(read_settings(LEAST))
    with pytest.raises(SettingsError, match="REDACTION_KEY is not set"):
        read_redaction_settings({})


def test_redaction_keep() -> None:
    """Only kinds that there are can be kept, and the error names them."""
    (error,) = errors({"REDACTION_KEEP": "EMAIL,email,PHONES"})

    assert error.startswith("REDACTION_KEEP names PHONES, email, allowed are ANTHROPIC_KEY, ")


def test_unknown_features() -> None:
    """Only groups of features that there are can be asked for, and the error names them."""
    assert errors({"FEATURES": "ratios,Ratios,mood"}) == [
        f"FEATURES names Ratios, mood, allowed are {', '.join(GROUPS)}, all"
    ]


def test_every_setting_is_tested() -> None:
    """The tests above set every variable of the table."""
    assert {name for name, *_ in SET} | {"KAFKA_AUTH", "REDIS_AUTH"} == {
        setting.name for setting in DOCUMENTED
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("KAFKA_AUTH", "iam"),
        ("REDIS_MODE", "sentinel"),
        ("REDIS_AUTH", "Password"),
        ("NEAR_DUPLICATES", "delete"),
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


@pytest.mark.parametrize("setting", DOCUMENTED, ids=lambda setting: setting.name)
def test_the_table(setting: Setting) -> None:
    """Every variable is documented in a few words, once."""
    assert re.fullmatch(r"[A-Z_]+", setting.name)
    assert 10 < len(setting.meaning) < 110
    assert [other.name for other in DOCUMENTED].count(setting.name) == 1

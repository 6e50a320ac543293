"""What the templates put into the functions' environment is what the functions read."""

from __future__ import annotations

from typing import Any

import pytest

from sluice.settings import DOCUMENTED, read_cache_settings, read_settings
from tests.infra.synthesis import BROUGHT, STAGES, flat, synthesised

EVERY = pytest.mark.parametrize(
    ("stage", "overrides"), [*((stage, {}) for stage in STAGES), ("dev", BROUGHT)], ids=[*STAGES, "brought"]
)


def deployed(stage: str, overrides: dict[str, str], function: str) -> dict[str, str]:
    """Return a function's environment as it finds it: references filled in, and the region that Lambda sets."""
    environment: dict[str, Any] = synthesised(stage, **overrides).environment(function)
    filled = {name: flat(value).replace("<", "").replace(">", "") for name, value in environment.items()}
    return {**filled, "REDIS_URL": "rediss://cache.example:6379", "AWS_REGION": "eu-central-1"}


@EVERY
def test_preprocess(stage: str, overrides: dict[str, str]) -> None:
    """`preprocess` takes every setting that it is given, and none of them is one that it does not know."""
    environment = deployed(stage, overrides, "Preprocess")
    settings = read_settings(environment)

    assert set(environment) <= {setting.name for setting in DOCUMENTED}
    assert settings.kafka_auth == ("scram" if overrides else "iam")
    assert settings.partial_failures == (stage == "prod")
    assert settings.cache.mode == "cluster"
    assert settings.service == f"sluice-{stage}-preprocess"


@EVERY
def test_lookup(stage: str, overrides: dict[str, str]) -> None:
    """`lookup` takes every setting of the cache that it is given."""
    environment = deployed(stage, overrides, "Lookup")

    assert set(environment) <= {setting.name for setting in DOCUMENTED}
    assert read_cache_settings(environment).mode == "cluster"


@EVERY
def test_address_of_the_cache(stage: str, overrides: dict[str, str]) -> None:
    """The cache is called by TLS, without a password in its address."""
    for function in ("Preprocess", "Lookup"):
        url = flat(synthesised(stage, **overrides).environment(function)["REDIS_URL"])

        assert url.startswith("rediss://")
        assert "@" not in url

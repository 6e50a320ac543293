"""The stages as data, and the way to change them: `-c key=value`, where every key is a field of Stage."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from infra.stage import ConfigError, Stage, rules, shown

__all__ = ["DEV", "PROD", "STAGES", "ConfigError", "Stage", "load_stage"]

# The cheapest thing that works: two small brokers, pollers by the event source itself, everything goes with `destroy`.
DEV: Final = Stage(name="dev", keep_data=False, log_days=7)
PROD: Final = Stage(
    name="prod",
    zones=3,
    log_days=90,
    broker_type="kafka.m7g.large",
    broker_storage_gib=250,
    partitions=12,
    raw_retention_hours=72,
    cleaned_retention_hours=72,
    cache_replicas=1,
    cache_node_type="cache.r7g.large",
    cache_max_gb=50,
    cache_max_ecpu_per_second=100_000,
    event_source="provisioned",
    batch_size=5000,
    min_pollers=2,
    max_pollers=12,
    # 20 attempts of two minutes: 40 minutes, twice the outage that a stage has to ride out.
    preprocess_timeout_seconds=120,
    preprocess_memory_mb=1769,  # one whole CPU
    reserved_concurrency=60,
)
STAGES: Final[Mapping[str, Stage]] = {stage.name: stage for stage in (DEV, PROD)}


def load_stage(context: Mapping[str, object]) -> Stage:
    """Return the stage that `-c stage=…` names (`dev` by default) with every other `-c key=value` applied.

    Keys with a colon, a slash or an at sign are the CDK's own. Raises ConfigError.
    """
    given = {key: value for key, value in context.items() if not set(key) & set(":/@")}
    name = given.pop("stage", "dev")
    if not isinstance(name, str) or name not in STAGES:
        raise ConfigError("stage", name, ", ".join(STAGES))
    known = [key for key in rules() if key != "name"]
    for key, value in given.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, n=3)
            raise ConfigError(key, value, "the key " + " or ".join(near) if near else ", ".join(known))
    stage = STAGES[name]
    # What you bring has its topics and endpoints, unless you say otherwise.
    changes: dict[str, Any] = {"create_topics": False} if given.get("cluster_arn") else {}
    changes |= {"endpoints": "none"} if given.get("vpc_id") else {}
    changes |= {key: _read(key, value) for key, value in given.items()}
    return replace(stage, **changes)


def _read(key: str, value: object) -> object:
    rule = rules()[key]
    try:
        return rule.read(shown(value))
    except (ValueError, KeyError):
        raise ConfigError(key, value, rule.allowed) from None

"""A deployed stage, seen through boto3."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from infra.stage import Stage

ALIAS: Final = "live"


class CheckError(Exception):
    """Say in one line what is wrong with the deployment, and where to look."""


@dataclass(frozen=True)
class Place:
    """Hold a stage and the way to its account; `now_ms` (epoch) names this run's records."""

    stage: Stage
    client: Callable[[str], Any]
    now_ms: int

    def function(self, name: str) -> str:
        """Return the whole name of a function."""
        return f"sluice-{self.stage.name}-{name}"

    def configuration(self, name: str) -> Mapping[str, Any]:
        """Return the configuration of the version that the function's alias points to."""
        found: Mapping[str, Any] = self.client("lambda").get_function_configuration(
            FunctionName=self.function(name), Qualifier=ALIAS
        )
        return found

    def settings(self, name: str) -> Mapping[str, str]:
        """Return the environment of a function."""
        found: Mapping[str, str] = self.configuration(name)["Environment"]["Variables"]
        return found

    @cached_property
    def event_source(self) -> Mapping[str, Any]:
        """Return the event source mapping of `preprocess`; raises CheckError unless there is one."""
        target = f"{self.function('preprocess')}:{ALIAS}"
        everything = self.client("lambda").list_event_source_mappings(FunctionName=target)
        found = [each for each in everything["EventSourceMappings"] if each["FunctionArn"].endswith(target)]
        if len(found) != 1:
            raise CheckError(f"{target} has {len(found)} event sources: deploy the pipeline stack again")
        mapping: Mapping[str, Any] = found[0]
        return mapping

    def invoke(self, name: str, event: Mapping[str, Any]) -> Any:
        """Return a function's answer to the event; raises CheckError with the function's own words."""
        answer = self.client("lambda").invoke(
            FunctionName=self.function(name), Qualifier=ALIAS, Payload=json.dumps(event).encode()
        )
        payload = json.loads(answer["Payload"].read())
        if answer.get("FunctionError"):
            words = f"{payload.get('errorType')}: {payload.get('errorMessage')}"
            raise CheckError(f"{self.function(name)} failed, its log says more: {words}")
        return payload

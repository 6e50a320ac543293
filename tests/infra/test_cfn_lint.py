"""cfn-lint over the templates: what CloudFormation would refuse is found here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cfnlint import ManualArgs, lint

from tests.infra.synthesis import BROUGHT, STAGES, synthesised

# W3005: a DependsOn that a reference implies already; the CDK writes them throughout.
# W6001: an output that hands on what another stack exports; who replays needs one stack's outputs, not two.
IGNORED = ["W3005", "W6001"]


def complaints(template: dict[str, Any]) -> list[str]:
    found = lint(
        json.dumps(template), config=ManualArgs(regions=["eu-central-1", "us-east-1"], ignore_checks=IGNORED)
    )
    return [f"{each.rule.id} {'/'.join(map(str, each.path or ()))}: {each.message}" for each in found]


@pytest.mark.parametrize("stack", ["data", "pipeline"])
@pytest.mark.parametrize("stage", [*STAGES, "brought"])
def test_templates(stage: str, stack: str) -> None:
    """No template has anything that cfn-lint complains about."""
    synthesis = synthesised("dev", **BROUGHT) if stage == "brought" else synthesised(stage)

    assert complaints(getattr(synthesis, stack)) == []


def test_planted_mistake() -> None:
    """A property of the wrong type is complained about."""
    template = json.loads(json.dumps(synthesised("dev").pipeline))
    template["Resources"]["Preprocess"]["Properties"]["MemorySize"] = "much"

    assert any("MemorySize" in each for each in complaints(template))

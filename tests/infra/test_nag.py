"""cdk-nag over both stacks: nothing is found that is not answered, on its resource, with a reason."""

from __future__ import annotations

import pytest
from aws_cdk import CfnResource, Stack, Validations, aws_lambda as lambda_, aws_s3 as s3
from cdk_nag import AwsSolutionsChecks, ServerlessChecks
from constructs import IConstruct

from tests.infra.synthesis import BROUGHT, STAGES, app, synthesised

PACKS = {"AwsSolutions": AwsSolutionsChecks, "Serverless": ServerlessChecks}
# A report that saw less has not seen the stacks.
SEEN_AT_LEAST = 60


def found(construct: IConstruct, pack: str) -> dict[str, list[str]]:
    """Return what a pack finds, by rule, with the paths of the resources."""
    report = PACKS[pack]().validate_scope(construct)
    return {
        each.rule_name: [str(resource.construct_path) for resource in each.violating_resources or ()]
        for each in report.violations
    }


@pytest.mark.parametrize("pack", PACKS)
@pytest.mark.parametrize("stage", STAGES)
def test_nothing_is_left(stage: str, pack: str) -> None:
    """No finding of either pack is left without an answer."""
    assert found(synthesised(stage).app, pack) == {}


@pytest.mark.parametrize("pack", PACKS)
def test_nothing_is_left_of_what_is_brought(pack: str) -> None:
    """The same holds beside a cluster and a network of yours."""
    assert found(synthesised("dev", **BROUGHT).app, pack) == {}


@pytest.mark.parametrize("stage", STAGES)
def test_enough_was_seen(stage: str) -> None:
    """The packs walk over all resources of both stacks: as many as the templates have, and not a few."""
    synthesis = synthesised(stage)
    walked = [node for node in synthesis.app.node.find_all() if CfnResource.is_cfn_resource(node)]
    written = len(synthesis.data["Resources"]) + len(synthesis.pipeline["Resources"])

    assert len(walked) >= written >= SEEN_AT_LEAST


def test_planted_findings() -> None:
    """A bucket without anything is found by the one pack, and a function without a limit by the other."""
    stack = Stack(app(), "Planted")
    s3.CfnBucket(stack, "Bucket")
    code = lambda_.CfnFunction.CodeProperty(zip_file="pass")
    lambda_.CfnFunction(stack, "Function", code=code, role="arn:aws:iam::123456789012:role/none")

    assert {"AwsSolutions-S1", "AwsSolutions-S10"} <= set(found(stack, "AwsSolutions"))
    assert {"Serverless-LambdaDefaultMemorySize", "Serverless-LambdaDefaultTimeout"} <= set(
        found(stack, "Serverless")
    )


@pytest.mark.parametrize("stage", STAGES)
def test_answers_are_local(stage: str) -> None:
    """Every answer stands on a resource's own construct, not on a stack or the app, and has a reason to read."""
    key = Validations.ACKNOWLEDGED_RULES_METADATA_KEY
    answered = [
        (node, rule, reason)
        for node in synthesised(stage).app.node.find_all()
        for entry in node.node.metadata
        if entry.type == key
        for rule, reason in entry.data.items()
        if rule.removeprefix("Annotation::").startswith(tuple(PACKS))
    ]

    assert len(answered) > 5
    for node, rule, reason in answered:
        assert not Stack.is_stack(node), rule
        assert node.node.path, rule
        assert len(reason) > 40, rule

"""Both stacks of a stage, synthesised once a session for all tests that look at them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from aws_cdk import App

from infra.app import build
from infra.data_stack import DataStack
from infra.pipeline_stack import PipelineStack

ROOT = Path(__file__).resolve().parents[2]
STAGES = ("dev", "prod")
Resource = dict[str, Any]


@dataclass(frozen=True)
class Synthesis:
    """The stacks of one stage, and their templates as CloudFormation gets them."""

    app: App
    data_stack: DataStack
    pipeline_stack: PipelineStack
    data: dict[str, Any]
    pipeline: dict[str, Any]

    def of_type(self, type_: str) -> dict[str, Resource]:
        """Return the properties of the pipeline's resources of one type, by logical id."""
        resources: Mapping[str, Resource] = self.pipeline["Resources"]
        return {name: each["Properties"] for name, each in resources.items() if each["Type"] == type_}

    def function(self, logical_id: str) -> Resource:
        """Return the properties of one function."""
        return self.of_type("AWS::Lambda::Function")[logical_id]

    def environment(self, logical_id: str) -> dict[str, Any]:
        """Return what one function finds in its environment, references as they are."""
        environment: dict[str, Any] = self.function(logical_id)["Environment"]["Variables"]
        return environment


def app(**context: object) -> App:
    """Return an app with the context of cdk.json that builds no layer: their hashes come from their inputs."""
    flags = json.loads((ROOT / "cdk.json").read_text())["context"]
    return App(context={**flags, "aws:cdk:bundling-stacks": [], **context})


@cache
def synthesised(stage: str, **overrides: str) -> Synthesis:
    """Synthesise a stage with further `-c key=value`."""
    made = app(stage=stage, **overrides)
    data, pipeline = build(made)
    assembly = made.synth()
    templates = [assembly.get_stack_by_name(stack.stack_name).template for stack in (data, pipeline)]
    return Synthesis(made, data, pipeline, *templates)


# A cluster with SASL/SCRAM, its network and a cache of nodes that are there already.
BROUGHT = {
    "vpc_id": "vpc-0a1b2c3d4e5f60718",
    "subnet_ids": "subnet-0a1b2c3d4e5f60718,subnet-0a1b2c3d4e5f60719",
    "cluster_arn": "arn:aws:kafka:eu-central-1:123456789012:cluster/agents/0b1c2d3e-4f50-4617-8a9b-0c1d2e3f4a5b-7",
    "cluster_security_group_id": "sg-0a1b2c3d4e5f60718",
    "cluster_secret_arn": "arn:aws:secretsmanager:eu-central-1:123456789012:secret:AmazonMSK_sluice-a1B2c3",
    "arch": "x86_64",
}


def statements(template: Mapping[str, Any]) -> Iterator[tuple[str, Resource]]:
    """Yield every statement of every policy of a role, with the policy's logical id."""
    for name, resource in template["Resources"].items():
        properties = resource.get("Properties", {})
        documents = [policy["PolicyDocument"] for policy in properties.get("Policies", ())]
        if resource["Type"] in {"AWS::IAM::Policy", "AWS::IAM::ManagedPolicy"}:
            documents.append(properties["PolicyDocument"])
        for document in documents:
            for statement in document["Statement"]:
                yield name, statement


def listed(value: Any) -> list[Any]:
    """Return what CloudFormation takes as one or as a list, as a list."""
    return value if isinstance(value, list) else [value]


def flat(value: Any) -> str:
    """Write a value with references the way a reader would: references in angle brackets, in their place."""
    match value:
        case {"Fn::Join": [delimiter, parts]}:
            return str(delimiter).join(map(flat, parts))
        case {"Fn::Select": [index, {"Fn::Split": [delimiter, whole]}]}:
            return f"<{flat(whole)} {delimiter} {index}>"
        case {"Fn::ImportValue": name} | {"Ref": name}:
            return f"<{flat(name)}>"
        case {"Fn::GetAtt": [name, attribute]}:
            return f"<{name}.{attribute}>"
        case _:
            return str(value)

"""The CDK app: `python -m infra.app`, started by the CDK's command line with `-c key=value` for any field of Stage."""

from __future__ import annotations

import sys

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.config import ConfigError, load_stage
from infra.data_stack import DataStack
from infra.pipeline_stack import PipelineStack
from sluice.version import pipeline_version


def build(app: App) -> tuple[DataStack, PipelineStack]:
    """Put both stacks of the stage that the app's context names into the app; raises ConfigError."""
    stage = load_stage(app.node.get_all_context())
    data = DataStack(app, f"SluiceData-{stage.name}", stage=stage)
    pipeline = PipelineStack(
        app, f"SluicePipeline-{stage.name}", plane=data.plane, version=pipeline_version()
    )
    for tag, value in {"application": "sluice", "stage": stage.name}.items():
        Tags.of(app).add(tag, value)
    return data, pipeline


def synth(app: App) -> None:
    """Write the templates, unless cdk-nag finds what nobody answered; raises ConfigError and RuntimeError."""
    build(app)
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    app.synth()


def main() -> None:
    """Synthesise what the command line asks for; end with one line where the configuration is wrong."""
    try:
        synth(App())
    except ConfigError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()

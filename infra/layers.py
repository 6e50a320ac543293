"""The two Lambda layers, built by this machine alone: no Docker, and no build where nothing changed."""

from __future__ import annotations

import shutil
from pathlib import Path

import aws_cdk as cdk
import jsii
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from ops.layers.build import LOCK, PACKAGE, Recipe, sluice, vendor
from ops.layers.target import Target

# The CDK wants to know an image to fall back on. This one does not exist, so that nothing is ever built in one.
_NO_IMAGE = "sluice.invalid/layers-are-built-without-docker"


@jsii.implements(cdk.ILocalBundling)
class _LocalBundling:
    """Hand the finished zip to the CDK; a LayerError ends synth with its own words."""

    def __init__(self, recipe: Recipe) -> None:
        self._recipe = recipe

    def try_bundle(self, output_dir: str, *_arguments: object, **_options: object) -> bool:
        """Put the layer's zip into the folder, the one file there, and say that this was all."""
        shutil.copyfile(self._recipe.build(), Path(output_dir) / "layer.zip")
        return True


class Layers(Construct):
    """Define the layer of third-party wheels and the layer of the package `sluice`, for one target."""

    def __init__(
        self, scope: Construct, id_: str, *, architecture: lambda_.Architecture, runtime: lambda_.Runtime
    ) -> None:
        super().__init__(scope, id_)
        self._architecture, self._runtime = architecture, runtime
        target = Target(architecture.name, runtime.name.removeprefix("python"))
        self.vendor = self._layer("Vendor", vendor(target), LOCK.parent, f"Third-party wheels for {target}")
        self.sluice = self._layer("Sluice", sluice(target), PACKAGE, f"The package sluice for {target}")

    @property
    def both(self) -> list[lambda_.LayerVersion]:
        """Return the layers in the order in which a function takes them."""
        return [self.vendor, self.sluice]

    def _layer(self, id_: str, recipe: Recipe, source: Path, description: str) -> lambda_.LayerVersion:
        if recipe.python is None:
            cdk.Annotations.of(self).add_info(
                f"no Python {recipe.target.python} here: the layer {recipe.name} has no bytecode, cold starts compile it"
            )
        code = lambda_.Code.from_asset(
            str(source),
            # The hash of the inputs: the CDK asks for the zip only when it has none under this hash.
            asset_hash=recipe.key,
            asset_hash_type=cdk.AssetHashType.CUSTOM,
            bundling=cdk.BundlingOptions(
                image=cdk.DockerImage.from_registry(_NO_IMAGE),
                local=_LocalBundling(recipe),
                output_type=cdk.BundlingOutput.ARCHIVED,
            ),
        )
        return lambda_.LayerVersion(
            self,
            id_,
            code=code,
            description=description,
            compatible_architectures=[self._architecture],
            compatible_runtimes=[self._runtime],
        )

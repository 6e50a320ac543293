"""The layers as they are deployed: real wheels, for both architectures."""

from __future__ import annotations

import json
import subprocess
import zipfile
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path

import aws_cdk as cdk
import pytest
from aws_cdk import aws_lambda as lambda_
from aws_cdk.assertions import Annotations, Match

from infra.layers import Layers
from ops.layers.archive import MEGABYTE, look_into
from ops.layers.build import LOCK, Recipe, sluice, vendor
from ops.layers.bytecode import Interpreter, find_python
from ops.layers.lock import read_lock
from ops.layers.target import MACHINES, Target, host_target
from ops.layers.wheels import wrong_platforms, wrong_versions
from tests.infra.runtime import runtime_packages

ROOT = Path(__file__).resolve().parents[2]
# Lambda unpacks 250 MB at most, all layers together; a cold start loads what is imported.
CORE_LIMIT, COMPILED_LIMIT = 45 * MEGABYTE, 60 * MEGABYTE
FUNCTIONS = sorted(path.stem for path in (ROOT / "functions").glob("*.py"))
# What the functions import of each pinned package; a package that no function imports is named with its reason.
MODULES = {
    "aws-lambda-powertools": "aws_lambda_powertools.metrics",
    "aws-msk-iam-sasl-signer-python": "aws_msk_iam_sasl_signer",
    "confluent-kafka": "confluent_kafka",
    "ftfy": "ftfy",
    "google-re2": "re2",
    "hiredis": "hiredis",
    "jsonschema": "jsonschema",
    "jsonschema-rs": "jsonschema_rs",
    "orjson": "orjson",
    "pybase64": "pybase64",
    "redis": "redis.cluster",
}
# The unpacked layers; and of each module its file and that of its bytecode.
Imported = tuple[Path, dict[str, tuple[str, str]]]
_IMPORT = """
import importlib, sys
sys.path[:0] = sys.argv[1].split(":")
for name in sys.argv[2:]:
    module = importlib.import_module(name)
    print(name, module.__file__, getattr(module.__spec__, "cached", None) or "")
"""


@pytest.fixture(scope="module", params=sorted(MACHINES))
def target(request: pytest.FixtureRequest) -> Target:
    return Target(request.param)


@pytest.fixture(scope="module")
def unpacked(target: Target, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return unpack(vendor(target), tmp_path_factory.mktemp("layer"))


def unpack(recipe: Recipe, folder: Path) -> Path:
    with zipfile.ZipFile(recipe.build()) as layer:
        layer.extractall(folder)
    return folder / "python"


def test_wheels_are_the_pinned_ones(target: Target, unpacked: Path) -> None:
    """The layer holds every pinned package at its version, built for the target, and nothing else."""
    pins = read_lock(LOCK.read_text(), target)

    assert len(pins) >= len(MODULES)
    assert wrong_versions(unpacked, pins) == []
    assert wrong_platforms(unpacked, target) == []


def test_licences_came_along(unpacked: Path) -> None:
    """Every package that came with a licence still has it."""
    without = {
        each.name
        for each in distributions(path=[str(unpacked)])
        if not any(
            "LICENSE" in path.name.upper() or "COPYING" in path.name.upper()
            for path in next(unpacked.glob(f"{each.name.replace('-', '_')}-*.dist-info")).rglob("*")
        )
    }

    # Their wheels carry none: their licence is named in METADATA.
    assert without <= {"jsonschema_rs", "jsonschema-rs"}


def test_size_budget(target: Target) -> None:
    """Both layers together stay within 45 MB unpacked, and 60 MB with bytecode."""
    contents = [look_into(recipe.build()) for recipe in (vendor(target), sluice(target))]

    assert sum(each.unpacked - each.bytecode for each in contents) <= CORE_LIMIT
    assert sum(each.unpacked for each in contents) <= COMPILED_LIMIT


def test_bytecode_is_whole(target: Target, say: Callable[[str], None]) -> None:
    """Where there is a Python of the target's version, every source in both layers has unchecked bytecode of it."""
    python = find_python(target.python)
    say(f"bytecode of {target}: {f'by Python {python.version}' if python else 'none, no such Python here'}")
    for recipe in (vendor(target), sluice(target)):
        with zipfile.ZipFile(recipe.build()) as layer:
            names = layer.namelist()
            headers = {layer.read(name)[:8] for name in names if name.endswith(".pyc")}
        sources = [name for name in names if name.endswith(".py")]
        assert len(sources) > 30
        assert len([name for name in names if name.endswith(".pyc")]) == (len(sources) if python else 0)
        assert headers == ({magic(python) + b"\x01\0\0\0"} if python else set())


def magic(python: Interpreter) -> bytes:
    ask = "import importlib.util; print(importlib.util.MAGIC_NUMBER.hex())"
    done = subprocess.run([python.path, "-I", "-S", "-c", ask], capture_output=True, text=True, check=True)
    return bytes.fromhex(done.stdout.strip())


def test_same_input_same_hash(tmp_path: Path) -> None:
    """The package's layer built twice from nothing, in two places, is the same file."""
    found = {look_into(sluice(Target()).build(tmp_path / place)).sha256 for place in ("one", "two")}

    assert len(found) == 1


@pytest.mark.slow
def test_same_wheels_same_hash(tmp_path: Path) -> None:
    """The third-party layer built again from nothing is the same file as the one in the cache."""
    assert look_into(vendor(Target()).build(tmp_path)).sha256 == look_into(vendor(Target()).build()).sha256


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory, say: Callable[[str], None]) -> Imported:
    """Import everything from the unpacked layers alone: no site-packages, but for the runtime's own boto3."""
    deployed = Target().python
    python = find_python(deployed) or find_python(host_target().python)
    assert python is not None
    target = host_target(".".join(python.version.split(".")[:2]))
    say(
        f"layers for {target} imported by Python {python.version}, "
        + (
            "the version that is deployed"
            if target.python == deployed
            else f"there is no Python {deployed} here"
        )
    )
    folder = tmp_path_factory.mktemp("opt")
    layers = unpack(vendor(target), folder)
    unpack(sluice(target), folder)
    path = ":".join(map(str, (ROOT / "functions", layers, runtime_packages(target))))
    modules = [*MODULES.values(), "sluice.wiring", *FUNCTIONS]
    command = [str(python.path), "-I", "-S", "-B", "-c", _IMPORT, path, *modules]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return layers, {name: (file, cached) for name, file, cached in map(fields, done.stdout.splitlines())}


def fields(line: str) -> tuple[str, str, str]:
    name, file, *cached = line.split()
    return name, file, cached[0] if cached else ""


def test_import(imported: Imported) -> None:
    """The functions import from the layers alone, and each pinned package comes from there."""
    layers, modules = imported
    foreign = {name: file for name, (file, _) in modules.items() if not Path(file).is_relative_to(layers)}

    assert set(foreign) == set(FUNCTIONS)


def test_import_takes_the_bytecode(imported: Imported) -> None:
    """What the import finds beside a source is the bytecode that the build wrote there."""
    _, modules = imported
    cached = {name: file for name, (path, file) in modules.items() if path.endswith(".py") and file}

    assert [name for name, file in cached.items() if name not in FUNCTIONS and not Path(file).is_file()] == []
    assert "sluice.wiring" in cached


def test_every_package_is_tried() -> None:
    """Every package that the layer is made for is one that the import test imports."""
    named = {
        line.split("#")[0].strip()
        for line in LOCK.with_suffix(".in").read_text().splitlines()
        if line.split("#")[0].strip()
    }

    assert named == set(MODULES)


def staged(folder: Path) -> dict[str, str]:
    """Synthesise a stack with both layers; return the hash of each one's zip by its layer's description."""
    app = cdk.App(outdir=str(folder))
    stack = cdk.Stack(app, "Test")
    Layers(stack, "Layers", architecture=lambda_.Architecture.ARM_64, runtime=lambda_.Runtime.PYTHON_3_13)
    app.synth()
    template = json.loads((folder / "Test.template.json").read_text())
    layers = [each["Properties"] for each in template["Resources"].values()]
    return {
        each["Description"]: look_into(folder / f"asset.{each['Content']['S3Key']}").sha256 for each in layers
    }


def test_synth_takes_what_make_layers_makes(tmp_path: Path) -> None:
    """The zip that synth hands to the deployment is the recipe's, byte for byte, and under its key."""
    wanted = {
        f"Third-party wheels for {Target()}": look_into(vendor(Target()).build()).sha256,
        f"The package sluice for {Target()}": look_into(sluice(Target()).build()).sha256,
    }

    assert staged(tmp_path) == wanted


def test_second_synth_builds_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the layers are there for their inputs, synth takes them as they are."""
    for recipe in (vendor(Target()), sluice(Target())):
        recipe.build()

    def refuse(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("ops.layers.build.pack", refuse)

    assert len(staged(tmp_path)) == 2


def test_no_python_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the machine has no Python of the target's version, synth says that the layers have no bytecode."""
    monkeypatch.setattr("ops.layers.build.find_python", lambda _: None)
    app = cdk.App(outdir=str(tmp_path), context={"aws:cdk:bundling-stacks": []})
    stack = cdk.Stack(app, "Test")
    Layers(stack, "Layers", architecture=lambda_.Architecture.ARM_64, runtime=lambda_.Runtime.PYTHON_3_13)
    said = Annotations.from_stack(stack).find_info("*", Match.string_like_regexp("no bytecode"))

    assert len(said) == 2

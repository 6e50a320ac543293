"""The pipeline's version: another one whenever a record could come out another way, and only then."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

import sluice
from sluice.version import pipeline_version

PACKAGE = Path(sluice.__file__).parent
DECIDING = [
    "pipeline.py",
    "judge.py",
    "decode.py",
    "validate.py",
    "fingerprint.py",
    "identify.py",
    "enrich.py",
    "clean/__init__.py",
    "clean/step.py",
    "clean/remove_urls.py",
    "redact/rules.toml",
    "redact/checks.py",
    "features/simhash.py",
    "history/near.py",
    "impute.py",
    "schemas/agent_output/1.json",
]


@pytest.fixture
def package(tmp_path: Path) -> Path:
    """A copy of the package, to change."""
    return Path(shutil.copytree(PACKAGE, tmp_path / "sluice", ignore=shutil.ignore_patterns("__pycache__")))


def test_form() -> None:
    """The version is the package's and 8 hex digits."""
    assert re.fullmatch(re.escape(sluice.__version__) + r"\+[0-9a-f]{8}", pipeline_version())


def test_place_does_not_matter(package: Path) -> None:
    """A copy elsewhere has the same version."""
    assert pipeline_version(package) == pipeline_version()


@pytest.mark.parametrize("file", DECIDING)
def test_changes(package: Path, file: str) -> None:
    """The version changes with a single byte of any step, chain, operator or schema."""
    with (package / file).open("a") as deciding:
        deciding.write(" ")

    assert pipeline_version(package) != pipeline_version()


@pytest.mark.parametrize(
    "file", ["schemas/agent_output/2.json", "schemas/thought/1.json", "clean/fold_case.py"]
)
def test_additions(package: Path, file: str) -> None:
    """The version changes with a new schema or a new operator."""
    (package / file).parent.mkdir(exist_ok=True)
    (package / file).write_text("{}")

    assert pipeline_version(package) != pipeline_version()


def test_names_count(package: Path) -> None:
    """The version changes when a schema gets another name."""
    (package / "schemas/agent_output/1.json").rename(package / "schemas/agent_output/2.json")

    assert pipeline_version(package) != pipeline_version()


@pytest.mark.parametrize(
    "file",
    [
        "telemetry.py",
        "deliver.py",
        "settings.py",
        "lookup.py",
        "test_decode.py",
        "clean/notes.md",
        "tests/x.py",
    ],
)
def test_what_decides_nothing(package: Path, file: str) -> None:
    """The version stays when something changes that no record's result depends on."""
    (package / file).parent.mkdir(exist_ok=True)
    with (package / file).open("a") as other:
        other.write("# changed\n")

    assert pipeline_version(package) == pipeline_version()


def test_settings_that_decide_are_part_of_it() -> None:
    """A setting that changes records changes the version, and each value another way."""
    versions = {
        pipeline_version(chosen=chosen)
        for chosen in ({}, {"URL_MODE": "keep"}, {"URL_MODE": "host"}, {"FEATURES": "all"})
    }

    assert len(versions) == 4

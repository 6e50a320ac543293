"""The rules of the house that no linter knows."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import sluice

ROOT = Path(__file__).resolve().parents[2]
# What make and the tools leave behind; folders with a dot are theirs as well, but for one.
LEFT_BEHIND = {"out", "build", "mutants", "htmlcov", "target", "cdk.out", "node_modules", "__pycache__"}
REQUIREMENTS = sorted([*ROOT.glob("requirements/*.txt"), *ROOT.glob("layers/*/requirements.txt")])
PIN = re.compile(
    r"^([a-z0-9][a-z0-9._-]*)(?:\[[a-z0-9, ]+\])?==(\S+?)(?: ; .+?)?((?: --hash=sha256:[0-9a-f]{64})+)$"
)
LONGEST_FILE = 300
LONGEST_TEST = 400  # tables of cases are long, and easy to read for all that
LONGEST_FUNCTION = 50
LONGEST_HANDLER = 40

# Put together here so that this file does not name them itself.
FORBIDDEN = re.compile(
    "|".join(
        (
            "files[.]python" + "hosted",
            "--(extra-)?index-" + "url",
            "^--find-" + "links",
            "repo1?[.]maven[.]" + "(apache[.])?org",
            "(?<![A-Za-z0-9_.:/-])/(work|root)" + "/",
            "bash_" + "jobs",
        )
    ),
    re.MULTILINE,
)


def shipped(pattern: str = "*") -> list[Path]:
    roots = [path for path in ROOT.iterdir() if ours(path.name)]
    found = [path for root in roots for path in (root.rglob(pattern) if root.is_dir() else [root])]
    return sorted(
        path
        for path in found
        if path.is_file() and path.match(pattern) and all(map(ours, path.relative_to(ROOT).parts))
    )


def ours(part: str) -> bool:
    return part in {".ci", ".gitignore", ".gitattributes"} or not (
        part in LEFT_BEHIND or part.startswith(".")
    )


def name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def logical_lines(path: Path) -> Iterator[str]:
    text = path.read_text().replace("\\\n", " ")
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            yield " ".join(line.split())


def pins(path: Path) -> dict[str, str]:
    found = [PIN.match(line) for line in logical_lines(path)]
    return {match[1]: match[2] for match in found if match}


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


@pytest.mark.parametrize("path", REQUIREMENTS, ids=name)
def test_pins(path: Path) -> None:
    """Every requirement is pinned to one version and has hashes, and nothing else stands in the file."""
    lines = list(logical_lines(path))

    assert lines
    assert [line for line in lines if not PIN.match(line)] == []


def test_layers_of_requirements() -> None:
    """Each set is part of the next, version for version: the vendor layer's, local, infra, development."""
    vendor, local, infra, dev = (
        pins(ROOT / file).items()
        for file in (
            "layers/vendor/requirements.txt",
            *(f"requirements/{n}.txt" for n in ("local", "infra", "dev")),
        )
    )

    assert vendor <= local <= infra <= dev


def test_vendor_leaves_the_runtime_its_own() -> None:
    """The vendor layer does not bring the boto3 that AWS Lambda's runtime already has, nor what that stands on."""
    (named,) = re.findall(r"^RUNTIME_HAS := (.+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)

    assert {"boto3", "botocore", "urllib3"} <= set(named.split())
    assert pins(ROOT / "layers/vendor/requirements.txt").keys().isdisjoint(named.split())


def test_no_addresses() -> None:
    """No file names a package index, a registry's host or a path of somebody's machine."""
    found = {name(path): FORBIDDEN.findall(path.read_bytes().decode("latin-1")) for path in shipped()}

    assert {file: hits for file, hits in found.items() if hits} == {}


def test_one_version() -> None:
    """The project's version is the one that its package and its changelog state."""
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]

    assert sluice.__version__ == version
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text()


def test_makefile_names_what_is_there() -> None:
    """Every module and folder that the Makefile runs exists."""
    makefile = (ROOT / "Makefile").read_text()
    modules = {module.replace(".", "/") for module in re.findall(r"-m (ops(?:\.\w+)+)", makefile)}
    folders = set(re.findall(r"\btests/\w+", makefile))

    assert modules
    assert folders
    assert [
        m for m in modules if not (ROOT / f"{m}.py").is_file() and not (ROOT / m / "__main__.py").is_file()
    ] == []
    assert [folder for folder in folders if not (ROOT / folder).is_dir()] == []


def test_makefile_helps() -> None:
    """Every target that is no file is declared as such, and those without a line of help are few and known."""
    makefile = (ROOT / "Makefile").read_text()
    targets = re.findall(r"^([a-z][a-z-]*):(?!=)", makefile, re.MULTILINE)
    helped = re.findall(r"^([a-z][a-z-]*):.*## ", makefile, re.MULTILINE)
    phony = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)

    assert targets == phony
    assert set(targets) - set(helped) == {"format-check"}


def test_length_of_files() -> None:
    """No Python file is longer than a reader takes in, and no handler longer than a screen."""
    lengths = {name(path): len(path.read_text().splitlines()) for path in shipped("*.py")}
    limits = {"functions": LONGEST_HANDLER, "tests": LONGEST_TEST}

    assert [
        f for f, length in lengths.items() if length > limits.get(f.partition("/")[0], LONGEST_FILE)
    ] == []


def test_length_of_functions() -> None:
    """No function is longer than a screen."""
    long = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in shipped("*.py")
        for node in functions(path)
        if (node.end_lineno or 0) - node.lineno >= LONGEST_FUNCTION
    ]

    assert long == []


def test_tests_say_what_they_hold() -> None:
    """Every test states its law in one sentence."""
    silent = [
        f"{name(path)}:{node.lineno} {node.name}"
        for path in shipped("test_*.py")
        for node in functions(path)
        if node.name.startswith("test_")
        and not re.fullmatch(r"[^\n](?s:.)*[.?!]", ast.get_docstring(node) or "")
    ]

    assert silent == []


def test_one_reader_of_the_environment() -> None:
    """Only settings.py of the shipped code reads the process's environment."""
    shipped_code = [*ROOT.glob("functions/*.py"), *ROOT.glob("layers/sluice/python/**/*.py")]
    readers = {path.name for path in shipped_code if re.search(r"os\.environ|getenv", path.read_text())}

    assert readers == {"settings.py"}

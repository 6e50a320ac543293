"""The builder of the layers, with layers made up here: no pip, no network."""

from __future__ import annotations

import os
import sys
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from ops.layers.archive import look_into, pack
from ops.layers.build import Recipe, sluice, vendor
from ops.layers.bytecode import Interpreter, compile_tree, find_python
from ops.layers.lock import Pin, read_lock
from ops.layers.target import LayerError, Target, host_target
from ops.layers.trim import trim
from ops.layers.wheels import wrong_platforms, wrong_versions

HASH = "sha256:" + "0" * 64
ARM, INTEL = Target("arm64", "3.13"), Target("x86_64", "3.11")
RUNNING = Interpreter(Path(sys.executable), ".".join(map(str, sys.version_info[:3])))


def lock(*lines: str) -> str:
    return "".join(f"{line} \\\n    --hash={HASH}\n" for line in lines)


def wheel(folder: Path, name: str, version: str, *tags: str) -> None:
    metadata = folder / f"{name.replace('-', '_')}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (metadata / "WHEEL").write_text("Wheel-Version: 1.0\n" + "".join(f"Tag: {tag}\n" for tag in tags))


def files(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"content = {name!r}\n")


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def recipe(target: Target = ARM, python: Interpreter | None = None, inputs: bytes = b"1") -> Recipe:
    return Recipe("made-up", target, python, inputs, lambda folder: files(folder, "a.py", "package/b.py"))


def test_lock_of_the_target() -> None:
    """Markers are read for the target, not for the machine that builds."""
    text = lock(
        "old ; python_full_version < '3.12'".replace("old", "old==1"),
        "arm==2 ; platform_machine == 'aarch64'",
        "Both_Of==3",
        "windows==4 ; sys_platform == 'win32'",
    )

    assert [pin.name for pin in read_lock(text, ARM)] == ["arm", "both-of"]
    assert [pin.name for pin in read_lock(text, INTEL)] == ["old", "both-of"]


def test_pin_is_what_pip_reads() -> None:
    """A pin is written without its marker, which pip would read with the wrong Python, and with its hashes."""
    (pin,) = read_lock(lock("one==1.0 ; python_version >= '3.11'"), ARM)

    assert str(pin) == f"one==1.0 --hash={HASH}"


@pytest.mark.parametrize(
    "line",
    [
        f"one>=1 --hash={HASH}",
        f"one==1.* --hash={HASH}",
        "one==1",
        f"one --hash={HASH}",
        f"one==1,<2 --hash={HASH}",
    ],
)
def test_lock_is_whole(line: str) -> None:
    """A line that is not pinned to one version with hashes is refused."""
    with pytest.raises(LayerError, match="one is not pinned and hashed"):
        read_lock(line, ARM)


def test_lock_is_a_lock() -> None:
    """A line that is no requirement at all is refused by its own words."""
    with pytest.raises(LayerError, match=r"no requirement: '-e [.]'"):
        read_lock("-e .", ARM)


@pytest.mark.parametrize(
    ("installed", "fault"),
    [
        ({"one": "1.0", "two": "2.0"}, []),
        ({"one": "0.9", "two": "2.0"}, ["one is 0.9, pinned is 1.0"]),
        ({"one": "1.0"}, ["two is missing, pinned is 2.0"]),
        ({"one": "1.0", "two": "2.0", "three": "3"}, ["three is 3, pinned is nothing"]),
    ],
)
def test_wrong_versions(tmp_path: Path, installed: dict[str, str], fault: list[str]) -> None:
    """Every package that is not at its pinned version, or that no pin names, is told."""
    for name, version in installed.items():
        wheel(tmp_path, name, version)

    assert wrong_versions(tmp_path, [Pin("one", "1.0", ()), Pin("two", "2.0", ())]) == fault


def test_wrong_platforms(tmp_path: Path) -> None:
    """A wheel for another machine is told; one for any machine is not."""
    wheel(tmp_path, "fits", "1", "cp313-cp313-manylinux_2_28_aarch64", "cp313-cp313-manylinux2014_aarch64")
    wheel(tmp_path, "pure", "1", "py3-none-any")
    wheel(tmp_path, "wrong", "1", "cp313-cp313-manylinux_2_28_x86_64")

    assert wrong_platforms(tmp_path, ARM) == ["wrong is built for manylinux_2_28_x86_64"]


def test_trim(tmp_path: Path) -> None:
    """Tests, stubs, programs and pip's books go; code, data, licences and metadata stay."""
    stays = ["a/__init__.py", "a/data.json", "a/testing.py", "a/native.so", "a-1.dist-info/METADATA"]
    stays += [
        "a-1.dist-info/WHEEL",
        "a-1.dist-info/licenses/LICENSE",
        "a-1.dist-info/entry_points.txt",
        "a/RECORD",
    ]
    goes = ["a/tests/test_a.py", "a/tests/deep/LICENSE", "a/a.pyi", "a/a.pyx", "bin/a", "a/__pycache__/a.pyc"]
    goes += ["a-1.dist-info/RECORD", "a-1.dist-info/INSTALLER"]
    files(tmp_path, *stays, *goes)

    assert trim(tmp_path) > 0
    assert names(tmp_path) == set(stays)


def test_zip_depends_on_content_alone(tmp_path: Path) -> None:
    """Dates, modes and the order in which files came do not change the zip; content and names do."""
    found = []
    for number, order in enumerate((("b.py", "a/x.so.1"), ("a/x.so.1", "b.py"))):
        files(tmp_path / str(number), *order)
        os.utime(tmp_path / str(number) / "b.py", (number, number))
        (tmp_path / str(number) / "b.py").chmod(0o600 + number)
        pack(tmp_path / str(number), tmp_path / f"{number}.zip")
        found.append((tmp_path / f"{number}.zip").read_bytes())
    files(tmp_path / "0", "c.py")
    pack(tmp_path / "0", tmp_path / "more.zip")

    assert found[0] == found[1]
    assert (tmp_path / "more.zip").read_bytes() != found[0]


def test_zip_is_readable_for_lambda(tmp_path: Path) -> None:
    """Every file can be read by any user, and a native library can be run too."""
    files(tmp_path / "in", "a.py", "lib/b.so.1")
    (tmp_path / "in" / "a.py").chmod(0o600)
    pack(tmp_path / "in", tmp_path / "layer.zip")

    with zipfile.ZipFile(tmp_path / "layer.zip") as layer:
        modes = {entry.filename: entry.external_attr >> 16 & 0o777 for entry in layer.infolist()}
    assert modes == {"a.py": 0o644, "lib/b.so.1": 0o755}


def test_figures(tmp_path: Path) -> None:
    """The figures of a zip are those of its files, bytecode apart."""
    files(tmp_path / "in", "a.py", "__pycache__/a.pyc")
    pack(tmp_path / "in", tmp_path / "layer.zip")
    contents = look_into(tmp_path / "layer.zip")

    assert (contents.files, contents.bytecode) == (2, (tmp_path / "in/__pycache__/a.pyc").stat().st_size)
    assert contents.unpacked == sum(path.stat().st_size for path in (tmp_path / "in").rglob("*.py*"))
    assert contents.zipped == (tmp_path / "layer.zip").stat().st_size


def test_built_once(tmp_path: Path) -> None:
    """A layer whose inputs did not change is found, not made again."""
    made = []

    def fill(folder: Path) -> None:
        made.append(folder)
        files(folder, "a.py")

    twice = replace(recipe(), fill=fill)

    assert twice.build(tmp_path) == twice.build(tmp_path)
    assert len(made) == 1
    assert names(tmp_path) == {twice.build(tmp_path).name}


def test_key_is_all_that_decides() -> None:
    """Inputs, target, and the Python that compiles each give the layer another name."""
    keys = {
        each.key
        for each in (
            recipe(),
            recipe(target=INTEL),
            recipe(inputs=b"2"),
            recipe(python=RUNNING),
            recipe(python=replace(RUNNING, version="3.13.99")),
        )
    }

    assert len(keys) == 5
    assert recipe().key == recipe().key


def test_sources_decide(tmp_path: Path) -> None:
    """A changed source or schema is another layer; bytecode that lies beside the sources is none of it."""
    files(tmp_path / "python", "sluice/a.py", "sluice/schemas/1.json")
    before = sluice(ARM, tmp_path).key
    files(tmp_path / "python", "sluice/__pycache__/a.pyc")

    assert sluice(ARM, tmp_path).key == before
    (tmp_path / "python/sluice/schemas/1.json").write_text("{}")
    assert sluice(ARM, tmp_path).key != before


def test_lock_decides(tmp_path: Path) -> None:
    """Another pinned version is another layer; a comment is not."""
    path = tmp_path / "requirements.txt"
    keys = []
    for text in (lock("one==1"), "# a remark\n" + lock("one==1"), lock("one==2")):
        path.write_text(text)
        keys.append(vendor(ARM, path).key)

    assert keys[0] == keys[1] != keys[2]


def test_bytecode(tmp_path: Path) -> None:
    """Bytecode stands beside every source, is never checked against its date, and names the place in the runtime."""
    archive = recipe(python=RUNNING).build(tmp_path)
    tag = sys.implementation.cache_tag
    with zipfile.ZipFile(archive) as layer:
        code = {name: layer.read(name) for name in layer.namelist() if name.endswith(".pyc")}

    assert set(code) == {f"python/__pycache__/a.{tag}.pyc", f"python/package/__pycache__/b.{tag}.pyc"}
    # Flag 1 and not 3 (PEP 552): found by the hash of the source, which is not compared.
    assert {content[4:8] for content in code.values()} == {b"\x01\0\0\0"}
    assert b"/opt/python/package/b.py" in code[f"python/package/__pycache__/b.{tag}.pyc"]


def test_no_python_no_bytecode(tmp_path: Path) -> None:
    """Without a Python of the target's version the layer holds sources only."""
    assert look_into(recipe(python=None).build(tmp_path)).bytecode == 0


def test_source_that_does_not_compile(tmp_path: Path) -> None:
    """A source that the target's Python cannot read ends the build and is named."""
    (tmp_path / "broken.py").write_text("def")

    with pytest.raises(LayerError, match=r"cannot compile(?s:.*)broken[.]py"):
        compile_tree(tmp_path, RUNNING)


def test_find_python() -> None:
    """The running Python is found for its own version, and none for one that nobody has."""
    running = ".".join(map(str, sys.version_info[:2]))

    assert find_python(running) == RUNNING
    assert find_python("3.99") is None


def test_targets() -> None:
    """A target names Lambda's architectures only, and wheels for its machine only."""
    with pytest.raises(LayerError, match="allowed are arm64, x86_64"):
        Target("aarch64")
    assert ARM.platforms == ("manylinux_2_28_aarch64", "manylinux2014_aarch64")
    assert host_target("3.12").python == "3.12"

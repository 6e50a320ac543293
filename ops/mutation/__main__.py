"""`python -m ops.mutation [FILE…]`: change the delivery code bit by bit and see whether the tests notice.

Every mutant runs the tests that concern it in a process forked from this one, which has the third-party packages
loaded already; no file is touched. Exit code 1 when a mutant lives on that `argued.toml` does not argue.
"""

from __future__ import annotations

import os
import re
import sys
import time
import tomllib
from collections.abc import Iterable, Iterator
from pathlib import Path

from ops.mutation.mutate import Mutant, mutants
from ops.mutation.run import Verdict, baseline, judge

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "layers" / "sluice" / "python" / "sluice"
DELIVERY = (
    "deliver.py",
    "publish.py",
    "claim.py",
    "sinks/aws_token.py",
    "sinks/cache.py",
    "sinks/cache_iam.py",
    "sinks/dead_letters.py",
    "sinks/topic.py",
    "sinks/topic_iam.py",
)
ARGUED = Path(__file__).with_name("argued.toml")
# A mutant that takes this many times as long as the unchanged code runs in a circle.
PATIENCE = 4


def main(names: list[str]) -> int:
    """Run the mutants of *names* (files of the package) and print those that no test killed."""
    files = [PACKAGE / name for name in names or DELIVERY]
    tests = concerned(files)
    seconds = baseline(tests)
    if seconds is None:
        print("mutation: the tests fail on the unchanged code", file=sys.stderr)
        return 2
    argued = {entry["mutant"]: entry["because"] for entry in tomllib.loads(ARGUED.read_text())["mutants"]}
    todo = [mutant for file in files for mutant in mutants(file)]
    print(f"{len(todo)} mutants, {len(tests)} test files, {seconds:.1f} s for the unchanged code", flush=True)
    verdicts = judge(todo, tests, seconds * PATIENCE + 5, os.cpu_count() or 1)
    return report(progress(verdicts, len(todo)), argued)


def concerned(files: list[Path]) -> list[str]:
    """Return the contract tests, and the unit tests that import a module among *files*, by way of a fake or not."""
    names = [file.relative_to(PACKAGE).with_suffix("").parts for file in files]
    modules = "|".join(re.escape(".".join(("sluice", *parts))) for parts in names)
    members = "|".join(
        f"from {'[.]'.join(('sluice', *parts[:-1]))} import .*\\b{parts[-1]}\\b" for parts in names
    )
    imports = f"(?:{modules})\\b|{members}"
    fakes = {path.stem: path.read_text() for path in ROOT.glob("tests/fakes/*.py")}
    while found := [name for name, text in fakes.items() if re.search(imports, text)]:
        imports += "".join(rf"|tests\.fakes\.{name}\b" for name in found)
        fakes = {name: text for name, text in fakes.items() if name not in found}
    unit = [path for path in ROOT.glob("tests/unit/**/*.py") if re.search(imports, path.read_text())]
    # A helper module of the tests, too, speaks for the folder it is in.
    tests = {
        path
        for found in unit
        for path in ([found] if found.stem.startswith("test_") else found.parent.glob("test_*.py"))
    }
    paths = sorted(tests) + sorted(ROOT.glob("tests/contract/**/test_*.py"))
    return [str(path.relative_to(ROOT)) for path in paths]


def progress(verdicts: Iterable[Verdict], total: int) -> Iterator[Verdict]:
    """Print where things stand every twenty seconds."""
    said = time.monotonic()
    for number, verdict in enumerate(verdicts, 1):
        if time.monotonic() - said > 20:
            said = time.monotonic()
            print(f"{number} of {total}", flush=True)
        yield verdict


def report(verdicts: Iterable[Verdict], argued: dict[str, str]) -> int:
    """Print the survivors with their argument, if there is one; return 1 when one has none."""
    all_verdicts = list(verdicts)
    survivors = sorted((v.mutant for v in all_verdicts if v.survived), key=lambda m: (m.path, m.line))
    for mutant in survivors:
        print(f"{'argued' if mutant.place in argued else 'ALIVE '} {describe(mutant)}")
    for place in argued.keys() - {mutant.place for mutant in survivors}:
        print(f"argued, yet killed or gone: {place}")
    alive = sum(mutant.place not in argued for mutant in survivors)
    print(
        f"{len(all_verdicts)} mutants, {len(all_verdicts) - len(survivors)} killed, {alive} alive without argument"
    )
    return 1 if alive else 0


def describe(mutant: Mutant) -> str:
    """Say where the mutant is, as `argued.toml` names it."""
    return f"line {mutant.line}: {mutant.place}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

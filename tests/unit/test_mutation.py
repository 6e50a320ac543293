"""The tool that changes the delivery code bit by bit."""

from __future__ import annotations

from pathlib import Path

from ops.mutation.mutate import mutants

MODULE = '''\
def cut(known: int | None, offset: int = 3) -> int | None:
    """Say which is first."""
    if offset < 0:
        return None
    if known is None or offset < known:
        print(offset, end="")
    return offset
'''


def test_every_site_once(tmp_path: Path) -> None:
    """Each place where behaviour is decided gives one mutant; annotations, docstrings and None give none."""
    module = tmp_path / "module.py"
    module.write_text(MODULE)

    changes = [mutant.place.rpartition(": ")[2] for mutant in mutants(module)]

    assert sorted(changes) == sorted(
        [
            "3 -> 4",
            "condition negated",
            "condition negated",
            "Lt -> LtE",
            "0 -> 1",
            "Or -> And",
            "Is -> IsNot",
            "Lt -> LtE",
            "expr -> pass",
            "without end=",
            "return -> return None",
        ]
    )


def test_mutants_differ(tmp_path: Path) -> None:
    """No two mutants of a module are the same program, and none is the module itself."""
    module = tmp_path / "module.py"
    module.write_text(MODULE)
    programs = [mutant.code for mutant in mutants(module)]

    assert len({*programs, compile(MODULE, str(module), "exec")}) == len(programs) + 1

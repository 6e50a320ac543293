"""Small changes to a module, each of which some test should notice."""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from types import CodeType
from typing import NamedTuple

COMPARISONS: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
}
ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
}
# No test can notice a change to these: annotations are not evaluated, a message is for people.
UNSEEN_FIELDS = {"annotation", "returns", "decorator_list", "type_params"}


class Mutant(NamedTuple):
    """One changed module; `place` is stable under changes elsewhere in the file."""

    path: Path
    line: int
    place: str
    code: CodeType


class _Site(NamedTuple):
    line: int
    function: str
    change: str
    apply: Callable[[], None]


def mutants(path: Path) -> Iterator[Mutant]:
    """Yield every mutant of the module at *path*."""
    source = path.read_text()
    lines = source.splitlines()
    seen: Counter[str] = Counter()
    for number in range(len(list(_sites(ast.parse(source))))):
        tree = ast.parse(source)  # anew: the last change is still in the old one
        site = list(_sites(tree))[number]
        site.apply()
        place = f"{path.name} {site.function}: {lines[site.line - 1].strip()}: {site.change}"
        seen[place] += 1
        place += f" ({seen[place]})" if seen[place] > 1 else ""
        yield Mutant(path, site.line, place, compile(ast.fix_missing_locations(tree), str(path), "exec"))


def _sites(tree: ast.Module) -> Iterator[_Site]:
    yield from _visit(tree, "module")


def _visit(node: ast.AST, function: str) -> Iterator[_Site]:
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        function = node.name
    for change, apply in _changes(node):
        yield _Site(getattr(node, "lineno", 1), function, change, apply)
    for field, value in ast.iter_fields(node):
        if field in UNSEEN_FIELDS or isinstance(node, ast.Raise):
            continue
        for index, child in enumerate(value if isinstance(value, list) else [value]):
            if isinstance(value, list) and isinstance(child, ast.stmt):
                yield from _without(value, index, child, function)
            if isinstance(child, ast.AST):
                yield from _visit(child, function)


def _without(body: list[ast.stmt], index: int, statement: ast.stmt, function: str) -> Iterator[_Site]:
    """Leave out a statement that does something, and turn one way out of a block into another."""
    replacement: ast.stmt = ast.Pass()
    match statement:
        case ast.Expr(value=ast.Constant()) | ast.Return(value=ast.Constant(None)):
            return
        case ast.Return(value=ast.expr()):
            replacement = ast.Return(ast.Constant(None))
        case ast.Continue():
            replacement = ast.Break()
        case ast.Expr() | ast.AugAssign() | ast.Raise() | ast.Break() | ast.Delete():
            pass
        case _:
            return
    word = ast.unparse(replacement)

    def apply() -> None:
        body[index] = ast.copy_location(replacement, statement)

    yield _Site(statement.lineno, function, f"{type(statement).__name__.lower()} -> {word}", apply)


def _changes(node: ast.AST) -> Iterator[tuple[str, Callable[[], None]]]:
    match node:
        case ast.Compare(ops=[op]) if type(op) in COMPARISONS:
            yield _swap(op, COMPARISONS[type(op)](), lambda new: setattr(node, "ops", [new]))
        case ast.BoolOp(op=op):
            other = ast.Or() if isinstance(op, ast.And) else ast.And()
            yield _swap(op, other, lambda new: setattr(node, "op", new))
        case ast.BinOp(op=op) | ast.AugAssign(op=op) if type(op) in ARITHMETIC:
            yield _swap(op, ARITHMETIC[type(op)](), lambda new: setattr(node, "op", new))
        case ast.If(test=test) | ast.IfExp(test=test) | ast.While(test=test):
            yield "condition negated", lambda: setattr(node, "test", ast.UnaryOp(ast.Not(), test))
        case ast.Constant(value=bool() as value):
            yield f"{value} -> {not value}", lambda: setattr(node, "value", not value)
        case ast.Constant(value=int() | float() as value):
            yield f"{value} -> {value + 1}", lambda: setattr(node, "value", value + 1)
        case ast.Call(keywords=keywords):
            for keyword in keywords:
                yield f"without {keyword.arg}=", partial(keywords.remove, keyword)


def _swap(old: ast.AST, new: ast.AST, put: Callable[[ast.AST], None]) -> tuple[str, Callable[[], None]]:
    return f"{type(old).__name__} -> {type(new).__name__}", lambda: put(new)

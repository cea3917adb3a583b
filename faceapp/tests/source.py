"""The project's own source code, read with `ast`: modules, imports and functions. Nothing is executed."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import NamedTuple

from environment import BASE_DIR

ROOT: Path = BASE_DIR
LEFT_OUT = {"tests", "migrations"}


class Import(NamedTuple):
    """One imported name, absolute, with the module that imports it."""

    importer: str
    name: str
    at_import_time: bool

    @property
    def importing_package(self) -> str:
        return self.importer.partition(".")[0]

    @property
    def package(self) -> str:
        return self.name.partition(".")[0]

    @property
    def module(self) -> str:
        """The first module below the imported package; empty for the package itself."""
        return [*self.name.split("."), ""][1]

    def __str__(self) -> str:
        return f"{self.importer} imports {self.name}"


@cache
def packages() -> set[str]:
    """Every package at the root of the project."""
    return {file.parent.name for file in ROOT.glob("*/__init__.py")} | {"sdk"}


@cache
def source_files() -> list[Path]:
    """Our own modules, without tests and migrations."""
    files = [file for package in sorted(packages()) for file in sorted((ROOT / package).rglob("*.py"))]
    return [file for file in files if not LEFT_OUT & set(file.relative_to(ROOT).parts)]


def module_name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def modules() -> set[str]:
    return {module_name(file) for file in source_files()}


@cache
def tree_of(file: Path) -> ast.Module:
    return ast.parse(file.read_text(), filename=str(file))


@cache
def imports() -> list[Import]:
    """Every import of our own modules; those for type checkers only are left out."""
    return [
        Import(module_name(file), name, at_import_time)
        for file in source_files()
        for name, at_import_time in imported_names(tree_of(file), package=".".join(file.relative_to(ROOT).parts[:-1]))
    ]


def imported_names(tree: ast.Module, *, package: str) -> Iterator[tuple[str, bool]]:
    """Each imported name of a module in `package`, and whether it is imported together with the module."""
    for node, at_import_time in _walk(tree.body, at_import_time=True):
        if isinstance(node, ast.Import):
            yield from ((alias.name, at_import_time) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            origin = ".".join([*above, *([node.module] if node.module else [])])
            yield from ((f"{origin}.{alias.name}", at_import_time) for alias in node.names)


def _walk(body: list[ast.stmt], *, at_import_time: bool) -> Iterator[tuple[ast.stmt, bool]]:
    for node in body:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            continue
        yield node, at_import_time
        inside = at_import_time and not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        for part in ("body", "orelse", "finalbody", "cases"):
            yield from _walk(getattr(node, part, []), at_import_time=inside)
        for handler in getattr(node, "handlers", []):
            yield from _walk(handler.body, at_import_time=inside)


def functions() -> Iterator[tuple[str, int]]:
    """The name of each function and its length in lines, without the docstring."""
    for file in source_files():
        for node in ast.walk(tree_of(file)):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                first = node.body[1:2] if ast.get_docstring(node) else node.body[:1]
                start = first[0].lineno if first else node.end_lineno
                yield f"{module_name(file)}.{node.name}", (node.end_lineno or 0) - (start or 0) + 1


def cycles(graph: Mapping[str, set[str]]) -> list[list[str]]:
    """The groups of nodes that reach each other: strongly connected components of two and more (Tarjan, 1972)."""
    found: list[list[str]] = []
    order: dict[str, int] = {}
    lowest: dict[str, int] = {}
    path: list[str] = []

    def visit(node: str) -> None:
        order[node] = lowest[node] = len(order)
        path.append(node)
        for target in sorted(graph.get(node, ())):
            if target not in order:
                visit(target)
                lowest[node] = min(lowest[node], lowest[target])
            elif target in path:
                lowest[node] = min(lowest[node], order[target])
        if lowest[node] == order[node]:
            place = path.index(node)
            if len(path) - place > 1:
                found.append(sorted(path[place:]))
            del path[place:]

    for node in sorted(graph):
        if node not in order:
            visit(node)
    return found

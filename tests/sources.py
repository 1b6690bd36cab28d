"""The Python files of both source roots, parsed once for the tests that hold rules."""

from __future__ import annotations

import ast
import dataclasses
import functools
from collections.abc import Iterator
from pathlib import Path

__all__ = ["PROJECT", "ROOTS", "Import", "Source", "servers", "sources"]

PROJECT = Path(__file__).resolve().parent.parent
ROOTS = (PROJECT / "magic", PROJECT / "cli")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    """One module that an import statement loads, at whatever depth it stands."""

    target: str
    line: int
    for_types_only: bool
    """Whether it stands under TYPE_CHECKING, and so never loads anything."""


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One Python file: where it is, what it is imported as, and its syntax tree."""

    path: Path
    name: str
    tree: ast.Module

    @property
    def is_package(self) -> bool:
        """Whether this is the __init__.py of a package."""
        return self.path.name == "__init__.py"

    @property
    def relative(self) -> Path:
        """The path below the project."""
        return self.path.relative_to(PROJECT)

    def imports(self) -> Iterator[Import]:
        """Every import, inside functions and under TYPE_CHECKING as well."""
        unloaded = {
            inner
            for node in ast.walk(self.tree)
            if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
            for statement in node.body
            for inner in ast.walk(statement)
        }
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import | ast.ImportFrom):
                for target in _targets(node):
                    yield Import(
                        target=target,
                        line=node.lineno,
                        for_types_only=node in unloaded,
                    )

    def has_code(self) -> bool:
        """Whether it does more than say what it is and pass names on."""
        return any(not _is_declaration(node) for node in self.tree.body)


@functools.cache
def sources() -> tuple[Source, ...]:
    """Every Python file of both roots, in the order of their names."""
    return tuple(
        Source(path=path, name=name, tree=ast.parse(path.read_bytes(), str(path)))
        for name, path in sorted(_names().items())
    )


@functools.cache
def _names() -> dict[str, Path]:
    return {
        _module_name(path.relative_to(root)): path
        for root in ROOTS
        for path in root.rglob("*.py")
    }


def _module_name(path: Path) -> str:
    parts = path.with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _targets(node: ast.Import | ast.ImportFrom) -> Iterator[str]:
    for alias in node.names:
        if isinstance(node, ast.Import):
            yield alias.name
        else:
            # `from a import b` loads a.b where that is a module of ours.
            inner = f"{node.module}.{alias.name}"
            yield inner if inner in _names() else node.module or ""


def _is_declaration(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Expr(value=ast.Constant()):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__")]):
            return True
        case _:
            return False


def servers() -> dict[str, Path]:
    """The modules of sslmagic.servers that run a server, by the server's name."""
    folder = PROJECT / "magic" / "sslmagic" / "servers"
    files = [*folder.glob("*.py"), *folder.glob("*/__init__.py")]
    found = {
        file.parent.name if file.stem == "__init__" else file.stem: file
        for file in files
    }
    return {name: file for name, file in found.items() if "run" in _exported(file)}


def _exported(file: Path) -> list[str]:
    for node in ast.parse(file.read_text("utf-8")).body:
        match node:
            case ast.Assign(targets=[ast.Name(id="__all__")], value=value):
                return [str(name) for name in ast.literal_eval(value)]
    return []

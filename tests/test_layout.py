"""The house keeps its shape: source roots, and a test module for every module."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.sources import PROJECT, ROOTS, Source, sources

TESTS = PROJECT / "tests"
PACKAGES = ("sslmagic", "sslmagic_cli")


def test_there_are_sources() -> None:
    assert {source.name for source in sources()} >= set(PACKAGES)


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_a_source_root_is_no_package(root: Path) -> None:
    """`import magic` belongs to python-magic, and `import cli` to nobody."""
    assert list(root.glob("*.py")) == []


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_a_source_root_holds_one_typed_package(root: Path) -> None:
    package = PACKAGES[ROOTS.index(root)]
    assert [path.name for path in root.iterdir() if path.name[0] != "."] == [package]
    assert (root / package / "py.typed").is_file()


@pytest.mark.parametrize("root", ROOTS, ids=lambda root: root.name)
def test_every_folder_of_modules_is_a_package(root: Path) -> None:
    folders = {path.parent for path in root.rglob("*.py")} - {root}
    assert [folder for folder in folders if not (folder / "__init__.py").exists()] == []


def test_tests_are_no_packages() -> None:
    """With --import-mode=importlib a package of tests would shadow what it tests."""
    assert list(TESTS.rglob("__init__.py")) == []


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_module_says_what_it_is(source: Source) -> None:
    assert ast.get_docstring(source.tree), f"{source.relative} has no docstring"


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_module_has_its_test_module(source: Source) -> None:
    if source.is_package and not source.has_code():
        return
    expected = _test_module(source)
    assert expected.is_file(), f"{source.relative} needs {_shown(expected)}"


def test_a_test_module_has_its_module() -> None:
    """One module's tests may be several files: test_hello.py, test_hello_records.py."""
    known = {_test_module(source) for source in sources()}
    strays = [
        _shown(path)
        for package in PACKAGES
        for path in (TESTS / package).rglob("test_*.py")
        if not any(
            path.parent == one.parent and re.fullmatch(rf"{one.stem}(_\w+)?", path.stem)
            for one in known
        )
    ]
    assert strays == []


def _test_module(source: Source) -> Path:
    """wire/magic.py is tested in wire/test_magic.py, the package wire in test_wire.py.

    The front page of a distribution's package is tested as a whole, in test_exports.py.
    """
    if source.name in PACKAGES:
        return TESTS / "test_exports.py"
    *folders, stem = source.name.split(".")
    return TESTS.joinpath(*folders, f"test_{stem.strip('_')}.py")


def _shown(path: Path) -> str:
    return path.relative_to(PROJECT).as_posix()

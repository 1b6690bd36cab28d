"""Every example in a docstring or a page does what it shows."""

from __future__ import annotations

import doctest
import importlib
from pathlib import Path

import pytest

import sslmagic
from tests.sources import PROJECT, Source, sources

PAGES = sorted({*PROJECT.glob("*.md"), *PROJECT.glob("docs/**/*.md")})
WITH_EXAMPLES = [
    source for source in sources() if ">>>" in source.path.read_text("utf-8")
]


def test_the_front_page_has_one_example() -> None:
    tests = doctest.DocTestFinder(recurse=False).find(sslmagic)
    assert len([test for test in tests if test.examples]) == 1


@pytest.mark.parametrize("source", WITH_EXAMPLES, ids=lambda source: source.name)
def test_examples_in_docstrings(source: Source) -> None:
    results = doctest.testmod(importlib.import_module(source.name))
    assert results.attempted
    assert not results.failed


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_examples_in_pages(page: Path) -> None:
    results = doctest.testfile(str(page), module_relative=False, encoding="utf-8")
    assert not results.failed

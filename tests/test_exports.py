"""What each module offers is what it says it offers, and the front page is small."""

from __future__ import annotations

import importlib
import types

import pytest

import sslmagic
from tests.sources import Source, sources

PROMISED = {
    "Decoder",
    "DecodeError",
    "EncodeError",
    "Endpoint",
    "IncompleteError",
    "Preamble",
    "SslMagicError",
    "TLV",
    "Trust",
    "UnixEndpoint",
    "UntrustedError",
    "decode",
    "encode",
}
"""Users and outside checks are written against these; they are never renamed."""


def test_the_front_page_keeps_its_promises() -> None:
    assert set(sslmagic.__all__) >= PROMISED


def test_the_front_page_is_a_page() -> None:
    assert len(sslmagic.__all__) <= 20


def test_the_front_page_hides_nothing() -> None:
    public = {
        name
        for name, value in vars(sslmagic).items()
        if not name.startswith("_") and not isinstance(value, types.ModuleType)
    }
    assert public - {"annotations"} == set(sslmagic.__all__)


@pytest.mark.parametrize("name", sorted(sslmagic.__all__))
def test_what_the_front_page_shows_is_explained(name: str) -> None:
    value = getattr(sslmagic, name)
    if isinstance(value, type) or callable(value):
        assert value.__doc__
        assert value.__module__.startswith("sslmagic.")
        assert name in importlib.import_module(value.__module__).__all__


@pytest.mark.parametrize("source", sources(), ids=lambda source: source.name)
def test_a_module_says_what_it_offers(source: Source) -> None:
    if source.is_package and not source.has_code():
        return
    module = importlib.import_module(source.name)
    offered = module.__all__
    assert [name for name in offered if not hasattr(module, name)] == []
    assert len(offered) == len(set(offered))
    assert [name for name in offered if name.startswith("_")] == []

"""Faults as the second reader sees them, which shares no line with what is tested."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pytest

from sslmagic.dissect.faults import FAULTS
from sslmagic.dissect.recipe import Connection, Recipe
from sslmagic.preamble import Preamble
from tests.sslmagic.dissect.recipes import IPV4, IPV6, PATH, session
from tests.vectors.second.octets import Refused
from tests.vectors.second.reader import decode

__all__ = ["check_valid", "every_family", "every_one_of", "made", "second"]

every_family = pytest.mark.parametrize("preamble", [IPV4, IPV6], ids=["ipv4", "ipv6"])


def every_one_of(module: ModuleType) -> pytest.MarkDecorator:
    """Every fault that a module makes, in every format that has it."""
    return pytest.mark.parametrize(
        ("name", "format"),
        [
            (one.name, format)
            for one in FAULTS.values()
            if one.change.__module__ == module.__name__
            for format in one.formats
        ],
    )


def made(name: str | None, format: str, preamble: Preamble) -> Connection:
    recipe = Recipe(
        path=PATH, preamble=preamble, format=format, session=session(), fault=name
    )
    return recipe.made()


def second(octets: bytes, format: str) -> tuple[str, int | None, dict[str, Any]]:
    """The verdict, where it points, and what was decoded."""
    try:
        return "valid", None, decode(octets, format)
    except Refused as refusal:
        return refusal.reason, refusal.offset, {}


def check_valid(one: Connection, format: str) -> None:
    """The second reader decodes what the connection is expected to say."""
    verdict, _, decoded = second(one.exchange.said["peer"], format)
    assert verdict == "valid"
    said: Any = one.expected.get("preamble") or {}
    tlvs = said.pop("tlvs", [])
    assert {key: decoded[key] for key in said} == said
    assert len(decoded.get("tlvs", [])) == len(tlvs)

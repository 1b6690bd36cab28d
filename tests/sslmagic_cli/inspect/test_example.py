"""example.py: a fault with its octets, and the one that is wrong marked."""

from __future__ import annotations

import pytest

from sslmagic.wire import encode
from sslmagic_cli.inspect.example import drawn
from tests.sslmagic.capture.made import PREAMBLE, hello, judged
from tests.sslmagic_cli.inspect.captured import EVIL
from tests.sslmagic_cli.inspect.strict import Element, parsed
from tests.vectors.vector import Vector, vectors


def read(octets: bytes) -> Element:
    said = drawn(judged(octets))
    return parsed(f"<!DOCTYPE html>\n<html>{said}</html>")


def test_the_octet_is_marked() -> None:
    page = read(b"\xcd\x03\x03\xff\xf5MAGI" + bytes(50))
    (mark,) = page.all("mark")
    assert mark.text == "ff"
    assert "length 65525" in page.said()


def test_the_end_of_a_front_that_is_too_short_is_marked() -> None:
    page = read(encode(PREAMBLE)[:9])
    assert [mark.text for mark in page.all("mark")] == []
    assert "9 octets of a preamble, and it was followed no further" in page.said()


def test_names_are_escaped() -> None:
    page = read(hello(EVIL))
    assert "</script><img src=x onerror=alert(1)>\\x1b[31m" in page.said()


@pytest.mark.parametrize("vector", vectors()[::5], ids=str)
def test_every_front_is_strict_html(vector: Vector) -> None:
    one = judged(vector.octets + hello())
    page = read(vector.octets + hello())
    assert len([*page.all("mark")]) == (
        one.is_fault and one.offset is not None and one.verdict != "missing"
    )

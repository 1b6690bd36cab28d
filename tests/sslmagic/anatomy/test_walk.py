"""anatomy/walk.py: a cursor that leaves no octet without a name."""

from __future__ import annotations

import pytest

from sslmagic.anatomy import Field, printable
from sslmagic.anatomy.walk import LostError, Names, Walk, following, number


def test_it_names_what_it_takes() -> None:
    walk = Walk(b"\0\x07abc")
    assert walk.take(2, "length", following) == b"\0\x07"
    assert walk.take(3, "name", "text", level=1) == b"abc"
    assert walk.fields == [
        Field(0, b"\0\x07", "length", "7 octets follow", 0),
        Field(2, b"abc", "name", "text", 1),
    ]


def test_what_it_takes_may_be_cut_short() -> None:
    walk = Walk(b"abc")
    with pytest.raises(LostError):
        walk.take(4, "name", "text")
    assert walk.fields == [Field(0, b"abc", "name", "cut short: 3 of 4 octets")]
    assert walk.at == 3


def test_nothing_has_no_name() -> None:
    walk = Walk(b"")
    with pytest.raises(LostError):
        walk.take(1, "name")
    walk.remainder("rest")
    assert walk.fields == []


def test_it_stops_where_the_preamble_ends() -> None:
    walk = Walk(b"abcdef")
    walk.stop_at(4)
    assert walk.whole
    assert walk.peek(9) == b"abcd"
    walk.remainder("all")
    assert walk.fields == [Field(0, b"abcd", "all", "")]


@pytest.mark.parametrize(("end", "whole"), [(6, True), (7, False)])
def test_it_knows_whether_it_has_it_whole(end: int, whole: bool) -> None:
    walk = Walk(b"abcdef")
    walk.stop_at(end)
    assert (walk.end, walk.whole) == (6, whole)


def test_a_preamble_never_ends_before_what_was_read() -> None:
    walk = Walk(b"abcdef")
    walk.take(3, "head")
    walk.stop_at(1)
    assert walk.end == 3


@pytest.mark.parametrize(
    ("octets", "field"),
    [
        (b"MAGIC", Field(0, b"MAGI", "signature", "MAGI")),
        (b"MA", Field(0, b"MA", "signature", "cut short: 2 of 4 octets")),
        (b"MAGE", Field(0, b"MAGE", "signature", "a preamble has 4D 41 47 49 here")),
    ],
)
def test_what_is_always_the_same(octets: bytes, field: Field) -> None:
    walk = Walk(octets)
    try:
        walk.expect(b"MAGI", "signature", "MAGI")
    except LostError:
        assert field.meaning != "MAGI"
    assert walk.fields == [field]


def test_what_a_value_means() -> None:
    names = Names({7: "seven"})
    assert names.said(b"\x07") == "seven"
    assert names.said(b"\x08") == "not defined"


def test_numbers() -> None:
    assert number(b"\x01\x02") == 258
    assert [following(bytes([n])) for n in (0, 1, 2)] == [
        "0 octets follow",
        "1 octet follows",
        "2 octets follow",
    ]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("shop.example", "shop.example"),
        ("caf\u00e9", "caf\u00e9"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("a\nb\x7f", "a\\nb\\x7f"),
        ("\u202egpj.exe", "\\u202egpj.exe"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_a_terminal_would_obey_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown

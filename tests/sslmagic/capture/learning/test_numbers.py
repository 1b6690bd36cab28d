"""numbers.py: every way in which the numbers at one place may be written."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.numbers import numbers
from sslmagic.wire.computed import Length


def read(*samples: bytes, at: int = 0) -> dict[Length, list[int]]:
    found = {}
    for length, said, behind in numbers(samples, (at,) * len(samples)):
        found[length] = said
        for octets, number, end in zip(samples, said, behind, strict=True):
            assert length.write(number) == octets[at:end]
    return found


def test_octets_in_either_order() -> None:
    found = read(b"\0\1\0\3", b"\0\2\0\4")
    assert found == {
        Length(width=1): [0, 0],
        Length(width=2): [1, 2],
        Length(width=2, order="little"): [256, 512],
        Length(width=4): [0x10003, 0x20004],
        Length(width=4, order="little"): [0x3000100, 0x4000200],
    }


@pytest.mark.parametrize(
    ("samples", "width", "said"),
    [
        ((b"9;", b"12;"), None, [9, 12]),
        ((b"09;", b"12;"), 2, [9, 12]),
        ((b"0;", b"12;"), None, [0, 12]),
    ],
)
def test_decimals(
    samples: tuple[bytes, ...], width: int | None, said: list[int]
) -> None:
    assert read(*samples)[Length(form="decimal", width=width)] == said


@pytest.mark.parametrize(
    "samples", [(b"09;", b"112;"), (b"9;", b"x;"), (b"123456;", b"9;"), (b"", b"9;")]
)
def test_no_decimals(samples: tuple[bytes, ...]) -> None:
    assert [one for one in read(*samples) if one.form == "decimal"] == []


def test_hex_has_one_case_or_none() -> None:
    upper = Length(form="hex", width=2, upper=True)
    assert read(b"0A", b"1B")[upper] == [10, 27]
    assert Length(form="hex", width=2) in read(b"01", b"12")
    assert [one for one in read(b"0A", b"0b") if one.form == "hex"] == []


def test_nothing_stands_behind_the_end() -> None:
    assert read(b"A", b"B", at=1) == {}

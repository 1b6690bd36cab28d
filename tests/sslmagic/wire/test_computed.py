"""Lengths and checksums: what a layout may say of them, read and written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from sslmagic.errors import ConfigurationError, DecodeError, EncodeError, Reason
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.parts import Part


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: Length(of="all"), "of='all' is none of rest, whole, next"),  # type: ignore[arg-type]
        (lambda: Length(width=3), "width=3 is none of 1, 2, 4"),
        (lambda: Length(form="decimal", width=9), "none of none, 1, 2, 3, 4, 5"),
        (lambda: Length(form="octal"), "octets, decimal, hex"),  # type: ignore[arg-type]
        (lambda: Length(form="hex"), "width=None is none of 2, 4"),
        (lambda: Length(width=2, order="middle"), "big, little"),  # type: ignore[arg-type]
        (lambda: Length(width=True), "width=True"),
        (lambda: Checksum(algorithm="md5"), "algorithm='md5'"),  # type: ignore[arg-type]
        (lambda: Checksum(algorithm="crc32", width=2), "crc32 has 4"),
        (lambda: Checksum(width=0), "unknown has 1"),
        (lambda: Checksum(order="none"), "order='none'"),  # type: ignore[arg-type]
    ],
)
def test_what_no_layout_may_say(make: Callable[[], Part], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        make()


@pytest.mark.parametrize(
    ("part", "count", "field"),
    [
        (Length(width=1), 19, b"\x13"),
        (Length(width=2), 19, b"\0\x13"),
        (Length(width=2, order="little"), 19, b"\x13\0"),
        (Length(width=4, bias=-3), 19, b"\0\0\0\x10"),
        (Length(form="decimal"), 19, b"19"),
        (Length(form="decimal", width=4, bias=1), 19, b"0020"),
        (Length(form="hex", width=2), 27, b"1b"),
        (Length(form="hex", width=4, upper=True, bias=1), 27, b"001C"),
    ],
)
def test_lengths(part: Length, count: int, field: bytes) -> None:
    assert part.write(count) == field
    assert part.count(field) == count
    assert part.least <= len(field) <= part.most
    assert part.ends_outside == (part.form == "decimal" and part.width is None)
    part.check(field, 0, len(field))


@pytest.mark.parametrize(
    ("part", "count"),
    [
        (Length(width=1), 256),
        (Length(width=1), -1),
        (Length(form="decimal", width=2), 100),
        (Length(form="decimal"), -1),
        (Length(form="hex", width=2), 256),
        (Length(form="hex", width=2), -1),
    ],
)
def test_a_length_that_does_not_fit(part: Length, count: int) -> None:
    with pytest.raises(EncodeError, match="does not fit"):
        part.write(count)


def test_a_decimal_has_digits_only() -> None:
    with pytest.raises(DecodeError, match="78 has no place in the length") as caught:
        Length(form="decimal").check(b"1x", 0, 2)
    assert (caught.value.reason, caught.value.offset) == (Reason.LINE, 1)


def test_hex_is_read_in_either_case_and_nothing_else_is() -> None:
    part = Length(form="hex", width=2)
    assert part.count(b"1B") == part.count(b"1b") == 27
    with pytest.raises(DecodeError, match="2B has no place in the length"):
        part.check(b"+1", 0, 2)


def test_zeros_in_front_are_of_a_width() -> None:
    assert Length(form="decimal", width=2).count(b"07") == 7
    assert Length(form="decimal").count(b"0") == 0
    with pytest.raises(ValueError, match="'07' starts with a zero"):
        Length(form="decimal").count(b"07")


@pytest.mark.parametrize(
    ("part", "right"),
    [
        # The octets 1 to 9 in ASCII, of which the CRCs' check values are known.
        (Checksum(algorithm="xor8"), "31"),
        (Checksum(algorithm="sum8"), "dd"),
        (Checksum(algorithm="sum16", width=2), "01dd"),
        (Checksum(algorithm="sum16", width=2, order="little"), "dd01"),
        (Checksum(algorithm="crc32", width=4), "cbf43926"),
        (Checksum(algorithm="crc32c", width=4), "e3069283"),
    ],
)
def test_checksums(part: Checksum, right: str) -> None:
    assert part.of(b"123456789").hex() == right
    assert (part.least, part.most) == (part.width, part.width)


def test_a_checksum_nobody_knows_is_not_written() -> None:
    with pytest.raises(EncodeError, match="not known"):
        Checksum(width=2).of(b"")

"""Addresses and ports in every spelling, both ways."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sslmagic.address import pack_host
from sslmagic.errors import ConfigurationError
from sslmagic.wire.fields import Address, Port

FOUR, SIX = "203.0.113.9", "2001:db8::1f"


@pytest.mark.parametrize(
    ("spelling", "host", "field"),
    [
        ({}, FOUR, b"\xcb\0\x71\x09"),
        ({"order": "little"}, FOUR, b"\x09\x71\0\xcb"),
        ({"width": 16}, FOUR, bytes(10) + b"\xff\xff\xcb\0\x71\x09"),
        (
            {"width": 16, "order": "little"},
            SIX,
            b"\x1f" + bytes(11) + b"\xb8\x0d\1\x20",
        ),
        ({"form": "text"}, FOUR, b"203.0.113.9"),
        ({"form": "text"}, SIX, b"2001:db8::1f"),
        ({"form": "text", "family": "ipv4"}, FOUR, b"203.0.113.9"),
        ({"form": "text", "family": "ipv6"}, FOUR, b"::ffff:203.0.113.9"),
        (
            {"form": "text", "family": "ipv6", "upper": True},
            FOUR,
            b"::FFFF:203.0.113.9",
        ),
        ({"form": "text", "upper": True}, SIX, b"2001:DB8::1F"),
        (
            {"form": "text", "full": True},
            SIX,
            b"2001:0db8:0000:0000:0000:0000:0000:001f",
        ),
        ({"form": "decimal"}, FOUR, b"3405803785"),
        ({"form": "decimal", "order": "little"}, FOUR, b"158400715"),
        ({"form": "hex"}, FOUR, b"cb007109"),
        ({"form": "hex", "upper": True, "order": "little"}, FOUR, b"097100CB"),
        ({"form": "hex", "width": 16}, SIX, b"20010db800000000000000000000001f"),
    ],
)
def test_addresses(spelling: dict[str, Any], host: str, field: bytes) -> None:
    part = Address(of="source", **spelling)
    packed = pack_host(host)
    assert part.carries(packed)
    assert part.write(packed) == field
    assert part.read(field) == packed
    assert part.least <= len(field) <= part.most
    part.check(field, 0, len(field))
    assert part.ends_outside == (part.form in ("text", "decimal"))
    assert part.name == "source"


@pytest.mark.parametrize(
    "part",
    [
        Address(of="source"),
        Address(of="source", form="decimal"),
        Address(of="source", form="hex"),
        Address(of="source", form="text", family="ipv4"),
    ],
)
def test_what_is_for_ipv4_carries_no_ipv6(part: Address) -> None:
    assert not part.carries(pack_host(SIX))


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (Address(of="source", form="text"), b"1.2.3"),
        (Address(of="source", form="text"), b"1:2"),
        (Address(of="source", form="text", family="ipv6"), b"1.2.3.4"),
        (Address(of="source", form="text", family="ipv4"), b"01.2.3.4"),
        (Address(of="source", form="decimal"), b"4294967296"),
        (Address(of="source", form="decimal"), b"01"),
        (Port(of="source", form="decimal"), b"65536"),
        (Port(of="source", form="decimal"), b"0443"),
        (Port(of="source", form="decimal", width=5), b"99999"),
        (Port(of="source", form="hex"), b"01bb"),
        (Port(of="source", width=4), b"\0\1\0\0"),
    ],
)
def test_what_is_none(part: Address | Port, field: bytes) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        part.read(field)


@pytest.mark.parametrize(
    ("spelling", "field"),
    [
        ({"width": 2}, b"\x01\xbb"),
        ({"width": 2, "order": "little"}, b"\xbb\x01"),
        ({"width": 4}, b"\0\0\x01\xbb"),
        ({"form": "decimal"}, b"443"),
        ({"form": "decimal", "width": 5}, b"00443"),
        ({"form": "hex"}, b"1bb"),
        ({"form": "hex", "upper": True}, b"1BB"),
        ({"form": "hex", "width": 4}, b"01bb"),
        ({"form": "hex", "width": 4, "order": "little", "upper": True}, b"BB01"),
    ],
)
def test_ports(spelling: dict[str, Any], field: bytes) -> None:
    part = Port(of="destination", **spelling)
    assert part.write(443) == field
    assert part.read(field) == 443
    assert part.least <= len(field) <= part.most
    part.check(field, 0, len(field))
    assert part.ends_outside == (part.width is None)
    assert part.name == "destination port"


@pytest.mark.parametrize(
    "make",
    [
        lambda: Address(of="client"),  # type: ignore[arg-type]
        lambda: Address(of="source", form="base64"),  # type: ignore[arg-type]
        lambda: Address(of="source", width=6),
        lambda: Address(of="source", form="decimal", width=16),
        lambda: Address(of="source", order="up"),  # type: ignore[arg-type]
        lambda: Address(of="source", form="text", family="ipv5"),  # type: ignore[arg-type]
        lambda: Port(of="source"),
        lambda: Port(of="source", width=3),
        lambda: Port(of="x", width=2),  # type: ignore[arg-type]
        lambda: Port(of="source", form="x"),  # type: ignore[arg-type]
        lambda: Port(of="source", form="decimal", order="little"),
    ],
)
def test_what_no_layout_may_say(make: Callable[[], object]) -> None:
    with pytest.raises(ConfigurationError, match="is none of"):
        make()


def test_ipv6_text_is_read_however_it_is_abbreviated() -> None:
    address = Address(of="source", form="text", family="ipv6")
    for text in (b"2001:db8::9", b"2001:0DB8:0:0::0009"):
        assert address.write(address.read(text)) == b"2001:db8::9"

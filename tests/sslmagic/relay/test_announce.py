"""Preambles made from connections, and said again in another format."""

from __future__ import annotations

import pytest

from sslmagic import wire
from sslmagic.decoder import decode
from sslmagic.errors import EncodeError
from sslmagic.preamble import Command, Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.relay.announce import announce, respeak
from sslmagic.tlv import TLV

V4 = ("203.0.113.9", 51234)
V6 = ("2001:db8::9", 51234, 0, 0)
MAPPED = ("::ffff:203.0.113.9", 51234, 0, 0)


@pytest.mark.parametrize("format", wire.FORMATS)
@pytest.mark.parametrize(
    ("name", "local", "source", "destination"),
    [
        (V4, ("198.51.100.2", 443), V4, ("198.51.100.2", 443)),
        (V6, ("2001:db8::2", 443, 0, 0), V6[:2], ("2001:db8::2", 443)),
        (MAPPED, ("::ffff:198.51.100.2", 443, 0, 0), V4, ("198.51.100.2", 443)),
        (
            ("fe80::9%eth0", 1, 0, 2),
            ("fe80::2", 443, 0, 2),
            ("fe80::9", 1),
            ("fe80::2", 443),
        ),
    ],
    ids=["IPv4", "IPv6", "mapped", "zone"],
)
def test_a_client_is_announced(
    name: tuple[str, int],
    local: tuple[str, int],
    source: tuple[str, int],
    destination: tuple[str, int],
    format: str,
) -> None:
    preamble, octets = decode(announce(name, local, format), format)
    assert preamble.source == Endpoint(*source)
    assert preamble.destination == Endpoint(*destination)
    assert octets == b""


def test_an_ipv4_client_of_an_ipv6_address_is_said_as_ipv6() -> None:
    preamble, _ = decode(announce(V4, ("2001:db8::2", 443, 0, 0), "proxy2"), "proxy2")
    assert preamble.transport is Transport.TCP6
    assert preamble.source == Endpoint(*V4)


@pytest.mark.parametrize("name", ["", b"\0abstract"])
def test_a_unix_client_is_unnamed(name: str | bytes) -> None:
    preamble, _ = decode(announce(name, "/run/gateway", "magic"), "magic")
    assert preamble.source == UnixEndpoint("")
    assert preamble.destination == UnixEndpoint("/run/gateway")


def test_a_client_that_cannot_be_one_is_not_announced() -> None:
    with pytest.raises(EncodeError, match="port 0"):
        announce(("203.0.113.9", 0), ("198.51.100.2", 443), "magic")


HOP = TLV(4, b"\0")
NAME = TLV(2, b"shop.example")
ODD = TLV(2, b"under_score")
ALPN = TLV(1, b"h2")
GREASE = TLV(1, b"\n\n")


@pytest.mark.parametrize(
    ("tlvs", "format", "kept"),
    [
        ([NAME, HOP, ALPN], "proxy2", (NAME, ALPN)),
        ([NAME, HOP, ALPN], "magic", (NAME, ALPN)),
        ([ODD, GREASE], "magic", ()),
        ([ODD, GREASE], "proxy2", (ODD, GREASE)),
        ([NAME, TLV(0xE5, b"v1|..."), TLV(0xEA, b"\x01vpce-1")], "proxy1", ()),
        ([TLV(0xE5, b"v1|..."), NAME], "magic", (NAME,)),
    ],
)
def test_what_belongs_to_a_hop_or_does_not_fit_is_left_out(
    tlvs: list[TLV], format: str, kept: tuple[TLV, ...]
) -> None:
    said = Preamble(source=V4, destination=("198.51.100.2", 443), tlvs=tlvs)
    preamble, _ = decode(respeak(said, format), format)
    assert preamble.tlvs == kept
    assert preamble.source == said.source


@pytest.mark.parametrize("format", ["magic", "proxy1"])
def test_local_stays_local_with_the_tlvs_that_fit(format: str) -> None:
    octets = respeak(Preamble.local([NAME, HOP]), format)
    if format == "proxy1":
        assert octets == b"PROXY UNKNOWN\r\n"
    else:
        assert decode(octets, format)[0] == Preamble.local([NAME])
    assert decode(octets, format)[0].source is None


@pytest.mark.parametrize("format", ["proxy1", "proxy2"])
def test_unknown_stays_unknown(format: str) -> None:
    unknown = Preamble(command=Command.PROXY, transport=Transport.UNKNOWN)
    assert decode(respeak(unknown, format), format)[0].source is None


def test_magic_says_unknown_as_local() -> None:
    unknown = Preamble(command=Command.PROXY, transport=Transport.UNKNOWN)
    assert decode(respeak(unknown, "magic"), "magic")[0] == Preamble.local()


def test_proxy1_has_no_unix_clients() -> None:
    unix = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    with pytest.raises(EncodeError, match="UNIX"):
        respeak(unix, "proxy1")
    assert announce("", "/run/gateway", "proxy1") == b"PROXY UNKNOWN\r\n"


def test_a_preamble_that_becomes_too_long_is_not_said() -> None:
    long = Preamble(
        source=V4, destination=("198.51.100.2", 443), tlvs=[TLV(0xE7, bytes(600))]
    )
    with pytest.raises(EncodeError, match="limit"):
        respeak(long, "magic")

"""wire/proxy2.py beyond the vectors: PROXY protocol version 2."""

from __future__ import annotations

import pytest

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV, Type
from sslmagic.wire import Frame, proxy2

PREAMBLE = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
AWS_LOCAL = bytes.fromhex(
    "0d0a0d0a000d0a515549540a 20 11 0054 03 0004 bce5951f 04 004a"
) + bytes(74)


def parsed(octets: bytes) -> Preamble:
    framing = proxy2.frame(octets)
    assert framing.length == len(octets)
    return proxy2.parse(Frame("proxy2", octets))


@pytest.mark.parametrize(
    "preamble",
    [
        PREAMBLE,
        Preamble(source=("2001:db8::1", 1), destination=("198.51.100.2", 2)),
        Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
        Preamble(
            source=("1.2.3.4", 1), destination=("1.2.3.4", 2), transport=Transport.UDP4
        ),
        Preamble(
            source=UnixEndpoint("/a"),
            destination=UnixEndpoint(),
            transport=Transport.UNIX_DGRAM,
        ),
        Preamble(transport=Transport.UNKNOWN, tlvs=[(0xF0, b"x")]),
        Preamble(
            source=("1.2.3.4", 1),
            destination=("1.2.3.4", 2),
            tlvs=[(Type.AUTHORITY, b"a_b.example"), (Type.NOOP, b"")],
        ),
        Preamble.local(),
    ],
)
def test_round_trips(preamble: Preamble) -> None:
    assert parsed(proxy2.encode(preamble)) == preamble


def test_a_checksum_is_carried_and_checked() -> None:
    octets = proxy2.encode(PREAMBLE, crc32c=True)
    assert parsed(octets).tlvs[0].type == Type.CRC32C
    with pytest.raises(DecodeError) as caught:
        parsed(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert caught.value.reason is Reason.CHECKSUM


def test_the_health_check_of_aws_names_nobody() -> None:
    assert parsed(AWS_LOCAL) == Preamble.local()


def test_local_is_not_interpreted_whatever_it_holds() -> None:
    octets = bytearray(proxy2.encode(PREAMBLE))
    octets[12], octets[13] = 0x20, 0x77
    assert parsed(bytes(octets)) == Preamble.local()


def test_mapped_pairs_are_ipv4() -> None:
    mapped = bytes(10) + b"\xff\xff"
    block = mapped + b"\x01\x02\x03\x04" + mapped + b"\x05\x06\x07\x08\0\x01\0\x02"
    octets = proxy2.SIGNATURE + b"\x21\x22\0\x24" + block
    assert parsed(octets) == Preamble(
        source=("1.2.3.4", 1), destination=("5.6.7.8", 2), transport=Transport.UDP4
    )
    wrong = octets[:-4] + b"\0\0\0\x02"
    with pytest.raises(DecodeError, match="port 0") as caught:
        parsed(wrong)
    assert caught.value.offset == 16 + 32
    multicast = octets[:28] + b"\xe0" + octets[29:]
    with pytest.raises(DecodeError, match="multicast") as caught:
        parsed(multicast)
    assert caught.value.offset == 16


def test_a_fault_of_a_plain_block_keeps_its_offset() -> None:
    octets = proxy2.encode(PREAMBLE)
    with pytest.raises(DecodeError) as caught:
        parsed(octets[:24] + b"\0\0" + octets[26:])
    assert caught.value.offset == 24


@pytest.mark.parametrize("octet", range(256))
def test_only_defined_transports_are_accepted(octet: int) -> None:
    octets = proxy2.SIGNATURE + bytes((0x21, octet)) + b"\0\xd8" + b"\x01" * 216
    if octet in {t.value for t in Transport}:
        proxy2.frame(octets)
    else:
        with pytest.raises(DecodeError) as caught:
            proxy2.frame(octets[:14])
        assert caught.value.reason is Reason.FAMILY


@pytest.mark.parametrize("octet", range(256))
def test_only_version_2_and_its_two_commands(octet: int) -> None:
    octets = proxy2.SIGNATURE + bytes([octet])
    if octet in (0x20, 0x21):
        assert proxy2.frame(octets).wanted == 3
    else:
        with pytest.raises(DecodeError) as caught:
            proxy2.frame(octets)
        assert caught.value.reason is (
            Reason.COMMAND if octet >> 4 == 2 else Reason.VERSION
        )


@pytest.mark.parametrize("transport", Transport)
def test_a_block_that_is_too_short_is_refused(transport: Transport) -> None:
    least = transport.block_length
    head = proxy2.SIGNATURE + bytes((0x21, transport))
    proxy2.frame(head + least.to_bytes(2, "big"))
    if least:
        with pytest.raises(DecodeError) as caught:
            proxy2.frame(head + (least - 1).to_bytes(2, "big"))
        assert (caught.value.reason, caught.value.offset) == (Reason.LENGTH, 14)


def test_the_limit_holds_before_the_octets_are_in() -> None:
    head = proxy2.SIGNATURE + b"\x20\x00"
    assert proxy2.frame(head + (4080).to_bytes(2, "big")).length == 4096
    with pytest.raises(DecodeError) as caught:
        proxy2.frame(head + (4081).to_bytes(2, "big"))
    assert (caught.value.reason, caught.value.offset) == (Reason.OVERSIZE, 14)


def test_a_preamble_that_is_too_long_is_not_made() -> None:
    tlv = TLV(0xF0, bytes(4096 - 16 - 3))
    assert len(proxy2.encode(Preamble.local([tlv]))) == 4096
    with pytest.raises(EncodeError, match="4097 octets, where 4096"):
        proxy2.encode(Preamble.local([TLV(0xF0, bytes(4096 - 16 - 2))]))

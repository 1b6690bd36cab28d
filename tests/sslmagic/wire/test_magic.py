"""wire/magic.py beyond the vectors: MAGIC version 1."""

from __future__ import annotations

import pytest

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV, Type
from sslmagic.wire import Frame, magic

PREAMBLE = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
SIGNED = bytes.fromhex(
    "cd0303 0043 4d414749 11 11 01  00 00 0000 00000007 000001a20ada2c00"
    "000102030405060708090a0b0c0d0e0f cb007109c6336402c82201bb"
    "8519c099178ea551e1eda50d6888e082"
)


def parsed(octets: bytes) -> Preamble:
    framing = magic.frame(octets)
    assert framing.length == len(octets)
    assert framing.wanted == 0
    return magic.parse(Frame("magic", octets, magic.proof(octets)))


@pytest.mark.parametrize(
    ("preamble", "length"),
    [
        (PREAMBLE, 24),
        (Preamble(source=("2001:db8::1", 1), destination=("2001:db8::2", 2)), 48),
        (Preamble(source=("2001:db8::1", 1), destination=("198.51.100.2", 2)), 48),
        (Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")), 228),
        (Preamble.local(), 12),
        (Preamble.local([(0xF0, b"")] * 32), 108),
    ],
)
def test_lengths_of_the_specification(preamble: Preamble, length: int) -> None:
    octets = magic.encode(preamble)
    assert len(octets) == length
    assert parsed(octets) == preamble


def test_wanted_is_never_more_than_the_preamble() -> None:
    for octets in (magic.encode(PREAMBLE), magic.encode(Preamble.local()), SIGNED):
        for cut in range(len(octets)):
            framing = magic.frame(octets[:cut])
            assert 1 <= framing.wanted <= len(octets) - cut


def test_a_checksum_is_carried_and_checked() -> None:
    octets = magic.encode(PREAMBLE, crc32c=True)
    assert parsed(octets).tlvs[0].type == Type.CRC32C
    with pytest.raises(DecodeError) as caught:
        parsed(octets[:-1] + bytes([octets[-1] ^ 1]))
    assert caught.value.reason is Reason.CHECKSUM


def test_a_proof_is_read_and_not_judged() -> None:
    proof = magic.proof(SIGNED)
    assert proof is not None
    assert proof.profile == 1
    assert proof.key_id == 7
    assert proof.created == 1795478400000
    assert proof.nonce == bytes(range(16))
    assert proof.tag.hex() == "8519c099178ea551e1eda50d6888e082"
    assert parsed(SIGNED) == PREAMBLE
    assert magic.proof(magic.encode(PREAMBLE)) is None


def test_a_checksum_beside_a_tag_is_refused() -> None:
    preamble = Preamble.local([(0xF0, b"x"), (Type.CRC32C, bytes(4))])
    with pytest.raises(EncodeError, match="beside a tag"):
        magic.compose(preamble, profile=1, proof=bytes(32), limit=536)
    tlvs = b"\xf0\0\1x\x03\0\x04" + bytes(4)
    octets = (
        b"\xcd\x03\x03"
        + (7 + 32 + len(tlvs) + 16).to_bytes(2, "big")
        + b"MAGI\x10\0\x01"
        + SIGNED[12:44]
        + tlvs
        + bytes(16)
    )
    with pytest.raises(DecodeError, match="beside a tag") as caught:
        parsed(octets)
    assert caught.value.offset == 48


@pytest.mark.parametrize(
    ("preamble", "says"),
    [
        (Preamble(transport=Transport.UNKNOWN), "does not carry PROXY of UNKNOWN"),
        (
            Preamble(
                source=("1.2.3.4", 1),
                destination=("1.2.3.4", 1),
                transport=Transport.UDP4,
            ),
            "does not carry PROXY of UDP4",
        ),
        (Preamble.local([(0xF0, b"")] * 33), "33 TLVs"),
        (Preamble.local([(0xF0, bytes(522))]), "537 octets, where 536"),
        (Preamble.local([(Type.AUTHORITY, b"a_b")]), "AUTHORITY"),
        (Preamble.local([(Type.CRC32C, b"abcd")]), "CRC32C"),
    ],
)
def test_what_magic_cannot_carry(preamble: Preamble, says: str) -> None:
    with pytest.raises(EncodeError, match=says):
        magic.encode(preamble)


def test_the_length_field_bounds_every_limit() -> None:
    largest = Preamble.local([TLV(0xF0, bytes(0xFFFF + 5 - 12 - 3))])
    assert len(magic.encode(largest, limit=1 << 20)) == 0xFFFF + 5
    over = Preamble.local([TLV(0xF0, bytes(0xFFFF + 5 - 12 - 2))])
    with pytest.raises(EncodeError, match="65541 octets, where 65540"):
        magic.encode(over, limit=1 << 20)


def test_too_many_tlvs_are_refused_at_the_first_one_too_many() -> None:
    tlvs = b"\xf0\0\0" * 33
    octets = (
        b"\xcd\x03\x03" + (7 + len(tlvs)).to_bytes(2, "big") + b"MAGI\x10\0\0" + tlvs
    )
    with pytest.raises(DecodeError, match="33 TLVs") as caught:
        parsed(octets)
    assert caught.value.offset == 12 + 32 * 3


@pytest.mark.parametrize(
    ("at", "octet", "reason"),
    [
        (0, 0xCC, Reason.FORMAT),
        (2, 0x01, Reason.FORMAT),
        (3, 0xFF, Reason.OVERSIZE),
        (4, 0x06, Reason.LENGTH),
        (5, 0x6D, Reason.FORMAT),
        (9, 0x21, Reason.VERSION),
        (9, 0x12, Reason.COMMAND),
        (9, 0x10, Reason.FAMILY),
        (10, 0x00, Reason.FAMILY),
        (10, 0x12, Reason.FAMILY),
        (11, 0x03, Reason.PROFILE),
        (11, 0x01, Reason.LENGTH),
    ],
)
def test_a_wrong_octet_is_refused_as_soon_as_it_is_in(
    at: int, octet: int, reason: Reason
) -> None:
    octets = bytearray(magic.encode(PREAMBLE))
    octets[at] = octet
    # A length is two octets; what a command allows is known with the family, and
    # what a profile needs with the profile.
    known = max(at + 1, 5 if at in (3, 4) else 0, 11 if octet == 0x10 else 0)
    for cut in range(at + 1):
        magic.frame(bytes(octets[:cut]))
    with pytest.raises(DecodeError) as caught:
        magic.frame(bytes(octets[:known]))
    assert caught.value.reason is reason


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (12, b"\x03"),
        (13, b"\x02"),
        (14, b"\x00\x01"),
        (16, bytes(4)),
        (12, b"\x01"),
    ],
)
def test_a_proof_block_is_refused_as_soon_as_it_is_wrong(at: int, value: bytes) -> None:
    octets = bytearray(SIGNED)
    octets[at : at + len(value)] = value
    for cut in range(at):
        magic.frame(bytes(octets[:cut]))
    with pytest.raises(DecodeError) as caught:
        magic.frame(bytes(octets))
    assert caught.value.reason is Reason.PROFILE


def test_bound_octets_have_a_limit() -> None:
    octets = bytearray(SIGNED)
    octets[12] = 2
    octets[14:16] = (17408).to_bytes(2, "big")
    magic.frame(bytes(octets))
    octets[14:16] = (17409).to_bytes(2, "big")
    with pytest.raises(DecodeError, match="17409 bound octets"):
        magic.frame(bytes(octets))


def test_local_binds_nothing() -> None:
    octets = bytearray(SIGNED[:44] + SIGNED[56:])
    octets[3:5] = (len(octets) - 5).to_bytes(2, "big")
    octets[9:11] = b"\x10\x00"
    assert parsed(bytes(octets)) == Preamble.local()
    octets[12], octets[15] = 1, 1
    with pytest.raises(DecodeError, match="bind 1 with LOCAL"):
        magic.frame(bytes(octets))


def test_the_plain_path_and_the_careful_one_agree() -> None:
    for first in range(256):
        octets = bytearray(magic.encode(PREAMBLE))
        octets[12] = first
        tlvs = bytearray(magic.encode(PREAMBLE)) + b"\xf0\0\0"
        tlvs[4] += 3
        tlvs[12] = first
        found = []
        for one in (octets, tlvs):
            try:
                found.append(parsed(bytes(one)).source)
            except DecodeError as error:
                found.append((error.reason, error.offset))  # type: ignore[arg-type]
        assert found[0] == found[1]

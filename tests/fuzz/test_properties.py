"""What holds of every preamble and of any octets."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sslmagic.decoder import Decoder, decode
from sslmagic.errors import DecodeError, EncodeError, ProofError
from sslmagic.preamble import Command, Endpoint, Preamble, Transport
from sslmagic.proof import Bind, Hop, seal, verify
from sslmagic.tlv import HOP_TYPES, Type
from sslmagic.wire import FORMATS, LIMITS, encode, may_be_signature, signature
from sslmagic.wire.translate import translate
from tests.fuzz.strategies import (
    carried_by_magic,
    datagrams,
    locals_,
    preambles,
    unknowns,
)
from tests.fuzz.target import examine

formats = st.sampled_from(FORMATS)
KEY = bytes(range(32))


def roomy(preamble: Preamble, format: str) -> bytes:
    return encode(preamble, format, limit=LIMITS[format])


@given(st.binary(max_size=80), formats)
def test_any_octets(octets: bytes, format: str) -> None:
    examine(format, octets)


@given(carried_by_magic | locals_, st.binary(max_size=80), st.integers(0, 240))
def test_a_valid_beginning_and_any_octets(
    preamble: Preamble, tail: bytes, kept: int
) -> None:
    examine("magic", roomy(preamble, "magic")[:kept] + tail)


@given(preambles, st.binary(max_size=80), st.integers(0, 260))
def test_a_valid_beginning_of_proxy2(
    preamble: Preamble, tail: bytes, kept: int
) -> None:
    examine("proxy2", roomy(preamble, "proxy2")[:kept] + tail)


@given(carried_by_magic | locals_, st.binary(max_size=40))
def test_magic_there_and_back(preamble: Preamble, rest: bytes) -> None:
    octets = roomy(preamble, "magic")
    assert decode(octets + rest, "magic") == (preamble, rest)
    assert roomy(decode(octets)[0], "magic") == octets


@given(carried_by_magic | datagrams | unknowns, st.binary(max_size=40))
def test_proxy2_there_and_back(preamble: Preamble, rest: bytes) -> None:
    octets = roomy(preamble, "proxy2")
    assert decode(octets + rest, "proxy2") == (preamble, rest)
    assert roomy(decode(octets, "proxy2")[0], "proxy2") == octets


@given(carried_by_magic, st.binary(max_size=40))
def test_proxy1_there_and_back(preamble: Preamble, rest: bytes) -> None:
    bare = Preamble(source=preamble.source, destination=preamble.destination)
    if bare.transport is Transport.UNIX:
        with pytest.raises(EncodeError):
            encode(bare, "proxy1")
        return
    assert decode(encode(bare, "proxy1") + rest, "proxy1") == (bare, rest)


@given(carried_by_magic)
def test_from_magic_to_proxy2_and_back(preamble: Preamble) -> None:
    there, _ = decode(roomy(preamble, "proxy2"), "proxy2")
    assert there == preamble
    assert decode(roomy(there, "magic"), "magic") == (preamble, b"")


@given(preambles, formats, st.integers(0, 600))
def test_a_limit_holds_or_nothing_is_written(
    preamble: Preamble, format: str, limit: int
) -> None:
    try:
        octets = encode(preamble, format, limit=limit)
    except EncodeError:
        return
    assert len(octets) <= limit
    assert encode(preamble, format, limit=len(octets)) == octets
    with pytest.raises(EncodeError):
        encode(preamble, format, limit=len(octets) - 1)
    if format != "proxy1":
        at = {"magic": 3, "proxy2": 14}[format]
        claimed = int.from_bytes(octets[at : at + 2], "big")
        assert at + 2 + claimed == len(octets)


@given(carried_by_magic, st.sampled_from(["magic", "proxy2"]), st.data())
def test_a_checksum_finds_a_flipped_bit_of_an_address(
    preamble: Preamble, format: str, data: st.DataObject
) -> None:
    octets = bytearray(encode(preamble, format, limit=LIMITS[format], crc32c=True))
    summed, _ = decode(bytes(octets), format)
    assert summed.tlvs[:-1] == preamble.tlvs
    assert summed.tlvs[-1].type == Type.CRC32C
    # Of an address or of the sum: where a length or a type is hit, a receiver may not
    # see that there was a sum.
    start = {"magic": 12, "proxy2": 16}[format]
    at = data.draw(
        st.integers(start, start + len(preamble.block) - 1)
        | st.integers(len(octets) - 4, len(octets) - 1)
    )
    octets[at] ^= 1 << data.draw(st.integers(0, 7))
    with pytest.raises(DecodeError):
        decode(bytes(octets), format)


@given(preambles)
def test_values_survive(preamble: Preamble) -> None:
    assert pickle.loads(pickle.dumps(preamble)) == preamble
    assert hash(pickle.loads(pickle.dumps(preamble))) == hash(preamble)
    for end in (preamble.source, preamble.destination):
        if isinstance(end, Endpoint):
            assert Endpoint.parse(str(end)) == end


@given(preambles, st.binary(max_size=12))
def test_signatures(preamble: Preamble, octets: bytes) -> None:
    for format in FORMATS:
        try:
            whole = roomy(preamble, format)
        except EncodeError:
            continue
        assert signature(whole) == format
        at = next(n for n in range(13) if signature(whole[:n]))
        assert all(may_be_signature(whole[:n]) for n in range(at))
        assert not may_be_signature(whole[:at])
    assert not (signature(octets) and may_be_signature(octets))


@given(
    carried_by_magic | locals_,
    st.binary(min_size=1, max_size=60),
    st.booleans(),
    st.booleans(),
    st.integers(1, 2**32 - 1),
    st.binary(min_size=16, max_size=16),
    st.data(),
)
@settings(max_examples=60)
def test_a_seal_holds_and_any_change_breaks_it(
    preamble: Preamble,
    stream: bytes,
    binds: bool,
    covers_hop: bool,
    key_id: int,
    nonce: bytes,
    data: st.DataObject,
) -> None:
    bound = stream if binds and preamble.command is Command.PROXY else b""
    bind = Bind.OCTETS if bound else Bind.NOTHING
    hop = Hop(Endpoint("10.0.0.1", 1), Endpoint("10.0.1.1", 2)) if covers_hop else None
    octets = seal(
        preamble,
        key=KEY,
        key_id=key_id,
        audience="web.example",
        created=1_000_000,
        nonce=nonce,
        bind=bind,
        bound=bound,
        hop=hop,
        limit=LIMITS["magic"],
    )

    def check(signed: bytes, behind: bytes) -> Preamble:
        decoder = Decoder()
        found = decoder.feed(signed)
        assert found is not None
        assert decoder.frame is not None
        verify(
            decoder.frame,
            behind,
            key=KEY,
            key_id=key_id,
            audience="web.example",
            now=1_000_000,
            bind=bind,
            hop=hop,
        )
        return found

    assert check(octets, stream) == preamble
    at = data.draw(st.integers(0, len(octets) - 1))
    bit = 1 << data.draw(st.integers(0, 7))
    if at not in (3, 4):  # a length that claims more has a receiver wait for it
        changed = octets[:at] + bytes([octets[at] ^ bit]) + octets[at + 1 :]
        with pytest.raises((ProofError, ValueError)):
            check(changed, stream)
    if bound:
        with pytest.raises(ProofError):
            check(octets, bytes([stream[0] ^ bit]) + stream[1:])


@given(carried_by_magic, st.sampled_from(["magic", "proxy2"]))
def test_translation_loses_what_belongs_to_one_hop(
    preamble: Preamble, format: str
) -> None:
    tlvs = tuple(tlv for tlv in preamble.tlvs if tlv.type not in HOP_TYPES)
    expected = Preamble.packed(preamble.transport, preamble.block, tlvs)
    octets = roomy(translate(preamble, format), format)
    assert decode(octets, format) == (expected, b"")


@given(preambles, formats)
def test_translation_never_names_another_client(
    preamble: Preamble, format: str
) -> None:
    try:
        octets = roomy(translate(preamble, format), format)
    except EncodeError:
        assert format != "proxy2", "it carries everything"
        return
    again, _ = decode(octets, format)
    assert again.source == preamble.source
    assert again.destination == preamble.destination

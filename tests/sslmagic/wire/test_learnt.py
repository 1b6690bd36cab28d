"""A learnt layout: read at any cut alike, and one more format for every receiver."""

from __future__ import annotations

import copy
import pickle
import random

import pytest

from sslmagic.block import Transport
from sslmagic.decoder import Decoder, Framer, checked_formats, decode
from sslmagic.errors import (
    ConfigurationError,
    DecodeError,
    EncodeError,
    IncompleteError,
    Reason,
)
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.reception import Accepted, Reception, Refused
from sslmagic.tlv import TLV
from sslmagic.trust import Trust
from sslmagic.wire import PARSERS, Frame, encode
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.learnt import MOST, Learnt, name_fault
from sslmagic.wire.parts import Literal, Part, Unknown
from sslmagic.wire.translate import translate
from tests.sslmagic.wire.chance import layout_of_chance, spoilt
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS, SIX, SPP, layout

HELLO = b"\x16\x03\x01\x00\x05hello"
SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
CLIENT = b"\xcb\0\x71\x09\xc8\x22"
by_name = pytest.mark.parametrize("learnt", LAYOUTS, ids=str)
Result = Preamble | tuple[Reason, int] | None


def fed(learnt: Learnt, pieces: list[bytes], limit: int | None = None) -> Result:
    """What a decoder makes of octets that come in pieces."""
    decoder = Decoder(learnt, limit=limit)
    found = None
    try:
        for piece in pieces:
            before = decoder.wanted
            found = decoder.feed(piece)
            if found is None:
                assert decoder.wanted > 0
                assert before > 0
        return found
    except DecodeError as error:
        return error.reason, error.offset


def octet_by_octet(octets: bytes) -> list[bytes]:
    return [octets[at : at + 1] for at in range(len(octets))]


@by_name
@pytest.mark.parametrize("preamble", [FOUR, SIX], ids=["ipv4", "ipv6"])
def test_what_is_written_is_read(learnt: Learnt, preamble: Preamble) -> None:
    octets = encode(preamble, learnt)
    found, rest = decode(octets + HELLO, learnt)
    assert (found.source, rest) == (preamble.source, HELLO)
    assert found.transport is preamble.transport
    if learnt in LAYOUTS[:3]:
        assert found == preamble
    assert learnt.least <= len(octets) <= learnt.limit


@by_name
def test_not_one_octet_more_is_wanted_than_there_are(learnt: Learnt) -> None:
    octets = encode(FOUR, learnt)
    decoder = Decoder(learnt)
    at = 0
    while decoder.wanted:
        assert at + decoder.wanted <= len(octets)
        piece = octets[at : at + decoder.wanted]
        decoder.feed(piece)
        at += len(piece)
    assert at == len(octets)
    assert decoder.close().source == FOUR.source


@by_name
def test_any_octets_mean_the_same_at_any_cut(learnt: Learnt) -> None:
    chance = random.Random(str(learnt))
    written = [encode(preamble, learnt) for preamble in (FOUR, SIX)]
    for _ in range(600):
        octets = bytearray(chance.choice(written))
        for _ in range(chance.randrange(3)):
            octets[chance.randrange(len(octets))] = chance.choice(
                (0, 1, 0x20, 0x2C, 0x30, 0x39, 0x3A, chance.randrange(256))
            )
        octets += HELLO
        del octets[chance.choice((0, 5, 20, 1000)) or len(octets) :]
        whole = fed(learnt, [bytes(octets)])
        assert whole == fed(learnt, octet_by_octet(bytes(octets)))
        cut = chance.randrange(len(octets) + 1)
        assert whole == fed(learnt, [bytes(octets[:cut]), bytes(octets[cut:])])
        limit = chance.randrange(1, 60)
        bounded = fed(learnt, [bytes(octets)], limit)
        assert bounded == fed(learnt, octet_by_octet(bytes(octets)), limit)


@pytest.mark.parametrize("seed", range(4))
def test_any_layout_and_any_octets(seed: int) -> None:
    """Nothing but DecodeError, the same at any cut, and no octet of what follows."""
    chance = random.Random(seed)
    read = 0
    for _ in range(80):
        learnt = layout_of_chance(chance)
        for preamble in (FOUR, SIX):
            try:
                octets = encode(preamble, learnt)
            except EncodeError:
                octets = bytes(chance.choices(b"AB\x01\0 \r\n1234:.", k=40))
            octets = spoilt(octets + HELLO, chance)
            limit = chance.randint(8, len(octets))
            whole = fed(learnt, [octets], limit)
            assert whole == fed(learnt, octet_by_octet(octets), limit), learnt
            cut = chance.randrange(len(octets))
            assert whole == fed(learnt, [octets[:cut], octets[cut:]], limit), learnt
            if isinstance(whole, Preamble):
                read += 1
                end = len(octets) - len(decode(octets, learnt, limit=limit)[1])
                for have in range(end):
                    framer = Framer(learnt, limit=limit)
                    framer.feed(octets[:have])
                    assert have + framer.wanted <= end, learnt
    assert read > 15


@pytest.mark.parametrize("seed", range(4))
def test_what_any_layout_writes_it_reads(seed: int) -> None:
    """What was seen of unknown octets may hold anything, their own end as well."""
    chance = random.Random(seed)
    written = 0
    for _ in range(400):
        learnt = layout_of_chance(chance)
        if learnt.starts_as_tls:
            continue
        for preamble in (FOUR, SIX):
            try:
                octets = encode(preamble, learnt)
            except EncodeError:
                continue
            written += 1
            read, rest = decode(octets + HELLO, learnt)
            assert (read.source, rest) == (preamble.source, HELLO), learnt
            if not read.lacks_destination:
                assert read == preamble, learnt
            assert encode(read, learnt) == octets, learnt
    assert written > 200


@by_name
def test_a_stream_that_ends_inside(learnt: Learnt) -> None:
    octets = encode(FOUR, learnt)
    for end in range(len(octets)):
        with pytest.raises(IncompleteError) as caught:
            decode(octets[:end], learnt)
        assert caught.value.offset == end


def test_a_limit() -> None:
    octets = encode(FOUR, SPP)
    with pytest.raises(DecodeError, match="within 37 octets") as caught:
        decode(octets, SPP, limit=37)
    assert (caught.value.reason, caught.value.offset) == (Reason.OVERSIZE, 37)
    assert decode(octets, SPP, limit=38)[0] == FOUR
    with pytest.raises(EncodeError, match="38 octets, where 37 is the limit"):
        encode(FOUR, SPP, limit=37)


@pytest.mark.parametrize("of", ["rest", "whole", "next"])
def test_a_length_beyond_the_limit_is_refused_at_once(of: str) -> None:
    length = Length(of=of, width=2)  # type: ignore[arg-type]
    tail = Unknown(longest=60000)
    long = layout("long", (Literal(b"L"), SOURCE, PORT, length, tail))
    octets = b"L" + CLIENT + b"\xc3\x50"
    for rest in (b"", bytes(5000)):
        decoder = Decoder(long)
        with pytest.raises(DecodeError, match="where 4096 is the limit") as caught:
            decoder.feed(octets + rest)
        assert (caught.value.reason, caught.value.offset) == (Reason.OVERSIZE, 7)
    least = b"\0\x09" if of == "whole" else b"\0\0"
    assert decode(b"L" + CLIENT + least, long, limit=9)[0].source == FOUR.source


def test_octets_that_are_a_layouts_no_more() -> None:
    with pytest.raises(DecodeError, match="octet 0x16 does not start spp") as caught:
        decode(HELLO, SPP)
    assert (caught.value.reason, caught.value.offset) == (Reason.FORMAT, 0)
    with pytest.raises(DecodeError, match="00 where the layout has EC") as caught:
        decode(b"\x56\x00", SPP)
    assert caught.value.offset == 1


def test_the_variant_that_goes_farthest_says_what_is_wrong() -> None:
    text = LAYOUTS[1]
    for octets in (b"PX TCP6 ::1 ! ", b"PX TCP4 1.2.3.4 ! "):
        with pytest.raises(DecodeError, match="destination") as caught:
            decode(octets, text)
        assert (caught.value.reason, caught.value.offset) == (
            Reason.LINE,
            octets.index(b"!"),
        )


def test_a_layout_stands_for_its_name() -> None:
    assert (SPP, str(SPP), f"{SPP}") == ("spp", "spp", "spp")
    assert type(str(SPP)) is str
    assert hash(SPP) == hash("spp")
    assert repr(SPP).startswith("Learnt('spp', (Variant(")
    other = layout("spp", (Literal(b"X"), SOURCE, PORT))
    assert other != SPP
    assert not other == SPP  # noqa: SIM201 - both operators are ours
    assert other == "spp"
    assert pickle.loads(pickle.dumps(SPP)) == SPP == copy.deepcopy(SPP)
    with pytest.raises(AttributeError, match="immutable"):
        SPP.limit = 3


@pytest.mark.parametrize("name", ["", "SPP", "1a", "magic", "auto", "a" * 33, "a b"])
def test_names_that_no_layout_has(name: str) -> None:
    with pytest.raises(ConfigurationError, match="a name is a letter"):
        Learnt(name, SPP.variants)
    assert name_fault(name)


def test_a_name_can_be_asked_for_before_there_is_a_layout() -> None:
    assert name_fault("stingray-2_b") is None


def test_what_makes_no_layout() -> None:
    with pytest.raises(ConfigurationError, match="at least one"):
        Learnt("none-at-all", [])
    with pytest.raises(ConfigurationError, match="5006 octets at the least"):
        layout("long", (Unknown(width=5000), SOURCE, PORT))
    wide = (Literal(b"A"), Unknown(longest=9000), Literal(b"B"), SOURCE, PORT)
    assert layout("wide", wide).limit == MOST
    with pytest.raises(ConfigurationError, match="variants 1 and 2 differ in no"):
        layout("same", (Literal(b"A"), SOURCE, PORT), (Literal(b"A"), PORT, SOURCE))


def test_trust_takes_a_layout_as_a_format() -> None:
    trust = Trust(peers=["10.0.0.0/8"], formats=["magic", SPP])
    assert pickle.loads(pickle.dumps(trust)) == trust
    assert trust.formats == ("magic", "spp")
    peer = Endpoint("10.0.0.1", 40000)
    for format in trust.formats:
        outcome = Reception(trust, peer, 0.0).feed(encode(FOUR, format) + HELLO, 0.1)
        assert isinstance(outcome, Accepted)
        assert outcome.client == FOUR.source
    outcome = Reception(trust, peer, 0.0).feed(HELLO, 0.1)
    assert isinstance(outcome, Refused)
    assert outcome.detail.startswith("octet 0x16 does not start magic or spp")


@pytest.mark.parametrize(
    ("formats", "said"),
    [
        (("proxy1", layout("p", (Literal(b"P"), SOURCE, PORT))), "p and proxy1 both"),
        ((SPP, layout("v", (Literal(b"V"), SOURCE, PORT))), "v and spp both start"),
        ((layout("t", (Literal(b"\x16"), SOURCE, PORT)),), "0x16, as TLS does"),
        (("magic", layout("b", (SOURCE, PORT))), "starts with no literal"),
        ((layout("b", (SOURCE, PORT)),), "starts with no literal: .* a ClientHello"),
        ((layout("b", (Length(width=1), SOURCE, PORT)),), "starts with no literal"),
    ],
)
def test_first_octets_that_choose_nothing(formats: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        checked_formats(formats)
    with pytest.raises(ConfigurationError, match=said):
        Trust(peers=["10.0.0.1"], formats=formats)


def test_a_layout_that_nothing_announces_is_alone() -> None:
    bare = layout("bare", (SOURCE, PORT))
    assert decode(CLIENT + HELLO, bare)[0].source == FOUR.source
    with pytest.raises(ConfigurationError, match="can only be decoded alone"):
        decode(CLIENT, ("magic", bare))


def test_a_name_alone_is_no_layout() -> None:
    assert Decoder(("magic", SPP)).feed(encode(FOUR, SPP)) == FOUR
    for formats in (("magic", "spp"), "spp"):
        with pytest.raises(ConfigurationError, match="'spp' is none of"):
            Decoder(formats)


def test_two_layouts_of_one_name_are_two() -> None:
    one = layout("twin", (Literal(b"1"), SOURCE, PORT))
    two = layout("twin", (Literal(b"2"), SOURCE, PORT))
    for learnt in (one, two, one):
        octets = encode(FOUR, learnt)
        assert decode(octets, (learnt,))[0].source == FOUR.source


@pytest.mark.parametrize(
    ("preamble", "said"),
    [
        (Preamble.local(), "spp does not carry LOCAL UNKNOWN"),
        (
            Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
            "spp does not carry PROXY UNIX",
        ),
        (
            Preamble(
                source=FOUR.source,
                destination=FOUR.destination,
                tlvs=[TLV(1, b"h2")],
            ),
            "spp carries no TLVs",
        ),
    ],
)
def test_what_a_layout_does_not_carry(preamble: Preamble, said: str) -> None:
    with pytest.raises(EncodeError, match=said):
        encode(preamble, SPP)


def test_what_else_is_not_written() -> None:
    with pytest.raises(EncodeError, match="carries no TLVs"):
        encode(FOUR, SPP, crc32c=True)
    four = layout("four", (Literal(b"4"), SOURCE, PORT))
    with pytest.raises(EncodeError, match="no variant for TCP6"):
        encode(SIX, four)
    with pytest.raises(KeyError):
        PARSERS["spp"](Frame("spp", b""))


def test_another_hop_gets_no_tlvs_in_a_layout() -> None:
    tlvs = (TLV(2, b"shop.example"),)
    preamble = Preamble.packed(Transport.TCP4, FOUR.block, tlvs)
    assert translate(preamble, SPP) == FOUR


def test_what_is_written_without_being_known() -> None:
    known = layout("k", (Literal(b"K"), SOURCE, PORT))
    assert (known.doubts, known.refusal) == ((), None)
    varied = layout("k", (Literal(b"K"), Unknown(width=2), SOURCE, PORT))
    assert varied.doubts == ("2 octets whose meaning is unknown are written as zeros",)
    summed = layout(
        "k",
        (Literal(b"K"), SOURCE, PORT, Checksum()),
        (Literal(b"L"), SOURCE, PORT, Checksum(width=2)),
    )
    assert summed.refusal == "the checksum of this layout is not known"
    half = Learnt("k", [known.variants[0], summed.variants[1]])
    assert half.refusal is None


def test_spans_go_as_far_as_octets_are_right() -> None:
    parts = [span.part for span in LAYOUTS[2].spans(b"\xb1\x06\x00\x24" + bytes(20))]
    assert parts == [
        Literal(b"\xb1\x06"),
        Length(width=2),
        Address(of="source", width=16),
    ]
    assert LAYOUTS[2].spans(b"") == []


def test_a_layout_without_a_destination_says_that_there_is_none() -> None:
    bare = layout("bare", (Literal(b"A"), SOURCE, PORT))
    preamble, rest = decode(b"A" + CLIENT + HELLO, bare)
    assert preamble == Preamble.without_destination(("203.0.113.9", 51234))
    assert rest == HELLO
    assert encode(preamble, bare) == b"A" + CLIENT
    assert bare.lacks_destination
    assert not SPP.lacks_destination
    with pytest.raises(EncodeError, match="give a destination"):
        encode(preamble, SPP)
    with pytest.raises(EncodeError, match="give a destination"):
        encode(preamble, "proxy2")


@pytest.mark.parametrize(
    ("part", "octets"),
    [
        (Address(of="destination"), b"\xc6\x33\x64\x02"),
        (Port(of="destination", width=2), b"\x01\xbb"),
    ],
)
def test_half_a_destination_is_none_and_is_written_again(
    part: Part, octets: bytes
) -> None:
    half = layout("half", (Literal(b"A"), SOURCE, PORT, part))
    preamble, _ = decode(b"A" + CLIENT + octets, half)
    assert preamble.destination is None
    assert encode(preamble, half) == b"A" + CLIENT + octets
    bare = Preamble.without_destination(("203.0.113.9", 51234))
    with pytest.raises(EncodeError, match="give a destination"):
        encode(bare, half)
    assert half.says_enough_for(half)
    assert not half.says_enough_for(SPP)
    assert not half.says_enough_for("magic")
    assert SPP.says_enough_for(half)

"""The layers against the codec: every vector, every preamble, and whatever else."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.packet import Packet, Raw, fuzz
from scapy.volatile import RandNum

from sslmagic import Preamble, UnixEndpoint
from sslmagic.block import Transport
from sslmagic.decoder import Decoder, decode
from sslmagic.dissect.scapy_layer import (
    ALPNTLV,
    CRC32CTLV,
    MAGIC,
    NOTHING,
    SSLTLV,
    TLV,
    TLVS,
    AuthorityTLV,
    AzureTLV,
    CommonNameTLV,
    Cut,
    NoopTLV,
    PROXYv1,
    PROXYv2,
    UniqueIdTLV,
    VersionTLV,
)
from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.wire import FORMATS, encode
from sslmagic_cli.description import described as described_by_us
from tests.fuzz import strategies
from tests.sslmagic.dissect.layers import LAYERS, described, rebuilt
from tests.vectors.vector import FILES, raw

VECTORS = [(name, test) for name in (*FILES, "proof", "e5") for test in raw(name)]
VALID = [(name, test) for name, test in VECTORS if "decoded" in test]
HELLO = bytes.fromhex(
    next(test["rest"] for test in raw("proof") if test["id"] == "bind-2")
)


def octets_of(test: dict[str, str]) -> bytes:
    return bytes.fromhex(test["wire"] + test.get("rest", ""))


def test_every_valid_vector_says_the_same() -> None:
    for name, test in VALID:
        layer = LAYERS[test["format"]](octets_of(test))
        said = {**described(layer), "format": test["format"]}
        said["rest_length"] = len(bytes(layer.payload))
        assert json.loads(json.dumps(said)) == test["decoded"], (name, test["id"])


def test_every_vector_is_built_again_from_its_fields() -> None:
    for name, test in VECTORS:
        octets = octets_of(test)
        if not octets:
            continue  # Of no octets scapy makes a layer with its defaults.
        layer = LAYERS[test["format"]](octets)
        behind = len(bytes(layer.payload))
        front = octets[: len(octets) - behind]
        assert rebuilt(layer) == front, (name, test["id"])
        again = type(layer)(**layer.fields)
        assert bytes(again) == front, (name, test["id"])
        assert bytes(layer) == octets


def test_every_vector_that_is_cut_short_is_built_and_shown() -> None:
    for name, test in VECTORS[::3]:
        wire = bytes.fromhex(test["wire"])
        for end in range(1, min(len(wire), 110), 11):
            layer = LAYERS[test["format"]](wire[:end])
            front = wire[: end - len(bytes(layer.payload))]
            assert rebuilt(layer) == front, (name, test["id"], end)
            if end % 2 == 0:
                layer.show(dump=True)
                layer.summary()
                repr(layer)


@given(
    preamble=strategies.preambles, format=st.sampled_from(FORMATS), crc=st.booleans()
)
def test_whatever_the_codec_says_the_layer_says(
    preamble: Preamble, format: str, crc: bool
) -> None:
    try:
        octets = encode(preamble, format, limit=65536, crc32c=crc)
    except EncodeError:
        return
    layer = LAYERS[format](octets)
    assert not layer.payload
    assert rebuilt(layer) == octets
    decoder = Decoder(format, limit=65536)
    found = decoder.feed(octets)
    assert found is not None
    assert decoder.frame is not None
    expected = described_by_us(found, decoder.frame, 0)
    del expected["format"], expected["rest_length"]
    assert json.loads(json.dumps(described(layer))) == json.loads(json.dumps(expected))


@given(
    preamble=strategies.carried_by_magic, format=st.sampled_from(["magic", "proxy2"])
)
def test_a_layer_is_built_from_values_alone(preamble: Preamble, format: str) -> None:
    """Neither lengths, nor the transport, nor the checksum are given."""
    limit = 65536
    octets = encode(preamble, format, limit=limit, crc32c=True)
    ends: dict[str, Any] = {}
    for name in ("source", "destination"):
        end = getattr(preamble, name)
        if isinstance(end, UnixEndpoint):
            ends[name] = end.path.encode("utf-8", "surrogateescape")
        else:
            ends[name], ends[f"{name}_port"] = end
    tlvs: list[Packet] = [TLV(type=kind, value=value) for kind, value in preamble.tlvs]
    if preamble.transport is Transport.UNIX:
        ends["transport"] = "UNIX"
    layer = LAYERS[format](tlvs=[*tlvs, CRC32CTLV()], **ends)
    assert bytes(layer) == octets


@given(
    octets=st.binary(min_size=1, max_size=300),
    format=st.sampled_from(FORMATS),
    front=st.sampled_from([b"", bytes(MAGIC())[:12], bytes(PROXYv2())[:14], b"PROXY "]),
)
def test_any_octets_are_dissected_and_built_again(
    octets: bytes, format: str, front: bytes
) -> None:
    octets = front + octets
    layer = LAYERS[format](octets)
    assert bytes(layer) == octets
    assert rebuilt(layer) + bytes(layer.payload) == octets
    assert isinstance(layer.show(dump=True), str)
    assert layer.summary()


FUZZED = {
    "magic": MAGIC(
        tlvs=[ALPNTLV(), AuthorityTLV(), UniqueIdTLV(), NoopTLV(), AzureTLV()]
    ),
    "signed": MAGIC(profile=1, bind="octets", bound=5, tlvs=[ALPNTLV()]),
    "proxy2": PROXYv2(
        tlvs=[kind() for kind in TLVS.values() if kind is not VersionTLV]
    ),
    "ssl": PROXYv2(
        tlvs=[SSLTLV(tlvs=[VersionTLV(), CommonNameTLV()]), CRC32CTLV(), TLV()]
    ),
    "proxy1": PROXYv1(),
}


@pytest.mark.parametrize("name", [*FUZZED, *TLVS])
def test_fuzzed_layers_are_said_in_every_way(name: str) -> None:
    layer = FUZZED[name] if name in FUZZED else TLVS[name]()
    for _ in range(30):
        drawn = fuzz(layer.copy())
        assert type(layer).__name__ in repr(drawn)
        assert "\n" not in drawn.summary() + str(drawn)
        assert drawn.show(dump=True)
        assert drawn.show2(dump=True)
        assert isinstance(json.loads(drawn.json()), dict)
        read = type(layer)(bytes(drawn))
        assert isinstance(json.loads(read.json()), dict)


@pytest.mark.parametrize("name", FUZZED)
def test_fuzzed_layers_find_no_fault_in_the_decoder(name: str) -> None:
    reasons: Counter[str] = Counter()
    for _ in range(150):
        octets = bytes(fuzz(FUZZED[name]))
        try:
            decode(octets, FORMATS)
        except DecodeError as error:
            reasons[error.reason] += 1
        else:
            reasons["valid"] += 1
        layer = type(FUZZED[name])(octets)
        assert rebuilt(layer) + bytes(layer.payload) == octets
    assert reasons["valid"] > 5, "fuzz is to reach what stands behind the head"
    assert len(reasons) >= 3
    assert reasons[Reason.FORMAT] == 0


@pytest.mark.parametrize("layer", [MAGIC(), PROXYv1(), PROXYv2()], ids=repr)
def test_the_defaults_are_a_valid_preamble(layer: Packet) -> None:
    preamble, rest = decode(bytes(layer), FORMATS)
    assert preamble.source == ("192.0.2.1", 51234)
    assert rest == b""


@pytest.mark.parametrize(
    ("layer", "reason", "offset"),
    [
        (MAGIC(length=6), Reason.LENGTH, 3),
        (MAGIC(length=3000), Reason.OVERSIZE, 3),
        (MAGIC(signature=b"MAGU"), Reason.FORMAT, 8),
        (MAGIC(version=2), Reason.VERSION, 9),
        (MAGIC(cmd=7), Reason.COMMAND, 9),
        (MAGIC(transport="UDP4"), Reason.FAMILY, 10),
        (MAGIC(cmd="LOCAL", transport="TCP4"), Reason.FAMILY, 10),
        (MAGIC(profile=3), Reason.PROFILE, 11),
        (MAGIC(profile="Ed25519", bind=3), Reason.PROFILE, 12),
        (MAGIC(profile=1, key_id=0), Reason.PROFILE, 16),
        (MAGIC(source="0.0.0.0"), Reason.ADDRESS, 12),
        (MAGIC(source_port=0), Reason.ADDRESS, 20),
        (MAGIC(tlvs=[CRC32CTLV(value=1)]), Reason.CHECKSUM, 27),
        (MAGIC(tlvs=[ALPNTLV(length=3)]), Reason.TLV, 25),
        (MAGIC(tlvs=[ALPNTLV(), ALPNTLV()]), Reason.TLV, 29),
        (MAGIC(unread=b"\x01"), Reason.TLV, 24),
        (
            MAGIC(transport="TCP6", source="1.2.3.4", destination="::ffff:1.2.3.5"),
            Reason.ADDRESS,
            12,
        ),
        (PROXYv2(version=1), Reason.VERSION, 12),
        (PROXYv2(length=11), Reason.LENGTH, 14),
        (PROXYv2(tlvs=[VersionTLV()]), Reason.TLV, 28),
        (PROXYv2(tlvs=[CRC32CTLV(length=3)]), Reason.TLV, 31),
        (PROXYv1(family="tcp4"), Reason.LINE, 6),
        (PROXYv1(source_port=b"0443"), Reason.LINE, 31),
        (PROXYv1(end=b"\n"), Reason.LINE, 40),
        (PROXYv1(more=b" 1"), Reason.LINE, 11),
        (PROXYv1(signature="proxy"), Reason.FORMAT, 0),
    ],
    ids=lambda value: value.command() if isinstance(value, Packet) else str(value),
)
def test_what_is_broken_on_purpose_is_built_so(
    layer: Packet, reason: Reason, offset: int
) -> None:
    octets = bytes(layer)
    with pytest.raises(DecodeError) as raised:
        decode(octets, tuple(LAYERS) if reason is not Reason.FORMAT else _format(layer))
    assert (raised.value.reason, raised.value.offset) == (reason, offset)


def _format(layer: Packet) -> str:
    return next(name for name, kind in LAYERS.items() if type(layer) is kind)


def test_addresses_decide_the_transport() -> None:
    assert MAGIC(source="2001:db8::9").transport == Transport.TCP6
    assert MAGIC(destination="2001:db8::9").transport == Transport.TCP6
    assert PROXYv2(source="/run/a", destination="/run/b").transport == Transport.UNIX
    assert MAGIC(cmd="LOCAL").transport == 0
    assert PROXYv1(source="2001:db8::9", destination="2001:db8::1").family == "TCP6"
    assert PROXYv2(source="2001:db8::9", transport="TCP4").transport == Transport.TCP4


def test_an_ipv4_address_in_a_block_of_ipv6_is_mapped() -> None:
    preamble, _ = decode(bytes(MAGIC(source="203.0.113.9", destination="2001:db8::1")))
    assert preamble.source == ("203.0.113.9", 51234)
    assert preamble.transport is Transport.TCP6


def test_an_address_that_does_not_fit_is_an_error() -> None:
    with pytest.raises(ValueError, match="does not fit"):
        bytes(MAGIC(transport="TCP4", source="2001:db8::1"))
    with pytest.raises(ValueError, match="no address"):
        MAGIC(source="localhost")


def test_a_set_of_addresses_is_a_set_of_preambles() -> None:
    layers = list(MAGIC(source=["203.0.113.1", "203.0.113.2"], source_port=(1, 3)))
    clients = {decode(bytes(layer))[0].source for layer in layers}
    assert len(layers) == len(clients) == 6


def test_local_of_proxy_v2_is_not_read() -> None:
    octets = bytes(PROXYv2(cmd="LOCAL", tlvs=[NoopTLV(value=bytes(9))]))
    layer = PROXYv2(octets)
    assert layer.tlvs == []
    assert layer.unread == bytes.fromhex("040009") + bytes(9)
    assert rebuilt(layer) == octets


def test_a_local_preamble_with_addresses_is_built_on_request() -> None:
    layer = PROXYv2(cmd="LOCAL", transport="TCP4", source="203.0.113.9")
    assert bytes(layer)[12:20].hex() == "2011000ccb007109"


def test_a_field_that_is_cut_short_keeps_what_there_was() -> None:
    layer = MAGIC(bytes(MAGIC())[:14])
    assert bytes(layer.source) == b"\xc0\x00"
    assert layer.source == Cut(b"\xc0\x00")
    assert layer.destination == layer.source_port == NOTHING
    assert "Cut(b'\\xc0\\x00')" in str(layer.show(dump=True))
    assert MAGIC(bytes(MAGIC())[:14]) == layer


def test_a_whole_body_alone_has_a_tag() -> None:
    octets = bytes(MAGIC(profile=1, tag=bytes(range(16))))
    assert MAGIC(octets).tag == bytes(range(16))
    cut = MAGIC(octets[:-3])
    assert cut.tag == NOTHING
    assert rebuilt(cut) == octets[:-3]


def test_a_summary_is_one_line() -> None:
    assert MAGIC(tlvs=[AuthorityTLV(), TLV(type=0xE7)]).summary() == (
        "MAGIC PROXY TCP4 192.0.2.1:51234 > 192.0.2.2:443 AUTHORITY 0xE7"
    )
    assert PROXYv2(source="2001:db8::9").summary() == (
        "PROXY v2 PROXY TCP6 [2001:db8::9]:51234 > [2001:db8::2]:443"
    )
    assert MAGIC(cmd="LOCAL").summary() == "MAGIC LOCAL"
    assert PROXYv1().summary() == "PROXY v1 TCP4 192.0.2.1:51234 > 192.0.2.2:443"
    assert PROXYv1(family="UNKNOWN").summary() == "PROXY v1 UNKNOWN"
    said = PROXYv2(transport="UNIX").summary()
    assert said == "PROXY v2 PROXY UNIX b'/run/client' > b'/run/server'"


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY TC\x1bP4 192.0.2.1 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1\n 192.0.2.2 1 2\r\n",
        b"PROXY TCP4 192.0.2.1 192.0.2.2\x9b 1 2\r\n",
    ],
)
def test_no_octet_of_a_line_moves_a_terminal(line: bytes) -> None:
    layer = PROXYv1(line)
    assert layer.summary().isprintable()
    assert str(layer.show(dump=True)).replace("\n", "").isprintable()


def test_tls_follows() -> None:
    layer = MAGIC(bytes(MAGIC()) + HELLO)
    assert layer.haslayer("TLS")
    assert layer["TLS"].msg[0].ext[0].servernames[0].servername == b"shop.example"
    assert bytes(layer) == bytes(MAGIC()) + HELLO


@pytest.mark.parametrize("behind", [b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01", b"\0"])
def test_what_is_no_tls_is_raw(behind: bytes) -> None:
    layer = PROXYv1(bytes(PROXYv1()) + behind)
    assert type(layer.payload) is Raw
    assert layer.payload.load == behind


def test_a_second_preamble_is_one() -> None:
    octets = bytes(MAGIC() / PROXYv2(cmd="LOCAL") / PROXYv1() / Raw(b"x"))
    kinds = [type(layer) for layer in MAGIC(octets).iterpayloads()]
    assert kinds == [MAGIC, PROXYv2, PROXYv1, Raw]


def test_a_changed_field_changes_what_is_built() -> None:
    layer = MAGIC(bytes(MAGIC(tlvs=[AuthorityTLV(), CRC32CTLV()])))
    layer.source = "203.0.113.77"
    layer.tlvs[0].value = b"other.example"
    layer.tlvs[0].length = layer.tlvs[1].value = layer.length = None
    preamble, _ = decode(bytes(layer))
    assert preamble.source == ("203.0.113.77", 51234)
    assert preamble.tlvs[0].value == b"other.example"


def test_a_random_port_is_a_port() -> None:
    ports = set()
    for _ in range(20):
        preamble, _ = decode(bytes(MAGIC(source_port=RandNum(1, 65535))))
        assert preamble.source is not None
        ports.add(preamble.source)
    assert len(ports) > 10

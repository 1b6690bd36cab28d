"""What the module offers, what it does to scapy, and what it does on TCP when asked."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest
from scapy.layers.inet import IP, TCP
from scapy.layers.l2 import Ether
from scapy.packet import Packet, Raw
from scapy.plist import PacketList
from scapy.sessions import TCPSession

from sslmagic.dissect import scapy_layer
from sslmagic.dissect.scapy_layer import (
    MAGIC,
    AuthorityTLV,
    PROXYv1,
    PROXYv2,
    StreamFront,
    bind,
    unbind,
)
from tests.sources import sources
from tests.vectors.vector import raw

PORT = 8443
HELLO = bytes.fromhex(next(test["rest"] for test in raw("proof") if test["bind"] == 2))
"""A whole TLS record with a ClientHello."""


@pytest.fixture
def bound() -> Iterator[None]:
    bind(PORT)
    yield
    unbind(PORT)


def segment(octets: bytes, seq: int = 1, flags: str = "PA") -> Packet:
    head = IP(src="10.0.0.1", dst="10.0.0.2") / TCP(
        sport=40000, dport=PORT, seq=seq, flags=flags
    )
    return Ether(bytes(Ether() / head / Raw(octets)))


def test_nothing_in_the_library_imports_it() -> None:
    importing = [
        source.name
        for source in sources()
        if source.name.startswith("sslmagic.")
        and ".dissect." not in source.name
        and any("dissect.scapy_layer" in one.target for one in source.imports())
    ]
    assert importing == []


def test_importing_it_binds_nothing() -> None:
    """Neither a port, nor scapy's own TLS, which binds itself to 443."""
    script = """
import sys
from scapy.packet import Packet
from scapy.layers.inet import IP, TCP, UDP
from scapy.layers.l2 import Ether
def bindings():
    kinds = [Packet, Ether, IP, TCP, UDP]
    return [(list(kind.payload_guess), dict(kind._overload_fields)) for kind in kinds]
before = bindings()
from sslmagic.dissect.scapy_layer import MAGIC
assert bindings() == before
assert "scapy.layers.tls.record" not in sys.modules
MAGIC(bytes(MAGIC()) + b"GET / HTTP/1.1")
assert bindings() == before
"""
    subprocess.run(
        [sys.executable, "-W", "error", "-c", script], check=True, timeout=30
    )


def test_the_names_are_there() -> None:
    assert set(scapy_layer.__all__) <= set(vars(scapy_layer))


@pytest.mark.parametrize("front", [MAGIC(), PROXYv1(), PROXYv2()], ids=repr)
def test_a_bound_port_has_preambles(bound: None, front: MAGIC) -> None:
    packet = segment(bytes(front) + b"rest")
    assert type(packet[TCP].payload) is type(front)
    assert packet[Raw].load == b"rest"


def test_a_bound_port_has_tls_and_anything_else(bound: None) -> None:
    assert segment(b"hello?").haslayer(Raw)
    assert segment(bytes.fromhex("1503030002022f")).haslayer("TLS")


def test_an_unbound_port_has_none() -> None:
    bind(PORT)
    unbind(PORT)
    assert not segment(bytes(MAGIC())).haslayer(MAGIC)


def test_binding_twice_is_binding_once(bound: None) -> None:
    bind(PORT)
    rows = [row for row in TCP.payload_guess if row[1] is StreamFront]
    assert rows == [({"dport": PORT}, StreamFront)]


def test_a_preamble_in_pieces_is_put_together(bound: None) -> None:
    octets = bytes(MAGIC(tlvs=[AuthorityTLV()])) + b"rest"
    cuts = [octets[:3], octets[3:20], octets[20:]]
    packets, at = [], 1
    for piece in cuts:
        packets.append(segment(piece, seq=at))
        at += len(piece)
    session = TCPSession()
    found = [packet for packet in map(session.process, packets) if packet is not None]
    layers = PacketList([packet for packet in found if packet.haslayer(MAGIC)])
    assert len(layers) == 1
    assert layers[0][MAGIC].tlvs[0].value == b"shop.example"
    assert layers[0][Raw].load == b"rest"


def reassembled(*pieces: bytes, flags: str = "PA") -> list[list[str]]:
    """The names of the layers above TCP of each packet that a `TCPSession` gives."""
    session, at, found = TCPSession(), 1, []
    for piece in pieces:
        packet = session.process(segment(piece, seq=at, flags=flags))
        at += len(piece)
        if packet is not None:
            found.append([layer.__name__ for layer in packet.layers()][3:])
    return found


@pytest.mark.parametrize("at", [1, 4, 5, 60])
def test_tls_behind_a_preamble_is_put_together(bound: None, at: int) -> None:
    magic = bytes(MAGIC())
    head, tail = HELLO[:at], HELLO[at:]
    assert reassembled(magic + head, tail) == [["MAGIC", "TLS"]]
    assert reassembled(magic, head, tail) == [["MAGIC"], ["TLS"]]
    assert reassembled(magic[:7], magic[7:] + head, tail) == [["MAGIC", "TLS"]]
    assert reassembled(head, tail) == [["TLS"]]
    assert reassembled(magic + HELLO, head, tail) == [["MAGIC", "TLS"], ["TLS"]]


def test_tls_that_ends_early_is_shown(bound: None) -> None:
    octets = bytes(MAGIC()) + HELLO[:60]
    assert reassembled(octets, flags="FPA") == [["MAGIC", "TLS"]]


def test_the_server_name_behind_a_preamble(bound: None) -> None:
    session, magic = TCPSession(), bytes(MAGIC())
    assert session.process(segment(magic + HELLO[:90])) is None
    packet = session.process(segment(HELLO[90:], seq=1 + len(magic) + 90))
    assert packet is not None
    (name,) = packet["TLS_Ext_ServerName"].servernames
    assert name.servername == b"shop.example"


def test_a_stream_without_a_preamble_does_not_wait(bound: None) -> None:
    packet = TCPSession().process(segment(b"GET / HTTP/1.1\r\n"))
    assert packet is not None
    assert packet[Raw].load == b"GET / HTTP/1.1\r\n"

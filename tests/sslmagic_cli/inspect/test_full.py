"""full.py: one connection, from its SYN to its end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from sslmagic.capture.connection import Connection
from sslmagic.capture.conversation import Ended
from sslmagic.capture.judge import Judge
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV, Type
from sslmagic.trust import Trust
from sslmagic.wire import encode
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal
from sslmagic_cli.inspect.full import fault_of, full, octets_of
from sslmagic_cli.inspect.record import recorded
from tests.sslmagic.capture.made import (
    CLIENT,
    PREAMBLE,
    SHOP,
    conversation,
    hello,
    judged,
)
from tests.sslmagic.wire.layouts import layout
from tests.vectors.vector import Vector, vectors


def drawn(connection: Connection, width: int = 80) -> str:
    console = Console(file=io.StringIO(), width=width)
    with console.capture() as capture:
        for part in full(connection):
            console.print(part)
    return capture.get()


def test_everything_is_said() -> None:
    said = Preamble(
        source=CLIENT, destination=SHOP, tlvs=[TLV(Type.UNIQUE_ID, b"\1\2\xff")]
    )
    octets = encode(said, "proxy2")
    one = judged(
        octets + hello(),
        b"\x15\x03\x03\0\2\2\x0a",
        cuts=[5, len(octets) + 3],
        ended=Ended.RESET,
        ended_by="listener",
        conflicting=3,
    )
    text = drawn(one)
    for line in (
        "connection 1 of node.pcapng",
        "10.0.0.5:40112 -> 10.0.1.7:8443",
        "ok the client is 203.0.113.9:51234",
        "source 203.0.113.9",
        "0.001000 octets 0 to 4 from the peer",
        f"0.002000 the preamble is whole, {len(octets)} octets",
        "0.003000 the ClientHello is whole",
        "0.021000 the listener answers: alert: unexpected_message",
        "0.500000 reset by the listener",
        "connected to 198.51.100.2:443",
        "UNIQUE_ID 0102ff",
        "ALPN h2, http/1.1",
        "conflicting 3 octets that came twice and differ",
    ):
        assert line in " ".join(text.split()), line
    assert max(map(len, text.splitlines())) <= 80


def test_a_fault_is_pointed_at_and_comes_with_what_to_do() -> None:
    text = drawn(judged(b"\xcd\x03\x03\xff\xf5MAGI\x11\x11\0" + bytes(50)))
    assert "oversize  octet 3: length 65525" in text
    assert "raise the" in text
    assert text.count("^^") == 1
    # Fifty zeros would be sixteen TLVs: what stands behind a fault means nothing.
    assert text.count("TLV type") < 4
    assert "octets seen" in text


@pytest.mark.parametrize("behind", [encode(PREAMBLE, "proxy1"), encode(PREAMBLE)])
@pytest.mark.parametrize("front", [encode(PREAMBLE), hello()])
def test_a_second_preamble_is_laid_out_as_well(front: bytes, behind: bytes) -> None:
    one = judged(front + behind + b"rest")
    parts = octets_of(one)
    assert one.offset == len(front)
    assert any(
        part.offset == len(front) and part.name in ("signature", "content type")
        for part in parts
    )
    assert "203.0.113.9" in [part.meaning.strip() for part in parts]
    assert drawn(one).count("^^") == 1


def test_octets_that_are_fine_in_themselves_are_not_pointed_at() -> None:
    one = judged(hello())
    assert fault_of(one) is None
    assert "at the front  TLS: the ClientHello" in drawn(one)


def test_many_segments_are_not_all_listed() -> None:
    octets = encode(PREAMBLE) + hello()
    text = drawn(judged(octets, cuts=range(1, 100)))
    assert "... 88 more pieces of the front" in text


@pytest.mark.parametrize("width", [40, 80, 160])
@pytest.mark.parametrize("vector", vectors()[::9], ids=str)
def test_every_front_can_be_drawn(vector: Vector, width: int) -> None:
    text = drawn(judged(vector.octets + hello()), width)
    assert text.replace("\n", "").isprintable()
    assert max(map(len, text.splitlines())) <= width


def test_a_silent_one_and_one_that_was_joined_late() -> None:
    assert "client" in drawn(judged())
    assert "the SYN is not there" in drawn(judged(hello(), begun=False))


def test_where_a_client_connected_is_not_made_up() -> None:
    source, port = Address(of="source"), Port(of="source", width=2)
    bare = layout("bare", (Literal(b"A"), source, port))
    octets = encode(Preamble.without_destination(CLIENT), bare)
    judge = Judge(Trust(["10.0.0.0/8"], formats=bare))
    one = judge.judge(conversation(octets + hello()))
    text = " ".join(drawn(one).split())
    assert "connected to not said" in text
    assert "0.0.0.0" not in text
    assert recorded(one)["preamble"]["destination"] is None

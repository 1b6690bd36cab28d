"""wire/translate.py: addresses stay, what belongs to one hop goes."""

from __future__ import annotations

import pytest

from sslmagic.decoder import decode
from sslmagic.errors import EncodeError
from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV, Type
from sslmagic.wire import FORMATS, encode
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal
from sslmagic.wire.translate import translate
from tests.sslmagic.wire.layouts import layout

SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
TCP = {"source": ("203.0.113.9", 51234), "destination": ("198.51.100.2", 443)}


@pytest.mark.parametrize("start", FORMATS)
@pytest.mark.parametrize("end", FORMATS)
def test_addresses_survive_every_translation(start: str, end: str) -> None:
    preamble, _ = decode(encode(Preamble(**TCP), start), start)  # type: ignore[arg-type]
    again, _ = decode(encode(translate(preamble, end), end), end)
    assert again == preamble


def test_tlvs_that_end_with_their_hop() -> None:
    kept = TLV(Type.UNIQUE_ID, b"id"), TLV(0xEA, b"\x01vpce-1")
    gone = TLV(Type.CRC32C, bytes(4)), TLV(Type.NOOP, b""), TLV(Type.PROOF, b"v1|")
    preamble = Preamble(**TCP, tlvs=(gone[0], kept[0], gone[1], kept[1], gone[2]))  # type: ignore[arg-type]
    assert translate(preamble, "magic").tlvs == kept
    assert translate(preamble, "proxy2").tlvs == kept
    assert translate(preamble, "proxy1").tlvs == ()


def test_a_name_that_magic_cannot_say_is_left_out() -> None:
    name = TLV(Type.AUTHORITY, b"a_b.example")
    preamble = Preamble(**TCP, tlvs=[name])  # type: ignore[arg-type]
    assert translate(preamble, "proxy2").tlvs == (name,)
    assert translate(preamble, "magic").tlvs == ()
    encode(translate(preamble, "magic"), "magic")


@pytest.mark.parametrize(
    ("preamble", "format", "said"),
    [
        (Preamble.local(), "magic", Preamble.local()),
        (Preamble.local(), "proxy2", Preamble.local()),
        (Preamble.local(), "proxy1", Preamble(transport=Transport.UNKNOWN)),
        (Preamble(transport=Transport.UNKNOWN), "magic", Preamble.local()),
        (
            Preamble(transport=Transport.UNKNOWN),
            "proxy2",
            Preamble(transport=Transport.UNKNOWN),
        ),
    ],
)
def test_nobody_stays_nobody(preamble: Preamble, format: str, said: Preamble) -> None:
    assert translate(preamble, format) == said
    encode(said, format)


def test_what_a_format_cannot_carry_stays_impossible() -> None:
    unix = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))
    with pytest.raises(EncodeError):
        encode(translate(unix, "proxy1"), "proxy1")


def test_a_destination_is_said_where_it_is_given() -> None:
    bare = layout("bare", (Literal(b"A"), SOURCE, PORT))
    said = Preamble.without_destination(("203.0.113.9", 51234))
    assert translate(said, bare) == said
    assert encode(translate(said, bare), bare) == b"A\xcb\x00\x71\x09\xc8\x22"
    given = translate(said, "proxy2", Endpoint("198.51.100.2", 443))
    assert given == Preamble(**TCP)  # type: ignore[arg-type]
    # Nobody overrules what was said.
    assert translate(given, "magic", Endpoint("192.0.2.1", 1)) == given

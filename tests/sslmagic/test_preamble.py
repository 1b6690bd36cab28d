"""preamble.py: values that cannot be wrong, formatted when they are looked at."""

from __future__ import annotations

import pickle
from typing import Any

import pytest

from sslmagic.errors import EncodeError
from sslmagic.preamble import (
    Command,
    Endpoint,
    Preamble,
    Transport,
    UnixEndpoint,
)
from sslmagic.tlv import TLV

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
CLIENT6 = ("2001:db8::1", 51234)
HERE6 = ("2001:db8::2", 443)


def test_tuples_become_endpoints() -> None:
    preamble = Preamble(source=CLIENT, destination=HERE)
    assert preamble.source == Endpoint("203.0.113.9", 51234)
    assert isinstance(preamble.destination, Endpoint)
    assert preamble.transport is Transport.TCP4
    assert preamble.command is Command.PROXY
    assert preamble.tlvs == ()


def test_a_name_of_an_ipv6_socket_is_an_address() -> None:
    preamble = Preamble(source=(*CLIENT6, 0, 0), destination=(*HERE6, 7, 0))
    assert preamble == Preamble(source=CLIENT6, destination=HERE6)


def test_the_block_is_the_one_of_the_wire() -> None:
    preamble = Preamble(source=CLIENT, destination=HERE)
    assert preamble.block.hex() == "cb007109c6336402c82201bb"


@pytest.mark.parametrize(
    ("source", "destination", "transport"),
    [
        (CLIENT, HERE, Transport.TCP4),
        (CLIENT6, HERE6, Transport.TCP6),
        (CLIENT, HERE6, Transport.TCP6),
        (CLIENT6, HERE, Transport.TCP6),
        (("::ffff:203.0.113.9", 1), ("::ffff:198.51.100.2", 2), Transport.TCP4),
        (UnixEndpoint("/run/a"), UnixEndpoint(), Transport.UNIX),
    ],
)
def test_addresses_find_their_transport(
    source: Endpoint | UnixEndpoint,
    destination: Endpoint | UnixEndpoint,
    transport: Transport,
) -> None:
    assert Preamble(source=source, destination=destination).transport is transport


@pytest.mark.parametrize(
    ("source", "destination", "transport"),
    [
        (CLIENT, HERE, Transport.UDP4),
        (CLIENT6, HERE, Transport.UDP6),
        (UnixEndpoint("/a"), UnixEndpoint("/b"), Transport.UNIX_DGRAM),
    ],
)
def test_datagrams_are_named(
    source: Endpoint | UnixEndpoint,
    destination: Endpoint | UnixEndpoint,
    transport: Transport,
) -> None:
    preamble = Preamble(source=source, destination=destination, transport=transport)
    assert preamble.transport is transport
    assert not transport.is_stream


def test_a_mixed_pair_keeps_the_ipv4_side_as_ipv4() -> None:
    preamble = Preamble(source=CLIENT, destination=HERE6)
    assert preamble.source == CLIENT
    assert preamble.destination == HERE6
    assert preamble.block[:16] == bytes(10) + b"\xff\xff\xcb\x00\x71\x09"


def test_local_has_no_client() -> None:
    preamble = Preamble.local([(0xE7, b"x")])
    assert preamble.command is Command.LOCAL
    assert preamble.source is None
    assert preamble.destination is None
    assert preamble.tlvs == (TLV(0xE7, b"x"),)


@pytest.mark.parametrize("value", [5, "x", None])
def test_the_value_of_a_tlv_is_octets(value: Any) -> None:
    with pytest.raises(TypeError, match="bytes-like"):
        Preamble.local([(0xE7, value)])
    own: Any = bytearray(b"x")
    preamble = Preamble.local([(0xE7, own)])
    own[:] = b"y"
    assert preamble.tlvs == (TLV(0xE7, b"x"),)


def test_an_unknown_transport_has_no_client() -> None:
    preamble = Preamble(transport=Transport.UNKNOWN)
    assert preamble.command is Command.PROXY
    assert preamble.source is None


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "needs a source"),
        ({"source": CLIENT}, "together"),
        ({"destination": CLIENT}, "together"),
        ({"command": Command.LOCAL, "source": CLIENT, "destination": HERE}, "LOCAL"),
        ({"command": Command.LOCAL, "transport": Transport.TCP4}, "no TCP4"),
        ({"source": ("x", 1), "destination": HERE}, "source: 'x'"),
        ({"source": CLIENT, "destination": ("1.2.3.4.5", 1)}, "destination"),
        ({"source": ("1.2.3.4",), "destination": HERE}, "source .'1.2.3.4',. is no"),
        ({"source": CLIENT, "destination": (*HERE, 0)}, "destination .* is no"),
        ({"source": ("1.2.3.4", 65536), "destination": HERE}, "source port 65536"),
        ({"source": ("1.2.3.4", -1), "destination": HERE}, "source port -1"),
        ({"source": ("1.2.3.4", 0), "destination": HERE}, "port 0"),
        ({"source": ("0.0.0.0", 1), "destination": HERE}, "unspecified"),
        ({"source": ("::", 1), "destination": HERE6}, "unspecified"),
        ({"source": ("224.0.0.1", 1), "destination": HERE6}, "multicast"),
        ({"source": UnixEndpoint("/a"), "destination": HERE}, "UNIX address and an IP"),
        ({"source": HERE, "destination": UnixEndpoint("/a")}, "UNIX address and an IP"),
        ({"source": CLIENT, "destination": HERE, "transport": Transport.TCP6}, "TCP6"),
        (
            {"source": UnixEndpoint("/" * 109), "destination": UnixEndpoint("/b")},
            "109 octets",
        ),
        (
            {"source": UnixEndpoint("\0a"), "destination": UnixEndpoint("/b")},
            "abstract",
        ),
        (
            {"source": UnixEndpoint("\ud800"), "destination": UnixEndpoint("/b")},
            "encoded",
        ),
    ],
)
def test_an_invalid_preamble_cannot_be_built(
    arguments: dict[str, object], says: str
) -> None:
    with pytest.raises(EncodeError, match=says):
        Preamble(**arguments)  # type: ignore[arg-type]


def test_any_destination_is_carried() -> None:
    preamble = Preamble(source=CLIENT, destination=("0.0.0.0", 0))
    assert preamble.destination == ("0.0.0.0", 0)


def test_a_packed_block_is_checked() -> None:
    block = Preamble(source=CLIENT, destination=HERE).block
    assert Preamble.packed(Transport.TCP4, block).source == CLIENT
    with pytest.raises(EncodeError, match="12 octets, not 11"):
        Preamble.packed(Transport.TCP4, block[1:])
    with pytest.raises(EncodeError, match="port 0"):
        Preamble.packed(Transport.TCP4, block[:8] + bytes(4))
    mapped = bytes(10) + b"\xff\xff" + bytes((1, 2, 3, 4))
    with pytest.raises(EncodeError, match="it is IPv4"):
        Preamble.packed(Transport.TCP6, mapped + mapped + b"\0\1\0\1")


def test_a_unix_path_may_fill_its_field_and_be_any_octets() -> None:
    path = UnixEndpoint("/" + "\udcff" * 107)
    preamble = Preamble(source=path, destination=UnixEndpoint())
    assert preamble.source == path
    assert preamble.destination == UnixEndpoint("")
    assert len(preamble.block) == 216


def test_immutable() -> None:
    preamble = Preamble(source=CLIENT, destination=HERE)
    with pytest.raises(AttributeError, match="immutable"):
        preamble.tlvs = ()
    with pytest.raises(AttributeError, match="immutable"):
        del preamble.block
    with pytest.raises(AttributeError, match="no 'sorce'"):
        preamble.sorce  # type: ignore[attr-defined]  # noqa: B018


def test_equal_and_hashable_by_value() -> None:
    one = Preamble(source=CLIENT, destination=HERE)
    assert one == Preamble(source=Endpoint(*CLIENT), destination=Endpoint(*HERE))
    assert hash(one) == hash(Preamble(source=CLIENT, destination=HERE))
    assert one != Preamble(source=CLIENT, destination=HERE, tlvs=[(1, b"h2")])
    assert one != "preamble"


@pytest.mark.parametrize(
    "preamble",
    [
        Preamble(source=CLIENT, destination=HERE, tlvs=[(2, b"shop.example")]),
        Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
        Preamble.local(),
        Preamble(transport=Transport.UNKNOWN),
    ],
)
def test_picklable(preamble: Preamble) -> None:
    again = pickle.loads(pickle.dumps(preamble))
    assert again == preamble
    assert again.source == preamble.source


def test_repr_says_what_it_is() -> None:
    preamble = Preamble(source=CLIENT6, destination=HERE6, tlvs=[(1, b"h2")])
    assert repr(preamble) == (
        "Preamble(command=PROXY, transport=TCP6, source='[2001:db8::1]:51234',"
        " destination='[2001:db8::2]:443', tlvs=[TLV(type=1, value=b'h2')])"
    )
    assert repr(Preamble.local()) == "Preamble(command=LOCAL, transport=UNKNOWN)"


def test_a_tlv_is_found_by_its_type() -> None:
    preamble = Preamble.local([(0xE7, b"a"), (0xE8, b"b"), (0xE7, b"c")])
    assert preamble.tlv(0xE7) == (0xE7, b"a")
    assert preamble.tlv(1) is None


def test_where_a_client_connected_may_not_be_known() -> None:
    preamble = Preamble.without_destination(CLIENT)
    assert (preamble.source, preamble.destination) == (Endpoint(*CLIENT), None)
    assert preamble.lacks_destination
    # 0.0.0.0:0 is what somebody said; nothing is what nobody did.
    nowhere = Preamble(source=CLIENT, destination=("0.0.0.0", 0))
    assert preamble != nowhere
    assert nowhere != preamble
    assert not nowhere.lacks_destination
    assert preamble == Preamble.without_destination(CLIENT)
    again = pickle.loads(pickle.dumps(preamble))
    assert again == preamble
    assert again.lacks_destination
    assert "destination" not in repr(preamble)
    assert "203.0.113.9:51234" in repr(preamble)
    assert Preamble.without_destination(CLIENT6).transport is Transport.TCP6


@pytest.mark.parametrize("source", [UnixEndpoint("/a"), ("0.0.0.0", 1), ("1.2.3.4", 0)])
def test_no_client_is_none_without_a_destination_either(source: Any) -> None:
    with pytest.raises(EncodeError):
        Preamble.without_destination(source)

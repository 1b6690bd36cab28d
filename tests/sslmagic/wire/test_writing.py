"""How parts are written that depend on each other, and what cannot be."""

from __future__ import annotations

import pytest

from sslmagic.errors import EncodeError
from sslmagic.wire.computed import Checksum, Length
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Unknown
from sslmagic.wire.writing import octets_of
from tests.sslmagic.wire.layouts import FOUR, layout

HEAD = Literal(b"A")
SOURCE, PORT = Address(of="source"), Port(of="source", width=2)
CLIENT = b"\xcb\0\x71\x09\xc8\x22"
HOSTS, PORTS = {"source": CLIENT[:4]}, {"source": 51234}


def test_what_is_computed_is_written_when_all_in_front_of_it_is() -> None:
    parts = (
        HEAD,
        Length(of="rest", width=1),
        Length(of="next", width=1),
        Unknown(longest=4, seen=b"id"),
        SOURCE,
        PORT,
        Checksum(algorithm="xor8"),
    )
    octets = b"A\x0a\x02id" + CLIENT
    xor = 0
    for octet in octets:
        xor ^= octet
    assert octets_of(parts, HOSTS, PORTS) == octets + bytes((xor,))


def test_a_checksum_nobody_knows_cannot_be_written() -> None:
    with pytest.raises(EncodeError, match="not known"):
        octets_of((HEAD, SOURCE, PORT, Checksum()), HOSTS, PORTS)


@pytest.mark.parametrize("more", range(85, 95))
def test_a_decimal_counts_itself(more: int) -> None:
    whole = Length(of="whole", form="decimal")
    parts = (HEAD, whole, Literal(b":" + b"." * more), SOURCE, PORT)
    octets = layout("all", parts).write(FOUR)
    assert int(octets[1:].partition(b":")[0]) == len(octets)

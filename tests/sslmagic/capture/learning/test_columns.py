"""columns.py: what stands at places of all samples at once."""

from __future__ import annotations

from sslmagic.wire.fields import Address
from sslmagic.wire.learnt import MOST
from sslmagic.wire.parts import Unknown
from tests.sslmagic.capture.learning.columned import CLIENTS, columns


def test_the_octet_that_all_have() -> None:
    found = columns(b"AxB", b"xBA")
    assert found.constant((0, 2)) == ord("A")
    assert found.constant((0, 0)) is None
    assert found.constant((3, 3)) is None
    assert not found.spellings
    assert found.are_even


def test_the_fields_that_every_sample_holds() -> None:
    rows = [b"<" + one.host.encode() + b">" for one in CLIENTS]
    found = columns(*rows)
    ((_, field, spellings),) = found.spellings
    assert field == Address(of="source", form="text", family="ipv4")
    assert found.behind((1, 1, 1), spellings) == tuple(len(row) - 1 for row in rows)
    assert found.behind((0, 1, 1), spellings) is None
    assert found.spelt_at == b"\0" + b"\1" * len(CLIENTS[0].host) + b"\0"
    assert not found.are_even
    assert not columns(*rows[:2], b"<>").spellings


def test_unknown_octets_are_text_if_all_are() -> None:
    found = columns(b"ab\n", b"abc")
    assert found.unknown((0, 0), (2, 3)) == Unknown(text=True)
    assert found.unknown((0, 0), (3, 3)) == Unknown()
    long = columns(bytes(600), b"")
    assert long.unknown((0, 0), (600, 0)) == Unknown(longest=MOST)

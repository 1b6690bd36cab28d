"""A guess at a port: only what could be one in every sample."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.portless import with_port
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.parts import Literal, Part, Unknown

NODE = Endpoint("10.0.0.5", 8443)
CLIENT = Endpoint("1.2.3.4", 0)
HOST = b"\1\2\3\4"
SOURCE = Address(of="source")


def guess(parts: tuple[Part, ...], rows: list[bytes]) -> Port | None:
    found, remark = with_port(parts, [Sample(row, CLIENT, NODE) for row in rows])
    assert remark.startswith("the client's port is")
    return next((part for part in found if isinstance(part, Port)), None)


@pytest.mark.parametrize(
    ("ports", "order"),
    [((40001, 50002), "big"), ((40001, 50002), "little")],
)
def test_the_order_that_makes_ports(ports: tuple[int, ...], order: str) -> None:
    rows = [HOST + port.to_bytes(2, order) for port in ports]  # type: ignore[arg-type]
    found = guess((SOURCE, Unknown(width=2)), rows)
    assert found == Port(of="source", width=2, order=order)  # type: ignore[arg-type]


def test_digits_that_never_varied_are_the_ports_as_well() -> None:
    parts = (SOURCE, Literal(b",4"), Unknown(width=3), Literal(b"1;"))
    rows = [HOST + b",4%03d1;" % n for n in (100, 200)]
    assert guess(parts, rows) == Port(of="source", form="decimal")


@pytest.mark.parametrize(
    "rows", [[HOST + b"\0\1"], [HOST + b"\0\1", HOST + b"\xc8\x22"], [HOST + b"\xc8"]]
)
def test_what_is_no_port_of_a_client(rows: list[bytes]) -> None:
    assert guess((SOURCE, Unknown(width=2)), rows) is None
    text = (SOURCE, Literal(b","), Unknown(width=5), Literal(b";"))
    assert guess(text, [HOST + b",99999;"]) is None

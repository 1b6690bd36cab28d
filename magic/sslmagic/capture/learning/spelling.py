"""Every way in which a layout may spell an address or a port.

The order is the order of preference where two spell the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Literal

from sslmagic.address import pack_host
from sslmagic.capture.learning.sample import Sample
from sslmagic.preamble import Endpoint
from sslmagic.wire.fields import Address, Port

__all__ = ["SPELLINGS", "Field", "spelt", "stands", "value"]

_MOST_PLACES = 8
"""How often one spelling is looked for in one sample."""

Field = Address | Port
_Side = Literal["source", "destination"]
_ORDERS: tuple[Literal["big", "little"], ...] = ("big", "little")


def _addresses(side: _Side) -> list[Field]:
    found = [
        Address(of=side, width=width, order=order)
        for width, order in itertools.product((16, 4), _ORDERS)
    ]
    found += [Address(of=side, form="text", family="ipv4")]
    found += [
        Address(of=side, form="text", family="ipv6", full=full, upper=upper)
        for full, upper in itertools.product((False, True), repeat=2)
    ]
    found += [
        Address(of=side, form="hex", width=width, order=order, upper=upper)
        for width, order, upper in itertools.product((16, 4), _ORDERS, (False, True))
    ]
    found += [Address(of=side, form="decimal", order=order) for order in _ORDERS]
    return [*found]


def _ports(side: _Side) -> list[Field]:
    found = [
        Port(of=side, width=width, order=order)
        for width, order in itertools.product((4, 2), _ORDERS)
    ]
    found += [Port(of=side, form="decimal"), Port(of=side, form="decimal", width=5)]
    found += [
        Port(of=side, form="hex", width=4, order=order, upper=upper)
        for order, upper in itertools.product(_ORDERS, (False, True))
    ]
    found += [Port(of=side, form="hex", upper=upper) for upper in (False, True)]
    return [*found]


SPELLINGS: tuple[Field, ...] = (
    *_addresses("source"),
    *_addresses("destination"),
    *_ports("source"),
    *_ports("destination"),
)


def value(field: Field, sample: Sample) -> bytes | int | None:
    """Return what *field* would say of *sample*; None if that is not known."""
    endpoint = _side(field, sample)
    if isinstance(field, Port):
        return endpoint.port or None
    packed = pack_host(endpoint.host)
    return packed if field.carries(packed) else None


def spelt(field: Field, sample: Sample) -> bytes | None:
    """Return how *field* would say it; None if it cannot."""
    found = value(field, sample)
    if found is None:
        return None
    if isinstance(field, Port):
        assert isinstance(found, int)
        return field.write(found)
    assert isinstance(found, bytes)
    return field.write(found)


def stands(field: Field, spelling: bytes, octets: bytes) -> Iterator[int]:
    """Return where *octets* have a spelling that is not the front of a longer word."""
    at = octets.find(spelling)
    for _ in range(_MOST_PLACES):
        if at < 0:
            return
        behind = octets[at + len(spelling) : at + len(spelling) + 1]
        if not field.ends_outside or not behind or behind[0] not in field.alphabet:
            yield at
        at = octets.find(spelling, at + 1)


def _side(field: Field, sample: Sample) -> Endpoint:
    if field.of == "source":
        return sample.client
    return sample.destination or sample.listener

"""What the parts of a whole preamble say, if its checksum and addresses are right."""

from __future__ import annotations

from typing import TypeVar

from sslmagic.address import MAPPED
from sslmagic.block import Transport, block_fault
from sslmagic.errors import DecodeError, Reason
from sslmagic.preamble import Preamble, checked, undirected
from sslmagic.wire.computed import Checksum
from sslmagic.wire.fields import Address, Port
from sslmagic.wire.walk import Span

__all__ = ["preamble_of"]

_BLOCK = {8: Transport.TCP4, 32: Transport.TCP6}
"""Octets of both addresses -> what carries them."""
_Value = TypeVar("_Value", bytes, int)


def preamble_of(octets: bytes, spans: list[Span]) -> Preamble:
    """Return what a whole preamble says, given where its parts stand.

    Raises:
        DecodeError: an address, a port or the checksum is wrong.
    """
    hosts: dict[str, tuple[bytes, int]] = {}
    ports: dict[str, tuple[int, int]] = {}
    for part, start, end in spans:
        field = octets[start:end]
        try:
            if isinstance(part, Address):
                _agree(hosts, part.of, part.read(field), start)
            elif isinstance(part, Port):
                _agree(ports, part.of, part.read(field), start)
        except ValueError as error:
            raise DecodeError(
                f"{part.name}: {error}", reason=Reason.ADDRESS, offset=start
            ) from None
        if isinstance(part, Checksum) and part.refusal is None:
            _check_sum(part, field, octets[:start], start)
    return _composed(hosts, ports)


def _agree(
    found: dict[str, tuple[_Value, int]], side: str, value: _Value, at: int
) -> None:
    """Take what a side is; it may be said twice if both are the same."""
    if found.setdefault(side, (value, at))[0] != value:
        raise ValueError("not the one that was said before")


def _check_sum(part: Checksum, field: bytes, before: bytes, at: int) -> None:
    right = part.of(before)
    if field != right:
        raise DecodeError(
            f"the checksum is {field.hex()}, the octets give {right.hex()}",
            reason=Reason.CHECKSUM,
            offset=at,
        )


def _composed(
    hosts: dict[str, tuple[bytes, int]], ports: dict[str, tuple[int, int]]
) -> Preamble:
    source, source_at = hosts["source"]
    port, port_at = ports["source"]
    destination = hosts.get("destination", (bytes(len(source)), 0))[0]
    pair = [source, destination]
    if len(source) != len(destination):
        pair = [MAPPED + one if len(one) == 4 else one for one in pair]
    block = pair[0] + pair[1]
    transport = _BLOCK[len(block)]
    number = port << 16 | ports.get("destination", (0, 0))[0]
    block += number.to_bytes(4, "big")
    if fault := block_fault(transport, block):
        offset = source_at if fault[0] == 0 else port_at
        raise DecodeError(fault[1], reason=Reason.ADDRESS, offset=offset)
    if "destination" not in hosts or "destination" not in ports:
        return undirected(transport, block)
    return checked(transport, block)

"""Addresses of clients as Twisted has them, with the preamble that named them.

They equal Twisted's own, so that nothing that compares addresses sees a difference.
"""

# pyright: standard
# zope.interface, in which Twisted says what is what, has no types.

from __future__ import annotations

import os
from typing import Any

from twisted.internet.address import IPv4Address, IPv6Address, UNIXAddress
from twisted.internet.interfaces import IAddress
from zope.interface import implementer

from sslmagic.listener.peername import IPName, PeerName
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint

__all__ = ["ClientAddress", "Unnamed", "client_address"]


class ClientAddress:
    """What every address of a client has beside Twisted's fields."""

    preamble: Preamble | None
    """What named the client; None if it is direct."""
    peer: Endpoint | UnixEndpoint
    """The other end of the connection, a gateway or the client itself."""


class _IPv4(IPv4Address, ClientAddress):
    def __eq__(self, other: object) -> bool:
        return _equal(self, other, IPv4Address, "host", "port", "type")

    def __hash__(self) -> int:
        return hash(IPv4Address(self.type, self.host, self.port))


class _IPv6(IPv6Address, ClientAddress):
    def __eq__(self, other: object) -> bool:
        fields = ("host", "port", "type", "flowInfo", "scopeID")
        return _equal(self, other, IPv6Address, *fields)

    def __hash__(self) -> int:
        plain = IPv6Address(
            self.type, self.host, self.port, self.flowInfo, self.scopeID
        )
        return hash(plain)


class _Unix(UNIXAddress, ClientAddress):
    def __eq__(self, other: object) -> bool:
        return UNIXAddress(self.name) == other

    def __hash__(self) -> int:
        return hash(UNIXAddress(self.name))


@implementer(IAddress)
class Unnamed(ClientAddress):
    """No address: a preamble said that there is no client, or does not know it.

    It is no UNIX address either, which would be as good as trusted in some places.
    """

    type = "TCP"
    host = ""
    port = 0

    def __repr__(self) -> str:
        return "Unnamed()"


def client_address(name: PeerName) -> Any:
    """Return the address that `getPeer` gives, an IAddress and a `ClientAddress`."""
    address: Any
    if isinstance(name, IPName):
        kind = _IPv4 if len(name) == 2 else _IPv6
        address = kind("TCP", *name)
    elif not name and name.preamble is not None:
        address = Unnamed()
    else:
        address = _Unix(os.fsencode(name) or None)
    address.preamble, address.peer = name.preamble, name.peer
    return address


def _equal(one: Any, other: object, kind: type, *fields: str) -> bool:
    return isinstance(other, kind) and all(
        getattr(one, field) == getattr(other, field) for field in fields
    )

"""Peer names: the client's address in the shape of `getpeername`, with the preamble.

A tuple or str of the standard shape is what every server, logger and framework takes;
its attributes `preamble` and `peer` are for whoever knows that they are there.
"""

from __future__ import annotations

import os
from typing import Any, Self

from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.reception import Peer

__all__ = [
    "IPName",
    "PairName",
    "PeerName",
    "SocketAddress",
    "UnixName",
    "pair_name",
    "peer_name",
    "peer_of",
    "plain_name",
]

SocketAddress = tuple[Any, ...] | str | bytes | None
"""What the kernel calls a peer: bytes for an abstract UNIX name, None for no name."""

_MAPPED = "::ffff:"


class IPName(tuple[Any, ...]):  # noqa: SLOT001  # a tuple has no room for slots
    """(host, port), or (host, port, flow, scope) for IPv6; equal to the plain tuple."""

    preamble: Preamble | None
    """What named this client; None if the connection is direct."""
    peer: Peer
    """The other end of the TCP connection, a gateway or the client itself."""

    def __new__(
        cls, address: tuple[Any, ...], preamble: Preamble | None, peer: Peer
    ) -> Self:
        """Return the name *address* with *preamble* and *peer* on it."""
        name = super().__new__(cls, address)
        name.preamble = preamble
        name.peer = peer
        return name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (tuple(self), self.preamble, self.peer)


class PairName(IPName):
    """(path, 0), or ("", 0) for nobody: no address, in the shape of one.

    For servers that take every peer of a TCP port for an IP address.
    """


class UnixName(str):
    """A path, empty if unnamed; equal to the plain str."""

    __slots__ = ("peer", "preamble")

    preamble: Preamble | None
    """What named this client, or said that there is none; None if it is direct."""
    peer: Peer
    """The other end of the connection, a gateway or the client itself."""

    def __new__(cls, path: str, preamble: Preamble | None, peer: Peer) -> Self:
        """Return the name *path* with *preamble* and *peer* on it."""
        name = super().__new__(cls, path)
        name.preamble = preamble
        name.peer = peer
        return name

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (str(self), self.preamble, self.peer)


PeerName = IPName | UnixName


def peer_name(client: Peer | None, preamble: Preamble | None, peer: Peer) -> PeerName:
    """Return *client* in the shape that the kernel gives a peer's name.

    A connection without a client (LOCAL, UNKNOWN) has the name of an unnamed UNIX peer,
    the empty str: it is no address, and nothing mistakes it for one.
    """
    if isinstance(client, Endpoint):
        if ":" in client.host:
            return IPName((client.host, client.port, 0, 0), preamble, peer)
        return IPName((client.host, client.port), preamble, peer)
    return UnixName("" if client is None else client.path, preamble, peer)


def pair_name(name: PeerName) -> IPName:
    """Return *name* as it is if it is an address, and as the host of port 0 if not."""
    if isinstance(name, IPName):
        return name
    return PairName((str(name), 0), name.preamble, name.peer)


def plain_name(address: SocketAddress) -> PeerName:
    """Return a peer's name as the kernel gave it, for a connection without preamble."""
    peer = peer_of(address)
    if isinstance(address, tuple):
        return IPName(address, None, peer)
    return UnixName(_path(address), None, peer)


def peer_of(address: SocketAddress) -> Peer:
    """Return the peer behind a name that the kernel gave.

    IPv4 peers of a dual-stack socket are IPv4, and an IPv6 zone is left out: networks
    are looked up without.
    """
    if isinstance(address, tuple):
        host: str = address[0]
        if ":" in host:
            host = host.partition("%")[0]
            if host.startswith(_MAPPED) and "." in host:
                host = host[len(_MAPPED) :]
        return Endpoint(host, address[1])
    return UnixEndpoint(_path(address))


def _path(address: str | bytes | None) -> str:
    return "" if address is None else os.fsdecode(address)

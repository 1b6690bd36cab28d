"""What a node gets first: a preamble made from a connection, or one said again."""

from __future__ import annotations

import socket

from sslmagic.address import MAPPED
from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.relay.address import SocketAddress
from sslmagic.wire import encode, encode_tcp4
from sslmagic.wire.translate import translate

__all__ = ["announce", "respeak"]


def announce(name: SocketAddress, local: SocketAddress, format: str) -> bytes:
    """Return the preamble of a client at *name* that connected to *local*.

    A client on a UNIX socket has no address: its source is the unnamed UNIX endpoint,
    and where *format* cannot say that, nobody is named (LOCAL, UNKNOWN).

    Raises:
        EncodeError: no preamble can say this.
    """
    if not isinstance(name, tuple) or not isinstance(local, tuple):
        if format == "proxy1":
            return respeak(Preamble.local(), format)
        source, destination = UnixEndpoint(_path(name)), UnixEndpoint(_path(local))
        return encode(Preamble(source=source, destination=destination), format)
    hosts = _packed(name[0]) + _packed(local[0])
    ports = (name[1] << 16 | local[1]).to_bytes(4, "big")
    if len(hosts) == 8:
        return encode_tcp4(hosts + ports, format)
    if len(hosts) == 20:
        hosts = _wide(_packed(name[0])) + _wide(_packed(local[0]))
    return encode(Preamble.packed(Transport.TCP6, hosts + ports), format)


def respeak(
    preamble: Preamble, format: str, destination: Endpoint | None = None
) -> bytes:
    """Return *preamble* in *format*, for the next hop.

    *destination* stands where it does not say where its client connected.

    Raises:
        EncodeError: the format cannot carry the addresses, or it becomes too long.
    """
    return encode(translate(preamble, format, destination), format)


def _path(name: SocketAddress) -> str:
    # An abstract name is no path (spec.md section 4.4): it stays unnamed.
    return name if isinstance(name, str) else ""


def _packed(host: str) -> bytes:
    """Return the octets of an address as the kernel printed it."""
    if ":" not in host:
        return socket.inet_aton(host)
    packed = socket.inet_pton(socket.AF_INET6, host.partition("%")[0])
    return packed[12:] if packed.startswith(MAPPED) else packed


def _wide(host: bytes) -> bytes:
    return MAPPED + host if len(host) == 4 else host

"""Where a socket listens or connects: an address in the shape the kernel wants."""

from __future__ import annotations

import dataclasses
import socket

from sslmagic.preamble import Endpoint, UnixEndpoint

__all__ = ["Address", "SocketAddress", "endpoint"]

SocketAddress = tuple[str, int] | tuple[str, int, int, int] | str | bytes
"""What the socket module takes and gives; bytes is an abstract UNIX address."""

_MAPPED = "::ffff:"


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """An address of a listener or of a node."""

    family: socket.AddressFamily
    name: SocketAddress
    """As `bind` and `connect` take it."""
    is_tcp: bool
    """Whether this is no UNIX socket."""

    @classmethod
    def of(cls, where: Endpoint | UnixEndpoint) -> Address:
        """Return the address of an endpoint; the host "" is every address there is."""
        if isinstance(where, UnixEndpoint):
            return cls(family=socket.AF_UNIX, name=where.path, is_tcp=False)
        if where.host and ":" not in where.host:
            name = (where.host, where.port)
            return cls(family=socket.AF_INET, name=name, is_tcp=True)
        name6 = (where.host or "::", where.port, 0, 0)
        return cls(family=socket.AF_INET6, name=name6, is_tcp=True)

    def __str__(self) -> str:
        """Return it as the command line writes it."""
        if isinstance(self.name, tuple):
            return str(Endpoint(self.name[0], self.name[1]))
        return f"unix:{self.name if isinstance(self.name, str) else ''}"


def endpoint(name: SocketAddress) -> Endpoint | UnixEndpoint:
    """Return the endpoint that `accept` or `getsockname` named.

    An IPv4 address that an IPv6 socket shows as mapped is an IPv4 address. A zone is
    left out: it means something on this machine only.
    """
    if isinstance(name, tuple):
        host = name[0]
        if host.startswith(_MAPPED) and "." in host:
            host = host[len(_MAPPED) :]
        return Endpoint(host.partition("%")[0], name[1])
    return UnixEndpoint(name if isinstance(name, str) else "")

"""Whom a probe asks: the addresses of one host that somebody named, one at a time.

Several machines need not answer alike, so that each address is a target of its own.
Whatever stands for more than one host is refused.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import socket
from collections.abc import Iterator
from typing import Self

from sslmagic.address import host_text, pack_host
from sslmagic.preamble import Endpoint

__all__ = ["Target"]

_NAME = re.compile(r"(?=.{1,253}\Z)[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_.])?\Z")


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A listener to ask."""

    name: str
    """The host as it was named, without brackets."""
    address: Endpoint
    """Where it is asked."""
    zone: str | None = None
    """The interface that leads there, if the address is link-local (RFC 4007)."""

    def __post_init__(self) -> None:
        if why := _refusal(self.address.host, self.zone):
            raise ValueError(f"{self.address.host} {why}")
        if not self.address.port:
            raise ValueError("nobody listens on port 0")

    def __str__(self) -> str:
        host, port = self.address
        if self.zone is not None:
            return f"[{host}%{self.zone}]:{port}"
        return str(self.address)

    @property
    def is_literal(self) -> bool:
        """Whether the host was named by its address."""
        return _literal(self.name.partition("%")[0]) is not None

    @classmethod
    def parse(cls, text: str) -> tuple[str, int]:
        """Return host and port of ``HOST:PORT`` or ``[IP6]:PORT``; asks nobody.

        Raises:
            ValueError: the text is something else, or stands for more than one host.
        """
        host, colon, port = text.rpartition(":")
        if not colon or not (port.isascii() and port.isdigit()):
            raise ValueError(f"{text!r} does not end in :PORT")
        if not 1 <= int(port) <= 65535:
            raise ValueError(f"port {port} is not in 1 to 65535")
        if host.startswith("[") and host.endswith("]"):
            host = host[1:-1]
        elif ":" in host:
            raise ValueError(f"{text!r} is an IPv6 address without its [brackets]")
        address, _, zone = host.partition("%")
        literal = _literal(address)
        if literal is None:
            if any(sign in host for sign in "/*,"):
                raise ValueError(f"{host!r} is more than one host: name one")
            if not _NAME.match(host) or re.fullmatch(r"[0-9.-]+", host):
                raise ValueError(f"{host!r} is no address and no host's name")
        elif why := _refusal(literal, zone if "%" in host else None):
            raise ValueError(f"{host} {why}")
        return host, int(port)

    @classmethod
    def resolve(
        cls, text: str, *, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> tuple[Self, ...]:
        """Return the targets that ``HOST:PORT`` names, in the order the system has.

        Args:
            family: AF_INET or AF_INET6, for addresses of that family alone.

        Raises:
            ValueError: the text names none, or one that is not asked.
            OSError: the name has no address, or none of the family.
        """
        host, port = cls.parse(text)
        address, _, zone = host.partition("%")
        if literal := _literal(address):
            if family not in (socket.AF_UNSPEC, _family(literal)):
                raise ValueError(f"{literal} is no {_FAMILIES[family]} address")
            found = [(literal, _interface(zone) if zone else None)]
        else:
            found = list(dict.fromkeys(_asked_of_the_system(host, port, family)))
        try:
            return tuple(
                cls(name=host, address=Endpoint(address, port), zone=zone)
                for address, zone in found
            )
        except ValueError as error:
            # Of a name, whose addresses nobody has written there.
            raise ValueError(f"{host}: {error}") from None


_FAMILIES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def _literal(host: str) -> str | None:
    try:
        return host_text(pack_host(host))
    except ValueError:
        return None


def _family(literal: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in literal else socket.AF_INET


def _interface(zone: str) -> str:
    """Return the name of this machine's interface with this name or number."""
    interfaces = {str(number): name for number, name in socket.if_nameindex()}
    if zone in interfaces.values():
        return zone
    if zone not in interfaces:
        here = ", ".join(interfaces.values())
        raise ValueError(f"this machine has no interface {zone!r}: it has {here}")
    return interfaces[zone]


def _asked_of_the_system(
    host: str, port: int, family: socket.AddressFamily
) -> Iterator[tuple[str, str | None]]:
    """Yield each address with its zone, if it has one."""
    try:
        found = socket.getaddrinfo(host, port, family, socket.SOCK_STREAM)
    except UnicodeError:
        # A part of it is empty, or longer than a name's parts may be.
        raise ValueError(f"{host!r} is no address and no host's name") from None
    for *_, place in found:
        address, scope = str(place[0]), place[3:4]
        zone = socket.if_indextoname(int(scope[0])) if scope and scope[0] else None
        yield host_text(pack_host(address)), zone


def _refusal(host: str, zone: str | None) -> str | None:
    """Return why this address is not asked, or None."""
    address = ipaddress.ip_address(host)
    if address.is_multicast:
        return "is a group's address: name one host"
    if address.is_unspecified:
        return "is no host's address"
    if host == "255.255.255.255":
        return "is everybody's address: name one host"
    if address.version == 6 and address.is_link_local:
        if not zone:
            return f"is link-local: name the interface too, as [{host}%eth0]"
    elif zone is not None:
        return "is not link-local: it has no %ZONE"
    return None

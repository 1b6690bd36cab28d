"""Whom a probe asks: one address of one host that somebody named.

A name may have several addresses; the first is asked, because several machines need
not answer alike. Whatever stands for more than one host is refused.
"""

from __future__ import annotations

import dataclasses
import ipaddress
import re
import socket
from typing import Self

from sslmagic.address import host_text, is_loopback, pack_host
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

    def __post_init__(self) -> None:
        if why := _refusal(self.address.host):
            raise ValueError(f"{self.address.host} {why}")
        if not self.address.port:
            raise ValueError("nobody listens on port 0")

    @property
    def is_loopback(self) -> bool:
        """Whether it is this machine, by way of loopback."""
        return is_loopback(pack_host(self.address.host))

    @property
    def is_literal(self) -> bool:
        """Whether the host was named by its address."""
        return _literal(self.name) is not None

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
        literal = _literal(host)
        if literal is None:
            if any(sign in host for sign in "/*,"):
                raise ValueError(f"{host!r} is more than one host: name one")
            if not _NAME.match(host) or re.fullmatch(r"[0-9.-]+", host):
                raise ValueError(f"{host!r} is no address and no host's name")
        elif why := _refusal(literal):
            raise ValueError(f"{host} {why}")
        return host, int(port)

    @classmethod
    def resolve(cls, text: str) -> Self:
        """Return the target that ``HOST:PORT`` names, by its first address.

        Raises:
            ValueError: the text names none, or one that is not asked.
            OSError: the name has no address.
        """
        host, port = cls.parse(text)
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except UnicodeError:
            # A part of it is empty, or longer than a name's parts may be.
            raise ValueError(f"{host!r} is no address and no host's name") from None
        address = found[0][4][0]
        return cls(
            name=host, address=Endpoint(host_text(pack_host(str(address))), port)
        )


def _literal(host: str) -> str | None:
    try:
        return host_text(pack_host(host))
    except ValueError:
        return None


def _refusal(host: str) -> str | None:
    """Return why this address is not asked, or None."""
    address = ipaddress.ip_address(host)
    if address.is_multicast:
        return "is a group's address: name one host"
    if address.is_unspecified:
        return "is no host's address"
    if host == "255.255.255.255":
        return "is everybody's address: name one host"
    return None

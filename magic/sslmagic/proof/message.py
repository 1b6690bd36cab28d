"""What a tag covers: the message M, the same for who seals and who verifies.

    M = context               32 octets, says what kind of tag it is
      || len16 audience       the receiver's own name, not from the wire
      || len16 hop            both ends of this TCP connection, or empty
      || len32 P || P         the preamble before its tag
      || SHA-256(bound)       of the octets behind it that the tag covers

Every part is preceded by its length, so that no octet can move from one to another
(spec.md section 7).
"""

from __future__ import annotations

import enum
import hashlib
import hmac
import re
from typing import NamedTuple

from sslmagic.address import pack_host
from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Endpoint

__all__ = [
    "FLAG_HOP",
    "KEY_LENGTH",
    "Bind",
    "Hop",
    "check_audience",
    "check_key",
    "hmac_tag",
    "signed_message",
]

KEY_LENGTH = 32
"""Octets of an HMAC key."""
FLAG_HOP = 0x01
"""The flag that says that the hop's addresses are in the message."""

_CONTEXT_HMAC = b"sslmagic/1 preamble hmac-sha256\0"
_AUDIENCE = re.compile(r"[a-z0-9.-]{1,64}")


class Bind(enum.IntEnum):
    """What the tag covers behind the preamble."""

    NOTHING = 0
    OCTETS = 1
    """The first octets of the stream, whatever they are."""
    HELLO = 2
    """Whole TLS records that hold the ClientHello."""


class Hop(NamedTuple):
    """The TCP connection that a preamble travels on, as both its ends see it."""

    gateway: Endpoint
    node: Endpoint

    def packed(self) -> bytes:
        """Return both addresses unmapped and both ports: 12 or 36 octets.

        Raises:
            ConfigurationError: the two are not of one family.
        """
        gateway, node = pack_host(self.gateway.host), pack_host(self.node.host)
        if len(gateway) != len(node):
            raise ConfigurationError(
                f"hop {self.gateway} to {self.node}: two families on one connection"
            )
        ports = self.gateway.port << 16 | self.node.port
        return gateway + node + ports.to_bytes(4, "big")


def signed_message(
    octets: bytes, *, audience: str, hop: Hop | None, bound: bytes
) -> bytes:
    """Return M for an HMAC tag: *octets* are the preamble's before the tag."""
    name = audience.encode()
    path = b"" if hop is None else hop.packed()
    return b"".join(
        (
            _CONTEXT_HMAC,
            len(name).to_bytes(2, "big") + name,
            len(path).to_bytes(2, "big") + path,
            len(octets).to_bytes(4, "big") + octets,
            hashlib.sha256(bound).digest(),
        )
    )


def hmac_tag(key: bytes, message: bytes) -> bytes:
    """Return the 16 octets of HMAC-SHA-256-128."""
    return hmac.digest(key, message, "sha256")[:16]


def check_key(key: bytes) -> None:
    """Raise `ConfigurationError` unless *key* has the right length."""
    if len(key) != KEY_LENGTH:
        raise ConfigurationError(f"a key of {len(key)} octets, {KEY_LENGTH} are needed")


def check_audience(audience: str) -> None:
    """Raise `ConfigurationError` unless *audience* is a name a receiver may have."""
    if not _AUDIENCE.fullmatch(audience):
        raise ConfigurationError(
            f"audience {audience!r}: 1 to 64 of a-z, 0-9, dot and hyphen"
        )

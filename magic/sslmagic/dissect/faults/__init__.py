"""Every fault that octets can show, as a change of a preamble that has none.

A fault is a name, what it makes of the octets, and what a receiver that follows spec.md
says then: that is written down here by hand, and asked of no receiver.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sslmagic.dissect.faults import (
    disbelieved,
    malformed,
    observed,
    surroundings,
    unfinished,
)
from sslmagic.dissect.faults.draft import Draft
from sslmagic.wire import FORMATS

__all__ = ["FAULTS", "Fault"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way in which a connection can be wrong."""

    name: str
    about: str
    """What is wrong, in a few words."""
    change: Callable[[Draft], Draft]
    """Makes it so. Raises `EncodeError` where the preamble has no place for it."""
    formats: tuple[str, ...] = FORMATS
    """Those that have it."""


_BINARY: Final = ("magic", "proxy2")
"""Those that are no text."""

FAULTS: Final[dict[str, Fault]] = {
    name: Fault(name=name, about=about, change=change, formats=formats)
    for name, about, change, formats in (
        ("format", "an octet of the signature is wrong", malformed.signature, FORMATS),
        ("version", "version 3", malformed.version, _BINARY),
        ("command", "command 2, neither LOCAL nor PROXY", malformed.command, _BINARY),
        ("family", "address family 4", malformed.family, _BINARY),
        (
            "length",
            "a length without room for the addresses",
            malformed.length,
            _BINARY,
        ),
        ("oversize", "longer than the limit", malformed.oversize, FORMATS),
        ("line", "a line that ends with LF alone", malformed.line, ("proxy1",)),
        ("address", "a multicast address as the source", malformed.address, FORMATS),
        ("tlv", "two octets left over behind the last TLV", malformed.tlv, _BINARY),
        ("checksum", "a wrong CRC32C", malformed.checksum, _BINARY),
        (
            "profile",
            "a profile of proof that is not defined",
            malformed.profile,
            ("magic",),
        ),
        (
            "truncated",
            "the stream ends inside the preamble",
            unfinished.truncated,
            FORMATS,
        ),
        (
            "source",
            "a spoofed source: loopback, from elsewhere",
            disbelieved.spoofed,
            FORMATS,
        ),
        (
            "transport",
            "datagrams, in front of a stream",
            disbelieved.transport,
            ("proxy2",),
        ),
        ("timeout", "not whole by the deadline of 5 s", unfinished.timeout, FORMATS),
        ("reset", "the peer breaks off inside the preamble", unfinished.reset, FORMATS),
        ("nested", "another preamble behind it", surroundings.nested, FORMATS),
        ("hello", "plaintext where TLS must follow", surroundings.plaintext, FORMATS),
        ("local", "LOCAL, or UNKNOWN: no client is named", disbelieved.local, FORMATS),
        ("missing", "no preamble, TLS at once", surroundings.missing, FORMATS),
        ("late", "a preamble behind the ClientHello", surroundings.late, FORMATS),
        ("silent", "the peer says nothing, and closes", surroundings.silent, FORMATS),
        (
            "waiting",
            "the capture ends inside the preamble",
            unfinished.waiting,
            FORMATS,
        ),
        ("loss", "the capture lacks a segment of the preamble", observed.loss, FORMATS),
        ("midway", "the capture begins behind the preamble", observed.midway, FORMATS),
        (
            "conflict",
            "sent again with another client in it",
            observed.conflict,
            FORMATS,
        ),
        (
            "wrong-port",
            "the listener knows no preamble: TLS alert",
            observed.wrong_port,
            FORMATS,
        ),
    )
}
"""Every fault by its name, in the order of spec.md section 9, then what only somebody
who looks at the wire can say."""

"""Every fault that octets can show, as a change of a preamble that has none.

A fault is a name, what it makes of the octets, and what a receiver that follows spec.md
says then: that is written down here by hand, and asked of no receiver.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal

from sslmagic.crc32c import crc32c
from sslmagic.errors import EncodeError
from sslmagic.preamble import Command, Endpoint, Preamble, Transport
from sslmagic.tlv import Type
from sslmagic.wire import FORMATS, encode

__all__ = ["DEADLINE", "FAULTS", "Draft", "Ending", "Fault"]

Ending = Literal["served", "refused", "left", "broken", "open", "expired"]
"""What becomes of the connection: both speak and the peer closes; the listener resets
it; the peer closes; the peer resets it; nothing more happens; the listener closes when
its deadline has passed."""

DEADLINE: Final = 5.0
"""Seconds that listeners wait for a preamble by default (spec.md section 5.6)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The front of a connection that is to be made, and what is to be said of it."""

    format: str
    """The format of the preamble."""
    preamble: Preamble
    """What it says."""
    octets: bytes
    """The preamble as it is sent."""
    behind: bytes = b""
    """What is sent between it and what the client says."""
    silent: bool = False
    """Whether the client says nothing."""
    instead: bytes = b""
    """What the client says instead of its session."""
    ending: Ending = "served"
    """What becomes of the connection."""
    verdict: str = "ok"
    """A reason of spec.md section 9, or a word of `magic inspect`."""
    offset: int | None = None
    """Where the verdict points."""
    unseen: Literal["", "segment", "front"] = ""
    """What the capture lacks: a segment of the preamble, or all up to its end."""
    conflicting: bytes = b""
    """A preamble that is sent in the place of this one, behind it."""
    answer: bytes = b""
    """What the listener says instead of its part of the session."""


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


_VERSION: Final = {"magic": 9, "proxy2": 12}
"""Where version and command stand."""
_FAMILY: Final = {"magic": 10, "proxy2": 13}
_LENGTH: Final = {"magic": 3, "proxy2": 14}
_HEAD: Final = {"magic": 12, "proxy2": 16}
"""Octets in front of the address block."""
_COUNTED: Final = {"magic": 5, "proxy2": 16}
"""Octets that the length does not count."""
_SIGNATURE: Final = {"magic": 5, "proxy1": 4, "proxy2": 11}
"""An octet of the signature, behind the one that tells the format."""
_BINARY: Final = ("magic", "proxy2")
_ALERT: Final = bytes.fromhex("1503030002020a")
"""Fatal: unexpected_message."""


def _refused(draft: Draft, verdict: str, octets: bytes, offset: int | None) -> Draft:
    return dataclasses.replace(
        draft, verdict=verdict, octets=octets, offset=offset, ending="refused"
    )


def _put(octets: bytes, at: int, value: bytes) -> bytes:
    return octets[:at] + value + octets[at + len(value) :]


def _signature(draft: Draft) -> Draft:
    at = _SIGNATURE[draft.format]
    changed = bytes([draft.octets[at] ^ 0x20])
    return _refused(draft, "format", _put(draft.octets, at, changed), at)


def _version(draft: Draft) -> Draft:
    at = _VERSION[draft.format]
    changed = bytes([0x30 | draft.octets[at] & 0x0F])
    return _refused(draft, "version", _put(draft.octets, at, changed), at)


def _command(draft: Draft) -> Draft:
    at = _VERSION[draft.format]
    changed = bytes([draft.octets[at] & 0xF0 | 2])
    return _refused(draft, "command", _put(draft.octets, at, changed), at)


def _family(draft: Draft) -> Draft:
    _addressed(draft)
    at = _FAMILY[draft.format]
    return _refused(draft, "family", _put(draft.octets, at, b"\x41"), at)


def _length(draft: Draft) -> Draft:
    block = _addressed(draft)
    at = _LENGTH[draft.format]
    short = _HEAD[draft.format] + len(block) - _COUNTED[draft.format] - 1
    return _refused(draft, "length", _sized(draft, draft.octets, short), at)


def _oversize(draft: Draft) -> Draft:
    if draft.format == "proxy1":
        octets = b"PROXY UNKNOWN " + b"x" * 107 + b"\r\n"
        return _refused(draft, "oversize", octets, 107)
    octets = _sized(draft, draft.octets, 0xFFFF)
    return _refused(draft, "oversize", octets, _LENGTH[draft.format])


def _line(draft: Draft) -> Draft:
    octets = draft.octets.removesuffix(b"\r\n") + b"\n"
    return _refused(draft, "line", octets, len(octets) - 1)


def _address(draft: Draft) -> Draft:
    block = _addressed(draft)
    if draft.preamble.transport is Transport.UNIX:
        raise EncodeError("a UNIX path has no address that no client has")
    if draft.format == "proxy1":
        multicast = b"224.0.0.9" if len(block) == 12 else b"ff02::9"
        head, source = b"PROXY TCPx ", str(_source(draft).host).encode()
        rest = draft.octets[len(head) + len(source) :]
        octets = draft.octets[: len(head)] + multicast + rest
        return _refused(draft, "address", octets, len(head))
    multicast = b"\xe0\0\0\x09" if len(block) == 12 else b"\xff\x02" + bytes(14)
    at = _HEAD[draft.format]
    return _refused(draft, "address", _put(draft.octets, at, multicast), at)


def _tlv(draft: Draft) -> Draft:
    if draft.format == "proxy2" and draft.preamble.command is Command.LOCAL:
        raise EncodeError("nobody reads what stands behind a LOCAL of proxy2")
    end = len(draft.octets)
    octets = draft.octets + b"\x04\x00"
    octets = _sized(draft, octets, len(octets) - _COUNTED[draft.format])
    return _refused(draft, "tlv", octets, end)


def _checksum(draft: Draft) -> Draft:
    if draft.preamble.tlv(Type.CRC32C) or not draft.preamble.source:
        raise EncodeError("the fault brings a CRC32C of its own, beside addresses")
    bare = encode(draft.preamble, draft.format)
    octets = bare + bytes([Type.CRC32C, 0, 4]) + bytes(4)
    octets = _sized(draft, octets, len(octets) - _COUNTED[draft.format])
    right = crc32c(octets)
    octets = octets[:-4] + (right ^ 1).to_bytes(4, "big")
    return _refused(draft, "checksum", octets, len(octets) - 4)


def _profile(draft: Draft) -> Draft:
    return _refused(draft, "profile", _put(draft.octets, 11, b"\x09"), 11)


def _stopped(draft: Draft) -> bytes:
    return draft.octets[:-5]


def _truncated(draft: Draft) -> Draft:
    octets = _stopped(draft)
    return dataclasses.replace(
        draft,
        octets=octets,
        silent=True,
        ending="left",
        verdict="truncated",
        offset=len(octets),
    )


def _reset(draft: Draft) -> Draft:
    cut = dataclasses.replace(_truncated(draft), ending="broken", verdict="reset")
    return dataclasses.replace(cut, offset=None)


def _timeout(draft: Draft) -> Draft:
    cut = dataclasses.replace(_truncated(draft), ending="expired", verdict="timeout")
    return dataclasses.replace(cut, offset=None)


def _waiting(draft: Draft) -> Draft:
    cut = dataclasses.replace(_truncated(draft), ending="open", verdict="waiting")
    return dataclasses.replace(cut, offset=None)


def _spoofed(draft: Draft) -> Draft:
    destination = draft.preamble.destination
    if not isinstance(destination, Endpoint):
        raise EncodeError("nobody is spoofed where there are no addresses")
    host = "::1" if ":" in destination.host else "127.0.0.1"
    preamble = Preamble(
        source=(host, _source(draft).port),
        destination=destination,
        tlvs=draft.preamble.tlvs,
    )
    octets = encode(preamble, draft.format)
    changed = dataclasses.replace(draft, preamble=preamble)
    return _refused(changed, "source", octets, None)


def _transport(draft: Draft) -> Draft:
    source, destination = draft.preamble.source, draft.preamble.destination
    kinds = {
        Transport.TCP4: Transport.UDP4,
        Transport.TCP6: Transport.UDP6,
        Transport.UNIX: Transport.UNIX_DGRAM,
    }
    _addressed(draft)
    datagrams = Preamble(
        source=source,
        destination=destination,
        transport=kinds[draft.preamble.transport],
        tlvs=draft.preamble.tlvs,
    )
    return _refused(draft, "transport", encode(datagrams, draft.format), None)


def _local(draft: Draft) -> Draft:
    if draft.format == "proxy1":
        preamble = Preamble(transport=Transport.UNKNOWN)
    else:
        preamble = Preamble.local()
    octets = encode(preamble, draft.format)
    return dataclasses.replace(draft, preamble=preamble, octets=octets, verdict="local")


def _nested(draft: Draft) -> Draft:
    _believed(draft)
    again = Preamble(source=("203.0.113.66", 6666), destination=("198.51.100.2", 443))
    return dataclasses.replace(
        draft,
        behind=encode(again, draft.format),
        verdict="nested",
        offset=len(draft.octets),
        ending="refused",
    )


def _plaintext(draft: Draft) -> Draft:
    _believed(draft)
    return dataclasses.replace(
        draft,
        instead=b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n",
        verdict="hello",
        offset=len(draft.octets),
        ending="refused",
    )


def _missing(draft: Draft) -> Draft:
    return dataclasses.replace(draft, octets=b"", verdict="missing", ending="refused")


def _late(draft: Draft) -> Draft:
    # Whoever knows the client's session puts it behind the ClientHello.
    return dataclasses.replace(draft, verdict="late", ending="refused")


def _silent(draft: Draft) -> Draft:
    return dataclasses.replace(
        draft, octets=b"", silent=True, verdict="silent", ending="left"
    )


def _loss(draft: Draft) -> Draft:
    return dataclasses.replace(draft, unseen="segment", verdict="unseen")


def _midway(draft: Draft) -> Draft:
    return dataclasses.replace(draft, unseen="front", verdict="unseen")


def _conflict(draft: Draft) -> Draft:
    destination = draft.preamble.destination
    if not isinstance(destination, Endpoint):
        raise EncodeError("nobody is named who could be somebody else")
    host = "2001:db8::6" if ":" in destination.host else "192.0.2.66"
    other = Preamble(
        source=(host, _source(draft).port),
        destination=destination,
        tlvs=draft.preamble.tlvs,
    )
    octets = encode(other, draft.format)
    if len(octets) > len(draft.octets):
        raise EncodeError(f"{_source(draft).host} is shorter than {host}")
    return dataclasses.replace(draft, conflicting=octets)


def _wrong_port(draft: Draft) -> Draft:
    return dataclasses.replace(draft, answer=_ALERT, ending="refused")


def _sized(draft: Draft, octets: bytes, length: int) -> bytes:
    return _put(octets, _LENGTH[draft.format], length.to_bytes(2, "big"))


def _believed(draft: Draft) -> None:
    if draft.verdict not in ("ok", "local"):
        raise EncodeError("nobody looks behind a preamble that is not believed")


def _addressed(draft: Draft) -> bytes:
    if not (block := draft.preamble.block):
        raise EncodeError("a preamble without addresses cannot have this fault")
    return block


def _source(draft: Draft) -> Endpoint:
    source = draft.preamble.source
    if not isinstance(source, Endpoint):
        raise EncodeError("the source must be IP:PORT for this fault")
    return source


FAULTS: Final[dict[str, Fault]] = {
    name: Fault(name=name, about=about, change=change, formats=formats)
    for name, about, change, formats in (
        ("format", "an octet of the signature is wrong", _signature, FORMATS),
        ("version", "version 3", _version, _BINARY),
        ("command", "command 2, neither LOCAL nor PROXY", _command, _BINARY),
        ("family", "address family 4", _family, _BINARY),
        ("length", "a length without room for the addresses", _length, _BINARY),
        ("oversize", "longer than the limit", _oversize, FORMATS),
        ("line", "a line that ends with LF alone", _line, ("proxy1",)),
        ("address", "a multicast address as the source", _address, FORMATS),
        ("tlv", "two octets left over behind the last TLV", _tlv, _BINARY),
        ("checksum", "a wrong CRC32C", _checksum, _BINARY),
        ("profile", "a profile of proof that is not defined", _profile, ("magic",)),
        ("truncated", "the stream ends inside the preamble", _truncated, FORMATS),
        ("source", "a spoofed source: loopback, from elsewhere", _spoofed, FORMATS),
        ("transport", "datagrams, in front of a stream", _transport, ("proxy2",)),
        ("timeout", "not whole by the deadline of 5 s", _timeout, FORMATS),
        ("reset", "the peer breaks off inside the preamble", _reset, FORMATS),
        ("nested", "another preamble behind it", _nested, FORMATS),
        ("hello", "plaintext where TLS must follow", _plaintext, FORMATS),
        ("local", "LOCAL, or UNKNOWN: no client is named", _local, FORMATS),
        ("missing", "no preamble, TLS at once", _missing, FORMATS),
        ("late", "a preamble behind the ClientHello", _late, FORMATS),
        ("silent", "the peer says nothing, and closes", _silent, FORMATS),
        ("waiting", "the capture ends inside the preamble", _waiting, FORMATS),
        ("loss", "the capture lacks a segment of the preamble", _loss, FORMATS),
        ("midway", "the capture begins behind the preamble", _midway, FORMATS),
        ("conflict", "sent again with another client in it", _conflict, FORMATS),
        (
            "wrong-port",
            "the listener knows no preamble: TLS alert",
            _wrong_port,
            FORMATS,
        ),
    )
}
"""Every fault by its name, in the order of spec.md section 9, then what only somebody
who looks at the wire can say."""

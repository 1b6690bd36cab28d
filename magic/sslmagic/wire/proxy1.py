"""PROXY protocol version 1, the text line (proxy-protocol.txt section 2.1).

    PROXY TCP4 203.0.113.9 198.51.100.2 51234 443 CR LF

Read as strictly as it is specified: one space, canonical decimals, an address of the
family that is named, and CR LF within 107 octets.
"""

from __future__ import annotations

import ipaddress
import re
import struct

from sslmagic.address import host_text
from sslmagic.block import Transport, block_fault, unmapped_block
from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Command, Preamble, checked
from sslmagic.wire.frame import Frame, Framing, check_prefix, directed_block

__all__ = ["LIMIT", "SIGNATURE", "encode", "frame", "parse", "plain"]

LIMIT = 107
"""Octets of the longest line, CR LF included (section 2.1)."""
SIGNATURE = b"PROXY "

_WELL_FORMED = re.compile(
    rb"PROXY (?:TCP4 [0-9. ]+|TCP6 [0-9a-fA-F:. ]+|UNKNOWN(?: [^\r\n]*)?)"
)
"""What a whole line looks like where no octet needs to be blamed."""
_TCP4 = b"PROXY TCP4 "
_LINE4 = _TCP4 + b"%d.%d.%d.%d %d.%d.%d.%d %d %d\r\n"
_BLOCK4 = struct.Struct("!8B2H")
"""The address block as what a line says: eight octets and two ports."""
_FIELDS_AT = len(_TCP4)
_CHARACTERS = {b"4"[0]: b"0123456789. ", b"6"[0]: b"0123456789abcdefABCDEF:. "}
_LEAST = {b"4"[0]: (7, 7, 1, 1), b"6"[0]: (2, 2, 1, 1)}
"""Octets that each field takes at the least, by the last octet of the family."""
_OCTETS = {str(value).encode(): value for value in range(256)}


def encode(preamble: Preamble, *, limit: int = LIMIT, crc32c: bool = False) -> bytes:
    """Return the line of a preamble over TCP, or of one without addresses.

    Raises:
        EncodeError: version 1 cannot carry it: LOCAL, UNIX, datagrams, TLVs.
    """
    transport = preamble.transport
    if preamble.tlvs or crc32c:
        raise EncodeError("PROXY v1 carries no TLVs")
    if preamble.command is Command.LOCAL:
        raise EncodeError("PROXY v1 has no LOCAL")
    block = directed_block(preamble)
    if transport is Transport.UNKNOWN:
        line = b"PROXY UNKNOWN\r\n"
    elif transport is Transport.TCP4:
        line = _LINE4 % _BLOCK4.unpack(block)
    elif transport is Transport.TCP6:
        source = block[32] << 8 | block[33]
        destination = block[34] << 8 | block[35]
        line = (
            f"PROXY TCP6 {_text6(block[:16])} {_text6(block[16:32])}"
            f" {source} {destination}\r\n"
        ).encode()
    else:
        raise EncodeError(f"PROXY v1 does not carry {transport.label}")
    if len(line) > limit:
        raise EncodeError(f"a line of {len(line)} octets, where {limit} is the limit")
    return line


def frame(octets: bytes, limit: int = LIMIT) -> Framing:
    """Return how far the line at the front of *octets* has come.

    Raises:
        DecodeError: at the first octet that no line has there.
    """
    check_prefix(octets, 0, SIGNATURE, "PROXY v1")
    limit = min(limit, LIMIT)
    end = octets.find(b"\r\n", 0, limit)
    head = octets[: end if end >= 0 else limit]
    _check_line(head, whole=end >= 0)
    if end >= 0:
        return Framing(end + 2, 0)
    if len(octets) >= limit:
        raise DecodeError(
            f"no CR LF within {limit} octets", reason=Reason.OVERSIZE, offset=limit
        )
    return Framing(0, min(_wanted(octets), limit - len(octets)))


def plain(octets: bytes) -> tuple[Preamble, bytes] | None:
    """Return a TCP4 line's preamble and what follows it, or None.

    A short cut past `frame` and `parse` for octets that both would pass.
    """
    end = octets.find(b"\r\n", 0, LIMIT)
    fields = octets[_FIELDS_AT:end].split(b" ")
    if end < 0 or len(fields) != 4 or not octets.startswith(_TCP4):
        return None
    try:
        block = _pack4(*fields)
    except (KeyError, ValueError):
        return None
    if block_fault(Transport.TCP4, block):
        return None
    return checked(Transport.TCP4, block), octets[end + 2 :]


def parse(frame: Frame) -> Preamble:
    """Return what a framed line says.

    Raises:
        DecodeError: a field breaks proxy-protocol.txt.
    """
    octets = frame.octets
    if octets[6:8] == b"UN":
        # 2.1: "the receiver must ignore anything presented before the CRLF".
        return _UNKNOWN
    fields = octets[_FIELDS_AT:-2].split(b" ")
    if len(fields) != 4:
        raise _fault(
            f"{len(fields)} fields behind the family, where 4 belong", _FIELDS_AT
        )
    source, destination, source_port, destination_port = fields
    try:
        if octets[9] == 0x34:
            transport, block = Transport.TCP4, _pack4(*fields)
        else:
            ports = _port(source_port) << 16 | _port(destination_port)
            block = _pack6(source) + _pack6(destination) + ports.to_bytes(4, "big")
            transport, block = unmapped_block(Transport.TCP6, block)
    except (KeyError, ValueError):
        raise _wrong_field(fields, ipv4=octets[9] == 0x34) from None
    if fault := block_fault(transport, block):
        # The source is the first field and its port the third.
        at = 0 if fault[0] == 0 else len(source) + len(destination) + 2
        raise DecodeError(fault[1], reason=Reason.ADDRESS, offset=_FIELDS_AT + at)
    return checked(transport, block)


_UNKNOWN = Preamble(transport=Transport.UNKNOWN)


def _check_line(head: bytes, *, whole: bool) -> None:
    """Raise at the first octet of an unended line that cannot be right."""
    if whole and _WELL_FORMED.fullmatch(head):
        return
    # In the order of the octets, so that a line in pieces breaks where a whole one
    # does.
    stop = _line_end(head, whole=whole)
    _check_fields(head[:stop])
    if stop < len(head):
        raise _fault("CR or LF alone does not end a line", stop)
    if whole and len(head) < 13:
        raise _fault("the line ends before its fields", len(head))


def _line_end(head: bytes, *, whole: bool) -> int:
    """Return where the first CR or LF stands that is not the line's own end."""
    for at, octet in enumerate(head):
        if octet == 0x0A or (octet == 0x0D and (whole or at + 1 < len(head))):
            return at
    return len(head)


def _check_fields(head: bytes) -> None:
    kind = head[6:7]
    if kind == b"U":
        _check_family(head, b"UNKNOWN")
        if len(head) > 13 and head[13] not in b" \r":
            raise _fault("UNKNOWN is followed by a space or CR LF", 13)
    elif kind:
        _check_family(head, b"TCP6" if head[9:10] == b"6" else b"TCP4")
        if len(head) > 10 and head[10] != 0x20:
            raise _fault("the family is followed by one space", 10)
        for at, octet in enumerate(head[_FIELDS_AT:].removesuffix(b"\r"), _FIELDS_AT):
            if octet not in _CHARACTERS[head[9]]:
                name = head[6:10].decode()
                raise _fault(f"octet {octet:02X} has no place in a {name} line", at)


def _check_family(head: bytes, expected: bytes) -> None:
    found = head[6 : 6 + len(expected)]
    for at, octet in enumerate(found):
        if octet != expected[at]:
            raise _fault("the family is none of TCP4, TCP6, UNKNOWN", 6 + at)


def _wanted(octets: bytes) -> int:
    """How many octets are surely missing from a line that is right so far."""
    if octets.endswith(b"\r"):
        return 1
    if len(octets) < 10 or octets[6:7] == b"U":
        return max(15 - len(octets), 2)
    least = _LEAST[octets[9]]
    if len(octets) < _FIELDS_AT:
        return _FIELDS_AT - len(octets) + sum(least) + 3 + 2
    fields = octets[_FIELDS_AT:].split(b" ")
    field = fields[-1]
    behind = least[len(fields) :]
    missing = sum(behind) + len(behind) + 2
    if octets[9] == 0x34 and len(fields) <= 2:
        unfinished = not field or field.endswith(b".")
        return missing + 2 * max(3 - field.count(b"."), 0) + unfinished
    if len(fields) <= 4:
        missing += max(least[len(fields) - 1] - len(field), 0)
    return missing


def _pack4(
    source: bytes, destination: bytes, source_port: bytes, destination_port: bytes
) -> bytes:
    a, b, c, d = source.split(b".")
    e, f, g, h = destination.split(b".")
    return _BLOCK4.pack(
        _OCTETS[a],
        _OCTETS[b],
        _OCTETS[c],
        _OCTETS[d],
        _OCTETS[e],
        _OCTETS[f],
        _OCTETS[g],
        _OCTETS[h],
        _port(source_port),
        _port(destination_port),
    )


def _port(field: bytes) -> int:
    if not field.isdigit() or len(field) > 5 or (field[0] == 0x30 and len(field) > 1):
        raise ValueError
    port = int(field)
    if port > 65535:
        raise ValueError
    return port


def _pack6(field: bytes) -> bytes:
    return ipaddress.IPv6Address(field.decode()).packed


def _text6(packed: bytes) -> str:
    text = host_text(packed)
    return text if ":" in text else f"::ffff:{text}"


def _wrong_field(fields: list[bytes], *, ipv4: bool) -> DecodeError:
    """Find which of four fields, of which one is wrong, it is."""
    right = [
        _is_host(fields[0], ipv4=ipv4),
        _is_host(fields[1], ipv4=ipv4),
        _is_port(fields[2]),
        _is_port(fields[3]),
    ]
    index = right.index(False)
    said = fields[index].decode("ascii", "backslashreplace")
    return _fault(
        f"{_NAMES[index]} {said!r} is not canonical",
        _FIELDS_AT + sum(len(field) + 1 for field in fields[:index]),
    )


_NAMES = ("source", "destination", "source port", "destination port")


def _is_port(field: bytes) -> bool:
    try:
        _port(field)
    except ValueError:
        return False
    return True


def _is_host(field: bytes, *, ipv4: bool) -> bool:
    if ipv4:
        parts = field.split(b".")
        return len(parts) == 4 and all(part in _OCTETS for part in parts)
    try:
        _pack6(field)
    except ValueError:
        return False
    return True


def _fault(message: str, offset: int) -> DecodeError:
    return DecodeError(message, reason=Reason.LINE, offset=offset)

"""Just enough TLS: where the first ClientHello ends, and what it says in clear.

A record is type (1), version (2), length (2); a handshake message is type (1), length
(3), and may be cut into several records (RFC 8446 sections 4 and 5.1). Nothing here
answers a client: the octets are looked at on their way to whoever speaks TLS.
"""

from __future__ import annotations

import dataclasses
from typing import Self

from sslmagic.errors import DecodeError, IncompleteError, Reason

__all__ = [
    "LIMIT",
    "TO_TELL",
    "ClientHello",
    "hello_length",
    "starts_client_hello",
]

LIMIT = 65535
"""Octets of the longest ClientHello read, the limit that rustls has; clients with
post-quantum shares send 2 000."""
TO_TELL = 6
"""Octets that tell a ClientHello from anything else: a record's head and one more."""

_HANDSHAKE = 22
_CLIENT_HELLO = 1
_MOST_RECORD = 1 << 14
_SERVER_NAME, _ALPN, _EARLY_DATA, _VERSIONS = 0, 16, 42, 43


def starts_client_hello(octets: bytes) -> bool | None:
    """Return whether a stream starts a ClientHello; None if it is too short to tell."""
    if _record_fault(octets, 0) is not None:
        return False
    if len(octets) < TO_TELL:
        return None
    return octets[5] == _CLIENT_HELLO


def hello_length(octets: bytes) -> int | None:
    """Return the octets of the records that hold the whole first ClientHello.

    None while it is incomplete. The last record may hold more than the hello's end.
    Each call reads from the start: bound what you gather, and how often you ask.

    Raises:
        DecodeError: the octets do not start a ClientHello (`Reason.HELLO`).
    """
    gathered = _gather(octets)
    return None if gathered is None else gathered[1]


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ClientHello:
    """What a ClientHello says in clear (RFC 8446 section 4.1.2)."""

    length: int
    """Octets of the records that hold it."""
    ends_record: bool
    """Whether its last record ends where it ends."""
    session_id: bytes
    """0 to 32 octets."""
    server_name: str | None
    """SNI's host name as it was sent, None without; what is no ASCII is escaped."""
    alpn: tuple[bytes, ...]
    """Protocols offered, in the client's order."""
    versions: tuple[int, ...]
    """Of supported_versions; the legacy version alone where that is missing."""
    early_data: bool
    """Whether data that a replay could repeat is announced (RFC 8446 section 8)."""

    @classmethod
    def parse(cls, octets: bytes) -> Self:
        """Read the ClientHello at the front of *octets*.

        Raises:
            IncompleteError: its end is missing.
            DecodeError: the octets are no ClientHello (`Reason.HELLO`).
        """
        gathered = _gather(octets)
        if gathered is None:
            raise IncompleteError("the ClientHello is not whole", offset=len(octets))
        body, length, ends_record = gathered
        end = len(body)
        _check_room(2, end)
        _check_room(32, end - 2)
        start, at = _vector(body, 34, end, 1, most=32)
        session_id = body[start:at]
        at = _vector(body, at, end, 2)[1]
        at = _vector(body, at, end, 1)[1]
        extensions: dict[int, bytes] = {}
        # 4.1.2: TLS 1.2 and older hellos may end before their extensions.
        at, stop = _vector(body, at, end, 2) if at < end else (end, end)
        while at < stop:
            # A dozen of these to a hello: `_vector` only says what is wrong with one.
            start = at + 4
            after = start + (body[at + 2] << 8 | body[at + 3]) if start <= stop else 0
            fits = start <= after <= stop
            if not fits:
                _check_room(2, stop - at)
            kind = body[at] << 8 | body[at + 1]
            if kind in extensions:
                raise _no_hello(f"extension {kind} stands twice")
            if not fits:
                _vector(body, at + 2, stop, 2)
            extensions[kind] = body[start:after]
            at = after
        if stop < end:
            raise _no_hello("octets are left over behind the extensions")
        return cls(
            length=length,
            ends_record=ends_record,
            session_id=session_id,
            server_name=_server_name(extensions.get(_SERVER_NAME)),
            alpn=_alpn(extensions.get(_ALPN)),
            versions=_versions(extensions.get(_VERSIONS), body[0] << 8 | body[1]),
            early_data=_EARLY_DATA in extensions,
        )


def _check_room(size: int, left: int) -> None:
    """Raise `Reason.HELLO` if a field of *size* octets stands where *left* are."""
    if size > left:
        raise _no_hello(f"a field claims {size} octets of {left}")


def _vector(
    octets: bytes, at: int, end: int, size: int, *, most: int = 0xFFFF
) -> tuple[int, int]:
    """Return where the vector at *at* begins and ends; its length takes *size* octets.

    Whoever reads captures reads a hundred thousand hellos: indices cost half of
    what a cursor does.
    """
    start = at + size
    if start > end:
        _check_room(size, end - at)
    length = octets[at] if size == 1 else octets[at] << 8 | octets[at + 1]
    if length > most:
        raise _no_hello(f"a vector of {length} octets, where {most} is most")
    stop = start + length
    if stop > end:
        _check_room(length, end - start)
    return start, stop


def _server_name(octets: bytes | None) -> str | None:
    """RFC 6066 section 3: the first name of type host_name."""
    if octets is None:
        return None
    at, end = _vector(octets, 0, len(octets), 2)
    while at < end:
        kind = octets[at]
        start, at = _vector(octets, at + 1, end, 2)
        if kind == 0:
            return octets[start:at].decode("ascii", "backslashreplace")
    return None


def _alpn(octets: bytes | None) -> tuple[bytes, ...]:
    """RFC 7301 section 3.1."""
    if octets is None:
        return ()
    at, end = _vector(octets, 0, len(octets), 2)
    found: list[bytes] = []
    while at < end:
        start, at = _vector(octets, at, end, 1)
        found.append(octets[start:at])
    return tuple(found)


def _versions(octets: bytes | None, legacy: int) -> tuple[int, ...]:
    """RFC 8446 section 4.2.1."""
    if octets is None:
        return (legacy,)
    at, end = _vector(octets, 0, len(octets), 1)
    found: list[int] = []
    while at < end:
        _check_room(2, end - at)
        found.append(octets[at] << 8 | octets[at + 1])
        at += 2
    return tuple(found)


def _gather(octets: bytes) -> tuple[bytes, int, bool] | None:
    """Return the hello's body, its records' length, and whether it ends the last one.

    None while it is incomplete.
    """
    message = bytearray()
    at = 0
    while True:
        if (fault := _record_fault(octets, at)) is not None:
            raise _no_hello(fault[1], fault[0])
        end = at + 5
        if len(octets) < end:
            return None
        end += octets[at + 3] << 8 | octets[at + 4]
        message += octets[at + 5 : end]
        _check_message(message)
        if len(octets) < end:
            return None
        if len(message) >= 4:
            size = 4 + int.from_bytes(message[1:4], "big")
            if len(message) >= size:
                return bytes(message[4:size]), end, len(message) == size
        at = end


def _check_message(message: bytearray) -> None:
    if message and message[0] != _CLIENT_HELLO:
        raise _no_hello(f"handshake type {message[0]} where a ClientHello has 1", 5)
    if len(message) >= 4 and int.from_bytes(message[1:4], "big") > LIMIT:
        raise _no_hello(f"a ClientHello of more than {LIMIT} octets", 6)


def _record_fault(octets: bytes, at: int) -> tuple[int, str] | None:
    """Return where the head of a record at *at* is none of a handshake, and why."""
    head = octets[at : at + 5]
    if head and head[0] != _HANDSHAKE:
        return at, f"record type {head[0]:02X} where a ClientHello has 16"
    # 5.1: the version of a record is 03 01 or 03 03, and must be ignored else.
    if len(head) > 1 and head[1] != 3:
        return at + 1, f"record version {head[1]:02X} where TLS has 03"
    if len(head) == 5 and not 1 <= (size := head[3] << 8 | head[4]) <= _MOST_RECORD:
        return at + 3, f"a handshake record of {size} octets"
    return None


def _no_hello(message: str, offset: int = 0) -> DecodeError:
    return DecodeError(message, reason=Reason.HELLO, offset=offset)

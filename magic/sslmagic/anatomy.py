"""The parts of a preamble for people: every octet, where it stands and what it means.

This is a view, not a decoder: it judges nothing, and lays out the front of a broken
preamble as far as its structure goes, so that a `DecodeError.offset` can be pointed at.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

from sslmagic.address import MAPPED, host_text
from sslmagic.crc32c import crc32c
from sslmagic.preamble import Command, Transport
from sslmagic.tlv import TLV, Type
from sslmagic.wire import magic, proxy1, proxy2

__all__ = ["REST", "UNREAD", "Field", "anatomy", "printable"]

UNREAD = "not read"
"""The name of what stands behind the last part that could be told."""
REST = "what follows"
"""The name of what stands behind the preamble."""


_Meaning = str | Callable[[bytes], str]
"""What a field means, or how its octets are read."""


class Field(NamedTuple):
    """A run of octets with one meaning."""

    offset: int
    """Where it starts, counted from the start of the preamble."""
    octets: bytes
    """1 octet or more."""
    name: str
    meaning: str
    """Printable text, empty where the octets say it better."""
    level: int = 0
    """How deep it is nested: a TLV's length and value are one below its type."""


def anatomy(octets: bytes) -> tuple[Field, ...]:
    """Return the fields of the preamble at the front of *octets*.

    They follow each other without a gap and cover *octets* whole, whatever those are.
    The format is the one that the first octet announces.
    """
    walk = _Walk(octets)
    try:
        if octets[:1] == b"\xcd":
            _magic(walk)
        elif octets[:1] == proxy1.SIGNATURE[:1]:
            _proxy1(walk)
        elif octets[:1] == proxy2.SIGNATURE[:1]:
            _proxy2(walk)
    except _LostError:
        walk.end = walk.last
        walk.remainder(UNREAD)
    else:
        walk.remainder(UNREAD if walk.at == 0 else REST)
    walk.end = len(octets)
    walk.remainder(REST)
    return tuple(walk.fields)


def printable(text: str) -> str:
    """Return *text* with everything escaped that a terminal could obey or hide."""
    if text.isprintable():
        return text
    return "".join(
        character
        if character.isprintable()
        else character.encode("unicode_escape").decode()
        for character in text
    )


class _LostError(Exception):
    """The structure ends here: what follows cannot be told apart."""


class _Walk:
    """A cursor over the octets that names what it passes."""

    def __init__(self, octets: bytes) -> None:
        self.octets = octets
        self.fields: list[Field] = []
        self.at = 0
        self.end = len(octets)
        """Where the part being walked ends."""
        self.last = len(octets)
        """Where the preamble ends, as far as the octets reach."""
        self.whole = False
        """Whether the octets reach to the end that the preamble claims."""

    def peek(self, length: int) -> bytes:
        """The next octets, fewer if the part ends before."""
        return self.octets[self.at : min(self.at + length, self.end)]

    def take(
        self, length: int, name: str, meaning: _Meaning = "", level: int = 0
    ) -> bytes:
        """Name the next *length* octets; `_LostError` if there are fewer."""
        octets = self.peek(length)
        whole = len(octets) == length
        if not whole:
            meaning = f"cut short: {len(octets)} of {length} octets"
        said = meaning if isinstance(meaning, str) else meaning(octets)
        if octets:
            self.fields.append(Field(self.at, octets, name, printable(said), level))
        self.at += len(octets)
        if not whole:
            raise _LostError
        return octets

    def expect(self, octets: bytes, name: str, meaning: str) -> None:
        """Name octets that are always the same; `_LostError` if they are not."""
        found = self.peek(len(octets))
        if octets.startswith(found):
            self.take(len(octets), name, meaning)
        else:
            self.take(len(found), name, f"a preamble has {_hex(octets)} here")
            raise _LostError

    def stop_at(self, end: int) -> None:
        """Say where the preamble ends; the octets may end before."""
        self.end = self.last = min(max(end, self.at), len(self.octets))
        self.whole = end <= len(self.octets)

    def remainder(self, name: str, meaning: str = "") -> None:
        """Name all octets up to the end of the part, if there are any."""
        length = self.end - self.at
        if length > 0:
            self.take(length, name, meaning)


def _magic(walk: _Walk) -> None:
    walk.expect(b"\xcd", "content type", "MAGIC, unassigned in TLS")
    walk.expect(b"\x03\x03", "record version", "as TLS 1.2 has it")
    length = _number(walk.take(2, "length", _following))
    walk.stop_at(5 + length)
    walk.expect(b"MAGI", "signature", "MAGI")
    command = _command(walk, version=1)
    transport = _transport(walk)
    profile = walk.take(1, "profile", _PROFILES.said)[0]
    if profile not in magic.TAG_LENGTH:
        raise _LostError
    if profile:
        _proof(walk)
    if command is Command.PROXY:
        _addresses(walk, transport)
    tag = magic.TAG_LENGTH[profile]
    behind = walk.end
    if walk.whole:
        walk.end -= tag
    _tlvs(walk)
    walk.end = behind
    if tag:
        walk.take(tag, "tag", "not verified")


def _proxy2(walk: _Walk) -> None:
    walk.expect(proxy2.SIGNATURE, "signature", "PROXY v2")
    local = _command(walk, version=2) is Command.LOCAL
    transport = _ignored_transport(walk) if local else _transport(walk)
    walk.stop_at(16 + _number(walk.take(2, "length", _following)))
    if local:
        walk.remainder("body", "ignored: LOCAL")
    else:
        _addresses(walk, transport)
        _tlvs(walk)


def _proxy1(walk: _Walk) -> None:
    walk.expect(proxy1.SIGNATURE, "signature", "PROXY v1")
    line_end = walk.octets.find(b"\r\n", 0, proxy1.LIMIT)
    walk.stop_at(proxy1.LIMIT if line_end < 0 else line_end)
    family = _word(walk, "family")
    if family.startswith(b"UNKNOWN"):
        walk.remainder("addresses", "ignored: UNKNOWN")
    for name in ("source", "destination", "source port", "destination port"):
        _word(walk, name)
    while walk.at < walk.end:
        _word(walk, "too much")
    if line_end < 0:
        walk.stop_at(len(walk.octets))
        raise _LostError
    walk.stop_at(line_end + 2)
    walk.take(2, "end of line", "CR LF")


def _word(walk: _Walk, name: str) -> bytes:
    """Take a word of a line and the space behind it."""
    word, space, _ = walk.peek(proxy1.LIMIT).partition(b" ")
    if not word + space:
        return b""
    said = word.decode("latin-1")
    return walk.take(len(word + space), name, said)


def _command(walk: _Walk, *, version: int) -> Command:
    octet = walk.take(1, "version, command", _said_command)[0]
    if octet >> 4 != version or octet & 15 not in _COMMANDS:
        raise _LostError
    return Command(octet & 15)


def _transport(walk: _Walk) -> Transport:
    octet = walk.take(1, "family, transport", _TRANSPORTS.said)[0]
    if octet not in _TRANSPORTS:
        raise _LostError
    return Transport(octet)


def _ignored_transport(walk: _Walk) -> Transport:
    # proxy-protocol.txt 2.2: LOCAL discards the block "including the family".
    walk.take(1, "family, transport", "ignored: LOCAL")
    return Transport.UNKNOWN


def _proof(walk: _Walk) -> None:
    walk.take(1, "bind", _BINDS.said, 1)
    walk.take(1, "flags", _said_flags, 1)
    walk.take(2, "bound", lambda o: f"covers {_number(o)} octets that follow", 1)
    walk.take(4, "key id", lambda o: str(_number(o)), 1)
    walk.take(8, "created", lambda o: f"{_number(o)} ms since 1970", 1)
    walk.take(16, "nonce", level=1)


def _addresses(walk: _Walk, transport: Transport) -> None:
    family = transport >> 4
    if family == 3:
        _path(walk, "source path")
        _path(walk, "destination path")
    elif family:
        size = 4 if family == 1 else 16
        walk.take(size, "source", _host)
        walk.take(size, "destination", _host)
        walk.take(2, "source port", lambda o: str(_number(o)))
        walk.take(2, "destination port", lambda o: str(_number(o)))


def _path(walk: _Walk, name: str) -> None:
    field = walk.peek(108)
    path = field.rstrip(b"\0")
    if len(field) < 108 or not path:
        walk.take(108, name, "unnamed")
        return
    said = path.decode("utf-8", "surrogateescape")
    walk.take(len(path), name, said)
    if len(path) < 108:
        walk.take(108 - len(path), "padding", "zeros", 1)


def _tlvs(walk: _Walk, level: int = 0) -> None:
    """Take TLVs up to the end of the part; those of an SSL TLV are a part of it."""
    while walk.at < walk.end:
        head = walk.peek(3)
        value = walk.octets[walk.at + 3 : walk.end][: _number(head[1:])]
        tlv = TLV(head[0], value)
        walk.take(1, "TLV type", tlv.name, level)
        length = _number(walk.take(2, "length", _following, level + 1))
        if tlv.type == Type.SSL and len(value) == length and level == 0:
            behind, walk.end = walk.end, walk.at + length
            walk.take(1, "client", _said_client, 1)
            walk.take(4, "verify", _said_verify, 1)
            _tlvs(walk, 1)
            walk.end = behind
        elif length:
            walk.take(length, "value", _said_value(walk, tlv), level + 1)


def _said_value(walk: _Walk, tlv: TLV) -> str:
    if tlv.type == Type.NOOP:
        return "padding"
    if tlv.type == Type.SSL:
        return ""
    if tlv.type == Type.CRC32C and len(tlv.value) == 4 and walk.whole:
        before, behind = walk.octets[: walk.at], walk.octets[walk.at + 4 : walk.end]
        right = crc32c(before + bytes(4) + behind).to_bytes(4, "big")
        return "matches" if right == tlv.value else f"does not match: {right.hex()}"
    said = tlv.said
    return "" if said is None else str(said)


class _Names(dict[int, str]):
    """What the values of one octet mean."""

    def said(self, octets: bytes) -> str:
        return self.get(octets[0], "not defined")


_COMMANDS = _Names({command.value: command.name for command in Command})
_TRANSPORTS = _Names({transport.value: transport.label for transport in Transport})
_PROFILES = _Names({0: "unsigned", 1: "HMAC-SHA-256-128", 2: "Ed25519"})
_BINDS = _Names({0: "nothing", 1: "the first octets", 2: "the TLS ClientHello"})
_CLIENT = {1: "over TLS", 2: "certificate in this connection", 4: "in this session"}


def _number(octets: bytes) -> int:
    return int.from_bytes(octets, "big")


def _hex(octets: bytes) -> str:
    return octets.hex(" ").upper()


def _following(octets: bytes) -> str:
    number = _number(octets)
    return f"{number} octet{'s' * (number != 1)} follow{'s' * (number == 1)}"


def _said_command(octets: bytes) -> str:
    version, command = octets[0] >> 4, octets[0] & 15
    return f"version {version}, {_COMMANDS.get(command, f'command {command}')}"


def _said_flags(octets: bytes) -> str:
    return "the hop is in the tag" if octets[0] == 1 else "none" * (octets[0] == 0)


def _said_client(octets: bytes) -> str:
    return ", ".join(said for bit, said in _CLIENT.items() if octets[0] & bit)


def _said_verify(octets: bytes) -> str:
    error = _number(octets)
    return f"error {error}" if error else "0: verified, if there was a certificate"


def _host(octets: bytes) -> str:
    mapped = " (IPv4-mapped)" if octets[:12] == MAPPED else ""
    return host_text(octets) + mapped

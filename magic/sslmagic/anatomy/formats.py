"""The fields of each format, from its first octet to what follows it."""

from __future__ import annotations

from sslmagic.address import MAPPED, host_text
from sslmagic.anatomy.layouts import take_parts
from sslmagic.anatomy.tlvs import take_tlvs
from sslmagic.anatomy.walk import (
    Field,
    LostError,
    Names,
    Walk,
    following,
    number,
)
from sslmagic.preamble import Command, Transport
from sslmagic.wire import Learnt, magic, proxy1, proxy2

__all__ = ["REST", "UNREAD", "anatomy"]

UNREAD = "not read"
"""The name of what stands behind the last part that could be told."""
REST = "what follows"
"""The name of what stands behind the preamble."""


def anatomy(octets: bytes, format: str = "") -> tuple[Field, ...]:
    """Return the fields of the preamble at the front of *octets*.

    They follow each other without a gap and cover *octets* whole, whatever those are.
    The format is the one that the first octet announces, unless it is a layout.
    """
    walk = Walk(octets)
    try:
        if isinstance(format, Learnt):
            take_parts(walk, format)
        elif octets[:1] == b"\xcd":
            _magic(walk)
        elif octets[:1] == proxy1.SIGNATURE[:1]:
            _proxy1(walk)
        elif octets[:1] == proxy2.SIGNATURE[:1]:
            _proxy2(walk)
    except LostError:
        walk.end = walk.last
        walk.remainder(UNREAD)
    else:
        walk.remainder(UNREAD if walk.at == 0 else REST)
    walk.end = len(octets)
    walk.remainder(REST)
    return tuple(walk.fields)


def _magic(walk: Walk) -> None:
    walk.expect(b"\xcd", "content type", "MAGIC, unassigned in TLS")
    walk.expect(b"\x03\x03", "record version", "as TLS 1.2 has it")
    length = number(walk.take(2, "length", following))
    walk.stop_at(5 + length)
    walk.expect(b"MAGI", "signature", "MAGI")
    command = _command(walk, version=1)
    transport = _transport(walk)
    profile = walk.take(1, "profile", _PROFILES.said)[0]
    if profile not in magic.TAG_LENGTH:
        raise LostError
    if profile:
        _proof(walk)
    if command is Command.PROXY:
        _addresses(walk, transport)
    tag = magic.TAG_LENGTH[profile]
    behind = walk.end
    if walk.whole:
        walk.end -= tag
    take_tlvs(walk)
    walk.end = behind
    if tag:
        walk.take(tag, "tag", "not verified")


def _proxy2(walk: Walk) -> None:
    walk.expect(proxy2.SIGNATURE, "signature", "PROXY v2")
    local = _command(walk, version=2) is Command.LOCAL
    transport = _ignored_transport(walk) if local else _transport(walk)
    walk.stop_at(16 + number(walk.take(2, "length", following)))
    if local:
        walk.remainder("body", "ignored: LOCAL")
    else:
        _addresses(walk, transport)
        take_tlvs(walk)


def _proxy1(walk: Walk) -> None:
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
        raise LostError
    walk.stop_at(line_end + 2)
    walk.take(2, "end of line", "CR LF")


def _word(walk: Walk, name: str) -> bytes:
    """Take a word of a line and the space behind it."""
    word, space, _ = walk.peek(proxy1.LIMIT).partition(b" ")
    if not word + space:
        return b""
    said = word.decode("latin-1")
    return walk.take(len(word + space), name, said)


def _command(walk: Walk, *, version: int) -> Command:
    octet = walk.take(1, "version, command", _said_command)[0]
    if octet >> 4 != version or octet & 15 not in _COMMANDS:
        raise LostError
    return Command(octet & 15)


def _transport(walk: Walk) -> Transport:
    octet = walk.take(1, "family, transport", _TRANSPORTS.said)[0]
    if octet not in _TRANSPORTS:
        raise LostError
    return Transport(octet)


def _ignored_transport(walk: Walk) -> Transport:
    # proxy-protocol.txt 2.2: LOCAL discards the block "including the family".
    walk.take(1, "family, transport", "ignored: LOCAL")
    return Transport.UNKNOWN


def _proof(walk: Walk) -> None:
    walk.take(1, "bind", _BINDS.said, 1)
    walk.take(1, "flags", _said_flags, 1)
    walk.take(2, "bound", lambda o: f"covers {number(o)} octets that follow", 1)
    walk.take(4, "key id", lambda o: str(number(o)), 1)
    walk.take(8, "created", lambda o: f"{number(o)} ms since 1970", 1)
    walk.take(16, "nonce", level=1)


def _addresses(walk: Walk, transport: Transport) -> None:
    family = transport >> 4
    if family == 3:
        _path(walk, "source path")
        _path(walk, "destination path")
    elif family:
        size = 4 if family == 1 else 16
        walk.take(size, "source", _host)
        walk.take(size, "destination", _host)
        walk.take(2, "source port", lambda o: str(number(o)))
        walk.take(2, "destination port", lambda o: str(number(o)))


def _path(walk: Walk, name: str) -> None:
    field = walk.peek(108)
    path = field.rstrip(b"\0")
    if len(field) < 108 or not path:
        walk.take(108, name, "unnamed")
        return
    said = path.decode("utf-8", "surrogateescape")
    walk.take(len(path), name, said)
    if len(path) < 108:
        walk.take(108 - len(path), "padding", "zeros", 1)


_COMMANDS = Names({command.value: command.name for command in Command})
_TRANSPORTS = Names({transport.value: transport.label for transport in Transport})
_PROFILES = Names({0: "unsigned", 1: "HMAC-SHA-256-128", 2: "Ed25519"})
_BINDS = Names({0: "nothing", 1: "the first octets", 2: "the TLS ClientHello"})


def _said_command(octets: bytes) -> str:
    version, command = octets[0] >> 4, octets[0] & 15
    return f"version {version}, {_COMMANDS.get(command, f'command {command}')}"


def _said_flags(octets: bytes) -> str:
    return "the hop is in the tag" if octets[0] == 1 else "none" * (octets[0] == 0)


def _host(octets: bytes) -> str:
    mapped = " (IPv4-mapped)" if octets[:12] == MAPPED else ""
    return host_text(octets) + mapped

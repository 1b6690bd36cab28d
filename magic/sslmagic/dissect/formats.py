# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""The three formats as scapy layers, and what follows each of them."""

from __future__ import annotations

from typing import Any

from scapy.fields import IntField, LongField, ShortField
from scapy.packet import Packet

from sslmagic.crc32c import crc32c
from sslmagic.dissect.fields import (
    ChoiceBitsField,
    ChoiceField,
    FixedByteField,
    FixedField,
    FixedShortField,
    HostField,
    If,
    SizedField,
    TransportField,
    UnreadField,
)
from sslmagic.dissect.parts import PartsField
from sslmagic.dissect.tlv import CRC32CTLV, TLV
from sslmagic.dissect.tlvs import front_tlv
from sslmagic.dissect.total import Total
from sslmagic.dissect.words import (
    EndField,
    FamilyWord,
    HostWord,
    NumberWord,
    TailField,
    Word,
)
from sslmagic.preamble import Transport
from sslmagic.wire import magic, proxy1, proxy2, signature

__all__ = ["MAGIC", "PROXYv1", "PROXYv2", "following", "starts_record"]

_COMMANDS = {0: "LOCAL", 1: "PROXY"}
_PROFILES = {0: "unsigned", 1: "HMAC-SHA-256-128", 2: "Ed25519"}
_BINDS = {0: "nothing", 1: "octets", 2: "ClientHello"}
_TRANSPORTS = frozenset(Transport)
_STREAMS = Transport.TCP4, Transport.TCP6, Transport.UNIX
_CRLF = b"\r\n"
_ADDRESSES = ("source", "destination", "source_port", "destination_port")


def _found_family(pkt: Packet) -> int:
    """The high four bits of the transport that the addresses have."""
    for name in ("source", "destination"):
        host = pkt.fields.get(name)
        if isinstance(host, bytes) and host.startswith(b"/"):
            return 3
        if host is not None and ":" in str(host):
            return 2
    return 1


def _found_transport(pkt: Packet) -> int:
    return 0 if pkt.getfieldval("cmd") == 0 else _found_family(pkt) << 4 | 1


def _family(pkt: Packet) -> int:
    transport = pkt.transport
    family = transport >> 4 if isinstance(transport, int) else 0
    return family if family <= 3 else 0


def _has_block(pkt: Packet) -> bool:
    is_local = pkt.getfieldval("cmd") == 0
    # Whoever builds a LOCAL preamble with addresses means it.
    said = not is_local or any(name in pkt.fields for name in _ADDRESSES)
    return said and _family(pkt) != 0


def _block() -> list[Any]:
    """The fields of the address block (spec.md section 4.3)."""
    sources: dict[int, str | bytes] = {2: "2001:db8::1", 3: b"/run/client"}
    destinations: dict[int, str | bytes] = {2: "2001:db8::2", 3: b"/run/server"}
    return [
        If(HostField("source", "192.0.2.1", sources, _family), _has_block),
        If(HostField("destination", "192.0.2.2", destinations, _family), _has_block),
        If(ShortField("source_port", 51234), _has_ports),
        If(ShortField("destination_port", 443), _has_ports),
    ]


def _has_ports(pkt: Packet) -> bool:
    return _has_block(pkt) and _family(pkt) != 3


def _is_signed(pkt: Packet) -> bool:
    return bool(pkt.getfieldval("profile") != 0)


def _tag_length(pkt: Packet) -> int:
    return magic.TAG_LENGTH.get(pkt.getfieldval("profile"), 0)


def _has_words(pkt: Packet) -> bool:
    return bool(pkt.family != "UNKNOWN")


def _found_word(pkt: Packet) -> str:
    return "TCP6" if _found_family(pkt) == 2 else "TCP4"


class _Preamble(Total):
    """What the three formats have in common."""

    __slots__ = ("checksums",)
    checksums: list[int]
    """Where the values of CRC32C stand that are to be computed."""

    def self_build(self) -> bytes:
        self.checksums = []
        return super().self_build()

    def placed(self, part: Packet, at: int) -> None:
        if isinstance(part, CRC32CTLV) and part.getfieldval("value") is None:
            self.checksums.append(at + 3)

    def summed(self, octets: bytes) -> bytes:
        """The whole preamble *octets*, with the checksums that were not given."""
        right = crc32c(octets).to_bytes(4, "big")
        for at in self.checksums:
            octets = octets[:at] + right + octets[at + 4 :]
        return octets

    def guess_payload_class(self, payload: bytes) -> type[Packet]:
        return following(payload) or super().guess_payload_class(payload)

    def mysummary(self) -> str:
        said = [self.name, self.said_command()]
        if self.names_client():
            ends = self._end("source"), self._end("destination")
            said.append(" > ".join(ends))
        said += [tlv.mysummary() for tlv in self.tlvs_there()]
        return " ".join(part for part in said if part)

    def said_command(self) -> str:
        """The command and the transport, in words."""
        command = self.getfieldval("cmd")
        if command == 0:
            return "LOCAL"
        known = {one.value: one.label for one in Transport}
        # What `fuzz` has not drawn yet, and what is cut, is no number.
        said = (command, _COMMANDS), (self.transport, known)
        words = (
            names.get(value, "?") if isinstance(value, int) else "?"
            for value, names in said
        )
        return " ".join(words)

    def names_client(self) -> bool:
        """Whether there is an address block."""
        return _has_block(self)

    def tlvs_there(self) -> list[TLV]:
        """The TLVs that could be told apart."""
        tlvs = self.getfieldval("tlvs")
        return [tlv for tlv in tlvs if isinstance(tlv, TLV)] if tlvs else []

    def _end(self, name: str) -> str:
        field, value = self.getfield_and_val(name)
        host = field.i2repr(self, value)
        port = self.getfieldval(f"{name}_port")
        if isinstance(port, int) and not host.startswith("b'"):
            return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return str(host)


class MAGIC(_Preamble):
    """A MAGIC preamble (spec.md section 3)."""

    name = "MAGIC"
    fields_desc = [
        FixedByteField("type", 0xCD),
        FixedShortField("record", 0x0303),
        ShortField("length", None),
        FixedField("signature", b"MAGI"),
        ChoiceBitsField("version", 1, 4, {1: "1"}),
        ChoiceBitsField("cmd", 1, 4, _COMMANDS),
        TransportField("transport", _found_transport, _STREAMS),
        ChoiceField("profile", 0, _PROFILES),
        If(ChoiceField("bind", 0, _BINDS), _is_signed),
        If(ChoiceField("flags", 0, {0: "none", 1: "hop"}), _is_signed),
        If(ShortField("bound", 0), _is_signed),
        If(IntField("key_id", 1), _is_signed),
        If(LongField("created", 0), _is_signed),
        If(SizedField("nonce", bytes(16), lambda pkt: 16), _is_signed),
        *_block(),
        PartsField("tlvs", front_tlv, lambda pkt: _tag_length(pkt) * pkt.whole),
        If(SizedField("tag", None, _tag_length), _is_signed),
        UnreadField("unread"),
    ]
    UNTIL = "profile"

    def is_lost(self) -> bool:
        head = self.fields
        return (
            (head["type"], head["record"], head["signature"]) != (0xCD, 0x0303, b"MAGI")
            or (head["version"], head["profile"] in magic.TAG_LENGTH) != (1, True)
            or head["cmd"] not in _COMMANDS
            or head["transport"] not in _TRANSPORTS
        )

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        if self.length is None and len(pkt) >= 5:
            pkt = pkt[:3] + _two(len(pkt) - 5) + pkt[5:]
        return self.summed(pkt) + pay


class PROXYv2(_Preamble):
    """A PROXY v2 header (proxy-protocol.txt section 2.2).

    Of LOCAL, what follows the head is `unread` where it is dissected; it is built with
    TLVs and with addresses where they are given.
    """

    name = "PROXY v2"
    fields_desc = [
        FixedField("signature", proxy2.SIGNATURE),
        ChoiceBitsField("version", 2, 4, {2: "2"}),
        ChoiceBitsField("cmd", 1, 4, _COMMANDS),
        TransportField("transport", _found_transport),
        ShortField("length", None),
        *_block(),
        PartsField("tlvs", front_tlv),
        UnreadField("unread"),
    ]
    UNTIL = "length"

    def is_lost(self) -> bool:
        head = self.fields
        said = head["signature"], head["version"], head["cmd"]
        return said != (proxy2.SIGNATURE, 2, 1) or head["transport"] not in _TRANSPORTS

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        if self.length is None and len(pkt) >= 16:
            pkt = pkt[:14] + _two(len(pkt) - 16) + pkt[16:]
        return self.summed(pkt) + pay


class PROXYv1(_Preamble):
    """A PROXY v1 line (proxy-protocol.txt section 2.1), word by word.

    `more` is what stands behind the words that belong there, with the space in front.
    """

    name = "PROXY v1"
    fields_desc = [
        Word("signature", "PROXY", first=True, ends=_CRLF),
        FamilyWord("family", "TCP4", found=_found_word, ends=_CRLF),
        If(HostWord("source", "192.0.2.1", ends=_CRLF), _has_words),
        If(HostWord("destination", "192.0.2.2", ends=_CRLF), _has_words),
        If(NumberWord("source_port", 51234, ends=_CRLF), _has_words),
        If(NumberWord("destination_port", 443, ends=_CRLF), _has_words),
        TailField("more", ends=_CRLF),
        EndField("end", _CRLF),
    ]

    def front(self, octets: bytes) -> int:
        end = octets.find(_CRLF, 0, proxy1.LIMIT)
        return min(end + 2 if end >= 0 else proxy1.LIMIT, len(octets))

    def said_command(self) -> str:
        field, value = self.getfield_and_val("family")
        return str(field.i2repr(self, value))

    def names_client(self) -> bool:
        return _has_words(self)

    def tlvs_there(self) -> list[TLV]:
        return []


def following(octets: bytes) -> type[Packet] | None:
    """Return the layer of another preamble or of TLS at the front of *octets*."""
    if (name := signature(octets)) is not None:
        return {"magic": MAGIC, "proxy1": PROXYv1, "proxy2": PROXYv2}[name]
    if not _is_record(octets):
        return None
    # Here and not above: it binds itself to port 443 when it is loaded.
    from scapy.layers.tls.record import TLS

    return TLS


def starts_record(octets: bytes) -> bool:
    """Whether *octets* are too few for a TLS record's head, but may begin one."""
    if not 0 < len(octets) < 5 or octets[0] not in range(20, 25):
        return False
    return octets[1:2] in (b"", b"\x03") and octets[2:3] <= b"\x04"


def _is_record(octets: bytes) -> bool:
    """Whether a TLS record stands there (RFC 8446 section 5.1)."""
    if len(octets) < 5 or octets[1] != 3 or octets[2] > 4:
        return False
    return octets[0] in range(20, 25) and 0 < octets[3] << 8 | octets[4] <= 18432


def _two(number: int) -> bytes:
    return (number & 0xFFFF).to_bytes(2, "big")

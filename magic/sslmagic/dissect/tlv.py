# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""The TLVs that are not a vendor's, as scapy layers (spec.md section 6.2).

Each type has a class of its own, whose `name` is the registry's.
"""

from __future__ import annotations

from typing import Any

from scapy.fields import ShortField, XByteField, XIntField
from scapy.packet import Packet

from sslmagic.dissect.fields import OctetsField, TextField
from sslmagic.dissect.total import Total
from sslmagic.registry import Type, meaning_of

__all__ = [
    "ALPNTLV",
    "CRC32CTLV",
    "TLV",
    "AuthorityTLV",
    "CertificateTLV",
    "CipherTLV",
    "CommonNameTLV",
    "GroupTLV",
    "KeyAlgorithmTLV",
    "NetworkNamespaceTLV",
    "NoopTLV",
    "SignatureAlgorithmTLV",
    "SignatureSchemeTLV",
    "UniqueIdTLV",
    "VersionTLV",
    "head",
]


class TypeField(XByteField):
    """A TLV's type, shown with its name; not fuzzed, since the class stands for it."""

    def i2repr(self, pkt: Packet | None, x: Any) -> str:
        said = super().i2repr(pkt, x)
        if not isinstance(x, int):
            return said
        name = meaning_of(x, b"").name
        return said if name.startswith("0x") else f"{name} ({said})"

    def randval(self) -> Any:
        return None


def head(kind: int) -> list[Any]:
    """Return the fields in front of every value, for a TLV of that type."""
    return [TypeField("type", kind), ShortField("length", None)]


class TLV(Total):
    """A TLV of any type, its value as octets."""

    name = "TLV"
    fields_desc = [*head(0xE7), OctetsField("value")]

    def post_build(self, pkt: bytes, pay: bytes) -> bytes:
        if self.length is None and len(pkt) >= 3:
            size = (len(pkt) - 3) & 0xFFFF
            pkt = pkt[:1] + size.to_bytes(2, "big") + pkt[3:]
        return pkt + pay

    def mysummary(self) -> str:
        kind = self.type
        if type(self) is not TLV or not isinstance(kind, int):
            return str(self.name)
        value = self.getfieldval("value")
        return meaning_of(kind, value if isinstance(value, bytes) else b"").name


class ALPNTLV(TLV):
    """01: a protocol of the client's TLS."""

    name = "ALPN"
    fields_desc = [*head(Type.ALPN), TextField("value", b"h2")]


class AuthorityTLV(TLV):
    """02: the name that the client asked for."""

    name = "AUTHORITY"
    fields_desc = [*head(Type.AUTHORITY), TextField("value", b"shop.example")]


class CRC32CTLV(TLV):
    """03: the checksum of the preamble, computed where it is None."""

    name = "CRC32C"
    fields_desc = [*head(Type.CRC32C), XIntField("value", None)]


class NoopTLV(TLV):
    """04: padding."""

    name = "NOOP"
    fields_desc = [*head(Type.NOOP), OctetsField("value")]


class UniqueIdTLV(TLV):
    """05: an opaque name of the connection."""

    name = "UNIQUE_ID"
    fields_desc = [*head(Type.UNIQUE_ID), TextField("value", b"1")]


class VersionTLV(TLV):
    """21, within SSL: the version of the client's TLS."""

    name = "SSL_VERSION"
    fields_desc = [*head(Type.SSL_VERSION), TextField("value", b"TLSv1.3")]


class CommonNameTLV(TLV):
    """22, within SSL: the common name of the client's certificate."""

    name = "SSL_CN"
    fields_desc = [*head(Type.SSL_CN), TextField("value", b"client.example")]


class CipherTLV(TLV):
    """23, within SSL: the cipher suite."""

    name = "SSL_CIPHER"
    fields_desc = [
        *head(Type.SSL_CIPHER),
        TextField("value", b"TLS_AES_128_GCM_SHA256"),
    ]


class SignatureAlgorithmTLV(TLV):
    """24, within SSL: how the client's certificate is signed."""

    name = "SSL_SIG_ALG"
    fields_desc = [*head(Type.SSL_SIG_ALG), TextField("value", b"SHA256")]


class KeyAlgorithmTLV(TLV):
    """25, within SSL: the kind of the client's key."""

    name = "SSL_KEY_ALG"
    fields_desc = [*head(Type.SSL_KEY_ALG), TextField("value", b"RSA2048")]


class GroupTLV(TLV):
    """26, within SSL: the group of the key exchange."""

    name = "SSL_GROUP"
    fields_desc = [*head(Type.SSL_GROUP), TextField("value", b"X25519")]


class SignatureSchemeTLV(TLV):
    """27, within SSL: how the handshake was signed."""

    name = "SSL_SIG_SCHEME"
    fields_desc = [*head(Type.SSL_SIG_SCHEME), TextField("value", b"RSA-PSS+SHA256")]


class CertificateTLV(TLV):
    """28, within SSL: the client's certificate, DER."""

    name = "SSL_CLIENT_CERT"
    fields_desc = [*head(Type.SSL_CLIENT_CERT), OctetsField("value", b"\x30\x00")]


class NetworkNamespaceTLV(TLV):
    """30: the name of a network namespace."""

    name = "NETNS"
    fields_desc = [*head(Type.NETNS), TextField("value", b"blue")]

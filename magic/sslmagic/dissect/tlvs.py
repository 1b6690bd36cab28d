# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""Every class of TLV by its name, and the one that stands at the front of octets."""

from __future__ import annotations

from collections.abc import Callable

from scapy.fields import FlagsField, IntField
from scapy.packet import Packet, Raw

from sslmagic.dissect.parts import PartsField
from sslmagic.dissect.tlv import (
    ALPNTLV,
    CRC32CTLV,
    TLV,
    AuthorityTLV,
    CertificateTLV,
    CipherTLV,
    CommonNameTLV,
    GroupTLV,
    KeyAlgorithmTLV,
    NetworkNamespaceTLV,
    NoopTLV,
    SignatureAlgorithmTLV,
    SignatureSchemeTLV,
    UniqueIdTLV,
    VersionTLV,
    head,
)
from sslmagic.dissect.vendors import (
    AWSTLV,
    AzureTLV,
    GoogleTLV,
    HitchTLV,
    IstioTLV,
    ProofTLV,
    TeleportTLV,
)
from sslmagic.registry import CLIENT_BITS, Type, meaning_of

__all__ = ["SSLTLV", "TLVS", "front_tlv"]


def _front_inside(octets: bytes) -> tuple[type[Packet], int]:
    kind, length = front_tlv(octets)
    # There is no further nesting: spec.md, clause T17.
    return (TLV if kind is SSLTLV else kind), length


_BITS = [CLIENT_BITS.get(1 << bit, f"BIT{bit}") for bit in range(8)]


class SSLTLV(TLV):
    """20: what the sender knows of the client's own TLS."""

    name = "SSL"
    fields_desc = [
        *head(Type.SSL),
        FlagsField("client", 1, 8, _BITS),
        IntField("verify", 0),
        PartsField("tlvs", _front_inside),
    ]

    def placed(self, part: Packet, at: int) -> None:
        """A CRC32C has no place in here, and is not computed."""


TLVS: dict[str, type[TLV]] = {
    "ALPN": ALPNTLV,
    "AUTHORITY": AuthorityTLV,
    "CRC32C": CRC32CTLV,
    "NOOP": NoopTLV,
    "UNIQUE_ID": UniqueIdTLV,
    "SSL_VERSION": VersionTLV,
    "SSL_CN": CommonNameTLV,
    "SSL_CIPHER": CipherTLV,
    "SSL_SIG_ALG": SignatureAlgorithmTLV,
    "SSL_KEY_ALG": KeyAlgorithmTLV,
    "SSL_GROUP": GroupTLV,
    "SSL_SIG_SCHEME": SignatureSchemeTLV,
    "SSL_CLIENT_CERT": CertificateTLV,
    "NETNS": NetworkNamespaceTLV,
    "ISTIO_SPIFFE_ID": IstioTLV,
    "GCP_PSC_ID": GoogleTLV,
    "HITCH_CLIENT_CERT": HitchTLV,
    "TELEPORT": TeleportTLV,
    "AWS_VPCE_ID": AWSTLV,
    "AZURE_LINK_ID": AzureTLV,
    "PROOF": ProofTLV,
    "SSL": SSLTLV,
}
"""The classes by the registry's names."""

_SHAPES: dict[str, Callable[[bytes], bool]] = {
    "CRC32C": lambda value: len(value) == 4,
    "SSL": lambda value: len(value) >= 5,
    "PROOF": lambda value: value.count(b"|") == 8,
}
"""What a value must look like to be taken apart, where the registry does not say."""


def front_tlv(octets: bytes) -> tuple[type[Packet], int]:
    """Return the class of the TLV at the front of *octets*, and how long it is.

    One that is cut short, or has another shape than its type, is a plain `TLV`; one or
    two octets are none.
    """
    if len(octets) < 3:
        return Raw, len(octets)
    length = int.from_bytes(octets[1:3], "big")
    value = octets[3 : 3 + length]
    if len(value) < length:
        return TLV, len(octets)
    name = meaning_of(octets[0], value).name
    fits = name not in _SHAPES or _SHAPES[name](value)
    return (TLVS[name] if name in TLVS and fits else TLV), 3 + length

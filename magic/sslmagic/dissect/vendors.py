# pyright: basic
# scapy's own annotations name neither what a field holds nor who owns it.
"""The TLVs of vendors, and our own, as scapy layers (spec.md section 6.4).

What has another shape than its vendor's is a plain `TLV`: vendors share numbers.
"""

from __future__ import annotations

from scapy.fields import ByteField, LEIntField, LongField

from sslmagic.dissect.fields import OctetsField
from sslmagic.dissect.tlv import TLV, head
from sslmagic.dissect.words import NumberWord, Word
from sslmagic.registry import Type

__all__ = [
    "AWSTLV",
    "AzureTLV",
    "GoogleTLV",
    "HitchTLV",
    "IstioTLV",
    "ProofTLV",
    "TeleportTLV",
]


class IstioTLV(TLV):
    """D0: Istio's SPIFFE id."""

    name = "ISTIO_SPIFFE_ID"
    fields_desc = [*head(0xD0), OctetsField("value", b"spiffe://cluster.local/ns/a")]


class GoogleTLV(TLV):
    """E0 of 8 octets: the id of Google's Private Service Connect."""

    name = "GCP_PSC_ID"
    fields_desc = [*head(0xE0), LongField("value", 1)]


class HitchTLV(TLV):
    """E0 of text: the client's certificate as hitch sends it, PEM."""

    name = "HITCH_CLIENT_CERT"
    fields_desc = [
        *head(0xE0),
        OctetsField("value", b"-----BEGIN CERTIFICATE-----\nMAA=\n"),
    ]


class TeleportTLV(TLV):
    """E4: Teleport's own, with a signature of its own."""

    name = "TELEPORT"
    fields_desc = [*head(0xE4), OctetsField("value")]


class AWSTLV(TLV):
    """EA: the id of an endpoint of Amazon's VPC."""

    name = "AWS_VPCE_ID"
    fields_desc = [
        *head(0xEA),
        ByteField("subtype", 1),
        OctetsField("value", b"vpce-08d2bf15fac5001c9"),
    ]


class AzureTLV(TLV):
    """EE: the id of Azure's private link, little-endian."""

    name = "AZURE_LINK_ID"
    fields_desc = [*head(0xEE), ByteField("subtype", 1), LEIntField("value", 1)]


class ProofTLV(TLV):
    """E5: our proof of a PROXY v2 preamble, nine words (spec.md section 8)."""

    name = "PROOF"
    fields_desc = [
        *head(Type.PROOF),
        Word("version", "v1", first=True, between=b"|"),
        NumberWord("key_id", 1, between=b"|"),
        NumberWord("created", 0, between=b"|", most=2**64 - 1),
        Word("audience", "web.example", between=b"|"),
        Word("source", "192.0.2.1", between=b"|"),
        NumberWord("source_port", 51234, between=b"|"),
        Word("destination", "192.0.2.2", between=b"|"),
        NumberWord("destination_port", 443, between=b"|"),
        Word("mac", "0" * 64, between=b"|"),
    ]

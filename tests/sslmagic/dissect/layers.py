"""What the tests of the layers share: a layer's values as the vectors say them."""

from __future__ import annotations

import ipaddress
from typing import Any

from scapy.packet import Packet

from sslmagic.block import Transport
from sslmagic.dissect.scapy_layer import (
    CRC32CTLV,
    MAGIC,
    SSLTLV,
    TLV,
    AzureTLV,
    CertificateTLV,
    GoogleTLV,
    NoopTLV,
    ProofTLV,
    PROXYv1,
    PROXYv2,
    TeleportTLV,
    UniqueIdTLV,
)
from sslmagic.registry import CLIENT_BITS

__all__ = ["LAYERS", "described", "rebuilt"]

LAYERS: dict[str, type[Packet]] = {"magic": MAGIC, "proxy1": PROXYv1, "proxy2": PROXYv2}


def rebuilt(layer: Packet) -> bytes:
    """The layer's own octets, built from its fields and not from what it remembers."""
    alone = layer.copy()
    alone.remove_payload()
    alone.clear_cache()
    return bytes(alone)


def described(layer: Packet) -> dict[str, Any]:
    """What the layer's fields say, in the shape of a vector's `decoded`."""
    local = getattr(layer, "cmd", 1) == 0
    transport = _transport(layer)
    ends = [_end(layer, name, transport) for name in ("source", "destination")]
    hosts = [end["host"] for end in ends if end and "host" in end]
    # spec.md, clause A10: two mapped addresses are IPv4.
    if not any(":" in host for host in hosts):
        transport = transport.replace("P6", "P4")
    return {
        "command": "LOCAL" if local else "PROXY",
        "transport": transport,
        "source": ends[0],
        "destination": ends[1],
        "tlvs": [_tlv(tlv) for tlv in getattr(layer, "tlvs", [])],
        "length": len(rebuilt(layer)),
        "proof": _proof(layer),
    }


def _transport(layer: Packet) -> str:
    if isinstance(layer, PROXYv1):
        return str(layer.family)
    if layer.cmd == 0:
        return "UNKNOWN"
    return Transport(layer.transport).label


def _end(layer: Packet, name: str, transport: str) -> dict[str, Any] | None:
    host = getattr(layer, name)
    if transport == "UNKNOWN":
        return None
    if isinstance(host, bytes):
        return {"path": host.rstrip(b"\0").decode("utf-8", "surrogateescape")}
    address = ipaddress.ip_address(host)
    if isinstance(address, ipaddress.IPv6Address):
        address = address.ipv4_mapped or address
    return {"host": str(address), "port": getattr(layer, f"{name}_port")}


def _proof(layer: Packet) -> dict[str, Any] | None:
    if getattr(layer, "profile", 0) == 0:
        return None
    names = ("profile", "bind", "flags", "bound", "key_id", "created")
    return {
        **{name: getattr(layer, name) for name in names},
        "nonce": layer.nonce.hex(),
        "tag": layer.tag.hex(),
        "verified": False,
    }


def _tlv(tlv: Packet) -> dict[str, Any]:
    return {
        "type": tlv.type,
        "name": tlv.mysummary(),
        "value": _value(tlv),
        "hex": rebuilt(tlv)[3:].hex(),
    }


def _value(tlv: Packet) -> object:
    if isinstance(tlv, SSLTLV):
        client = int(tlv.client)
        return {
            "client": [name for bit, name in CLIENT_BITS.items() if client & bit],
            "verify": tlv.verify,
            "tlvs": [_tlv(inner) for inner in tlv.tlvs],
        }
    if isinstance(tlv, CRC32CTLV):
        return f"{tlv.value:08x}"
    if isinstance(tlv, GoogleTLV | AzureTLV):
        return tlv.value
    if isinstance(tlv, NoopTLV | CertificateTLV | TeleportTLV):
        return None
    if isinstance(tlv, ProofTLV):
        words = [tlv.getfieldval(field.name) for field in tlv.fields_desc[2:]]
        said = "|".join(str(word) for word in words)
        return said if said.isprintable() else None
    text = tlv.value
    if type(tlv) in (TLV, UniqueIdTLV):
        plain = text and all(0x20 <= octet <= 0x7E for octet in text)
        return text.decode() if plain else None
    return text.decode("utf-8", "backslashreplace")

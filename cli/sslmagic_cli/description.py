"""A preamble as JSON says it: the object of `magic decode --json`."""

from __future__ import annotations

from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import Frame, ProofBlock

__all__ = ["described"]


def described(
    preamble: Preamble, frame: Frame, rest_length: int | None
) -> dict[str, object]:
    """Return what *preamble* says, in values that JSON has."""
    return {
        "format": frame.format,
        "command": preamble.command.name,
        "transport": preamble.transport.label,
        "source": _endpoint(preamble.source),
        "destination": _endpoint(preamble.destination),
        "tlvs": [_tlv(tlv) for tlv in preamble.tlvs],
        "length": len(frame.octets),
        "rest_length": rest_length,
        "proof": _proof(frame.proof) if frame.proof else None,
    }


def _endpoint(endpoint: Endpoint | UnixEndpoint | None) -> dict[str, object] | None:
    return None if endpoint is None else endpoint._asdict()


def _tlv(tlv: TLV) -> dict[str, object]:
    return {
        "type": tlv.type,
        "name": tlv.name,
        "value": tlv.said,
        "hex": tlv.value.hex(),
    }


def _proof(proof: ProofBlock) -> dict[str, object]:
    return {
        **proof._asdict(),
        "nonce": proof.nonce.hex(),
        "tag": proof.tag.hex(),
        # Nothing here has a key to verify it with.
        "verified": False,
    }

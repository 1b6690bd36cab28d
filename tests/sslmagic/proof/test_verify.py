"""proof/verify.py: every vector of profile 1, and every single bit of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sslmagic.decoder import Framer
from sslmagic.errors import DecodeError, ProofError
from sslmagic.preamble import Endpoint
from sslmagic.proof import Bind, Hop, verify

VECTORS: list[dict[str, Any]] = [
    vector
    for vector in json.loads(
        (Path(__file__).parents[2] / "vectors" / "proof.json").read_text("utf-8")
    )["tests"]
    if vector["profile"] == 1
]


def verified(vector: dict[str, Any], wire: bytes) -> None:
    frame = Framer().feed(wire)
    assert frame is not None
    hop = None
    if vector["gateway"] is not None:
        hop = Hop(_endpoint(vector["gateway"]), _endpoint(vector["node"]))
    verify(
        frame,
        bytes.fromhex(vector["rest"]),
        key=bytes.fromhex(vector["key"]),
        key_id=vector["key_id"],
        audience=vector["audience"],
        now=vector["now"],
        bind=Bind(vector["bind"]),
        hop=hop,
    )


def _endpoint(text: str) -> Endpoint:
    # `Endpoint.parse` unmaps; the two ends of a hop may see mapped addresses.
    host, _, port = text.rpartition(":")
    return Endpoint(host.strip("[]"), int(port))


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["id"])
def test_vectors(vector: dict[str, Any]) -> None:
    wire = bytes.fromhex(vector["wire"])
    if vector["result"] == "proof":
        with pytest.raises(ProofError):
            verified(vector, wire)
    else:
        # Addresses are judged after the proof: a wrong one is no matter here.
        verified(vector, wire)


@pytest.mark.parametrize("name", ["bind-2", "hop", "local-hop-tlv"])
def test_no_bit_may_change(name: str) -> None:
    (vector,) = (vector for vector in VECTORS if vector["id"] == name)
    wire = bytes.fromhex(vector["wire"])
    refused = 0
    # Before the proof block the framing refuses, or waits for octets that never come.
    for bit in range(12 * 8, len(wire) * 8):
        changed = bytearray(wire)
        changed[bit // 8] ^= 0x80 >> bit % 8
        try:
            verified(vector, bytes(changed))
        except (DecodeError, ProofError):
            refused += 1
    assert refused == (len(wire) - 12) * 8

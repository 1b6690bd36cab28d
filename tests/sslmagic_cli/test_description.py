"""description.py: the object of `decode --json`, name by name as it is promised."""

from __future__ import annotations

import json

import pytest

from sslmagic.decoder import Decoder
from sslmagic.preamble import Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import encode
from sslmagic_cli.description import described
from tests.vectors.vector import Vector, raw, vectors

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
VALID = [vector for vector in vectors() if vector.valid]


def said(octets: bytes, formats: str, rest_length: int | None = None) -> object:
    decoder = Decoder(formats)
    preamble = decoder.feed(octets)
    assert preamble is not None
    assert decoder.frame is not None
    # Through JSON, since that is what others read.
    return json.loads(json.dumps(described(preamble, decoder.frame, rest_length)))


def test_the_promised_object() -> None:
    authority = TLV.parse("AUTHORITY", "shop.example")
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[authority])
    assert said(encode(preamble, "proxy2"), "proxy2", 517) == {
        "format": "proxy2",
        "command": "PROXY",
        "transport": "TCP4",
        "source": {"host": "203.0.113.9", "port": 51234},
        "destination": {"host": "198.51.100.2", "port": 443},
        "tlvs": [
            {
                "type": 2,
                "name": "AUTHORITY",
                "value": "shop.example",
                "hex": "73686f702e6578616d706c65",
            }
        ],
        "length": 43,
        "rest_length": 517,
        "proof": None,
    }


@pytest.mark.parametrize(
    ("preamble", "command", "transport"),
    [
        (Preamble.local(), "LOCAL", "UNKNOWN"),
        (Preamble(transport=Transport.UNKNOWN), "PROXY", "UNKNOWN"),
    ],
)
def test_without_a_client(preamble: Preamble, command: str, transport: str) -> None:
    assert said(encode(preamble, "proxy2"), "proxy2") == {
        "format": "proxy2",
        "command": command,
        "transport": transport,
        "source": None,
        "destination": None,
        "tlvs": [],
        "length": 16,
        "rest_length": None,
        "proof": None,
    }


def test_a_unix_endpoint_is_a_path() -> None:
    preamble = Preamble(source=UnixEndpoint("/run/a"), destination=UnixEndpoint())
    found = said(encode(preamble), "magic")
    assert isinstance(found, dict)
    assert found["source"] == {"path": "/run/a"}
    assert found["destination"] == {"path": ""}


@pytest.mark.parametrize("vector", VALID, ids=str)
def test_a_valid_vector_is_described_as_it_says(vector: Vector) -> None:
    assert said(vector.octets, vector.format, len(vector.rest)) == vector.decoded


def test_a_proof_is_shown_and_not_believed() -> None:
    test = next(test for test in raw("proof") if test["result"] == "valid")
    found = said(bytes.fromhex(test["wire"]), "magic")
    assert isinstance(found, dict)
    proof = found["proof"]
    assert proof == test["decoded"]["proof"]
    assert proof["verified"] is False

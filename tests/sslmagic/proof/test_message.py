"""proof/message.py: every part of M is preceded by its length."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from sslmagic.errors import ConfigurationError
from sslmagic.preamble import Endpoint
from sslmagic.proof.message import (
    Hop,
    check_audience,
    check_key,
    hmac_tag,
    signed_message,
)

HOP = Hop(Endpoint("10.0.0.1", 40000), Endpoint("10.0.1.1", 443))


def test_the_message_of_the_specification() -> None:
    message = signed_message(b"preamble", audience="web", hop=HOP, bound=b"hello")
    assert message == (
        b"sslmagic/1 preamble hmac-sha256\0"
        b"\0\x03web"
        b"\0\x0c"
        + bytes((10, 0, 0, 1, 10, 0, 1, 1))
        + (40000).to_bytes(2, "big")
        + (443).to_bytes(2, "big")
        + b"\0\0\0\x08preamble"
        + hashlib.sha256(b"hello").digest()
    )
    assert signed_message(b"", audience="a", hop=None, bound=b"")[32:37] == b"\0\1a\0\0"


def test_a_hop_is_packed_unmapped() -> None:
    mapped = Hop(Endpoint("::ffff:10.0.0.1", 40000), Endpoint("10.0.1.1", 443))
    assert mapped.packed() == HOP.packed()
    assert len(Hop(Endpoint("::1", 1), Endpoint("::2", 2)).packed()) == 36
    with pytest.raises(ConfigurationError, match="two families"):
        Hop(Endpoint("::1", 1), Endpoint("10.0.0.1", 2)).packed()


def test_a_tag_is_half_of_the_hash() -> None:
    assert hmac_tag(b"k" * 32, b"m") == hmac.digest(b"k" * 32, b"m", "sha256")[:16]


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_key_has_32_octets(length: int) -> None:
    check_key(bytes(32))
    with pytest.raises(ConfigurationError, match="32 are needed"):
        check_key(bytes(length))


@pytest.mark.parametrize("audience", ["", "a" * 65, "Shop", "a b", "a\n", "a|b", "ä"])
def test_an_audience_has_few_characters(audience: str) -> None:
    check_audience("shop.example-7")
    with pytest.raises(ConfigurationError, match="audience"):
        check_audience(audience)

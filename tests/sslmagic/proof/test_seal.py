"""proof/seal.py: what cannot be sealed is not sent at all."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.errors import ConfigurationError, EncodeError
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.proof import Bind, Hop, seal
from sslmagic.wire import magic

PREAMBLE = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
HELLO = bytes.fromhex(
    f"16 0301 002f  01 00002b 0303 {bytes(32).hex()} 00 0002 1301 01 00 0000"
)


def sealed(preamble: Preamble = PREAMBLE, **changes: Any) -> bytes:
    arguments: dict[str, Any] = {
        "key": bytes(range(32)),
        "key_id": 7,
        "audience": "web.example",
        "created": 1795478400000,
        "nonce": bytes(range(16)),
        "bind": Bind.NOTHING,
    }
    return seal(preamble, **(arguments | changes))


@pytest.mark.parametrize(
    ("preamble", "length"),
    [
        (PREAMBLE, 72),
        (Preamble(source=("2001:db8::1", 1), destination=("2001:db8::2", 2)), 96),
        (Preamble.local(), 60),
    ],
)
def test_lengths_of_the_specification(preamble: Preamble, length: int) -> None:
    octets = sealed(preamble)
    assert len(octets) == length
    assert magic.frame(octets).length == length


def test_the_block_says_what_was_sealed() -> None:
    hop = Hop(Endpoint("10.0.0.1", 40000), Endpoint("10.0.1.1", 443))
    proof = magic.proof(sealed(bind=Bind.HELLO, bound=HELLO, hop=hop))
    assert proof is not None
    assert (proof.profile, proof.bind, proof.flags) == (1, 2, 1)
    assert (proof.bound, proof.key_id) == (len(HELLO), 7)
    assert (proof.created, proof.nonce) == (1795478400000, bytes(range(16)))


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"key_id": 0}, "key id 0"),
        ({"key_id": 1 << 32}, "key id"),
        ({"created": -1}, "created"),
        ({"created": 1 << 64}, "created"),
        ({"nonce": bytes(15)}, "15 octets"),
        ({"bound": b"x"}, "1 bound octets with bind NOTHING"),
        ({"bind": Bind.OCTETS}, "0 bound octets with bind OCTETS"),
        ({"bind": Bind.OCTETS, "bound": bytes(17409)}, "17408 are most"),
        ({"bind": Bind.HELLO, "bound": b"GET"}, "no ClientHello"),
        ({"bind": Bind.HELLO, "bound": HELLO[:-1]}, "no ClientHello"),
        ({"bind": Bind.HELLO, "bound": HELLO + b"x"}, "53 bound octets"),
        ({"limit": 71}, "72 octets, where 71"),
    ],
)
def test_what_cannot_be_sealed(changes: dict[str, Any], says: str) -> None:
    with pytest.raises(EncodeError, match=says):
        sealed(**changes)


def test_local_binds_nothing() -> None:
    with pytest.raises(EncodeError, match="LOCAL"):
        sealed(Preamble.local(), bind=Bind.OCTETS, bound=b"x")


@pytest.mark.parametrize("changes", [{"key": b"short"}, {"audience": "A"}])
def test_a_key_or_audience_that_cannot_be_one(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError):
        sealed(**changes)

"""Where the preamble ends: in front of TLS or HTTP, whatever the preamble holds."""

from __future__ import annotations

import pytest

from sslmagic.capture.learning.sample import MOST_WANTED, preamble_end
from tests.sslmagic.capture.learning.recorded import client_hello

HELLO = client_hello(bytes(range(32)))
REQUEST = b"GET / HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@pytest.mark.parametrize(
    "behind", [HELLO, REQUEST, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"]
)
@pytest.mark.parametrize(
    "front",
    [b"", b"PROXY TCP4 1.2.3.4 5.6.7.8 9 443\r\n", b"\x56\xec" + bytes(36), b"\xa5X"],
)
def test_in_front_of_what_follows(front: bytes, behind: bytes) -> None:
    assert preamble_end(front + behind) == len(front)


def test_what_only_starts_like_tls_is_no_end() -> None:
    front = b"\xb1\x16\x03\x01\x00\x20\x01\x00\x00\x05" + bytes(30)
    assert preamble_end(front + HELLO) == len(front)


def test_a_hello_that_was_cut_short_is_an_end() -> None:
    assert preamble_end(b"front" + HELLO[:20]) == 5
    assert preamble_end(b"front" + HELLO[:8]) is None


def test_nothing_that_is_known() -> None:
    assert preamble_end(b"") is None
    assert preamble_end(b"SSH-2.0-OpenSSH_9.6\r\n") is None
    assert preamble_end(bytes(MOST_WANTED + 1) + HELLO) is None


@pytest.mark.parametrize("method", ["POST", "DELETE", "HEAD", "BREW"])
def test_a_method_that_touches_a_word(method: str) -> None:
    front = b"id=7;AB" if method != "BREW" else b"id=7;"
    octets = front + f"{method} /a HTTP/1.0\r\n".encode()
    assert preamble_end(octets) == len(front)

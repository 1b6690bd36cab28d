"""flow.py: keys of both directions, and what is said at the end."""

from __future__ import annotations

from sslmagic.block import Endpoint
from sslmagic.capture.flow import endpoints, reverse

KEY4 = b"\x0a\0\0\x01\x0a\0\0\x02\xc3\x50\x01\xbb"
KEY6 = bytes(15) + b"\x01" + bytes(15) + b"\x02" + KEY4[-4:]


def test_a_key_has_a_way_back() -> None:
    for key in (KEY4, KEY6):
        for vlans in (b"", b"\0\x07", b"\0\x07\0\x08"):
            back = reverse(vlans + key, len(vlans))
            assert back != vlans + key
            assert back[: len(vlans)] == vlans
            assert reverse(back, len(vlans)) == vlans + key
            assert endpoints(back[len(vlans) :]) == endpoints(key)[::-1]


def test_a_key_has_endpoints() -> None:
    assert endpoints(KEY4) == (Endpoint("10.0.0.1", 50000), Endpoint("10.0.0.2", 443))
    assert endpoints(KEY6) == (Endpoint("::1", 50000), Endpoint("::2", 443))

"""crc32c.py: the checksum of proxy-protocol.txt section 2.2.3."""

from __future__ import annotations

import pytest

from sslmagic.crc32c import crc32c


@pytest.mark.parametrize(
    ("octets", "checksum"),
    [
        (b"123456789", 0xE3069283),
        (b"", 0),
        # RFC 3720 appendix B.4.
        (bytes(32), 0x8A9136AA),
        (b"\xff" * 32, 0x62A8AB43),
        (bytes(range(32)), 0x46DD794E),
        (bytes(range(31, -1, -1)), 0x113FDB5C),
    ],
)
def test_known_checksums(octets: bytes, checksum: int) -> None:
    assert crc32c(octets) == checksum

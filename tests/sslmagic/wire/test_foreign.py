"""Which protocol begins where a preamble was due."""

from __future__ import annotations

import pytest

from sslmagic.wire import FORMATS, encode
from sslmagic.wire.foreign import foreign
from tests.sslmagic.wire.layouts import FOUR, LAYOUTS


@pytest.mark.parametrize(
    ("octets", "protocol"),
    [
        (b"\x16\x03\x01\x02\x00\x01", "TLS"),
        (b"\x16\x03", "TLS"),
        (b"\x16", None),
        (b"\x16\x02\x00", None),
        (b"GET / HTTP/1.1\r\n", "HTTP"),
        (b"OPTIONS * HTTP/1.1\r\n", "HTTP"),
        (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP"),
        (b"GET", None),
        (b"GETTING on", None),
        (b"get / http/1.1", None),
        (b"SSH-2.0-OpenSSH_9.2\r\n", None),
        (b"", None),
    ],
)
def test_what_begins_is_told_by_its_first_octets(
    octets: bytes, protocol: str | None
) -> None:
    assert foreign(octets) == protocol


@pytest.mark.parametrize("format", [*FORMATS, *LAYOUTS])
def test_no_preamble_is_taken_for_another_protocol(format: str) -> None:
    assert foreign(encode(FOUR, format)) is None

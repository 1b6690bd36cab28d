"""speech.py: what is spoken, by the first octets."""

from __future__ import annotations

import pytest

from sslmagic.capture.speech import answered, spoken
from sslmagic.wire import FORMATS, encode
from tests.sslmagic.capture.made import PREAMBLE, hello


@pytest.mark.parametrize("format", FORMATS)
def test_a_preamble_is_called_by_its_format(format: str) -> None:
    assert spoken(encode(PREAMBLE, format)) == format


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", "nothing"),
        (hello(), "tls"),
        (b"\x16\x03", "tls"),
        (b"\x16\x04", "other"),
        (b"GET / HTTP/1.1\r\n", "http"),
        (b"PRI * HTTP/2.0\r\n", "http"),
        (b"POSTSCRIPT", "other"),
        (b"SSH-2.0-x\r\n", "ssh"),
        (b"\0\0", "other"),
    ],
)
def test_what_a_client_speaks(octets: bytes, said: str) -> None:
    assert spoken(octets) == said


@pytest.mark.parametrize(
    ("octets", "said"),
    [
        (b"", None),
        (b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03", "tls"),
        (b"\x15\x03\x03\x00\x02\x02\x0a", "alert: unexpected_message"),
        (b"\x15\x03\x03\x00\x02\x02\xfe", "alert: 254"),
        (b"\x15\x03\x03\x00\x02", "alert"),
        (b"\x15\x03\x03\x00\x13abcdef", "alert"),
        (b"HTTP/1.1 400 Bad", "http: 400"),
        (b"SSH-2.0-OpenSSH_", "ssh"),
        (b"220 mail ESMTP", "other"),
    ],
)
def test_what_a_listener_answers(octets: bytes, said: str | None) -> None:
    assert answered(octets) == said

"""Where a body ends, to the octet and at every cut (RFC 9112 section 7.1)."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from sslmagic.relay.http.extent import Chunked, Fixed
from sslmagic.relay.http.refusal import RequestError

NEXT = b"GET / HTTP/1.1\r\n"


def test_a_fixed_body_has_its_octets() -> None:
    body = Fixed(5)
    assert (body.take(b"abc"), body.done) == (3, False)
    assert (body.take(b"de" + NEXT), body.done) == (2, True)
    assert body.take(NEXT) == 0
    assert Fixed(0).done


WHOLE = [
    b"0\r\n\r\n",
    b"5\r\nhello\r\n0\r\n\r\n",
    b"5;name=value\r\nhello\r\nA\r\n0123456789\r\n0;last\r\n\r\n",
    b"00000000005\r\n\n\r\n\r\n\r\n000\r\n\r\n",
    b"400\r\n" + b"x" * 1024 + b"\r\n0\r\n\r\n",
]


@pytest.mark.parametrize("body", WHOLE)
def test_a_chunked_body_ends_with_its_empty_line(body: bytes) -> None:
    chunks = Chunked()
    assert chunks.take(body + NEXT) == len(body)
    assert chunks.done
    assert chunks.take(NEXT) == 0


@pytest.mark.parametrize("body", WHOLE)
def test_a_chunked_body_is_the_same_at_every_cut(body: bytes) -> None:
    for cut in range(len(body) + 1):
        chunks = Chunked()
        assert chunks.take(body[:cut]) == cut
        assert chunks.done == (cut == len(body))
        assert chunks.take(body[cut:] + NEXT) == len(body) - cut
        assert chunks.done


BROKEN = [
    b"5 \r\nhello\r\n",
    b"5\nhello\r\n",
    b" 5\r\nhello\r\n",
    b"+5\r\nhello\r\n",
    b"-5\r\nhello\r\n",
    b"0x5\r\nhello\r\n",
    b"5_0\r\nhello\r\n",
    b"\r\nhello\r\n",
    b";name\r\nhello\r\n",
    b"5 ;name\r\nhello\r\n",
    b"5;\x00\r\nhello\r\n",
    b"5;a\rb\r\nhello\r\n",
    b"g\r\nhello\r\n",
    b"\xb2\r\nhello\r\n",
    b"1" * 16 + b"\r\n",
    b"5;" + b"x" * 255 + b"\r\nhello\r\n",
    b"x" * 300,
    b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhelloo\r\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n",
    b"0\r\n\n",
    b"0\n\r\n",
]


@pytest.mark.parametrize("body", BROKEN)
def test_what_others_may_read_otherwise_is_refused(body: bytes) -> None:
    with pytest.raises(RequestError):
        Chunked().take(body)
    chunks = Chunked()
    with pytest.raises(RequestError):
        for octet in body:
            assert chunks.take(bytes([octet])) == 1
            assert not chunks.done


@pytest.mark.parametrize("trailer", [b"X: y\r\n", b"X-Cluster-Client-Ip: 6.6.6.6\r\n"])
def test_a_trailer_is_501(trailer: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        Chunked().take(b"0\r\n" + trailer + b"\r\n")
    assert caught.value.status == HTTPStatus.NOT_IMPLEMENTED

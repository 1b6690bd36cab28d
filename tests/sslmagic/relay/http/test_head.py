"""What is refused before a parser sees it (RFC 9112 sections 2.2, 5 and 6)."""

from __future__ import annotations

from http import HTTPStatus

import pytest

from sslmagic.relay.http.head import check_head, head_length
from sslmagic.relay.http.refusal import RequestError

HEAD = b"GET / HTTP/1.1\r\nHost: x\r\nAccept: */*\r\n\r\n"


def head(*lines: bytes) -> bytes:
    return b"\r\n".join([b"POST / HTTP/1.1", b"Host: x", *lines, b"", b""])


def test_a_head_ends_with_its_empty_line() -> None:
    assert head_length(HEAD + b"body", 0, 1024) == len(HEAD)
    assert head_length(b"", 0, 1024) is None


def test_a_head_is_found_however_it_was_cut() -> None:
    for first in range(len(HEAD)):
        for second in range(first, len(HEAD)):
            assert head_length(HEAD[:first], 0, 1024) is None
            assert head_length(HEAD[:second], first, 1024) is None
            assert head_length(HEAD, second, 1024) == len(HEAD)


@pytest.mark.parametrize("longest", [len(HEAD) - 1, 8, 1])
def test_a_head_that_is_too_long_is_431(longest: int) -> None:
    with pytest.raises(RequestError) as caught:
        head_length(HEAD, 0, longest)
    assert caught.value.status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    assert head_length(HEAD, 0, len(HEAD)) == len(HEAD)


@pytest.mark.parametrize(
    "octets",
    [
        b"\x16\x03\x01\x00\x05",
        b" GET / HTTP/1.1\r\n",
        b"\n",
        b"\r\n\r\n",
        b"GET / HTTP/1.1\n",
        b"GET / HTTP/1.1\r\nHost: x\n\n",
        b"GET / HTTP/1.1\r\nHost: x\ry",
        b"GET /\x00",
        b"GET / HTTP/1.1\r\nHost: x\x0b",
    ],
)
def test_what_never_becomes_a_head_is_not_waited_for(octets: bytes) -> None:
    with pytest.raises(RequestError) as caught:
        head_length(octets, 0, 1024)
    assert caught.value.status == HTTPStatus.BAD_REQUEST
    with pytest.raises(RequestError):
        for size in range(len(octets) + 1):
            assert head_length(octets[:size], max(0, size - 1), 1024) is None


@pytest.mark.parametrize(
    "lines",
    [
        (),
        (b"Content-Length: 0",),
        (b"content-length:5",),
        (b"Content-Length: \t5 ",),
        (b"Transfer-Encoding: chunked",),
        (b"TRANSFER-ENCODING:\tChunked ",),
        (b"Cookie: a\tb=\xe9", b"X-Empty:"),
    ],
)
def test_a_clear_head_passes(lines: tuple[bytes, ...]) -> None:
    check_head(head(*lines))


@pytest.mark.parametrize(
    "lines",
    [
        (b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: chunked", b"Content-Length: 5"),
        (b"Content-Length: 5", b"Content-Length: 5"),
        (b"Content-Length: 5", b"content-length: 6"),
        (b"Content-Length: 5, 5",),
        (b"Content-Length: +5",),
        (b"Content-Length: -5",),
        (b"Content-Length: 0x5",),
        (b"Content-Length: 5 5",),
        (b"Content-Length:",),
        (b"Content-Length: \xb2",),
        (b"Content-Length: " + b"1" * 20,),
        (b"Content_Length: 5",),
        (b"Transfer_Encoding: chunked",),
        (b"Transfer.Encoding: chunked",),
        (b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"),
        (b"Transfer-Encoding: gzip, chunked",),
        (b"Transfer-Encoding: chunked, identity",),
        (b"Transfer-Encoding: xchunked",),
        (b"Transfer-Encoding: \x0bchunked",),
        (b"Transfer-Encoding:",),
        (b"X: a", b" folded"),
        (b"X: a", b"\tfolded"),
        (b" leading: a",),
        (b"X: a\nY: b",),
        (b"X: a\rY: b",),
        (b"X: a\x00",),
        (b"X: a\x7f",),
        (b"X\x1b: a",),
    ],
)
def test_a_doubtful_head_is_400(lines: tuple[bytes, ...]) -> None:
    with pytest.raises(RequestError) as caught:
        check_head(head(*lines))
    assert caught.value.status == HTTPStatus.BAD_REQUEST

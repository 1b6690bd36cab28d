"""The response that a client gets: end to end fields, framed anew."""

from __future__ import annotations

import h11
import pytest

from sslmagic.relay.http.response import back, interim

Lines = list[tuple[bytes, bytes]]


def headers(
    *lines: tuple[bytes, bytes], status: int = 200, last: bool = False
) -> Lines:
    response = h11.Response(status_code=status, headers=[*lines], reason=b"Fine")
    made = back(response, last=last)
    assert (made.status_code, made.reason) == (status, b"Fine")
    return made.headers.raw_items()


def test_a_response_goes_back_as_it_came() -> None:
    lines = [
        (b"Content-Length", b"5"),
        (b"Set-Cookie", b"a=b"),
        (b"Set-Cookie", b"c=d"),
    ]
    assert headers(*lines) == lines


@pytest.mark.parametrize(
    "name", [b"Connection", b"keep-alive", b"Proxy-Connection", b"Trailer", b"Upgrade"]
)
def test_what_is_of_the_nodes_hop_ends_here(name: bytes) -> None:
    assert headers((name, b"x"), (b"Server", b"y")) == [(b"Server", b"y")]


def test_what_connection_names_ends_here_but_never_the_length() -> None:
    lines = (
        (b"Connection", b"x-hop, content-length"),
        (b"X-Hop", b"1"),
        (b"Content-Length", b"5"),
    )
    assert headers(*lines) == [(b"Content-Length", b"5")]


def test_the_coding_of_the_nodes_hop_ends_here() -> None:
    assert headers((b"Transfer-Encoding", b"chunked")) == []


def test_a_length_beside_chunks_means_nothing() -> None:
    """RFC 9112 section 6.3: a proxy removes it before it passes the message on."""
    coding = (b"Transfer-Encoding", b"chunked")
    assert headers((b"Content-Length", b"3"), coding) == []


def test_no_content_has_no_length() -> None:
    assert headers((b"Content-Length", b"0"), status=204) == []
    assert headers((b"Content-Length", b"7"), status=304) == [(b"Content-Length", b"7")]


def test_a_last_response_says_so() -> None:
    assert headers((b"Connection", b"keep-alive"), last=True) == [
        (b"Connection", b"close")
    ]


def test_an_interim_response_keeps_what_it_says() -> None:
    response = h11.InformationalResponse(
        status_code=103, headers=[(b"Link", b"</a>"), (b"Connection", b"x")]
    )
    made = interim(response)
    assert made.status_code == 103
    assert made.headers.raw_items() == [(b"Link", b"</a>")]

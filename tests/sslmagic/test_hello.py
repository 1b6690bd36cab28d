"""hello.py: where the first ClientHello ends, and what it says in clear."""

from __future__ import annotations

import functools
import itertools
import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.errors import DecodeError, IncompleteError, Reason
from sslmagic.hello import ClientHello, hello_length, starts_client_hello


@functools.cache
def openssl_hello(name: str = "shop.example", *alpn: str) -> bytes:
    """What OpenSSL really sends."""
    context = ssl.create_default_context()
    if alpn:
        context.set_alpn_protocols(list(alpn))
    out = ssl.MemoryBIO()
    with pytest.raises(ssl.SSLWantReadError):
        context.wrap_bio(ssl.MemoryBIO(), out, server_hostname=name).do_handshake()
    return out.read()


def record(body: bytes) -> bytes:
    return b"\x16\x03\x01" + len(body).to_bytes(2, "big") + body


def hello(extensions: bytes | None = b"", session_id: bytes = b"") -> bytes:
    """The handshake message of a small hello."""
    body = b"\x03\x03" + bytes(32) + bytes([len(session_id)]) + session_id
    body += b"\0\x02\x13\x01" + b"\x01\0"
    if extensions is not None:
        body += len(extensions).to_bytes(2, "big") + extensions
    return b"\x01" + len(body).to_bytes(3, "big") + body


def extension(kind: int, body: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(body).to_bytes(2, "big") + body


def test_a_real_hello() -> None:
    octets = openssl_hello("shop.example", "h2", "http/1.1")
    found = ClientHello.parse(octets + b"more")
    assert found.length == len(octets) == hello_length(octets + b"more")
    assert found.server_name == "shop.example"
    assert found.alpn == (b"h2", b"http/1.1")
    assert found.versions[0] == 0x0304
    assert len(found.session_id) == 32
    assert found.ends_record
    assert not found.early_data


def test_every_prefix_of_a_hello_is_incomplete() -> None:
    octets = openssl_hello()
    for cut in range(len(octets)):
        assert hello_length(octets[:cut]) is None
        assert starts_client_hello(octets[:cut]) is (True if cut >= 6 else None)
        with pytest.raises(IncompleteError):
            ClientHello.parse(octets[:cut])


@given(st.data())
def test_a_hello_cut_into_records_reads_the_same(data: st.DataObject) -> None:
    message = openssl_hello()[5:]
    cuts = data.draw(
        st.lists(st.integers(1, len(message) - 1), max_size=6, unique=True)
    )
    edges = [0, *sorted(cuts), len(message)]
    octets = b"".join(record(message[a:b]) for a, b in itertools.pairwise(edges))
    found = ClientHello.parse(octets)
    assert found.server_name == "shop.example"
    assert found.length == len(octets)


def test_a_last_record_may_hold_more() -> None:
    found = ClientHello.parse(record(hello() + b"\x01more"))
    assert not found.ends_record


def test_a_hello_of_old_has_no_extensions() -> None:
    found = ClientHello.parse(record(hello(None, b"id")))
    assert found.versions == (0x0303,)
    assert found.server_name is None
    assert found.alpn == ()
    assert found.session_id == b"id"


def test_early_data_is_seen() -> None:
    assert ClientHello.parse(record(hello(extension(42, b"")))).early_data


def test_a_name_of_another_kind_is_no_host() -> None:
    names = b"\x01\0\x01x"
    sni = extension(0, len(names).to_bytes(2, "big") + names)
    assert ClientHello.parse(record(hello(sni))).server_name is None


def test_a_name_that_is_no_ascii_is_escaped() -> None:
    names = b"\0\0\x02\x1b\xff"
    sni = extension(0, len(names).to_bytes(2, "big") + names)
    assert ClientHello.parse(record(hello(sni))).server_name == "\x1b\\xff"


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"G", "record type 47"),
        (b"\x16\x02", "record version 02"),
        (b"\x16\x03\x01\0\0", "record of 0 octets"),
        (b"\x16\x03\x01\x40\x01", "record of 16385"),
        (record(b"\x02"), "handshake type 2"),
        (record(b"\x01\x01\0\0"), "more than 65535"),
        (record(b"\x01") + b"\x17", "record type 17"),
        (record(b"\x01\0\0\0"), "claims 2 octets of 0"),
        (record(hello(session_id=bytes(33))), "33 octets, where 32"),
        (record(hello(b"\0")), "claims 2 octets of 1"),
        (record(hello(extension(42, b"") * 2)), "stands twice"),
        (record(b"\x01\0\0\x2c" + hello()[4:] + b"x"), "left over"),
    ],
)
def test_what_is_no_hello(octets: bytes, says: str) -> None:
    with pytest.raises(DecodeError, match=says) as caught:
        ClientHello.parse(octets)
    assert caught.value.reason is Reason.HELLO


@given(st.binary(max_size=80))
def test_any_octets_parse_or_raise_a_decode_error(octets: bytes) -> None:
    for data in (octets, record(hello(octets)), record(octets or b"\x01")):
        try:
            ClientHello.parse(data)
        except DecodeError:
            continue


@pytest.mark.parametrize(
    ("octets", "told"),
    [
        (b"", None),
        (b"\x16\x03\x01\x02\0", None),
        (b"\x16\x03\x01\x02\0\x01", True),
        (b"\x16\x03\x01\x02\0\x02", False),
        (b"GET / ", False),
        (b"\x16\x04", False),
        (b"\xcd", False),
    ],
)
def test_telling_a_hello_from_anything_else(octets: bytes, told: bool | None) -> None:
    assert starts_client_hello(octets) is told

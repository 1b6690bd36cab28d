"""Requests that two servers may read differently, and ones that claim an address.

Each refused one has another request behind it: whoever reads the first otherwise than
its sender meant it finds the second, or loses it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

__all__ = ["CLAIMS", "REFUSED", "Attempt"]

VICTIM = b"203.0.113.7"
_BEHIND = (
    b"GET /smuggled HTTP/1.1\r\nHost: x\r\nX-Cluster-Client-Ip: %b\r\n\r\n" % VICTIM
)


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """Octets of one connection, and what its first answer must be."""

    name: str
    octets: bytes
    statuses: frozenset[int]


def _head(*fields: bytes, line: bytes = b"POST /refused HTTP/1.1") -> bytes:
    return b"\r\n".join([line, b"Host: x", *fields, b"", b""])


def _attempts(
    kind: str, octets: Iterator[bytes] | list[bytes], *statuses: int
) -> Iterator[Attempt]:
    for number, first in enumerate(octets):
        yield Attempt(
            name=f"{kind}-{number}",
            octets=first + _BEHIND,
            statuses=frozenset(statuses or {400}),
        )


def _both_framings() -> Iterator[bytes]:
    codings = (b"chunked", b"Chunked", b"identity", b"gzip, chunked", b"chunked\t")
    for coding in codings:
        for length in (b"0", b"5", b"6", b"60"):
            fields = [b"Content-Length: " + length, b"Transfer-Encoding: " + coding]
            yield _head(*fields) + b"0\r\n\r\n"
            yield _head(*reversed(fields)) + b"0\r\n\r\n"


_LENGTHS = [
    *(b"5, 5", b"5,6", b"+5", b"-5", b"0x5", b"5 5", b"", b"5;", b"5.0", b"1e1"),
    *(b"\xb2", b'"5"', b"5\x0b", b"\x0c5", b"5_0", b"1" * 20, b"five"),
]
_CODINGS = [
    *(b"identity", b"gzip", b"gzip, chunked", b"chunked, gzip", b"chunked, chunked"),
    *(b"xchunked", b"chunkedx", b"chunked;a=b", b'"chunked"', b"\x0bchunked", b""),
    *(b"chun\tked", b"chunked,", b",chunked", b"chunked identity", b"\xffchunked"),
]
_FIELDS = [
    [b"Content-Length: 5", b"Content-Length: 5"],
    [b"Content-Length: 5", b"Content-Length: 0"],
    [b"Content-Length: 0", b"CONTENT-LENGTH: 5"],
    [b"Content-Length: 5", b"X: y", b"content-length: 6"],
    [b"Transfer-Encoding: chunked", b"Transfer-Encoding: chunked"],
    [b"Transfer-Encoding: chunked", b"Transfer-Encoding: identity"],
    [b"Transfer-Encoding: identity", b"transfer-encoding: chunked"],
    [b"Content-Length : 5"],
    [b"Content-Length\t: 5"],
    [b"Content_Length: 5"],
    [b"Content.Length: 5"],
    [b"Content-Length\x00: 5"],
    [b"Transfer-Encoding : chunked"],
    [b"Transfer_Encoding: chunked"],
    [b"Transfer-Encoding\x0b: chunked"],
    [b" Content-Length: 5"],
    [b"X: y", b" Content-Length: 5"],
    [b"X: y", b"\tTransfer-Encoding: chunked"],
    [b"Content-Length:", b" 5"],
    [b"Transfer-Encoding:", b" chunked"],
    [b"X: y\nContent-Length: 5"],
    [b"X: y\rContent-Length: 5"],
    [b"X: y\x00Content-Length: 5"],
    [b"X: y\n\nGET /smuggled HTTP/1.1"],
    [b"Content-Length 5"],
    [b": 5"],
    [b"Connection: Content-Length", b"Content-Length: 5"],
    [b"Connection: Transfer-Encoding", b"Transfer-Encoding: chunked"],
    [b"Connection: close, HOST"],
    [b"Host: x"],
    [b"Host: y"],
    [b"host : x"],
    [b"X-Cluster-Client-Ip : 203.0.113.7"],
    [b"X-Cluster-Client Ip: 203.0.113.7"],
    [b"X-Cluster-Client-Ip\x00: 203.0.113.7"],
    [b"X: y", b" X-Cluster-Client-Ip: 203.0.113.7"],
    [b"X: y\nX-Cluster-Client-Ip: 203.0.113.7"],
]
_LINES = [
    *(
        b"POST  /refused HTTP/1.1",
        b"POST /refused  HTTP/1.1",
        b"POST\t/refused HTTP/1.1",
    ),
    *(b" POST /refused HTTP/1.1", b"POST /refused HTTP/1.1 ", b"POST /refused"),
    *(b"POST /refused http/1.1", b"POST /refused HTTP/1", b"POST /refused HTTP/1.1.1"),
    *(b"POST /refused HTTP/01.1", b"POST /a b HTTP/1.1", b"P(ST /refused HTTP/1.1"),
    *(b"POST /refused#x HTTP/1.1", b"POST * HTTP/1.1", b"POST refused HTTP/1.1"),
    *(b"POST http://y/refused HTTP/1.1", b"POST https://x/refused HTTP/1.1"),
    *(
        b"POST /refused\x00 HTTP/1.1",
        b"POST /refused\nX: HTTP/1.1",
        b"\r\n\r\nGET / HTTP/1.1",
    ),
]
_CHUNKS = [
    *(b"5 \r\nhello\r\n", b"5\nhello\r\n", b" 5\r\nhello\r\n", b"+5\r\nhello\r\n"),
    *(b"-5\r\nhello\r\n", b"0x5\r\nhello\r\n", b"\r\nhello\r\n", b"5_\r\nhello\r\n"),
    *(b"5 ;a\r\nhello\r\n", b"5;\x00\r\nhello\r\n", b"5;a\rb\r\nhello\r\n"),
    *(b"5;a\nb\r\nhello\r\n", b"5\r\nhello\n", b"5\r\nhelloo\r\n", b"5\r\nhello"),
    *(
        b"\xb5\r\nhello\r\n",
        b"1" * 17 + b"\r\n",
        b"5\r\rhello\r\n",
        b"ffffffffffffffff\r\n",
    ),
    *(b"0\r\n\n", b"0\n\r\n", b"0;a\n\r\n"),
]
_TRAILERS = [
    b"0\r\nX: y\r\n\r\n",
    b"0\r\nX-Cluster-Client-Ip: 203.0.113.7\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
]
_CHUNKED = b"Transfer-Encoding: chunked"

REFUSED = [
    *_attempts("both", _both_framings()),
    *_attempts(
        "length", [_head(b"Content-Length: " + value) + b"hello" for value in _LENGTHS]
    ),
    *_attempts(
        "coding",
        [_head(b"Transfer-Encoding: " + value) + b"0\r\n\r\n" for value in _CODINGS],
    ),
    *_attempts("field", [_head(*fields) + b"hello" for fields in _FIELDS]),
    *_attempts("line", [_head(line=line) for line in _LINES]),
    *_attempts("chunk", [_head(_CHUNKED) + body for body in _CHUNKS], 400, 501),
    *_attempts("trailer", [_head(_CHUNKED) + body for body in _TRAILERS], 501),
    *_attempts("hostless", [b"GET /refused HTTP/1.1\r\n\r\n"]),
    *_attempts(
        "old",
        [_head(_CHUNKED, line=b"POST /refused HTTP/1.0") + b"0\r\n\r\n"],
    ),
    *_attempts(
        "version",
        [
            _head(line=b"GET /refused HTTP/%b" % version)
            for version in (b"0.9", b"1.2", b"2.0", b"3.0")
        ],
        505,
    ),
    *_attempts("preface", [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"], 400, 505),
    *_attempts("tunnel", [_head(line=b"CONNECT x:80 HTTP/1.1")], 501),
    *_attempts(
        "upgrade",
        [
            _head(b"Upgrade: websocket", b"Connection: Upgrade"),
            _head(b"Upgrade: h2c", b"HTTP2-Settings: AAMAAABkAAQAAP__"),
        ],
        501,
    ),
    *_attempts("announced", [_head(b"Trailer: X-Cluster-Client-Ip", _CHUNKED)], 501),
    *_attempts("long", [_head(b"X: " + b"y" * 20000)], 431),
    *_attempts("tls", [bytes.fromhex("1603010005010000010303")]),
    *_attempts("proxy", [b"PROXY TCP4 203.0.113.7 192.0.2.1 5 80\r\n" + _head()]),
    *_attempts("magic", [bytes.fromhex("cd03030013") + b"MAGI\x11\x11\x00"]),
]
"""What may never reach a node, in whole or as the request behind it."""


def _claims() -> Iterator[Attempt]:
    names = [
        *(b"X-Cluster-Client-Ip", b"x-cluster-client-ip", b"X-CLUSTER-CLIENT-IP"),
        *(b"X_Cluster_Client_Ip", b"x_cluster_client_ip", b"X-Cluster_Client-Ip"),
        *(b"X.Cluster.Client.Ip", b"X-Cluster-Client_IP", b"x!cluster~client|ip"),
    ]
    bodies = {
        "get": (b"GET", [], b""),
        "length": (b"POST", [b"Content-Length: 5"], b"hello"),
        "chunked": (b"POST", [_CHUNKED], b"5\r\nhello\r\n0\r\n\r\n"),
    }
    for name in names:
        line = name + b": " + VICTIM
        for kind, (method, framing, body) in bodies.items():
            for fields in (
                [line],
                [line, line.swapcase()],
                [b"Connection: " + name, line],
                [b"Connection: close, x-cluster-client-ip"],
            ):
                head = _head(*fields, *framing, line=method + b" /claim HTTP/1.1")
                yield Attempt(
                    name=f"{name.decode()}-{kind}-{len(fields)}",
                    octets=head + body,
                    statuses=frozenset({200}),
                )


CLAIMS = list(_claims())
"""What reaches a node, and names nobody but its client there."""

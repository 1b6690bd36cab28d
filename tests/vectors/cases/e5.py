"""PROXY v2 with its proof in TLV E5 (spec.md section 8)."""

from __future__ import annotations

from typing import Any

from tests.vectors.build import CRC, pair, pair6, proxy2, summed, tlv
from tests.vectors.cases.proof import (
    CREATED,
    HELLO,
    HELLO_CUT,
    KEY,
    MESSAGE,
    MORE,
    OTHER_KEY,
    demand,
    flipped,
    record,
)
from tests.vectors.second.octets import Refused
from tests.vectors.second.proof import Demand, e5_mac, e5_verify
from tests.vectors.second.reader import decode

SAID = b"203.0.113.9|51234|198.51.100.2|443"
SAID6 = b"2001:db8::9|51234|2001:db8:ffff::2|443"
MAPPED = b"::ffff:203.0.113.9|51234|::ffff:198.51.100.2|443"
MAPPED_BLOCK = pair("::ffff:203.0.113.9", "::ffff:198.51.100.2")


def value(
    ends: bytes = SAID,
    *,
    key: bytes = KEY,
    head: bytes = b"v1|7|%d|web.example" % CREATED,
    body: bytes = MESSAGE,
) -> bytes:
    """The value of an E5: *body* is that of the first TLS record."""
    said = head + b"|" + ends
    return said + b"|" + e5_mac(key, said, body)


def row(
    name: str,
    rule: str,
    comment: str,
    wire: bytes,
    stream: bytes = HELLO,
    *,
    held: Demand | None = None,
    result: str = "valid",
) -> dict[str, Any]:
    """Return a vector, having asked the second reader."""
    held = held or demand()
    decoded = decode(wire + stream, "proxy2")
    proofs = [t for t in decoded["tlvs"] if t["type"] == 0xE5]
    size = {"TCP4": 12, "TCP6": 36}.get(decoded["transport"])
    said: dict[str, Any] = {
        "id": name,
        "rule": rule,
        "comment": comment,
        "format": "proxy2",
        "wire": wire.hex(),
        "rest": stream.hex(),
        "key": held.key.hex(),
        "key_id": held.key_id,
        "audience": held.audience,
        "now": held.now,
        "result": result,
    }
    found = "valid"
    octets = b""
    try:
        if len(proofs) != 1 or size is None:
            raise Refused("proof", 0)
        octets = bytes.fromhex(proofs[0]["hex"])
        block = wire[16 : 16 + (36 if wire[13] == 0x21 else 12)]
        e5_verify(held, block, octets, stream)
    except Refused as refusal:
        found = refusal.reason
    if found != result:
        raise AssertionError(f"e5 {name}: {found}, not {result}")
    if result == "valid":
        said["said"] = octets.rsplit(b"|", 1)[0].decode()
        said["mac"] = octets.rsplit(b"|", 1)[1].decode()
    return said | {"decoded": decoded}


def signed(octets: bytes, block: bytes | None = None, transport: int = 0x11) -> bytes:
    return proxy2((block or pair()) + tlv(0xE5, octets), transport=transport)


def tests() -> list[dict[str, Any]]:
    """Return all vectors of this file."""

    def wrong(
        name: str,
        rule: str,
        comment: str,
        wire: bytes,
        stream: bytes = HELLO,
        held: Demand | None = None,
    ) -> dict[str, Any]:
        return row(name, rule, comment, wire, stream, held=held, result="proof")

    right = signed(value())
    others = tlv(2, b"shop.example")
    return [
        row("tcp4", "E1", "IPv4", right),
        row("tcp4-more", "E5", "early data behind the hello", right, HELLO + MORE),
        row("tcp6", "E1", "IPv6", signed(value(SAID6), pair6(), 0x21)),
        row(
            "crc-and-others",
            "E7",
            "beside other TLVs, which it does not cover",
            summed(proxy2(pair() + CRC + others + tlv(0xE5, value()))),
        ),
        row(
            "mapped-text",
            "E6",
            "HAProxy prints a mapped address, the header has IPv4",
            signed(value(MAPPED)),
        ),
        row(
            "mapped-header", "E6", "or the reverse", signed(value(), MAPPED_BLOCK, 0x21)
        ),
        row("mapped-both", "E6", "or both", signed(value(MAPPED), MAPPED_BLOCK, 0x21)),
        row("oldest", "E4", "15 000 ms", right, held=demand(now=CREATED + 15_000)),
        row("newest", "E4", "5 000 ms", right, held=demand(now=CREATED - 5_000)),
        wrong("none", "E1", "no E5", proxy2(pair() + others)),
        wrong("too-old", "E4", "15 001 ms", right, held=demand(now=CREATED + 15_001)),
        wrong("too-new", "E4", "5 001 ms", right, held=demand(now=CREATED - 5_001)),
        wrong("wrong-key", "E3", "a key", signed(value(key=OTHER_KEY))),
        wrong("wrong-key-id", "E3", "a key id", right, held=demand(key_id=8)),
        wrong(
            "wrong-audience", "E3", "an audience", right, held=demand(audience="web")
        ),
        wrong(
            "other-client",
            "E6",
            "another address",
            signed(value(), pair("203.0.113.8")),
        ),
        wrong(
            "other-port", "E6", "another port", signed(value(), pair(source_port=51235))
        ),
        wrong(
            "other-server",
            "E6",
            "destination",
            signed(value(), pair(destination="198.51.100.3")),
        ),
        wrong("other-hello", "E3", "one bit of the hello", right, flipped(HELLO, 60)),
        wrong(
            "cut-hello",
            "E5",
            "a ClientHello in two records, the first one sealed",
            signed(value(body=MESSAGE[:100])),
            HELLO_CUT,
        ),
        wrong(
            "hello-and-more",
            "E5",
            "something behind the hello in its record",
            signed(value(body=MESSAGE + b"\x0b\0\0\0")),
            record(MESSAGE + b"\x0b\0\0\0"),
        ),
        wrong(
            "no-hello",
            "E5",
            "a record of another type",
            signed(value(body=MESSAGE)),
            record(MESSAGE, 23),
        ),
        wrong(
            "lower-case",
            "E2",
            "digits in lower case",
            signed(value()[:-64] + value()[-64:].lower()),
        ),
        wrong(
            "version-2",
            "E2",
            "v2",
            signed(value(head=b"v2|7|%d|web.example" % CREATED)),
        ),
        wrong(
            "leading-zero",
            "E2",
            "a number with a leading zero",
            signed(value(head=b"v1|07|%d|web.example" % CREATED)),
        ),
        wrong(
            "port-leading-zero",
            "E2",
            "a port with a leading zero",
            signed(value(b"203.0.113.9|051234|198.51.100.2|443")),
        ),
        wrong(
            "upper-case-audience",
            "E2",
            "an audience in upper case",
            signed(value(head=b"v1|7|%d|Web.example" % CREATED)),
        ),
        wrong(
            "field-missing",
            "E2",
            "no destination port",
            signed(value(b"203.0.113.9|51234|198.51.100.2")),
        ),
        wrong("field-more", "E2", "a field more", signed(value(SAID + b"|x"))),
        wrong("short-mac", "E2", "63 digits", signed(value()[:-1])),
        wrong("nul", "E2", "a NUL at the end", signed(value() + b"\0")),
        wrong("unspec", "E1", "no addresses", proxy2(tlv(0xE5, value()), transport=0)),
        wrong(
            "local", "E1", "LOCAL", proxy2(pair() + tlv(0xE5, value()), command=0x20)
        ),
        wrong("udp", "E1", "UDP", signed(value(), transport=0x12)),
    ]

"""PROXY v2 (spec.md section 11, proxy-protocol.txt section 2.2)."""

from __future__ import annotations

from tests.vectors.build import (
    CLIENT6,
    CRC,
    HTTP,
    SERVER6,
    SIGNATURE2,
    Case,
    magic,
    pair,
    pair6,
    paths,
    proxy2,
    summed,
    tlv,
)

PLAIN = proxy2()
AWS = bytes.fromhex("0d0a0d0a000d0a515549540a20110054030004bce5951f04004a") + bytes(74)


def changed(octets: bytes, at: int, octet: int) -> bytes:
    return octets[:at] + bytes([octet]) + octets[at + 1 :]


FRAMING = [
    Case("tcp4", "H1", "IPv4: 28 octets", PLAIN, rest=HTTP),
    Case("tcp6", "H1", "IPv6: 52 octets", proxy2(pair6(), transport=0x21), rest=HTTP),
    Case("unix", "H1", "UNIX: 232 octets", proxy2(paths(), transport=0x31)),
    Case("udp4", "H4", "UDP is decoded, not for a stream", proxy2(transport=0x12)),
    Case("udp6", "H4", "UDP is decoded", proxy2(pair6(), transport=0x22)),
    Case("unix-dgram", "H4", "datagrams are decoded", proxy2(paths(), transport=0x32)),
    Case("unspec", "H5", "PROXY of nobody", proxy2(b"", transport=0), rest=HTTP),
    Case(
        "unspec-tlvs",
        "H5",
        "UNSPEC has no block, TLVs follow at once",
        proxy2(tlv(2, b"shop.example"), transport=0),
        rest=HTTP,
    ),
    Case(
        "unspec-block",
        "H5",
        "so a block is read as TLVs, and is none",
        proxy2(pair(), transport=0),
        "tlv",
        17,
    ),
    Case("empty", "H9", "the stream ends before it begins", b"", "truncated", 0),
    Case("hello", "H2", "a ClientHello instead", b"\x16\x03\x01", "format", 0),
    Case("proxy1", "H2", "PROXY v1 instead", b"PROXY UNKNOWN\r\n", "format", 0),
    Case("magic", "H2", "MAGIC instead", magic(), "format", 0),
    Case("http", "H2", "an HTTP request instead", HTTP, "format", 0),
    Case("empty-lines", "H2", "empty lines", b"\r\n\r\n\r\n", "format", 4),
]
FRAMING += [
    Case(
        f"signature-{at}",
        "H2",
        f"octet {at} of the signature",
        changed(PLAIN, at, PLAIN[at] ^ 0x20),
        "format",
        at,
    )
    for at in range(12)
]
FRAMING += [
    Case(
        f"version-{version}",
        "H3",
        "not 2",
        proxy2(command=version << 4 | 1),
        "version",
        12,
    )
    for version in (0, 1, 3, 15)
]
FRAMING += [
    Case(
        f"command-{command}",
        "H3",
        "unassigned",
        proxy2(command=0x20 | command),
        "command",
        12,
    )
    for command in range(2, 16)
]
FRAMING += [
    Case(
        f"transport-{code:02x}",
        "H4",
        "not one of the seven that are defined",
        proxy2(bytes(216), transport=code),
        "family",
        13,
    )
    for code in (
        *(0x01, 0x02, 0x03, 0x0F, 0x10, 0x13, 0x1F, 0x20, 0x23, 0x2F),
        *(0x30, 0x33, 0x3F, 0x40, 0x41, 0x42, 0x51, 0x81, 0xF0, 0xFF),
    )
]
FRAMING += [
    Case(
        f"length-{length}",
        "H6",
        f"{length} octets cannot hold the block",
        proxy2(bytes(length), transport=transport),
        "length",
        14,
    )
    for transport, length in [
        *((0x11, 0), (0x11, 11), (0x12, 8), (0x21, 35)),
        *((0x22, 12), (0x31, 215), (0x32, 108)),
    ]
]
FRAMING += [
    Case(
        "length-early",
        "H6",
        "refused before the block comes",
        PLAIN[:14] + b"\0\x0b",
        "length",
        14,
    ),
    Case(
        "length-more",
        "H9",
        "it claims an octet that never comes",
        proxy2(length=13),
        "truncated",
        28,
    ),
    Case("cut-15", "H9", "the stream ends in the length", PLAIN[:15], "truncated", 15),
    Case("cut-27", "H9", "the stream ends in the block", PLAIN[:27], "truncated", 27),
    Case("cut-16", "H9", "the stream ends after the head", PLAIN[:16], "truncated", 16),
    Case(
        "left-over-1",
        "T2",
        "one octet after the block",
        proxy2(pair() + b"\x04"),
        "tlv",
        28,
    ),
    Case("left-over-2", "T2", "two octets", proxy2(pair() + b"\x04\x00"), "tlv", 28),
    Case(
        "limit",
        "H7",
        "exactly the default limit of 4096 octets",
        proxy2(pair() + tlv(4, bytes(4096 - 28 - 3))),
        rest=HTTP,
    ),
    Case(
        "limit-over",
        "H7",
        "one octet more",
        proxy2(pair() + tlv(4, bytes(4096 - 28 - 2))),
        "oversize",
        14,
    ),
    Case(
        "limit-claimed",
        "H7",
        "sixteen octets that claim 65 551 are refused without waiting",
        proxy2(b"", length=0xFFFF),
        "oversize",
        14,
    ),
    Case("limit-own", "H7", "a limit of one's own, met", PLAIN, limit=28),
    Case("limit-own-over", "H7", "and passed", PLAIN, "oversize", 14, limit=27),
    Case("then-tlv", "H10", "what follows looks like a TLV", PLAIN, rest=tlv(5, b"no")),
    Case("then-proxy2", "H10", "what follows is not judged", PLAIN, rest=PLAIN),
]
LOCAL = [
    Case(
        "aws",
        "H8",
        "a health check of AWS: TCP4 is said, no block is there",
        AWS,
        rest=HTTP,
    ),
    Case(
        "local", "H8", "LOCAL of sixteen octets", proxy2(b"", command=0x20, transport=0)
    ),
]
for code, block in [(0x00, b""), (0x11, pair()), (0x21, pair6()), (0x31, paths())]:
    LOCAL += [
        Case(
            f"local-{code:02x}-block",
            "H8",
            f"the block of {len(block)} octets is skipped",
            proxy2(block, command=0x20, transport=code),
            rest=HTTP,
        ),
        Case(
            f"local-{code:02x}-block-tlvs",
            "H8",
            "and TLVs with it",
            proxy2(block + tlv(2, b"shop.example"), command=0x20, transport=code),
            rest=HTTP,
        ),
        Case(
            f"local-{code:02x}-short",
            "H8",
            "a block that is too short is skipped as well",
            proxy2(b"\x01", command=0x20, transport=code),
        ),
    ]
LOCAL += [
    Case("local-11-empty", "H8", "a family without a block", proxy2(b"", command=0x20)),
    Case(
        "local-forged",
        "H8",
        "a forged client in a LOCAL block is nobody",
        proxy2(pair("127.0.0.1"), command=0x20),
    ),
    Case(
        "local-bad-crc",
        "H8",
        "a wrong checksum is not looked at: where TLVs begin is not defined",
        summed(proxy2(CRC, command=0x20, transport=0), wrong=1),
    ),
    Case(
        "local-ff", "H8", "the family is ignored", proxy2(command=0x20, transport=0xFF)
    ),
    Case(
        "local-13", "H8", "the family is ignored", proxy2(command=0x20, transport=0x13)
    ),
    Case(
        "local-over",
        "H7",
        "the limit holds for LOCAL",
        proxy2(bytes(4081), command=0x20),
        "oversize",
        14,
    ),
    Case("local-cut", "H9", "a skipped block must come", AWS[:-1], "truncated", 99),
]
ADDRESSES = [
    Case(
        "port-0",
        "A1",
        "no client has port 0",
        proxy2(pair(source_port=0)),
        "address",
        24,
    ),
    Case(
        "port-0-udp",
        "A1",
        "nor over UDP",
        proxy2(pair(source_port=0), transport=0x12),
        "address",
        24,
    ),
    Case("from-any", "A2", "unspecified", proxy2(pair("0.0.0.0")), "address", 16),
    Case(
        "from-any6",
        "A2",
        "unspecified",
        proxy2(pair6("::"), transport=0x21),
        "address",
        16,
    ),
    Case("from-::1", "A7", "for trust to judge", proxy2(pair6("::1"), transport=0x21)),
    Case(
        "from-compatible",
        "A3",
        "::/96",
        proxy2(pair6("::9"), transport=0x21),
        "address",
        16,
    ),
    Case("from-multicast", "A4", "multicast", proxy2(pair("224.0.0.1")), "address", 16),
    Case(
        "from-broadcast",
        "A5",
        "broadcast",
        proxy2(pair("255.255.255.255")),
        "address",
        16,
    ),
    Case("to-broadcast", "A6", "any destination", proxy2(pair(destination="0.0.0.0"))),
    Case(
        "mapped-both",
        "A10",
        "two mapped addresses are read as IPv4",
        proxy2(pair("::ffff:203.0.113.9", "::ffff:198.51.100.2"), transport=0x21),
        rest=HTTP,
    ),
    Case(
        "mapped-both-udp",
        "A10",
        "over UDP as well",
        proxy2(pair("::ffff:203.0.113.9", "::ffff:198.51.100.2"), transport=0x22),
    ),
    Case(
        "mapped-both-loopback",
        "A10",
        "so ::ffff:127.0.0.1 is 127.0.0.1",
        proxy2(pair("::ffff:127.0.0.1", "::ffff:198.51.100.2"), transport=0x21),
    ),
    Case(
        "mapped-source",
        "A9",
        "one mapped address decodes to IPv4",
        proxy2(pair("::ffff:203.0.113.9", SERVER6), transport=0x21),
    ),
    Case(
        "mapped-destination",
        "A9",
        "one mapped address decodes to IPv4",
        proxy2(pair(CLIENT6, "::ffff:198.51.100.2"), transport=0x21),
    ),
    Case(
        "mapped-both-tlvs",
        "A10",
        "TLVs stay where they are",
        proxy2(
            pair("::ffff:203.0.113.9", "::ffff:198.51.100.2") + tlv(2, b"shop.example"),
            transport=0x21,
        ),
    ),
    Case(
        "mapped-multicast",
        "A9",
        "the rules for sources hold for what is mapped",
        proxy2(pair("::ffff:224.0.0.1", "::ffff:198.51.100.2"), transport=0x21),
        "address",
        16,
    ),
    Case(
        "unix-unnamed", "A12", "without names", proxy2(paths(b"", b""), transport=0x31)
    ),
    Case(
        "unix-full",
        "A12",
        "108 octets without a zero",
        proxy2(paths(b"/" + b"a" * 107), transport=0x31),
    ),
    Case(
        "unix-abstract",
        "A11",
        "an abstract name",
        proxy2(paths(b"\0name"), transport=0x31),
        "address",
        16,
    ),
    Case(
        "unix-embedded",
        "A11",
        "a zero inside",
        proxy2(paths(b"/a", b"/b\0c"), transport=0x31),
        "address",
        16 + 108 + 2,
    ),
]
CASES = FRAMING + LOCAL + ADDRESSES
assert AWS[:12] == SIGNATURE2

"""MAGIC: framing, command, transport, addresses, limits (spec.md sections 3 and 4)."""

from __future__ import annotations

from tests.vectors.build import (
    CLIENT6,
    HTTP,
    SERVER6,
    Case,
    local,
    magic,
    pair,
    pair6,
    paths,
    proxy2,
    tlv,
)

PROOF_BLOCK = bytes([1, 0]) + (40).to_bytes(2, "big") + (7).to_bytes(4, "big")
PROOF_BLOCK += (1_795_000_000_000).to_bytes(8, "big") + bytes(range(16))


def signed(block: bytes = PROOF_BLOCK, *, profile: int = 1, tag: int = 16) -> bytes:
    return magic(block + pair() + bytes(tag), profile=profile)


def changed(octets: bytes, at: int, octet: int) -> bytes:
    return octets[:at] + bytes([octet]) + octets[at + 1 :]


PLAIN = magic()
SIGNED = signed()
SIGNED_LOCAL = local(bytes(4) + PROOF_BLOCK[4:] + bytes(16), profile=1)


def with_source(host: str) -> bytes:
    return magic(pair(host))


def with_source6(host: str) -> bytes:
    return magic(pair6(host), transport=0x21)


FRAMING = [
    Case("tcp4", "M1", "IPv4, no TLV: 24 octets", PLAIN, rest=HTTP),
    Case("tcp6", "M1", "IPv6: 48 octets", magic(pair6(), transport=0x21), rest=HTTP),
    Case("unix", "M1", "UNIX: 228 octets", magic(paths(), transport=0x31)),
    Case("local", "M8", "LOCAL: 12 octets, no client", local(), rest=HTTP),
    Case(
        "local-tlvs",
        "M8",
        "LOCAL may carry TLVs",
        local(tlv(5, b"probe-17")),
        rest=b"x",
    ),
    Case("empty", "M16", "the stream ends before it begins", b"", "truncated", 0),
    Case(
        "octet-0",
        "M1",
        "the first octet is not CD",
        changed(PLAIN, 0, 0x4D),
        "format",
        0,
    ),
    Case("octet-1", "M1", "the second is not 03", changed(PLAIN, 1, 0x01), "format", 1),
    Case("octet-2", "M1", "the third is not 03", changed(PLAIN, 2, 0x01), "format", 2),
    Case("one-octet", "M1", "one wrong octet is enough", b"\x16", "format", 0),
    Case("tls", "M1", "a ClientHello instead", b"\x16\x03\x01\x02\x00", "format", 0),
    Case("http", "M1", "an HTTP request instead", HTTP, "format", 0),
    Case("ssh", "M1", "an SSH banner instead", b"SSH-2.0-x\r\n", "format", 0),
    Case("proxy1", "M1", "PROXY v1 instead", b"PROXY UNKNOWN\r\n", "format", 0),
    Case("proxy2", "M1", "PROXY v2 instead", proxy2(), "format", 0),
    Case("leading-zero", "M1", "an octet before it", b"\0" + PLAIN, "format", 0),
    Case("leading-crlf", "M1", "a line end before it", b"\r\n" + PLAIN, "format", 0),
    Case("name-0", "M4", "the name is not MAGI", changed(PLAIN, 5, 0x6D), "format", 5),
    Case(
        "name-3", "M4", "wrong in its last octet", changed(PLAIN, 8, 0x69), "format", 8
    ),
    Case(
        "length-6",
        "M2",
        "too short for its own head",
        magic(b"", length=6),
        "length",
        3,
    ),
    Case("length-0", "M2", "nothing follows", magic(b"", length=0), "length", 3),
    Case(
        "length-before-name",
        "M2",
        "a wrong length is refused before the name is looked at",
        b"\xcd\x03\x03\x00\x00XXXX",
        "length",
        3,
    ),
    Case(
        "length-18",
        "M10",
        "one octet less than IPv4 needs",
        magic(length=18),
        "length",
        3,
    ),
    Case(
        "length-tcp6",
        "M10",
        "an IPv4 block where IPv6 is said",
        magic(transport=0x21),
        "length",
        3,
    ),
    Case(
        "length-unix",
        "M10",
        "half of a UNIX block",
        magic(paths()[:108], transport=0x31),
        "length",
        3,
    ),
    Case("length-7", "M10", "PROXY without addresses", magic(b""), "length", 3),
    Case(
        "length-more",
        "M16",
        "it claims an octet that never comes",
        magic(length=20),
        "truncated",
        24,
    ),
    Case("cut-11", "M16", "the stream ends in the head", PLAIN[:11], "truncated", 11),
    Case("cut-4", "M16", "the stream ends in the length", PLAIN[:4], "truncated", 4),
    Case(
        "cut-23", "M16", "the stream ends in the addresses", PLAIN[:23], "truncated", 23
    ),
    Case(
        "cut-after-wrong",
        "M16",
        "what is wrong is refused though the stream ends as well",
        b"\xcd\x03\x03\x00\x13MAGX",
        "format",
        8,
    ),
    Case(
        "limit",
        "M3",
        "exactly the default limit of 2048 octets",
        magic(pair() + tlv(0xE7, bytes(2048 - 24 - 3))),
        rest=HTTP,
    ),
    Case(
        "limit-over",
        "M3",
        "one octet more",
        magic(pair() + tlv(0xE7, bytes(2048 - 24 - 2))),
        "oversize",
        3,
    ),
    Case(
        "limit-claimed",
        "M3",
        "five octets that claim 65 540 are refused without waiting",
        b"\xcd\x03\x03\xff\xff",
        "oversize",
        3,
    ),
    Case("limit-24", "M3", "a limit of one's own, met", PLAIN, limit=24),
    Case(
        "limit-23", "M3", "a limit of one's own, passed", PLAIN, "oversize", 3, limit=23
    ),
    Case("version-0", "M5", "version 0", magic(command=0x01), "version", 9),
    Case("version-2", "M5", "version 2", magic(command=0x21), "version", 9),
    Case("version-15", "M5", "version 15", magic(command=0xF1), "version", 9),
    Case(
        "version-and-command",
        "M5",
        "the version is judged before the command",
        magic(command=0x2F),
        "version",
        9,
    ),
]
FRAMING += [
    Case(
        f"command-{command}",
        "M6",
        "undefined",
        magic(command=0x10 | command),
        "command",
        9,
    )
    for command in range(2, 16)
]
TRANSPORT = [
    Case(
        f"transport-{code:02x}",
        "M7",
        why,
        magic(bytes(216), transport=code),
        "family",
        10,
    )
    for code, why in [
        (0x01, "stream of an unspecified family"),
        (0x02, "datagram of an unspecified family"),
        (0x10, "IPv4, transport unspecified"),
        (0x12, "UDP over IPv4 has no place before a stream"),
        (0x13, "IPv4, transport undefined"),
        (0x1F, "IPv4, transport undefined"),
        (0x20, "IPv6, transport unspecified"),
        (0x22, "UDP over IPv6 has no place before a stream"),
        (0x30, "UNIX, transport unspecified"),
        (0x32, "UNIX datagrams have no place before a stream"),
        (0x41, "family 4 is undefined"),
        (0xF1, "family 15 is undefined"),
        (0xFF, "nothing is defined"),
    ]
] + [
    Case(
        "proxy-00",
        "M8",
        "PROXY names no family: unknown is LOCAL",
        magic(b"", transport=0),
        "family",
        10,
    ),
    Case(
        "local-11",
        "M8",
        "LOCAL with a family and a block",
        magic(command=0x10),
        "family",
        10,
    ),
    Case(
        "local-21",
        "M8",
        "LOCAL with a family and no block",
        magic(b"", command=0x10, transport=0x21),
        "family",
        10,
    ),
    Case(
        "local-block",
        "T2",
        "LOCAL has no block: addresses behind it are read as TLVs",
        local(pair()),
        "tlv",
        13,
    ),
    Case(
        "profile-3",
        "M9",
        "reserved for the challenge",
        signed(profile=3),
        "profile",
        11,
    ),
    Case("profile-4", "M9", "undefined", signed(profile=4), "profile", 11),
    Case("profile-255", "M9", "undefined", signed(profile=255), "profile", 11),
]
PROOF = [
    Case("signed", "M11", "a proof block is well formed", SIGNED, rest=HTTP),
    Case("signed-local", "M11", "LOCAL with a proof block", SIGNED_LOCAL),
    Case("signed-flag", "M12", "flag 0 is set", changed(SIGNED, 13, 1), rest=HTTP),
    Case(
        "signed-ed25519",
        "M11",
        "a tag of 64 octets",
        signed(profile=2, tag=64),
        rest=HTTP,
    ),
    Case(
        "signed-no-tag",
        "M10",
        "no room for the tag",
        magic(PROOF_BLOCK + pair(), profile=1),
        "length",
        3,
    ),
    Case(
        "signed-short-tag",
        "M10",
        "fifteen octets are no tag",
        signed(tag=15),
        "length",
        3,
    ),
    Case(
        "ed25519-short-tag",
        "M10",
        "63 octets are no signature",
        signed(profile=2, tag=63),
        "length",
        3,
    ),
    Case(
        "signed-no-block",
        "M10",
        "profile 1 in an unsigned preamble",
        magic(profile=1),
        "length",
        3,
    ),
    Case("bind-3", "M11", "bind 3 is undefined", changed(SIGNED, 12, 3), "profile", 12),
    Case("bind-255", "M11", "undefined", changed(SIGNED, 12, 255), "profile", 12),
    Case(
        "local-bind-1",
        "M11",
        "LOCAL binds nothing",
        changed(changed(SIGNED_LOCAL, 12, 1), 15, 40),
        "profile",
        12,
    ),
    Case("flags-2", "M12", "bit 1 is undefined", changed(SIGNED, 13, 2), "profile", 13),
    Case(
        "flags-80",
        "M12",
        "bit 7 is undefined",
        changed(SIGNED, 13, 0x81),
        "profile",
        13,
    ),
    Case(
        "bound-0", "M13", "bind 1 binds nothing", changed(SIGNED, 15, 0), "profile", 14
    ),
    Case(
        "bind-0-bound",
        "M13",
        "bind 0 binds forty",
        changed(SIGNED, 12, 0),
        "profile",
        14,
    ),
    Case("bound-1", "M13", "one octet is bound", changed(SIGNED, 15, 1), rest=b"x"),
    Case(
        "bound-17408",
        "M13",
        "the most that may be bound",
        changed(changed(SIGNED, 14, 0x44), 15, 0),
    ),
    Case(
        "bound-17409",
        "M13",
        "one octet more",
        changed(changed(SIGNED, 14, 0x44), 15, 1),
        "profile",
        14,
    ),
    Case(
        "key-0", "M14", "key id 0 is never valid", changed(SIGNED, 19, 0), "profile", 16
    ),
    Case(
        "profile-early",
        "M11",
        "a wrong bind is refused before the rest is there",
        changed(SIGNED, 12, 3)[:13],
        "profile",
        12,
    ),
    Case(
        "signed-cut",
        "M16",
        "the stream ends in the tag",
        SIGNED[:-1],
        "truncated",
        len(SIGNED) - 1,
    ),
]
ADDRESSES = [
    Case(
        "port-0",
        "A1",
        "no client has port 0",
        magic(pair(source_port=0)),
        "address",
        20,
    ),
    Case(
        "port-0-tcp6",
        "A1",
        "nor over IPv6",
        magic(pair6(port=0), transport=0x21),
        "address",
        44,
    ),
    Case("port-1", "A1", "port 1 is one", magic(pair(source_port=1))),
    Case("port-65535", "A1", "and 65535", magic(pair(source_port=65535))),
    Case("port-to-0", "A6", "as destination 0 may be", magic(pair(destination_port=0))),
    Case("from-any", "A2", "unspecified", with_source("0.0.0.0"), "address", 12),
    Case("from-0.0.0.1", "A2", "only 0.0.0.0 is unspecified", with_source("0.0.0.1")),
    Case("from-any6", "A2", "unspecified", with_source6("::"), "address", 12),
    Case("from-compatible", "A3", "::/96", with_source6("::192.0.2.1"), "address", 12),
    Case("from-::2", "A3", "::/96", with_source6("::2"), "address", 12),
    Case("from-::1", "A7", "loopback is for trust to judge", with_source6("::1")),
    Case("from-127", "A7", "loopback is for trust to judge", with_source("127.0.0.1")),
    Case("from-10", "A7", "private ranges are clients", with_source("10.1.2.3")),
    Case("from-fe80", "A7", "link-local carries no zone", with_source6("fe80::1")),
    Case("from-224", "A4", "multicast", with_source("224.0.0.1"), "address", 12),
    Case("from-239", "A4", "multicast", with_source("239.255.255.255"), "address", 12),
    Case("from-223", "A4", "not multicast", with_source("223.255.255.255")),
    Case("from-240", "A5", "class E is no sentinel", with_source("240.0.0.1")),
    Case("from-ff02", "A4", "multicast", with_source6("ff02::1"), "address", 12),
    Case(
        "from-broadcast",
        "A5",
        "broadcast",
        with_source("255.255.255.255"),
        "address",
        12,
    ),
    Case(
        "from-almost-broadcast", "A5", "not broadcast", with_source("255.255.255.254")
    ),
    Case(
        "to-odd",
        "A6",
        "the destination may be any address",
        magic(pair(destination="255.255.255.255", destination_port=0)),
    ),
    Case(
        "to-any6",
        "A6",
        "the destination may be any address",
        magic(pair6(destination="::"), transport=0x21),
    ),
    Case(
        "to-multicast6",
        "A6",
        "the destination may be any address",
        magic(pair6(destination="ff02::1"), transport=0x21),
    ),
    Case(
        "mapped-both",
        "A8",
        "two mapped addresses are IPv4 and must be said so",
        magic(pair("::ffff:203.0.113.9", "::ffff:198.51.100.2"), transport=0x21),
        "address",
        12,
    ),
    Case(
        "mapped-source",
        "A9",
        "one mapped address decodes to IPv4",
        magic(pair("::ffff:203.0.113.9", SERVER6), transport=0x21),
        rest=HTTP,
    ),
    Case(
        "mapped-destination",
        "A9",
        "one mapped address decodes to IPv4",
        magic(pair(CLIENT6, "::ffff:198.51.100.2"), transport=0x21),
    ),
    Case(
        "mapped-broadcast",
        "A9",
        "the rules for sources hold for what is mapped",
        magic(pair("::ffff:255.255.255.255", SERVER6), transport=0x21),
        "address",
        12,
    ),
    Case(
        "mapped-unspecified",
        "A9",
        "the rules for sources hold for what is mapped",
        magic(pair("::ffff:0.0.0.0", SERVER6), transport=0x21),
        "address",
        12,
    ),
    Case(
        "mapped-multicast",
        "A9",
        "the rules for sources hold for what is mapped",
        magic(pair("::ffff:224.0.0.1", SERVER6), transport=0x21),
        "address",
        12,
    ),
    Case(
        "mapped-port-0",
        "A9",
        "the rules for sources hold for what is mapped",
        magic(pair("::ffff:203.0.113.9", SERVER6, 0), transport=0x21),
        "address",
        44,
    ),
    Case(
        "unix-unnamed",
        "A12",
        "all zeros is a socket without a name",
        magic(paths(b"", b""), transport=0x31),
        rest=b"\0",
    ),
    Case(
        "unix-full",
        "A12",
        "108 octets without a zero are a path",
        magic(paths(b"/" + b"a" * 107, b"/b"), transport=0x31),
    ),
    Case(
        "unix-not-utf8",
        "A12",
        "a path is octets; what is no UTF-8 is escaped as surrogates",
        magic(paths(b"/run/\xff\xfe"), transport=0x31),
    ),
    Case(
        "unix-abstract",
        "A11",
        "an abstract name begins with a zero",
        magic(paths(b"\0abstract"), transport=0x31),
        "address",
        12,
    ),
    Case(
        "unix-embedded",
        "A11",
        "after the first zero come zeros only",
        magic(paths(b"/run/a\0b"), transport=0x31),
        "address",
        18,
    ),
    Case(
        "unix-destination",
        "A11",
        "the same of the destination",
        magic(paths(b"/run/a", b"/run/b\0c"), transport=0x31),
        "address",
        126,
    ),
    Case(
        "unix-last",
        "A11",
        "an octet at the very end of the field",
        magic(paths(b"/run/a".ljust(107, b"\0") + b"x"), transport=0x31),
        "address",
        18,
    ),
]
AFTER = [
    Case(
        "then-magic",
        "M15",
        "the decoder does not judge what follows",
        PLAIN,
        rest=PLAIN,
    ),
    Case("then-tlv", "M15", "what follows looks like a TLV", PLAIN, rest=tlv(5, b"no")),
    Case("then-zeros", "M15", "what follows is zeros", PLAIN, rest=bytes(64)),
    Case(
        "then-hello",
        "M15",
        "a ClientHello follows",
        PLAIN,
        rest=bytes.fromhex("16030100310100002d0303") + bytes(42),
    ),
]
CASES = FRAMING + TRANSPORT + PROOF + ADDRESSES + AFTER

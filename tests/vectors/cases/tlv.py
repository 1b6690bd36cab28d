"""TLVs of MAGIC and PROXY v2 (spec.md section 6)."""

from __future__ import annotations

from tests.vectors.build import (
    CRC,
    HTTP,
    Case,
    local,
    magic,
    pair,
    proxy2,
    ssl,
    summed,
    tlv,
)

AT = {"magic": 24, "proxy2": 28}
"""Where the first TLV begins, behind IPv4 addresses."""

NAME = tlv(2, b"shop.example")
ALPN = tlv(1, b"h2")
VERSION = tlv(0x21, b"TLSv1.3")
E5 = tlv(0xE5, b"v1|k1|1|web|203.0.113.9|51234|198.51.100.2|443|" + b"AB" * 32)

BOTH: list[tuple[str, str, str, bytes, str, int | None]] = []
"""id, rule, comment, the TLVs, result, offset from the first TLV: said in both."""


def kept(name: str, rule: str, comment: str, tlvs: bytes) -> None:
    BOTH.append((name, rule, comment, tlvs, "valid", None))


def broken(name: str, rule: str, comment: str, tlvs: bytes, offset: int) -> None:
    BOTH.append((name, rule, comment, tlvs, "tlv", offset))


kept("authority", "T11", "the name the client asked for", NAME)
kept("alpn", "T10", "the protocol it offered", ALPN)
kept("alpn-http11", "T10", "with a slash and a dot", tlv(1, b"http/1.1"))
kept("unique-id", "T15", "128 octets", tlv(5, bytes(range(128))))
kept("unique-id-text", "T15", "readable", tlv(5, b"probe-17"))
kept("unique-id-edges", "T15", "the edges of what is readable", tlv(5, b" ~"))
kept("unique-id-1f", "T15", "octets only", tlv(5, b"a\x1f"))
kept("unique-id-7f", "T15", "octets only", tlv(5, b"a\x7f"))
kept("noop", "T4", "padding", tlv(4, bytes(9)))
kept("noop-empty", "T4", "padding of three octets", tlv(4))
kept("noop-twice", "T5", "NOOP may repeat", tlv(4) + tlv(4, b"x") + tlv(4))
kept("netns", "T18", "a name space", tlv(0x30, b"blue"))
kept("order", "T7", "order is kept", tlv(0xE9, b"b") + NAME + tlv(0xE7, b"a") + ALPN)
kept("repeat", "T7", "unknown types repeat", tlv(0xE9, b"a") * 3)
kept("unknown-empty", "T4", "unknown types may be empty", tlv(0xE7))
kept("unknown-types", "T8", "they pass through", tlv(0x06, b"a") + tlv(0xFF, b"\0\xff"))
kept("unknown-29", "T8", "29 is nobody's", tlv(0x29, b"a") + tlv(0x1F, b"b"))
kept("aws", "T19", "AWS: a VPC endpoint", tlv(0xEA, b"\x01vpce-08d2bf15fac5001c9"))
kept("aws-other", "T19", "AWS: an unknown subtype", tlv(0xEA, b"\x02abc"))
kept("aws-twice", "T7", "vendors' types repeat", tlv(0xEA, b"\x01vpce-1") * 2)
kept("azure", "T19", "Azure: a link, little-endian", tlv(0xEE, b"\x01\x78\x56\x34\x12"))
kept("azure-other", "T19", "Azure: of another length", tlv(0xEE, b"\x01\x78"))
kept("gcp", "T19", "Google: a connection", tlv(0xE0, (2**63 + 5).to_bytes(8, "big")))
kept("e0-other", "T19", "E0 is others' as well", tlv(0xE0, b"anything"[:7]))
kept(
    "hitch", "T19", "hitch: a certificate", tlv(0xE0, b"-----BEGIN CERTIFICATE-----\n")
)
kept("teleport", "T19", "Teleport: opaque", tlv(0xE4, b"\x01\x00\x02ab"))
kept("istio", "T19", "Istio", tlv(0xD0, b"spiffe://cluster.local/ns/a/sa/b"))
kept("e5", "T20", "our proof for PROXY v2, seen as a TLV", E5)
kept("ssl", "T16", "SSL without parts", ssl())
kept("ssl-verify", "T16", "a certificate that failed", ssl(3, 20, VERSION))
kept("ssl-bits", "T16", "bits that are not defined are ignored", ssl(0xFF, 2**32 - 1))
kept(
    "ssl-all",
    "T17",
    "every part once",
    ssl(
        7,
        0,
        VERSION
        + tlv(0x22, "Jürgen".encode())
        + tlv(0x23, b"TLS_AES_128_GCM_SHA256")
        + tlv(0x24, b"SHA256")
        + tlv(0x25, b"RSA2048")
        + tlv(0x26, b"X25519MLKEM768")
        + tlv(0x27, b"rsa_pss_rsae_sha256")
        + tlv(0x28, bytes.fromhex("3082000a")),
    ),
)
kept(
    "ssl-unknown", "T17", "unknown types inside", ssl(1, 0, tlv(0x2F, b"x") + tlv(0x2F))
)
kept("ssl-and-more", "T7", "with others", NAME + ssl(1, 0, VERSION) + ALPN)

broken("left-over-1", "T2", "one octet is left", NAME + b"\x04", 15)
broken("left-over-2", "T2", "two octets are left", NAME + b"\x04\x00", 15)
broken("overrun", "T1", "one octet more than there is", tlv(2, b"shop", length=5), 1)
broken("overrun-far", "T1", "65 535 octets", tlv(0xE7, b"", length=0xFFFF), 1)
broken("overrun-second", "T1", "the second one", NAME + tlv(1, b"h2", length=3), 16)
broken("type-0", "T3", "type 00", tlv(0, b"x"), 0)
broken("type-0-empty", "T3", "zeros are no padding", bytes(3), 0)
broken("type-0-second", "T3", "after another", NAME + tlv(0), 15)
for kind, name in [
    (0x01, "alpn"),
    (0x02, "authority"),
    (0x05, "unique-id"),
    (0x30, "netns"),
    (0xE5, "e5"),
]:
    broken(f"empty-{name}", "T4", "no value", tlv(kind), 3)
for value, name in [
    (ALPN, "alpn"),
    (NAME, "authority"),
    (tlv(5, b"a"), "unique-id"),
    (ssl(), "ssl"),
    (tlv(0x30, b"a"), "netns"),
    (E5, "e5"),
]:
    broken(f"twice-{name}", "T5", "only once", value + value, len(value))
broken("twice-apart", "T5", "not side by side", NAME + tlv(4) + NAME, 18)
for kind in range(0x21, 0x29):
    broken(f"outside-{kind:02x}", "T6", "only inside SSL", tlv(kind, b"x"), 0)
broken("alpn-256", "T10", "256 octets", tlv(1, b"a" * 256), 3)
broken("authority-256", "T11", "256 octets", tlv(2, b"a" * 256), 3)
broken("unique-id-129", "T15", "129 octets", tlv(5, bytes(129)), 3)
broken("crc-3", "T12", "three octets", tlv(3, bytes(3)), 3)
broken("crc-5", "T12", "five octets", tlv(3, bytes(5)), 3)
broken("crc-0", "T12", "no octets", tlv(3), 3)
broken("crc-twice", "T5", "two checksums", CRC + CRC, 7)
broken("ssl-4", "T16", "four octets", tlv(0x20, bytes(4)), 3)
broken("ssl-0", "T16", "no octets", tlv(0x20), 3)
broken("ssl-left-over", "T17", "left over inside", ssl(1, 0, b"\x21"), 8)
broken("ssl-left-over-2", "T17", "left over inside", ssl(1, 0, VERSION + b"\x22\0"), 18)
broken("ssl-overrun", "T17", "past the end of SSL", ssl(1, 0, b"\x21\0\x02a"), 9)
broken(
    "ssl-overrun-into-next",
    "T17",
    "into the next TLV",
    ssl(1, 0, b"\x21\0\x02a") + tlv(4, b"bcd"),
    9,
)
broken("ssl-twice-inside", "T5", "a part twice", ssl(1, 0, VERSION * 2), 18)
broken("ssl-empty-inside", "T4", "a part without a value", ssl(1, 0, tlv(0x22)), 11)
broken("ssl-type-0", "T3", "type 00 inside", ssl(1, 0, tlv(0, b"a")), 8)
broken("ssl-inside-ssl", "T6", "SSL inside SSL", ssl(1, 0, ssl()), 8)
for kind in (0x01, 0x02, 0x03, 0x04, 0x05, 0x30, 0xE5):
    broken(
        f"ssl-{kind:02x}-inside",
        "T6",
        "not inside SSL",
        ssl(1, 0, tlv(kind, b"abcd")),
        8,
    )

MAGIC = [
    Case(
        "alpn-space",
        "T10",
        "octets 21 to 7E only",
        magic(pair() + tlv(1, b"h 2")),
        "tlv",
        27,
    ),
    Case(
        "alpn-grease", "T10", "two newlines", magic(pair() + tlv(1, b"\n\n")), "tlv", 27
    ),
    Case("alpn-7f", "T10", "not 7F", magic(pair() + tlv(1, b"\x7f")), "tlv", 27),
    Case("alpn-edges", "T10", "21 and 7E", magic(pair() + tlv(1, b"!~"))),
    Case("authority-253", "T11", "253 octets", magic(pair() + tlv(2, b"a" * 253))),
    Case(
        "authority-254",
        "T11",
        "254 octets",
        magic(pair() + tlv(2, b"a" * 254)),
        "tlv",
        27,
    ),
    Case(
        "authority-ldh", "T11", "upper case", magic(pair() + tlv(2, b"Xn--A-0.TEST."))
    ),
]
for name, octets in [
    ("underscore", b"_dmarc.example"),
    ("space", b"a b"),
    ("utf8", "bücher.example".encode()),
    ("nul", b"a\0b"),
    ("lf", b"a\nb"),
    ("brackets", b"[2001-db8]"),
    ("slash", b"a/b"),
]:
    MAGIC.append(
        Case(
            f"authority-{name}",
            "T11",
            "letters, digits, hyphen and dot only",
            magic(pair() + tlv(2, octets)),
            "tlv",
            27,
        )
    )
MAGIC += [
    Case("count-32", "T9", "32 TLVs", magic(pair() + tlv(4) * 32), rest=HTTP),
    Case("count-33", "T9", "33 TLVs", magic(pair() + tlv(4) * 33), "tlv", 24 + 96),
    Case(
        "count-ssl",
        "T9",
        "those inside SSL do not count",
        magic(pair() + ssl(1, 0, tlv(0x2F) * 40)),
    ),
    Case(
        "crc", "T13", "over the whole preamble", summed(magic(pair() + CRC)), rest=HTTP
    ),
    Case("crc-local", "T13", "of LOCAL", summed(local(CRC)), rest=HTTP),
    Case(
        "crc-middle", "T13", "between others", summed(magic(pair() + NAME + CRC + ALPN))
    ),
    Case(
        "crc-wrong",
        "T13",
        "one bit",
        summed(magic(pair() + CRC), wrong=1),
        "checksum",
        27,
    ),
    Case(
        "crc-reversed",
        "T13",
        "little-endian",
        (lambda octets: octets[:27] + octets[30:26:-1])(summed(magic(pair() + CRC))),
        "checksum",
        27,
    ),
    Case(
        "crc-proof",
        "T14",
        "not beside a proof",
        magic(
            bytes(7) + b"\x07" + bytes(24) + pair() + CRC + bytes(16),
            profile=1,
        ),
        "tlv",
        56,
    ),
    Case(
        "local-bad",
        "T1",
        "the TLVs of LOCAL are read",
        local(b"\x02\0\x02a"),
        "tlv",
        13,
    ),
]
PROXY2 = [
    Case(
        "authority-underscore",
        "T11",
        "HAProxy forwards it, PROXY allows it",
        proxy2(pair() + tlv(2, b"_dmarc.example")),
    ),
    Case(
        "authority-utf8",
        "T11",
        "PROXY says UTF-8",
        proxy2(pair() + tlv(2, "bücher.example".encode())),
    ),
    Case("authority-255", "T11", "255 octets", proxy2(pair() + tlv(2, b"a" * 255))),
    Case(
        "authority-not-utf8",
        "T11",
        "no UTF-8",
        proxy2(pair() + tlv(2, b"\xff\xfe")),
        "tlv",
        31,
    ),
    Case("alpn-grease", "T10", "any octets", proxy2(pair() + tlv(1, b"\n\n"))),
    Case("alpn-255", "T10", "255 octets", proxy2(pair() + tlv(1, b"a" * 255))),
    Case("count-33", "T9", "no limit but the size", proxy2(pair() + tlv(4) * 33)),
    Case(
        "count-100",
        "T9",
        "no limit but the size",
        proxy2(pair() + tlv(4) * 100),
        rest=HTTP,
    ),
    Case(
        "crc", "T13", "over the whole header", summed(proxy2(pair() + CRC)), rest=HTTP
    ),
    Case(
        "crc-wrong",
        "T13",
        "one bit",
        summed(proxy2(pair() + CRC), wrong=1 << 31),
        "checksum",
        31,
    ),
    Case("crc-zero", "T13", "not filled in", proxy2(pair() + CRC), "checksum", 31),
    Case(
        "crc-middle",
        "T13",
        "between others",
        summed(proxy2(pair() + NAME + CRC + ALPN)),
    ),
    Case(
        "crc-unspec",
        "T13",
        "of UNSPEC",
        summed(proxy2(CRC + tlv(4, bytes(5)), transport=0)),
    ),
    Case(
        "crc-wrong-address",
        "T13",
        "another client than was summed",
        (lambda octets: octets[:19] + b"\x0a" + octets[20:])(
            summed(proxy2(pair() + CRC))
        ),
        "checksum",
        31,
    ),
]

CASES: list[tuple[str, Case]] = []
for name, rule, comment, tlvs, result, offset in BOTH:
    for form, octets in [
        ("magic", magic(pair() + tlvs)),
        ("proxy2", proxy2(pair() + tlvs)),
    ]:
        at = None if offset is None else AT[form] + offset
        CASES.append((form, Case(f"{form}-{name}", rule, comment, octets, result, at)))
CASES += [("magic", case._replace(id=f"magic-only-{case.id}")) for case in MAGIC]
CASES += [("proxy2", case._replace(id=f"proxy2-only-{case.id}")) for case in PROXY2]

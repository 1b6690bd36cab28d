"""PROXY v1 (spec.md section 10, proxy-protocol.txt section 2.1)."""

from __future__ import annotations

from tests.vectors.build import HTTP, Case, magic, proxy2

GOOD = b"PROXY TCP4 203.0.113.9 198.51.100.2 51234 443\r\n"


def line(rest: str) -> bytes:
    return f"PROXY {rest}\r\n".encode("latin-1")


def tcp4(
    source: str = "203.0.113.9",
    destination: str = "198.51.100.2",
    source_port: str = "51234",
    destination_port: str = "443",
) -> bytes:
    return line(f"TCP4 {source} {destination} {source_port} {destination_port}")


def tcp6(source: str = "2001:db8::9", destination: str = "2001:db8:ffff::2") -> bytes:
    return line(f"TCP6 {source} {destination} 51234 443")


LONGEST = "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"
DESTINATION4 = len("PROXY TCP4 203.0.113.9 ")
PORT4 = len("PROXY TCP4 203.0.113.9 198.51.100.2 ")
PORT4_TO = len("PROXY TCP4 203.0.113.9 198.51.100.2 51234 ")

LINES = [
    Case("tcp4", "L1", "IPv4", GOOD, rest=HTTP),
    Case("tcp6", "L1", "IPv6", tcp6(), rest=HTTP),
    Case(
        "tcp4-shortest",
        "L1",
        "the shortest IPv4 line",
        tcp4("1.1.1.1", "0.0.0.0", "1", "0"),
        rest=HTTP,
    ),
    Case(
        "tcp6-shortest",
        "L1",
        "the shortest IPv6 line",
        line("TCP6 1:: :: 1 0"),
        rest=HTTP,
    ),
    Case(
        "tcp4-longest",
        "L1",
        "the longest IPv4 line, 56 octets",
        tcp4("223.255.255.255", "255.255.255.255", "65535", "65535"),
        rest=HTTP,
    ),
    Case(
        "tcp6-longest",
        "L1",
        "the longest IPv6 line that needs no dotted part, 104 octets",
        line(f"TCP6 {LONGEST.replace('f', '2', 1)} {LONGEST} 65535 65535"),
        rest=HTTP,
    ),
    Case("unknown", "L5", "UNKNOWN, short form", line("UNKNOWN"), rest=HTTP),
    Case(
        "unknown-long",
        "L5",
        "what follows UNKNOWN is ignored",
        line(f"UNKNOWN {LONGEST} {LONGEST} 65535 65535"),
        rest=HTTP,
    ),
    Case("unknown-rubbish", "L5", "whatever it is", line("UNKNOWN \x00\xff  x y z")),
    Case("unknown-space", "L5", "even nothing", line("UNKNOWN ")),
    Case(
        "unknown-joined", "L4", "UNKNOWN is a whole word", line("UNKNOWNX"), "line", 13
    ),
    Case("empty", "L9", "the stream ends before it begins", b"", "truncated", 0),
    Case("no-proxy", "L2", "an HTTP request instead", HTTP, "format", 0),
    Case("hello", "L2", "a ClientHello instead", b"\x16\x03\x01", "format", 0),
    Case("magic", "L2", "MAGIC instead", magic(), "format", 0),
    Case("proxy2", "L2", "PROXY v2 instead", proxy2(), "format", 0),
    Case(
        "lower-case", "L2", "the word is upper case", b"proxy" + GOOD[5:], "format", 0
    ),
    Case("mixed-case", "L2", "in every letter", b"PROXy" + GOOD[5:], "format", 4),
    Case("tab", "L2", "a space follows it", b"PROXY\tTCP4 ", "format", 5),
    Case("no-space", "L2", "a space follows it", b"PROXY\r\n", "format", 5),
    Case("leading-space", "L2", "nothing precedes it", b" " + GOOD, "format", 0),
    Case("post", "L2", "another word with P", b"POST / HTTP/1.1\r\n", "format", 1),
    Case(
        "protocol-lower",
        "L4",
        "the protocol is upper case",
        line("tcp4 1 2 3 4"),
        "line",
        6,
    ),
    Case("protocol-tcp", "L4", "undefined protocol", line("TCP 1 2 3 4"), "line", 9),
    Case(
        "protocol-udp4",
        "L4",
        "v1 has no datagrams",
        line("UDP4 1.2.3.4 1.2.3.4 1 2"),
        "line",
        7,
    ),
    Case("protocol-none", "L4", "no protocol", line(""), "line", 6),
    Case("double-space-first", "L6", "one space after PROXY", line(" TCP4"), "line", 6),
    Case(
        "double-space",
        "L6",
        "one space between fields",
        tcp4(source=" 203.0.113.9"),
        "line",
        11,
    ),
    Case(
        "double-space-last",
        "L6",
        "one space between fields",
        tcp4(destination_port=" 443"),
        "line",
        11,
    ),
    Case(
        "trailing-space",
        "L6",
        "none after the last field",
        tcp4(destination_port="443 "),
        "line",
        11,
    ),
    Case(
        "extra-field",
        "L6",
        "four fields, not five",
        tcp4(destination_port="443 7"),
        "line",
        11,
    ),
    Case(
        "missing-field",
        "L6",
        "four fields, not three",
        line("TCP4 203.0.113.9 198.51.100.2 51234"),
        "line",
        11,
    ),
    Case("only-protocol", "L6", "four fields, not none", line("TCP4"), "line", 10),
    Case(
        "tab-between",
        "L6",
        "a tab is no space",
        tcp4(source="203.0.113.9\t"),
        "line",
        22,
    ),
    Case(
        "bare-lf",
        "L3",
        "LF alone ends no line",
        GOOD[:-2] + b"\n",
        "line",
        len(GOOD) - 2,
    ),
    Case(
        "bare-cr",
        "L3",
        "CR alone ends no line",
        GOOD[:-1] + b"x",
        "line",
        len(GOOD) - 2,
    ),
    Case(
        "cr-cr-lf",
        "L3",
        "CR CR LF ends no line",
        GOOD[:-1] + b"\r\n",
        "line",
        len(GOOD) - 2,
    ),
    Case("lf-cr", "L3", "nor LF CR", GOOD[:-2] + b"\n\r", "line", len(GOOD) - 2),
    Case(
        "unknown-bare-lf",
        "L3",
        "nor after UNKNOWN",
        b"PROXY UNKNOWN\nx\r\n",
        "line",
        13,
    ),
    Case(
        "unknown-bare-cr",
        "L3",
        "nor after UNKNOWN",
        b"PROXY UNKNOWN\rx\r\n",
        "line",
        13,
    ),
    Case("lf-first", "L3", "at once", b"PROXY \n", "line", 6),
    Case(
        "length-107",
        "L7",
        "107 octets are valid",
        line("UNKNOWN " + "x" * (107 - 16)),
        rest=HTTP,
    ),
    Case(
        "length-108",
        "L7",
        "108 octets are not",
        line("UNKNOWN " + "x" * (108 - 16)),
        "oversize",
        107,
    ),
    Case(
        "length-endless",
        "L7",
        "107 octets without CRLF are refused without waiting",
        (b"PROXY UNKNOWN " + b"x" * 107)[:107],
        "oversize",
        107,
    ),
    Case(
        "length-106",
        "L9",
        "after 106 a line end can still come",
        (b"PROXY UNKNOWN " + b"x" * 107)[:106],
        "truncated",
        106,
    ),
    Case(
        "length-cr-107",
        "L7",
        "a CR as the 107th comes too late",
        (b"PROXY UNKNOWN " + b"x" * 107)[:106] + b"\r\n",
        "oversize",
        107,
    ),
    Case(
        "length-108-limit",
        "L7",
        "and no limit of one's own makes them so",
        line("UNKNOWN " + "x" * (108 - 16)),
        "oversize",
        107,
        limit=4096,
    ),
    Case("cut-proxy", "L9", "the stream ends", b"PROX", "truncated", 4),
    Case(
        "cut-cr",
        "L9",
        "the stream ends before LF",
        GOOD[:-1],
        "truncated",
        len(GOOD) - 1,
    ),
    Case("limit-own", "L7", "a limit of one's own, met", GOOD, limit=len(GOOD)),
    Case(
        "limit-own-over",
        "L7",
        "and passed",
        GOOD,
        "oversize",
        len(GOOD) - 1,
        limit=len(GOOD) - 1,
    ),
    Case("then-line", "L10", "a second line is not read", GOOD, rest=GOOD),
]
FIELDS = [
    Case(f"octet-{name}", "L8", why, tcp4(source=text), "line", 11 + at)
    for name, text, at, why in [
        ("leading-zero", "203.0.113.09", 0, "an octet with a leading zero"),
        ("leading-zero-01", "01.2.3.4", 0, "an octet with a leading zero"),
        ("000", "203.000.113.9", 0, "zero is 0"),
        ("256", "203.0.113.256", 0, "an octet of 256"),
        ("four-digits", "203.0.113.0009", 0, "an octet of four digits"),
        ("three", "203.0.113", 0, "three octets"),
        ("five", "203.0.113.9.1", 0, "five octets"),
        ("empty", "203.0..9", 0, "an empty octet"),
        ("dot", "203.0.113.9.", 0, "a dot at the end"),
        ("hex", "0xcb.0.113.9", 1, "hexadecimal"),
        ("one-number", "3405803785", 0, "one number"),
        ("sign", "203.0.113.+9", 10, "a sign"),
        ("underscore", "2_03.0.113.9", 1, "an underscore"),
        ("name", "localhost", 0, "a name"),
        ("high-digit", "203.0.113.\xb2", 10, "a digit that is no ASCII"),
        ("ipv6", "2001:db8::9", 4, "TCP4 with an IPv6 address"),
        ("mapped", "::ffff:203.0.113.9", 0, "TCP4 with a mapped address"),
        ("mask", "203.0.113.9/32", 11, "a network"),
        ("port", "203.0.113.9:1", 11, "a port in the address"),
        ("nul", "203.0.113.9\x00", 11, "a NUL"),
    ]
]
FIELDS += [
    Case(f"port-{name}", "L8", why, tcp4(source_port=text), "line", PORT4 + at)
    for name, text, at, why in [
        ("leading-zero", "056324", 0, "a leading zero"),
        ("00", "00", 0, "zero is 0"),
        ("plus", "+443", 0, "a sign"),
        ("minus", "-1", 0, "a sign"),
        ("underscore", "4_43", 1, "an underscore"),
        ("65536", "65536", 0, "more than 65535"),
        ("99999", "99999", 0, "more than 65535"),
        ("long", "1234567890", 0, "ten digits"),
        ("hex", "0x1bb", 1, "hexadecimal"),
        ("empty", "", 0, "nothing"),
        ("letters", "https", 0, "letters"),
        ("point", "443.0", 0, "a point"),
        ("high-digit", "\xb2", 0, "a digit that is no ASCII"),
    ]
]
FIELDS += [
    Case(f"ipv6-{name}", "L8", why, tcp6(text), "line", 11 + at)
    for name, text, at, why in [
        ("ipv4", "203.0.113.9", 0, "TCP6 with an IPv4 address"),
        ("zone", "fe80::1%eth0", 7, "a zone id"),
        ("zone-number", "fe80::1%1", 7, "a zone id"),
        ("brackets", "[2001:db8::9]", 0, "brackets"),
        ("two-gaps", "2001::db8::9", 0, "two gaps"),
        ("three-colons", "2001:::9", 0, "three colons"),
        ("seven", "1:2:3:4:5:6:7", 0, "seven groups"),
        ("nine", "1:2:3:4:5:6:7:8:9", 0, "nine groups"),
        ("gap-of-none", "1:2:3:4::5:6:7:8", 0, "a gap that stands for nothing"),
        ("five-digits", "12345::", 0, "a group of five digits"),
        ("letter", "2001:db8::g", 10, "a letter that is no digit"),
        ("colon-first", ":2001:db8:1:2:3:4:5", 0, "one colon at the start"),
        ("colon-last", "2001:db8:1:2:3:4:5:", 0, "one colon at the end"),
        ("dotted-early", "1.2.3.4::9", 0, "dotted octets that are not last"),
        ("dotted-zero", "::ffff:1.2.3.04", 0, "a leading zero in dotted octets"),
        ("empty", "", 0, "nothing"),
    ]
]
FIELDS += [
    Case(
        "port-0", "A1", "no client has port 0", tcp4(source_port="0"), "address", PORT4
    ),
    Case("port-1", "L8", "one digit", tcp4(source_port="1")),
    Case("port-65535", "L8", "the largest", tcp4(source_port="65535")),
    Case("port-to-0", "A6", "as destination 0 may be", tcp4(destination_port="0")),
    Case(
        "port-to-65536",
        "L8",
        "more than 65535",
        tcp4(destination_port="65536"),
        "line",
        PORT4_TO,
    ),
    Case(
        "to-bad",
        "L8",
        "a wrong destination",
        tcp4(destination="198.51.100"),
        "line",
        DESTINATION4,
    ),
    Case("from-any", "A2", "unspecified", tcp4("0.0.0.0"), "address", 11),
    Case("from-broadcast", "A5", "broadcast", tcp4("255.255.255.255"), "address", 11),
    Case("from-multicast", "A4", "multicast", tcp4("224.0.0.1"), "address", 11),
    Case("from-loopback", "A7", "for trust to judge", tcp4("127.0.0.1")),
    Case("from-any6", "A2", "unspecified", tcp6("::"), "address", 11),
    Case("from-multicast6", "A4", "multicast", tcp6("ff02::1"), "address", 11),
    Case("from-compatible", "A3", "::/96", tcp6("::1.2.3.4"), "address", 11),
    Case("to-any", "A6", "any destination", tcp4(destination="0.0.0.0")),
    Case("ipv6-full", "L8", "eight groups", tcp6(LONGEST.replace("f", "a", 1))),
    Case("ipv6-upper", "L8", "upper case", tcp6("2001:DB8::ABCD")),
    Case("ipv6-zeros", "L8", "groups with zeros", tcp6("2001:0db8:0000::0009")),
    Case("ipv6-gap-of-one", "L8", "a gap of one group", tcp6("1:2:3:4:5:6:7::")),
    Case("ipv6-loopback", "A7", "for trust to judge", tcp6("::1")),
    Case(
        "ipv6-mapped-both",
        "A10",
        "two mapped addresses are read as IPv4",
        tcp6("::ffff:203.0.113.9", "::ffff:198.51.100.2"),
        rest=HTTP,
    ),
    Case(
        "ipv6-mapped-hex",
        "A10",
        "in any writing",
        tcp6("::ffff:cb00:7109", "0:0:0:0:0:ffff:c633:6402"),
    ),
    Case(
        "ipv6-mapped-source",
        "A9",
        "one mapped address decodes to IPv4",
        tcp6("::ffff:203.0.113.9"),
    ),
    Case(
        "ipv6-mapped-broadcast",
        "A9",
        "the rules for sources hold for what is mapped",
        tcp6("::ffff:255.255.255.255", "::ffff:198.51.100.2"),
        "address",
        11,
    ),
]
CASES = LINES + FIELDS

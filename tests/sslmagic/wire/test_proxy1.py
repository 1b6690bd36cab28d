"""wire/proxy1.py beyond the vectors: PROXY protocol version 1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.errors import DecodeError, EncodeError, Reason
from sslmagic.preamble import Preamble, Transport, UnixEndpoint
from sslmagic.wire import Frame, proxy1

LINES = [
    b"PROXY TCP4 203.0.113.9 198.51.100.2 51234 443\r\n",
    b"PROXY TCP4 1.2.3.4 5.6.7.8 1 0\r\n",
    b"PROXY TCP6 2001:db8::1 2001:db8::2 51234 443\r\n",
    b"PROXY TCP6 2001:db8::1 ::ffff:198.51.100.2 51234 443\r\n",
    b"PROXY UNKNOWN\r\n",
]


def parsed(octets: bytes) -> Preamble:
    framing = proxy1.frame(octets)
    assert framing == (len(octets), 0)
    return proxy1.parse(Frame("proxy1", octets))


@pytest.mark.parametrize("line", LINES)
def test_canonical_lines_round_trip(line: bytes) -> None:
    assert proxy1.encode(parsed(line)) == line


@pytest.mark.parametrize(
    "line",
    [
        *LINES,
        b"PROXY UNKNOWN whatever may stand here\r\n",
        b"PROXY TCP6 ::1 :: 1 0\r\n",
    ],
)
def test_wanted_is_never_more_than_the_line(line: bytes) -> None:
    for cut in range(len(line)):
        assert 1 <= proxy1.frame(line[:cut]).wanted <= len(line) - cut


def test_mapped_lines_are_read_as_what_they_are() -> None:
    both = parsed(b"PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2\r\n")
    assert both.transport is Transport.TCP4
    upper = parsed(b"PROXY TCP6 2001:DB8::1 ::FFFF:1.2.3.4 1 2\r\n")
    assert upper.destination == ("1.2.3.4", 2)


@pytest.mark.parametrize(
    ("line", "offset", "says"),
    [
        (b"PROXY  TCP4", 6, "family"),
        (b"PROXY TCP5", 9, "family"),
        (b"PROXY TCP4x", 10, "one space"),
        (b"PROXY UNKNOWNS", 13, "followed by"),
        (b"PROXY TCP4 1.2.3.4\n", 18, "CR or LF"),
        (b"PROXY TCP4 1.2.3.4\rx", 18, "CR or LF"),
        (b"PROXY\n", 5, "0A where PROXY v1 has 20"),
        (b"PROXY TCP4 fe80::1 ", 11, "octet 66"),
        (b"PROXY TCP6 fe80::1%eth0", 18, "octet 25"),
        (b"PROXY TCP4\r\n", 10, "ends before"),
        (b"PROXY \r\n", 6, "ends before"),
        (b"PROXY T\r\n", 7, "ends before"),
        (b"PROXY TCP4x 1\n", 10, "one space"),
        (b"PROXY TCP4 1x\r1\r\n", 12, "octet 78"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n", 11, "3 fields"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n", 11, "5 fields"),
        (b"PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n", 11, "5 fields"),
        (b"PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n", 11, "source '1.2.3.04'"),
        (b"PROXY TCP4 1.2.3 5.6.7.8 1 2\r\n", 11, "source '1.2.3'"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.256 1 2\r\n", 19, "destination '5.6.7.256'"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 056324 2\r\n", 27, "source port '056324'"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 65536\r\n", 29, "destination port"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 1.2\r\n", 29, "destination port '1.2'"),
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n", 29, "destination port '00'"),
        (b"PROXY TCP6 1.2.3.4 :: 1 2\r\n", 11, "source '1.2.3.4'"),
        (b"PROXY TCP6 ::1 ::g 1 2\r\n", 17, "octet 67"),
        (b"PROXY TCP6 ::1 ::1:: 1 2\r\n", 15, "destination '::1::'"),
    ],
)
def test_a_broken_line_is_refused_where_it_breaks(
    line: bytes, offset: int, says: str
) -> None:
    with pytest.raises(DecodeError, match=says) as caught:
        parsed(line)
    assert caught.value.offset == offset
    assert caught.value.reason in (Reason.LINE, Reason.FORMAT)


@pytest.mark.parametrize(
    ("line", "offset"),
    [
        (b"PROXY TCP4 1.2.3.4 5.6.7.8 0 2\r\n", 27),
        (b"PROXY TCP4 0.0.0.0 5.6.7.8 1 2\r\n", 11),
        (b"PROXY TCP6 ff02::1 5::8 1 2\r\n", 11),
        (b"PROXY TCP6 5::1 5::8 0 2\r\n", 21),
    ],
)
def test_a_source_that_cannot_be_a_client(line: bytes, offset: int) -> None:
    with pytest.raises(DecodeError) as caught:
        parsed(line)
    assert (caught.value.reason, caught.value.offset) == (Reason.ADDRESS, offset)


def test_a_line_ends_within_107_octets() -> None:
    longest = b"PROXY UNKNOWN ".ljust(105, b"x") + b"\r\n"
    assert parsed(longest).transport is Transport.UNKNOWN
    with pytest.raises(DecodeError) as caught:
        proxy1.frame(longest[:-2] + b"x\r\n")
    assert (caught.value.reason, caught.value.offset) == (Reason.OVERSIZE, 107)
    with pytest.raises(DecodeError):
        proxy1.frame(longest[:-2] + b"x\r")


@pytest.mark.parametrize(
    ("preamble", "says"),
    [
        (Preamble.local(), "LOCAL"),
        (Preamble(transport=Transport.UNKNOWN, tlvs=[(0xF0, b"")]), "TLVs"),
        (
            Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b")),
            "does not carry UNIX",
        ),
        (
            Preamble(
                source=("1.2.3.4", 1),
                destination=("1.2.3.4", 2),
                transport=Transport.UDP4,
            ),
            "does not carry UDP4",
        ),
    ],
)
def test_what_version_1_cannot_carry(preamble: Preamble, says: str) -> None:
    with pytest.raises(EncodeError, match=says):
        proxy1.encode(preamble)


def test_a_checksum_is_a_tlv() -> None:
    with pytest.raises(EncodeError, match="TLVs"):
        proxy1.encode(Preamble(transport=Transport.UNKNOWN), crc32c=True)


@given(st.binary(max_size=110))
def test_any_end_of_a_line_is_read_or_refused(octets: bytes) -> None:
    for head in (b"PROXY ", b"PROXY TCP4 ", b"PROXY TCP6 ", b"PROXY UNKNOWN"):
        line = head + octets
        try:
            framing = proxy1.frame(line)
            if not framing.wanted:
                proxy1.parse(Frame("proxy1", line[: framing.length]))
        except DecodeError as error:
            offset = error.offset
        else:
            offset = 0
        assert 0 <= offset <= len(line)

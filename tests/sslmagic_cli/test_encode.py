"""encode.py: every format and shape, and what cannot be encoded."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sslmagic.decoder import decode
from sslmagic.preamble import Endpoint, Preamble, Transport, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, encode
from sslmagic_cli.exits import Exit

Run = Callable[..., Any]

ENDS = ["--source", "203.0.113.9:51234", "--destination", "198.51.100.2:443"]
ENDS6 = ["--source", "[2001:db8::1]:51234", "--destination", "[2001:db8::2]:443"]
UNIX = ["--source", "unix:/run/a", "--destination", "unix:"]
CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)


@pytest.mark.parametrize("format", FORMATS)
def test_raw_octets_where_no_person_looks(run: Run, format: str) -> None:
    ended = run("encode", *ENDS, "--format", format)
    preamble = Preamble(source=CLIENT, destination=HERE)
    assert ended == (Exit.DONE, encode(preamble, format), b"")


def test_magic_is_the_format_if_none_is_named(run: Run) -> None:
    assert run("encode", *ENDS).out == run("encode", *ENDS, "--format", "magic").out


@pytest.mark.parametrize(
    ("shape", "octets"),
    [
        ("raw", bytes.fromhex("cd030300074d414749100000")),
        ("hex", b"cd030300074d414749100000\n"),
        ("base64", base64.b64encode(bytes.fromhex("cd030300074d414749100000")) + b"\n"),
    ],
)
def test_shapes(run: Run, shape: str, octets: bytes) -> None:
    ended = run("encode", "--local", "--output", shape)
    assert ended == (Exit.DONE, octets, b"")


def test_a_table_on_a_terminal(terminal: Run) -> None:
    ended = terminal("encode", *ENDS)
    assert (ended.code, ended.err) == (Exit.DONE, b"")
    assert b"203.0.113.9" in ended.out
    assert b"content type" in ended.out


def test_raw_on_a_terminal_if_asked_for(terminal: Run) -> None:
    ended = terminal("encode", "--local", "--output", "raw")
    assert ended == (Exit.DONE, encode(Preamble.local()), b"")


def test_a_table_in_a_pipe_if_asked_for(run: Run) -> None:
    ended = run("encode", *ENDS, "--output", "table")
    lines = ended.out.decode().splitlines()
    assert lines[0] == (
        "magic  PROXY TCP4  203.0.113.9:51234 -> 198.51.100.2:443  24 octets"
    )
    assert lines[1] == ""
    assert lines[10].split() == ["12", "cb", "00", "71", "09", "source", "203.0.113.9"]
    assert not any(line.endswith(" ") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "preamble"),
    [
        (
            ENDS6,
            Preamble(source=("2001:db8::1", 51234), destination=("2001:db8::2", 443)),
        ),
        (UNIX, Preamble(source=UnixEndpoint("/run/a"), destination=UnixEndpoint(""))),
        (["--local"], Preamble.local()),
        (["--transport", "UNKNOWN"], Preamble(transport=Transport.UNKNOWN)),
        (
            [*ENDS, "--transport", "udp4"],
            Preamble(source=CLIENT, destination=HERE, transport=Transport.UDP4),
        ),
        (
            [*UNIX, "--transport", "UNIX-DGRAM"],
            Preamble(
                source=UnixEndpoint("/run/a"),
                destination=UnixEndpoint(""),
                transport=Transport.UNIX_DGRAM,
            ),
        ),
    ],
)
def test_what_the_others_carry_proxy2_carries(
    run: Run, arguments: list[str], preamble: Preamble
) -> None:
    ended = run("encode", *arguments, "--format", "proxy2")
    assert ended == (Exit.DONE, encode(preamble, "proxy2"), b"")


def test_extensions_in_their_order(run: Run) -> None:
    texts = ["AUTHORITY=shop.example", "0xE7=hex:0badcafe", "UNIQUE_ID=a=b", "NOOP=3"]
    options = [part for text in texts for part in ("--tlv", text)]
    ended = run("encode", *ENDS, *options, "--crc32c", "--format", "proxy2")
    preamble, rest = decode(ended.out, "proxy2")
    assert rest == b""
    assert preamble.source == Endpoint(*CLIENT)
    assert preamble.tlvs[:4] == (
        TLV(0x02, b"shop.example"),
        TLV(0xE7, bytes.fromhex("0badcafe")),
        TLV(0x05, b"a=b"),
        TLV(0x04, bytes(3)),
    )
    assert preamble.tlvs[4].name == "CRC32C"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "give --source and --destination, or --local (see magic encode --help)"),
        (
            ENDS[:2],
            "give --source and --destination, or --local (see magic encode --help)",
        ),
        (["--local", *ENDS], "a LOCAL preamble carries no addresses"),
        ([*ENDS, "--format", "proxy1", "--crc32c"], "PROXY v1 carries no TLVs"),
        (["--local", "--format", "proxy1"], "PROXY v1 has no LOCAL"),
        ([*ENDS, "--transport", "UDP4"], "MAGIC does not carry PROXY of UDP4"),
        ([*ENDS, "--transport", "TCP6"], "these addresses are no TCP6"),
        ([*ENDS[:2], *UNIX[2:]], "a UNIX address and an IP address make no preamble"),
        ([*ENDS, "--limit", "23"], "a preamble of 24 octets, where 23 is the limit"),
        (
            ["--source", "0.0.0.0:1", *ENDS[2:]],
            "the unspecified address cannot be a client's source",
        ),
        (
            [*ENDS, "--tlv", "AUTHORITY=a_b"],
            "TLV 0x02: AUTHORITY is 1 to 253 letters, digits, hyphens and dots",
        ),
    ],
)
def test_what_cannot_be_encoded(run: Run, arguments: list[str], said: str) -> None:
    ended = run("encode", *arguments)
    assert (ended.code, ended.out) == (Exit.USAGE, b"")
    assert ended.complaint == f"magic: {said}"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--source", "203.0.113.9"], "invalid value for '--source'"),
        (["--destination", "shop:443"], "invalid value for '--destination'"),
        (["--tlv", "CRC32C=0"], "invalid value for '--tlv'"),
        (["--limit", "0"], "invalid value for '--limit'"),
        (["--output", "octal"], "invalid value for '--output'"),
    ],
)
def test_what_cannot_be_read(run: Run, arguments: list[str], said: str) -> None:
    ended = run("encode", *arguments)
    assert (ended.code, ended.out) == (Exit.USAGE, b"")
    assert ended.complaint.startswith(f"magic: {said}: ")
    assert ended.complaint.endswith(" (see magic encode --help)")

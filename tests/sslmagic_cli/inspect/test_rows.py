"""rows.py: a row for each, which fits, and says nothing to the terminal."""

from __future__ import annotations

import io
import re

import pytest
from rich.console import Console

from sslmagic.capture.verdict import FINE, Verdict
from sslmagic.preamble import Endpoint, Preamble
from sslmagic.wire import encode
from sslmagic_cli.inspect.rows import STYLES, WIDE, Rows, clock, kind, style_of
from tests.sslmagic.capture.made import PREAMBLE, START, hello, judged
from tests.vectors.vector import vectors

LONG = Endpoint("2001:db8:1111:2222:3333:4444:5555:6666", 51234)
COLOUR = re.compile(r"\x1b\[[0-9;]*m")


def said(
    capfdbinary: pytest.CaptureFixture[bytes],
    octets: bytes,
    *,
    width: int = 80,
    wrap: bool = True,
    colours: bool = False,
    number: int = 1,
) -> str:
    file = io.StringIO()
    console = Console(
        file=file, width=width, force_terminal=colours, color_system="standard"
    )
    if not colours:
        console = Console(file=file, width=width)
    rows = Rows(console, wrap=wrap)
    rows.head()
    rows.say(number, rows.lines(judged(octets, peer=LONG)))
    return capfdbinary.readouterr().out.decode()


STREAMS = [
    encode(PREAMBLE) + hello(),
    encode(Preamble(source=LONG, destination=LONG)) + hello(),
    hello("a" * 200 + ".example"),
    b"\xcd\x03\x03\xff\xff",
    b"",
]


@pytest.mark.parametrize("octets", STREAMS)
@pytest.mark.parametrize("width", [80, WIDE, 200])
@pytest.mark.parametrize("colours", [False, True])
def test_rows_fit(
    capfdbinary: pytest.CaptureFixture[bytes],
    octets: bytes,
    *,
    width: int,
    colours: bool,
) -> None:
    text = said(capfdbinary, octets, width=width, colours=colours)
    assert ("\x1b" in text) is colours
    assert max(len(line) for line in COLOUR.sub("", text).splitlines()) <= width


def test_a_row(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    lines = said(capfdbinary, STREAMS[0]).splitlines()
    assert lines[0].split() == ["#", "UTC", "client", "peer", "format", "verdict"]
    first = ["1", "01:00:00", "203.0.113.9:51234", "[2001:db8:1111:2222:3", "magic"]
    assert lines[1].split() == [*first, "ok"]
    # The rest of an address that has no room stands below it.
    assert "".join(line.strip() for line in lines[2:]) == "333:4444:5555:6666]:51234"


def test_a_fault_has_its_words_below(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    text = said(capfdbinary, b"\xcd\x03\x03\xff\xff", width=120)
    words = "octet 3: length 65535: a preamble of 65540 octets, where 2048 is the limit"
    assert text.splitlines()[-1].strip() == words


def test_a_file_gets_whole_lines(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    text = said(capfdbinary, hello("a" * 200), wrap=False)
    assert text.splitlines()[-1].endswith("the clients' side of a gateway")


def test_a_name_has_a_column_where_there_is_room(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    octets = encode(PREAMBLE) + hello(b"\x1b]0;x\x07.example")
    text = said(capfdbinary, octets, width=WIDE)
    assert "\\x1b]0;x\\x07.example" in text.replace("\n", "")
    text = said(capfdbinary, encode(PREAMBLE) + b"GET / HTTP/1.1\r\n", width=WIDE)
    assert text.splitlines()[1].endswith("http")


@pytest.mark.parametrize("octets", [STREAMS[0], encode(PREAMBLE) + b"?", b""])
def test_a_number_that_has_no_room(
    capfdbinary: pytest.CaptureFixture[bytes], octets: bytes
) -> None:
    lines = said(capfdbinary, octets, number=1_234_567).splitlines()
    usual = said(capfdbinary, octets, number=1).splitlines()
    assert lines[1] == "1234" + usual[1][4:]
    assert lines[2][:4] == " 567"
    # A row may have one line more for it, and its words come below both.
    assert lines[2][4:] + "".join(lines[3:]) in (
        usual[2][4:] + "".join(usual[3:]) if len(usual) > 2 else "",
        "".join(usual[2:]),
    )


def test_a_proof_is_said_to_be_unverified(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    signed = next(
        vector.wire
        for vector in vectors()
        if vector.valid and vector.decoded and vector.decoded["proof"]
    )
    row, *below = said(capfdbinary, signed + hello()).splitlines()[1:]
    assert row.split()[-1] == "ok"
    words = " ".join(" ".join(below).split())
    assert "signed, the proof is not verified (no keys here); the client is" in words


def test_octets_that_conflict_are_said(
    capfdbinary: pytest.CaptureFixture[bytes],
) -> None:
    rows = Rows(Console(file=io.StringIO(), width=80), wrap=False)
    rows.say(1, rows.lines(judged(STREAMS[0], conflicting=1)))
    row, words = capfdbinary.readouterr().out.decode().splitlines()
    assert row.split()[-1] == "ok"
    assert words.endswith(
        "1 octet came twice and differ: somebody may have put them in"
    )


def test_a_front_is_not_blamed() -> None:
    rows = Rows(Console(file=io.StringIO(), width=80), wrap=False)
    row = rows.numbered(1, rows.lines(judged(hello())), front=True)
    assert row.split()[-1] == "front"


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_colour(verdict: Verdict) -> None:
    assert style_of(verdict) == STYLES[kind(verdict)]
    assert (kind(verdict) == "ok") is (verdict in FINE)


def test_the_clock() -> None:
    assert clock(START + 123_456_789) == "01:00:00.123"
    assert clock(1 << 80) == "?"

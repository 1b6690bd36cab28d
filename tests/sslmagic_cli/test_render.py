"""render.py: tables that fit, point at the fault, and obey no octet they show."""

from __future__ import annotations

import io

import pytest

from sslmagic.anatomy import anatomy
from sslmagic.decoder import decode
from sslmagic.errors import DecodeError
from sslmagic.preamble import Preamble, UnixEndpoint
from sslmagic.tlv import TLV
from sslmagic.wire import FORMATS, encode
from sslmagic_cli import render
from tests.vectors.vector import Vector, vectors

CLIENT = ("203.0.113.9", 51234)
HERE = ("198.51.100.2", 443)
CERTIFICATE = TLV.parse("SSL", "client=SSL,SSL_CLIENT_CERT=hex:" + "3082" * 300)


def drawn(octets: bytes, fault: DecodeError | None = None) -> list[str]:
    """The lines of a table as a file gets them."""
    return render.drawn(
        render.fields(anatomy(octets), fault=fault), to=io.StringIO()
    ).splitlines()


def fault_in(octets: bytes) -> DecodeError:
    with pytest.raises(DecodeError) as caught:
        decode(octets, FORMATS)
    return caught.value


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.delenv("FORCE_COLOR", raising=False)


@pytest.fixture(params=[80, 120])
def columns(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """A narrow terminal and a wide one."""
    width: int = request.param
    monkeypatch.setenv("COLUMNS", str(width))
    return width


def test_a_table(columns: int) -> None:
    authority = TLV.parse("AUTHORITY", "shop.example")
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[authority])
    lines = drawn(encode(preamble, "proxy2"))
    assert lines[0].split() == ["offset", "octets", "name", "meaning"]
    assert lines[-1 if columns == 120 else -2].split()[-2:] == ["value", "shop.example"]
    wide = "0d 0a 0d 0a 00 0d 0a 51 55 49 54 0a  signature"
    assert (wide in lines[1]) == (columns == 120)


def test_what_is_nested_is_indented() -> None:
    ssl = TLV.parse("SSL", "client=SSL,VERSION=TLSv1.3")
    lines = drawn(encode(Preamble(source=CLIENT, destination=HERE, tlvs=[ssl])))
    at = lines[0].index("name")
    names = [name for line in lines if (name := line[at : at + 16].rstrip())]
    start = names.index("TLV type")
    assert names[start:] == [
        "TLV type",
        "  length",
        "  client",
        "  verify",
        "  TLV type",
        "    length",
        "    value",
    ]


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_it_fits_whatever_it_shows(vector: Vector) -> None:
    lines = drawn(vector.octets)
    assert max(map(len, lines)) <= 80
    assert all(line.isprintable() for line in lines)


def test_a_certificate_leaves_room_for_the_rest() -> None:
    octets = encode(
        Preamble(source=CLIENT, destination=HERE, tlvs=[CERTIFICATE]), "proxy2"
    )
    lines = drawn(octets)
    assert len(lines) < 30
    assert any("more" in line for line in lines)


def test_a_text_without_end_is_shortened() -> None:
    pem = TLV.parse("HITCH_CLIENT_CERT", "-----BEGIN X-----" + "A" * 1000)
    preamble = Preamble(source=CLIENT, destination=HERE, tlvs=[pem])
    lines = drawn(encode(preamble, "proxy2"))
    assert len(lines) < 25
    assert any("... 857 more" in line for line in lines)


def test_zeros_are_counted() -> None:
    preamble = Preamble(source=UnixEndpoint("/run/a"), destination=UnixEndpoint(""))
    assert any("102 x 00" in line for line in drawn(encode(preamble)))


def test_the_fault_is_under_its_octet() -> None:
    octets = encode(Preamble(source=CLIENT, destination=HERE))[:9] + b"\x31\x11\0"
    lines = drawn(octets, fault_in(octets))
    (at,) = (at for at, line in enumerate(lines) if "^^" in line)
    column = lines[at].index("^^")
    assert lines[at - 1][column : column + 2] == "31"
    assert "MAGIC version 3" in lines[at]


def test_a_fault_far_inside_a_field_brings_its_line_into_sight() -> None:
    octets = bytearray(
        encode(
            Preamble(source=UnixEndpoint("/" + "a" * 90), destination=UnixEndpoint(""))
        )
    )
    octets[12 + 70] = 0
    error = fault_in(bytes(octets))
    assert error.offset == 12 + 70
    lines = drawn(bytes(octets), error)
    (at,) = (at for at, line in enumerate(lines) if "^^" in line)
    column = lines[at].index("^^")
    assert lines[at - 1][column : column + 2] == "00"


def test_where_octets_are_missing_it_points_behind_the_last() -> None:
    octets = encode(Preamble(source=CLIENT, destination=HERE))[:20]
    lines = drawn(octets, fault_in(octets))
    (at,) = (at for at, line in enumerate(lines) if "^^" in line)
    assert lines[at].split(maxsplit=2)[:2] == ["20", "^^"]
    said = " ".join(" ".join(lines[at:]).split())
    assert said.endswith("the stream ended inside the preamble (at byte 20)")


def test_of_nothing_it_points_at_the_start() -> None:
    lines = drawn(b"", fault_in(b""))
    assert lines[1].split()[:2] == ["0", "^^"]


@pytest.mark.parametrize(
    "vector", [vector for vector in vectors() if not vector.valid], ids=str
)
def test_every_fault_is_pointed_at_once(vector: Vector) -> None:
    with pytest.raises(DecodeError) as caught:
        decode(vector.octets, vector.format, limit=vector.limit)
    lines = drawn(vector.octets, caught.value)
    assert sum("^^" in line for line in lines) == 1


@pytest.mark.parametrize(
    ("preamble", "said"),
    [
        (
            Preamble(source=CLIENT, destination=HERE),
            "magic  PROXY TCP4  203.0.113.9:51234 -> 198.51.100.2:443  24 octets",
        ),
        (Preamble.local(), "magic  LOCAL UNKNOWN  12 octets"),
        (
            Preamble(source=UnixEndpoint("/a\x1b[2J"), destination=UnixEndpoint("")),
            "magic  PROXY UNIX  unix:/a\\x1b[2J -> unix:  228 octets",
        ),
    ],
)
def test_the_title_says_it_all(preamble: Preamble, said: str) -> None:
    title = render.title("magic", preamble, len(encode(preamble)))
    assert render.drawn(title, to=io.StringIO()) == said


def test_markup_of_the_network_is_text() -> None:
    tlv = TLV.parse("UNIQUE_ID", "[red]x[/red] :smile:")
    lines = drawn(encode(Preamble(source=CLIENT, destination=HERE, tlvs=[tlv])))
    said = " ".join(line.split("  ")[-1] for line in lines[-3:])
    assert "[red]x[/red] :smile:" in said

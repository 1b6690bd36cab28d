"""sheet.py: CSV that a spreadsheet reads, and runs nothing of."""

from __future__ import annotations

import csv
import io

import pytest

from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV, Type
from sslmagic.wire import encode
from sslmagic_cli.inspect.flat import COLUMNS
from sslmagic_cli.inspect.record import recorded
from sslmagic_cli.inspect.sheet import say_sheet
from tests.sslmagic.capture.made import CLIENT, SHOP, hello, judged


def said(
    capfdbinary: pytest.CaptureFixture[bytes], *octets: bytes
) -> list[dict[str, str]]:
    say_sheet(recorded(judged(one)) for one in octets)
    text = capfdbinary.readouterr().out.decode()
    return list(csv.DictReader(io.StringIO(text, newline="")))


def test_a_row_for_each(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    preamble = Preamble(
        source=CLIENT,
        destination=SHOP,
        tlvs=[TLV(Type.AUTHORITY, b"a.example"), TLV(0xE9, b"\1\2")],
    )
    rows = said(capfdbinary, *[encode(preamble) + hello()] * 300)
    assert len(rows) == 300
    assert tuple(rows[0]) == COLUMNS
    assert rows[0]["client_host"] == "203.0.113.9"
    assert rows[0]["tlvs"] == "AUTHORITY=a.example 0xE9=0102"
    assert rows[0]["alpn"] == "h2 http/1.1"
    assert rows[0]["early_data"] == "false"
    assert rows[0]["pair"] == ""


@pytest.mark.parametrize("first", [b"=", b"+", b"-", b"@", b" =", b"\t=", b"\r@"])
def test_a_name_is_never_a_formula(
    capfdbinary: pytest.CaptureFixture[bytes], first: bytes
) -> None:
    (row,) = said(capfdbinary, hello(first + b'cmd|"/c calc"!A1'))
    assert row["server_name"].lstrip()[0] in ("'", "\\")
    assert row["server_name"].isprintable()


def test_a_quote_ends_no_cell(capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    (row,) = said(capfdbinary, hello(b'a","b\r\n=1'))
    assert row["server_name"] == 'a","b\\r\\n=1'

"""Words of a line: what is between them, and where they end."""

from __future__ import annotations

import pytest

from sslmagic.dissect.scapy_layer import NOTHING, PROXYv1
from sslmagic.dissect.words import NumberWord, Word
from tests.sslmagic.dissect.layers import rebuilt


def test_a_line_in_words() -> None:
    layer = PROXYv1(b"PROXY TCP4 203.0.113.9 198.51.100.2 51234 443\r\nrest")
    assert (layer.family, layer.source, layer.source_port) == (
        "TCP4",
        "203.0.113.9",
        51234,
    )
    assert layer.more == b""
    assert layer.end == b"\r\n"
    assert layer.payload.load == b"rest"


@pytest.mark.parametrize(
    "line",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n",
        b"PROXY  TCP4 1.2.3.4\r\n",
        b"PROXY\r\n",
        b"\r\n",
        b"\r",
        b" ",
        b"PROXY TCP4 a b c d e f\r\n",
        b"PROXY TCP4 1.2.3.4 1.2.3.4 01 443\r",
        b"PROXY \xff\xfe 1 2 3 4\r\n",
        b"x" * 200 + b"\r\n",
    ],
)
def test_any_line_is_built_again(line: bytes) -> None:
    layer = PROXYv1(line)
    assert rebuilt(layer) + bytes(layer.payload) == line


def test_unknown_has_no_addresses() -> None:
    layer = PROXYv1(b"PROXY UNKNOWN ::1 ::2 1 2\r\n")
    assert layer.source is None
    assert layer.more == b" ::1 ::2 1 2"
    assert bytes(PROXYv1(family="UNKNOWN")) == b"PROXY UNKNOWN\r\n"


def test_a_line_that_does_not_end() -> None:
    layer = PROXYv1(b"PROXY TCP4 203.0.113.9")
    assert layer.source == "203.0.113.9"
    assert layer.destination == layer.end == NOTHING


def test_a_line_is_no_longer_than_a_receiver_takes() -> None:
    layer = PROXYv1(b"PROXY TCP4 " + b"1" * 100 + b" 2\r\n")
    assert len(rebuilt(layer)) == 107


def test_a_word_is_text_if_it_can_be() -> None:
    word = Word("word", "a")
    assert word.any2i(None, b"ab") == "ab"
    assert word.any2i(None, b"\xff") == b"\xff"
    assert word.any2i(None, "ä") == b"\xc3\xa4"


@pytest.mark.parametrize(
    ("octets", "value"), [(b"0", 0), (b"65536", 65536), (b"00", "00"), (b"+1", "+1")]
)
def test_a_number_has_one_way_of_writing(octets: bytes, value: object) -> None:
    assert NumberWord("number", 0).m2i(None, octets) == value

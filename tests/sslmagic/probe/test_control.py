"""control.py: octets that are no preamble, and answers that show no difference."""

from __future__ import annotations

import pytest

from sslmagic.decoder import Decoder
from sslmagic.errors import DecodeError
from sslmagic.preamble import Endpoint
from sslmagic.probe.answer import Answer, Came, came_of
from sslmagic.probe.claim import said
from sslmagic.probe.control import altered, is_alike, repeats, same_line
from sslmagic.wire import FORMATS

CLIENT = Endpoint("203.0.113.9", 51234)
ALERT = bytes.fromhex("15 03 03 00 02 02")


def answer(octets: bytes) -> Answer:
    text = octets if came_of(octets) is Came.HTTP else b""
    came = came_of(octets) or Came.CLOSED
    return Answer(came=came, seconds=0.0, octets=octets, text=text)


@pytest.mark.parametrize("format", FORMATS)
def test_a_control_is_as_long_and_no_preamble(format: str) -> None:
    preamble = said(CLIENT, 443, format)
    control = altered(preamble, format)
    assert sum(a != b for a, b in zip(preamble, control, strict=True)) == 1
    with pytest.raises(DecodeError):
        Decoder(FORMATS).feed(control)


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        (b"ERROR\r\nERROR\r\n", b"ERROR\r\n", True),
        (b"-ERR unknown 'PROXY'\r\n", b"-ERR unknown 'PROXZ'\r\n", True),
        (b"-ERR unknown 'proxy'\r\n", b"-ERR unknown 'proxz'\r\n", True),
        (b"ERR at 12:00:01\r\n", b"ERR at 12:00:02\r\n", True),
        (b"\r\nERR\r\n", b"ERR\r\n", True),
        (b"220 a ready\r\n", b"500 a ready\r\n", False),
        (b"* OK ready\r\n", b"* BYE no preamble\r\n", False),
        (b"220 ready\r\n", b"", False),
        (b"", b"", True),
        (ALERT + b"\x28", ALERT + b"\x28", True),
        (ALERT + b"\x28", ALERT + b"\x0a", False),
        (b"HTTP/1.1 403 No\r\n", b"HTTP/1.1 403 Never\r\n", True),
        (b"HTTP/1.1 404 No\r\n", b"HTTP/1.1 400 No\r\n", False),
    ],
)
def test_answers_that_show_no_difference(one: bytes, other: bytes, alike: bool) -> None:
    assert is_alike(answer(one), answer(other)) is alike


def test_a_line_is_the_first() -> None:
    assert same_line(b"hello 1\nyou", b"hello 2\nthey")
    assert not same_line(b"hello\n", b"goodbye\n")


@pytest.mark.parametrize("format", FORMATS)
def test_an_echo_repeats(format: str) -> None:
    preamble = said(CLIENT, 443, format)
    assert repeats(b"you said " + preamble, preamble)
    assert not repeats(b"you are 203.0.113.9", preamble)


def test_words_may_be_repeated_each_by_itself() -> None:
    preamble = said(CLIENT, 443, "proxy1")
    assert repeats(b"-ERR unknown command 'proxy', with 'tcp4' '203.0.113.9'", preamble)
    assert not repeats(b"220 proxy.example: hello 203.0.113.9", preamble)

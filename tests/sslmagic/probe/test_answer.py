"""answer.py: what the first octets of an answer are."""

from __future__ import annotations

import pytest

from sslmagic.probe.answer import Answer, Came, alert_in, came_of, status_in

ALERT = bytes.fromhex("15 03 03 00 02 02")
SERVER_HELLO = bytes.fromhex("16 03 03 00 7a 02 00 00 76 03 03")
CLIENT_HELLO = bytes.fromhex("16 03 01 00 7a 01 00 00 76 03 03")


def answer(octets: bytes, **values: object) -> Answer:
    came = came_of(octets)
    assert came is not None
    text = octets if came is Came.HTTP else b""
    return Answer(came=came, seconds=0.0, octets=octets, text=text, **values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("octets", "came"),
    [
        (b"", None),
        (SERVER_HELLO, Came.TLS),
        (CLIENT_HELLO, Came.OCTETS),
        (ALERT + b"\x0a", Came.ALERT),
        (ALERT, Came.OCTETS),
        (b"HTTP/1.1 400 Bad Request\r\n", Came.HTTP),
        (b"HTTP/1.0 200 OK\r\n", Came.HTTP),
        (b"HTTP/1.1 4000", Came.OCTETS),
        (b"220 mail.example ESMTP\r\n", Came.OCTETS),
    ],
)
def test_first_octets(octets: bytes, came: Came | None) -> None:
    assert came_of(octets) is came


def test_an_echo_speaks_no_tls() -> None:
    assert not answer(CLIENT_HELLO).speaks_tls


@pytest.mark.parametrize(
    ("number", "name", "understood"),
    [
        (10, "unexpected_message", False),
        (40, "handshake_failure", True),
        (70, "protocol_version", False),
        (120, "no_application_protocol", True),
        (200, "200", False),
    ],
)
def test_an_alert_may_show_that_a_hello_was_understood(
    number: int, name: str, understood: bool
) -> None:
    heard = answer(ALERT + bytes([number]))
    assert (heard.alert, heard.speaks_tls) == (name, understood)
    assert heard.said == f"alert {name}"
    assert alert_in(ALERT + bytes([number])) == number


def test_a_status() -> None:
    assert answer(b"HTTP/1.1 403 Forbidden\r\n\r\n").status == 403
    assert answer(b"HTTP/1.1 403 Forbidden\r\n\r\n").said == "HTTP 403"
    assert status_in(b"HTTP/2 200") is None


def within_tls(text: bytes = b"", *, ended: bool = False) -> Answer:
    return Answer(came=Came.TLS, seconds=0.1, version="TLSv1.3", text=text, ended=ended)


@pytest.mark.parametrize(
    ("heard", "said"),
    [
        (within_tls(), "TLSv1.3, then nothing"),
        (within_tls(ended=True), "TLSv1.3, then the end"),
        (within_tls(b"HTTP/1.1 400 Bad Request"), "HTTP 400 within TLSv1.3"),
        (within_tls(b"220 "), "4 octets within TLSv1.3"),
        (Answer(came=Came.TLS, seconds=0.1), "a ServerHello, then nothing"),
        (Answer(came=Came.OCTETS, seconds=0.1, octets=b"220 "), "4 octets"),
        (Answer(came=Came.CLOSED, seconds=0.1), "closes"),
        (Answer(came=Came.RESET, seconds=0.1), "resets"),
        (Answer(came=Came.SILENCE, seconds=0.1), "says nothing"),
        (Answer(came=Came.UNREACHABLE, seconds=0.1, error="refused"), "refused"),
        (Answer(came=Came.UNREACHABLE, seconds=0.1), "no connection"),
    ],
)
def test_in_a_few_words(heard: Answer, said: str) -> None:
    assert heard.said == said


def test_an_end_at_once_is_one_that_waited_for_nothing() -> None:
    soon = Answer(came=Came.CLOSED, seconds=0.01, lasted=0.01, ended=True)
    late = Answer(came=Came.CLOSED, seconds=1.0, lasted=1.0, ended=True)
    said = Answer(came=Came.OCTETS, seconds=0.01, lasted=0.01, ended=True)
    assert soon.is_end_at_once
    assert not late.is_end_at_once
    assert not said.is_end_at_once

"""words.py: what is said where a receiver has no words."""

from __future__ import annotations

import pytest

from sslmagic.capture.conversation import Ended
from sslmagic.capture.words import octets_said, silence, what_stands
from tests.sslmagic.capture.made import conversation


@pytest.mark.parametrize(("count", "said"), [(1, "1 octet"), (2, "2 octets")])
def test_a_number_has_its_noun(count: int, said: str) -> None:
    assert octets_said(count) == said


@pytest.mark.parametrize(
    ("follows", "octets", "said"),
    [
        ("tls", b"\x16", "TLS"),
        ("proxy1", b"PROXY ", "a proxy1 preamble"),
        ("http", b"GET /" + b"x" * 99, f"an HTTP request (GET /{'x' * 35})"),
        ("other", b"\xff\xfe", "octets ff fe"),
    ],
)
def test_what_stands_there(follows: str, octets: bytes, said: str) -> None:
    assert what_stands(follows, octets) == said


def test_an_end_that_nobody_saw_is_somebodys() -> None:
    said = silence(conversation(ended=Ended.CLOSED))
    assert said == "sent nothing in 0.5 s, then somebody closed the connection"

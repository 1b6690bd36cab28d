"""connection.py: what follows from a verdict."""

from __future__ import annotations

import pytest

from sslmagic.capture.conversation import Ended
from sslmagic.capture.verdict import MEANINGS, Verdict
from sslmagic.wire import encode
from tests.sslmagic.capture.made import PREAMBLE, hello, judged


def test_advice_is_the_verdicts() -> None:
    one = judged(hello())
    assert one.verdict is Verdict.MISSING
    assert one.advice == MEANINGS[Verdict.MISSING].do


@pytest.mark.parametrize("front", [b"", encode(PREAMBLE)])
def test_the_hello_is_found_behind_the_preamble(front: bytes) -> None:
    assert judged(front + hello() + b"more").hello == hello()


def test_without_tls_there_is_no_hello() -> None:
    assert judged(encode(PREAMBLE) + b"GET /").hello == b""


@pytest.mark.parametrize(
    ("octets", "is_settled"),
    [
        (b"", False),
        (encode(PREAMBLE)[:9], False),
        # TLS will follow, and is worth a name.
        (encode(PREAMBLE), False),
        (encode(PREAMBLE) + hello()[:20], False),
        (hello()[:20], False),
        (hello(), True),
        (encode(PREAMBLE) + hello(), True),
        (encode(PREAMBLE) + b"GET / HTTP/1.1", True),
        (encode(PREAMBLE) * 2, True),
        (encode(PREAMBLE) + b"\x16\x03\x01\x00\x04\x02\x00\x00\x00", True),
    ],
)
def test_what_an_open_one_is_may_be_settled(octets: bytes, *, is_settled: bool) -> None:
    assert judged(octets, ended=Ended.OPEN).is_settled is is_settled

"""connection.py: what follows from a verdict."""

from __future__ import annotations

import pytest

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

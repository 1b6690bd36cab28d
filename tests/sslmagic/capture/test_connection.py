"""connection.py: what follows from a verdict."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.capture.conversation import Ended
from sslmagic.capture.verdict import MEANINGS, Verdict
from sslmagic.preamble import Command, Preamble
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


NO_HELLO = b"\x16\x03\x01\x00\x04\x02\x00\x00\x00"
SPOILT = b"\x13\x01\x01\x00", b"\x13\x01\xff\x00"
"""The length of the compression methods."""


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
        (encode(PREAMBLE) + NO_HELLO, True),
        (NO_HELLO, True),
        # Whole, and none.
        (hello().replace(*SPOILT), True),
    ],
)
def test_what_an_open_one_is_may_be_settled(octets: bytes, *, is_settled: bool) -> None:
    assert judged(octets, ended=Ended.OPEN).is_settled is is_settled


REFUSED: dict[str, Any] = {"ended": Ended.RESET, "ended_by": "listener"}
NO_READER = "it may read no preamble, or none from this peer"


@pytest.mark.parametrize("preamble", [PREAMBLE, Preamble(command=Command.LOCAL)])
@pytest.mark.parametrize(
    ("answer", "more", "said"),
    [
        (
            b"\x15\x03\x03\0\2\2\x0a",
            {},
            f"answers with a TLS alert (unexpected_message): {NO_READER}",
        ),
        (b"\x15\x03\x03\0\2\2\x28", {}, "answers with a TLS alert (handshake_failure)"),
        (b"\x15\x03", {}, "answers with a TLS alert"),
        (b"HTTP/1.1 400 Bad Request\r\n", {}, f"answers HTTP 400: {NO_READER}"),
        (b"", REFUSED, f"reset it without an answer: {NO_READER}"),
        (
            b"",
            {"ended": Ended.CLOSED, "ended_by": "listener"},
            f"closed it without an answer: {NO_READER}",
        ),
    ],
)
def test_a_listener_may_turn_down_what_is_in_order(
    preamble: Preamble, answer: bytes, more: dict[str, Any], said: str
) -> None:
    one = judged(encode(preamble) + hello(), answer, **more)
    assert not one.is_fault
    assert one.is_remarkable
    assert one.rebuff == f"the listener {said}"
    assert one.words.endswith(f"; the listener {said}")


@pytest.mark.parametrize(
    ("octets", "answer", "more"),
    [
        (encode(PREAMBLE) + hello(), b"\x16\x03\x03\0\1\2", REFUSED),
        (encode(PREAMBLE) + b"GET / HTTP/1.1", b"HTTP/1.1 404 Not Found\r\n", REFUSED),
        (encode(PREAMBLE) + hello(), b"", {"ended": Ended.RESET, "ended_by": "peer"}),
        (encode(PREAMBLE) + hello(), b"", {"ended": Ended.OPEN}),
        # A check that says nothing behind its preamble is ended by whoever likes to.
        (encode(PREAMBLE), b"", REFUSED),
        # Refused for what is wrong with it, which the verdict says.
        (encode(PREAMBLE) * 2, b"", REFUSED),
        (encode(PREAMBLE)[:9], b"", REFUSED),
        (hello(), b"\x15\x03\x03\0\2\2\x0a", REFUSED),
    ],
)
def test_what_is_no_rebuff(octets: bytes, answer: bytes, more: dict[str, Any]) -> None:
    one = judged(octets, answer, **more)
    assert one.rebuff is None
    assert "the listener answers" not in one.words
    assert "without an answer" not in one.words

"""front.py: enough is wanted to judge, and no more than a bounded front."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sslmagic.capture.front import SHOWN, Front, wanted
from sslmagic.capture.judge import Judge
from sslmagic.errors import DecodeError
from sslmagic.hello import hello_length
from sslmagic.preamble import Preamble
from sslmagic.tlv import TLV, Type
from sslmagic.wire import FORMATS, LONGEST_SIGNATURE, encode
from sslmagic.wire.magic import MOST_BOUND
from tests.sslmagic.capture.made import PREAMBLE, conversation, hello
from tests.vectors.vector import Vector, vectors


def taken(stream: bytes, step: int = 1, front: Front = wanted) -> bytes:
    """What is taken of *stream* by somebody who asks after every *step* octets."""
    have = 0
    while (want := front(stream[:have])) and have < len(stream):
        assert want > have
        have = min(have + step, want, len(stream))
    return stream[:have]


@pytest.mark.parametrize("format", FORMATS)
@pytest.mark.parametrize("step", [1, 7, 100_000])
def test_a_preamble_is_taken_with_its_hello_and_a_signature(
    format: str, step: int
) -> None:
    front = encode(PREAMBLE, format) + hello()
    stream = front + bytes(1000)
    assert taken(stream, step) == stream[: len(front) + LONGEST_SIGNATURE]


def test_a_hello_without_a_preamble_is_taken_with_what_may_come_late() -> None:
    front = hello() + encode(PREAMBLE, "proxy2")
    assert taken(front + bytes(99)) == front[: len(hello()) + LONGEST_SIGNATURE]


def test_a_hello_of_several_records_is_taken_whole() -> None:
    body = hello()[5:]
    cut = [body[:40], body[40:41], body[41:]]
    records = b"".join(b"\x16\x03\x01" + len(c).to_bytes(2, "big") + c for c in cut)
    assert taken(records + b"rest") == records + b"rest"


@pytest.mark.parametrize(
    "stream",
    [
        b"GET / HTTP/1.1\r\n",
        b"\xcd\x03\x03\xff\xff",
        b"PROXY nonsense\r\n",
        encode(PREAMBLE) + encode(PREAMBLE),
        b"\x16\x03\x01\x40\x00\x02",
        b"\x16\x03\x01\x00\x00\x01",
        encode(PREAMBLE) + b"GET / HTTP/1.1\r\n",
        b"\0",
    ],
)
def test_anything_else_is_taken_as_far_as_it_is_shown(stream: bytes) -> None:
    assert len(taken(stream + bytes(100_000), 1000)) <= SHOWN


def test_an_endless_hello_is_bounded() -> None:
    record = b"\x16\x03\x01\x40\x00" + (b"\x01\x00\xff\xff" + bytes(0x3FFC))
    stream = record + (b"\x16\x03\x01\0\1x" * 100_000)
    asked = []

    def front(octets: bytes) -> int:
        asked.append(len(octets))
        return wanted(octets)

    have = 0
    while want := front(stream[:have]):
        have = min(want, len(stream))
    assert 60_000 < have < 80_000
    assert len(asked) < 100


def test_the_limit_is_the_judges() -> None:
    long = Preamble(
        source=PREAMBLE.source,
        destination=PREAMBLE.destination,
        tlvs=[TLV(Type.NOOP, bytes(3000))],
    )
    octets = encode(long, "magic", limit=4096)
    assert len(taken(octets, 99)) == SHOWN
    assert taken(octets, 99, Judge(limit=4096).wanted) == octets


def test_it_goes_to_another_process() -> None:
    front = pickle.loads(pickle.dumps(Front(["proxy2"], limit=99)))
    assert (front.formats, front.limit) == (("proxy2",), 99)


@pytest.mark.parametrize("vector", vectors(), ids=str)
def test_the_front_decides_as_the_whole_stream_does(vector: Vector) -> None:
    judge = Judge(limit=vector.limit)
    stream = vector.octets + hello() + bytes(500)
    said: list[Any] = []
    for octets in (stream, taken(stream, 13, judge.wanted)):
        one = judge.judge(conversation(octets))
        said.append((one.verdict, one.offset, one.preamble, one.follows))
    assert said[0] == said[1]


@given(
    st.sampled_from([b"\x16\x03\x01", b"\x16\x03\xff", b"\x16\x02\x01"]),
    st.integers(0, 24),
    st.sampled_from([b"\x01\0\0", b"\x01\0\1", b"\x01\1\0", b"\x02\0\0"]),
    st.integers(0, 20),
    st.binary(max_size=24),
)
def test_a_hello_is_as_long_as_its_records(
    head: bytes, size: int, kind: bytes, length: int, rest: bytes
) -> None:
    octets = head + size.to_bytes(2, "big") + kind + bytes([length]) + rest
    for end in range(len(octets) + 1):
        front = octets[:end]
        try:
            known = hello_length(front)
        except DecodeError:
            known = None
        if known is not None:
            most = known + LONGEST_SIGNATURE
            assert wanted(front) == (most if most > end else 0)
        elif end:
            # Not whole, or none: more is wanted than there is, or what is shown.
            assert wanted(front) == 0 or wanted(front) > end


def test_what_a_proof_covers_is_taken() -> None:
    signed = [v for v in vectors() if v.valid and v.decoded and v.decoded["proof"]]
    covered = {v.decoded["proof"]["bound"]: v.wire for v in signed if v.decoded}
    assert max(covered) == MOST_BOUND
    for bound, wire in covered.items():
        stream = wire + b"x" * (MOST_BOUND + 100)
        assert taken(stream, 4096) == stream[: len(wire) + max(bound, 64)]

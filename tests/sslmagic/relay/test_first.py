"""First octets by protocol."""

from __future__ import annotations

import pytest

from sslmagic import wire
from sslmagic.errors import Reason
from sslmagic.preamble import Preamble
from sslmagic.relay.first import JUDGES, no_preamble, only_ssl
from tests.sslmagic.relay.harness import HELLO

CLIENT = Preamble(source=("203.0.113.9", 51234), destination=("198.51.100.2", 443))
PREAMBLES = [wire.encode(CLIENT, format) for format in wire.FORMATS]


def test_a_hello_is_told_by_its_sixth_octet() -> None:
    for length in range(6):
        assert only_ssl(HELLO[:length], ended=False) == "wait"
        assert only_ssl(HELLO[:length], ended=True) is Reason.HELLO
    for length in range(6, len(HELLO) + 1):
        assert only_ssl(HELLO[:length], ended=False) == "forward"


@pytest.mark.parametrize(
    "octets", [b"GET /", b"\x80\x2e\x01", b"\x15\x03\x01", *PREAMBLES]
)
def test_nothing_else_is_a_hello(octets: bytes) -> None:
    assert only_ssl(octets, ended=False) is Reason.HELLO


@pytest.mark.parametrize("preamble", PREAMBLES)
def test_a_preamble_is_held_back_until_it_is_one(preamble: bytes) -> None:
    length = next(n for n in range(99) if wire.signature(preamble[:n]))
    assert length <= wire.LONGEST_SIGNATURE
    for held in range(length):
        assert no_preamble(preamble[:held], ended=False) == "wait"
    assert no_preamble(preamble[:length], ended=False) is Reason.NESTED
    assert no_preamble(preamble, ended=True) is Reason.NESTED


@pytest.mark.parametrize("preamble", PREAMBLES)
def test_the_beginning_of_one_is_none_when_the_stream_ends(preamble: bytes) -> None:
    assert no_preamble(preamble[:5], ended=True) == "forward"


@pytest.mark.parametrize("first", range(256))
def test_any_other_first_octet_settles_it(first: int) -> None:
    octets = bytes((first,))
    verdict = no_preamble(octets, ended=False)
    assert verdict == ("wait" if first in {0xCD, 0x50, 0x0D} else "forward")


@pytest.mark.parametrize("octets", [b"PROXIES", b"\r\n\r\nA", b"\xcd\x03\x04"])
def test_a_near_miss_is_passed_on(octets: bytes) -> None:
    assert no_preamble(octets, ended=False) == "forward"


def test_magic_is_told_whatever_its_length_field_says() -> None:
    assert no_preamble(b"\xcd\x03\x03\xff\xffMAGI", ended=False) is Reason.NESTED


def test_protocols_have_their_judges() -> None:
    assert JUDGES["ssl"] is only_ssl
    assert JUDGES["client_first"] is JUDGES["stream"] is no_preamble

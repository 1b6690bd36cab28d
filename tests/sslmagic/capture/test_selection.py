"""selection.py: each filter takes its own, and all must agree."""

from __future__ import annotations

from typing import Any

import pytest

from sslmagic.capture.selection import Selection
from sslmagic.capture.verdict import Verdict
from sslmagic.preamble import Endpoint, Preamble, UnixEndpoint
from sslmagic.wire import encode
from tests.sslmagic.capture.made import PREAMBLE, START, hello, judged

GOOD = judged(encode(PREAMBLE) + hello())
FAULTY = judged(hello(None))
UNIX = Preamble(source=UnixEndpoint("/a"), destination=UnixEndpoint("/b"))


@pytest.mark.parametrize(
    ("fields", "good", "faulty"),
    [
        ({}, True, True),
        ({"faults": True}, False, True),
        ({"verdicts": {Verdict.OK, Verdict.LATE}}, True, False),
        ({"formats": {"magic"}}, True, False),
        ({"formats": {"none", "proxy2"}}, False, True),
        ({"clients": ["203.0.113.0/24"]}, True, False),
        ({"clients": ["203.0.114.0/24", "unix"]}, False, False),
        ({"peers": ["10.0.0.0/8"]}, True, True),
        ({"peers": ["2001:db8::/32"]}, False, False),
        ({"listeners": [Endpoint("10.0.1.7", 8443)]}, True, True),
        ({"listeners": [Endpoint("", 8443)]}, True, True),
        ({"listeners": [Endpoint("10.0.1.7", 0)]}, True, True),
        ({"listeners": [Endpoint("", 443)]}, False, False),
        ({"server_names": ["*.EXAMPLE"]}, True, False),
        ({"server_names": ["shop.example.org"]}, False, False),
        ({"since": START}, True, True),
        ({"since": START + 1}, False, False),
        ({"until": START}, False, False),
        ({"until": START + 1}, True, True),
        ({"peers": ["10.0.0.0/8"], "faults": True}, False, True),
    ],
)
def test_each_filter(fields: dict[str, Any], *, good: bool, faulty: bool) -> None:
    selection = Selection(**fields)
    assert selection.matches(GOOD) is good
    assert selection.matches(FAULTY) is faulty


def test_what_a_listener_turned_down_is_among_the_faults() -> None:
    alert = judged(encode(PREAMBLE) + hello(), b"\x15\x03\x03\0\2\2\x28")
    assert not alert.is_fault
    assert Selection(faults=True).matches(alert)


def test_unix_is_a_network_of_its_own() -> None:
    near = judged(encode(UNIX), peer=Endpoint("127.0.0.1", 1))
    assert not Selection(clients=("unix",)).matches(near)
    assert Selection(verdicts=frozenset({Verdict.SOURCE})).matches(near)

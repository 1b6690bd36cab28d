"""What Connection names (RFC 9110 section 7.6.1)."""

from __future__ import annotations

from sslmagic.relay.http.hops import HOP_BY_HOP, options


def test_options_are_gathered_from_every_line_and_in_lower_case() -> None:
    headers = [
        (b"Connection", b"Close, X-Foo"),
        (b"X-Foo", b"bar"),
        (b"CONNECTION", b"\tTE ,, keep-alive,"),
    ]
    assert options(headers) == {b"close", b"x-foo", b"te", b"keep-alive"}
    assert options([(b"X-Connection", b"close")]) == frozenset()


def test_the_fields_of_a_hop_are_in_lower_case() -> None:
    assert {name.lower() for name in HOP_BY_HOP} == HOP_BY_HOP

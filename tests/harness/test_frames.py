"""Frames that were filled in are those that scapy builds from nothing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scapy.layers.inet import IP, TCP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.packet import Raw

from tests.harness.frames import MOST, Route, frame, read

MACS = ("02:00:00:00:00:01", "02:00:00:00:00:02")
ROUTES = {
    4: Route(MACS, ("198.18.0.2", "198.18.0.1")),
    6: Route(MACS, ("fd53::2", "fd53::1")),
}
SYN_OPTIONS: tuple[tuple[str, Any], ...] = (
    ("MSS", 1460),
    ("SAckOK", b""),
    ("WScale", 7),
)


@given(
    version=st.sampled_from([4, 6]),
    ports=st.tuples(st.integers(1, 65535), st.integers(1, 65535)),
    numbers=st.tuples(st.integers(0, 2**32 - 1), st.integers(0, 2**32 - 1)),
    flags=st.integers(0, 31),
    window=st.integers(0, 65535),
    data=st.binary(max_size=MOST),
    options=st.sampled_from([(), SYN_OPTIONS]),
)
def test_as_scapy_builds_it(
    version: int,
    ports: tuple[int, int],
    numbers: tuple[int, int],
    flags: int,
    window: int,
    data: bytes,
    options: tuple[tuple[str, Any], ...],
) -> None:
    route = ROUTES[version]
    seq, ack = numbers
    made = frame(
        route,
        ports,
        seq=seq,
        ack=ack,
        flags=flags,
        window=window,
        data=data,
        options=options,
    )
    ends: dict[str, Any] = {"src": route.hosts[0], "dst": route.hosts[1]}
    ip: Any = IPv6(**ends) if version == 6 else IP(**ends, flags="DF", id=0)
    tcp: Any = TCP(
        sport=ports[0],
        dport=ports[1],
        seq=seq,
        ack=ack,
        flags=flags,
        window=window,
        options=list(options),
    )
    link: Any = Ether(src=MACS[0], dst=MACS[1])
    assert made == bytes(link / ip / tcp / Raw(data))
    assert read(made) == (version, *ports, seq, ack, flags, data, window)


@pytest.mark.parametrize(
    "octets", [b"", bytes(14), bytes(12) + b"\x08\x06" + bytes(28)]
)
def test_what_is_no_tcp(octets: bytes) -> None:
    assert read(octets) is None

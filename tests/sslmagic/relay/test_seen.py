"""The bits of what was seen: each is its own, and none is epoll's."""

from __future__ import annotations

import select

from sslmagic.relay import seen

BITS = {name: getattr(seen, name) for name in seen.__all__ if name != "ASIDE"}


def test_each_is_a_bit_of_its_own() -> None:
    assert all(bit.bit_count() == 1 for bit in BITS.values())
    assert len(set(BITS.values())) == len(BITS)


def test_none_is_a_bit_of_epoll() -> None:
    told = [value for name, value in vars(select).items() if name.startswith("EPOLL")]
    # EPOLLET is the sign bit of what the kernel hands over, which is 32 bits wide.
    assert max(told) < 1 << 32 < min(BITS.values())

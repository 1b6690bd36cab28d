"""Conversations at random, of which only some makes sense."""

from __future__ import annotations

import random

from hypothesis import strategies as st

from tests.sslmagic.capture.wired import FIN, PSH, RST, SYN, T0, Talk, Timed, ethernet

__all__ = ["ACTS", "framed", "played"]

ACTS = st.lists(
    st.tuples(
        st.integers(0, 3),  # which conversation
        st.integers(0, 1),  # who
        st.sampled_from([0, 0, 0, 0, PSH, PSH, FIN, SYN, RST]),
        st.integers(-3, 12),  # where, from what comes next
        st.integers(0, 30),  # how much
        st.sampled_from([100, 5_000_000, 10**9, 70 * 10**9, 4000 * 10**9]),
        st.booleans(),  # acknowledged
    ),
    max_size=60,
)
"""What hosts might do, of which only some makes sense."""


def played(acts: list[tuple[int, int, int, int, int, int, bool]]) -> list[Timed]:
    """Packets that follow on each other often, and often do not."""
    talks = [
        Talk(ports=(50000 + number, 443), isns=(0xFFFFFFF0 - 7 * number, 5))
        for number in range(4)
    ]
    reached = [[-1, -1] for _ in talks]
    packets: list[Timed] = []
    time = T0
    for which, side, flags, where, size, after, acknowledges in acts:
        talk, reach = talks[which], reached[which]
        time += after
        talk.time = time
        if flags == SYN:
            offset, data = -1, b""
        elif where > 8 or reach[side] < 0:
            offset, data = (
                max(reach[side], 0),
                random.Random(len(packets)).randbytes(size),
            )
        else:
            offset, data = reach[side] + where - 8 * (where < 0), bytes(size)
        acked = None if flags == SYN and not side else max(reach[1 - side], 0)
        talk.add(
            side,
            offset,
            data,
            flags=flags,
            acked=acked if acknowledges else None,
            after=0,
        )
        reach[side] = max(reach[side], offset + len(data) + (flags in (SYN, FIN)))
        packets.append(talk.packets[-1])
    return packets


def framed(packets: list[Timed]) -> list[Timed]:
    return [(time, ethernet(packet)) for time, packet in packets]

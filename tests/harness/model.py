"""What Linux reads of segments that overlap, by its rules (net/ipv4/tcp_input.c).

Octets in order stay. Of segments that wait behind a gap, a new one within an old one is
dropped, old ones within a new one are, and of two that overlap in part the one that
begins earlier is read first. A FIN is one more octet of its segment, and ends all.

Whether two that wait and touch are joined to one depends on the memory that the driver
took for them (skb_try_coalesce), and so may what is read of a third that conflicts with
both. Nobody who sees the packets alone can tell.
"""

from __future__ import annotations

import bisect

from tests.harness.frames import FIN, RST, SYN
from tests.harness.script import Script

__all__ = ["is_decided", "model"]

_FIN = 256
"""The FIN among the octets."""


def is_decided(script: Script) -> bool:
    """Return whether the stream is the same however a kernel keeps its segments."""
    return model(script, joins=True) == model(script, joins=False)


def model(script: Script, *, joins: bool) -> bytes:
    """Return the octets that a program reads of a script.

    Args:
        script: what arrives, in that order.
        joins: whether segments that wait and touch become one.
    """
    acknowledges = any(name == "SAckOK" for name, _ in script.options)
    front: list[int] = []
    waiting: list[tuple[int, list[int]]] = []
    for piece in script.pieces:
        if piece.flags & SYN:
            continue
        if piece.flags & RST:
            # RFC 5961 section 3.2; and, where what waits is acknowledged, at its end.
            ends = [sum(_span(part)) for part in waiting] if acknowledges else []
            if piece.start in (len(front), max(ends, default=len(front))):
                break
            continue
        values = list(piece.octets) + [_FIN] * bool(piece.flags & FIN)
        start = piece.start
        if start <= len(front):
            _extend(front, start, values)
        elif values:
            _wait(waiting, start, values, joins=joins)
        while waiting and waiting[0][0] <= len(front) and _FIN not in front[-1:]:
            _extend(front, *waiting.pop(0))
        if _FIN in front[-1:]:
            return bytes(front[:-1])
    return bytes(front)


def _extend(front: list[int], start: int, values: list[int]) -> None:
    front += values[len(front) - start :]


def _wait(
    waiting: list[tuple[int, list[int]]], start: int, values: list[int], *, joins: bool
) -> None:
    end = start + len(values)
    place = bisect.bisect_right(waiting, start, key=lambda part: part[0])
    if place:
        begin, before = waiting[place - 1]
        stop = begin + len(before)
        if end <= stop:
            return
        if begin == start:
            place -= 1
            waiting[place] = start, values
        elif stop == start and joins and _FIN not in before[-1:]:
            place -= 1
            waiting[place] = begin, before + values
        else:
            waiting.insert(place, (start, values))
    else:
        waiting.insert(0, (start, values))
    while place + 1 < len(waiting) and end >= sum(_span(waiting[place + 1])):
        del waiting[place + 1]


def _span(part: tuple[int, list[int]]) -> tuple[int, int]:
    return part[0], len(part[1])

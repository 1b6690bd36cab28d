"""What Linux reads of segments that overlap, by its rules (net/ipv4/tcp_input.c).

Octets in order stay. Of segments that wait behind a gap, a new one within an old one is
dropped, old ones within a new one are, and of two that overlap in part the one that
begins earlier is read first. A FIN is one more octet of its segment, and ends all.

Whether two that wait and touch are joined to one depends on the memory that the driver
took for them (skb_try_coalesce), and on the tree in which they are kept; and so may
what is read of a third that conflicts with both. Nobody who sees the packets alone can
tell.

What is urgent is one octet, which is not read with the others; here it is one in all.

A RST is believed at the next octet (RFC 5961), and with SACK at the end of what waits.
"""

from __future__ import annotations

import bisect
import random
from collections.abc import Callable

from tests.harness.frames import FIN, RST, SYN, URG
from tests.harness.script import Script

__all__ = ["always", "is_decided", "model", "never"]

_FIN = 256
"""The FIN among the octets."""


_WAYS = 12
"""How many ways of joining are tried, of those that a kernel might have."""

Joins = Callable[[bool], bool]
"""Whether a segment is joined to one that it touches, which is the nearest or not."""


def always(nearest: bool) -> bool:
    """Join what touches, where nothing lies between."""
    return nearest


def never(nearest: bool) -> bool:
    """Keep all as they came."""
    return False


def _by_chance(chance: random.Random) -> Joins:
    return lambda nearest: chance.random() < 0.5


def is_decided(script: Script) -> bool:
    """Return whether the stream is the same however a kernel keeps its segments.

    And whether or not it has agreed on SACK, which our reader of captures does not see.
    """
    if sum(1 for piece in script.pieces if piece.flags & URG) > 1:
        # What becomes of the first one depends on when the program reads.
        return False
    if _is_plain(script):
        return True
    said = model(script)
    ways: list[Joins] = [always, never, lambda _: True]
    ways += [_by_chance(random.Random(seed)) for seed in range(_WAYS)]
    return all(
        said == model(script, joins=joins, sack=sack)
        for joins in ways
        for sack in (True, False)
    )


def _is_plain(script: Script) -> bool:
    """Whether every octet has one value, and nothing is said beyond the end."""
    return script.end == len(script.stream) and not any(
        piece.flags & (RST | URG)
        or piece.octets not in (b"", script.stream[piece.start :][: len(piece.octets)])
        for piece in script.pieces
        if not piece.flags & SYN
    )


def model(script: Script, *, joins: Joins = always, sack: bool | None = None) -> bytes:
    """Return the octets that a program reads of a script.

    Args:
        script: what arrives, in that order.
        joins: decides on every two that wait and touch.
        sack: whether what waits is acknowledged; None as the script asks.
    """
    if sack is None:
        sack = any(name == "SAckOK" for name, _ in script.options)
    front: list[int] = []
    urgent = -1
    waiting: list[tuple[int, list[int]]] = []
    for piece in script.pieces:
        if piece.flags & SYN or piece.is_dropped:
            continue
        if piece.flags & RST:
            # RFC 5961 section 3.2; and, where what waits is acknowledged, at its end.
            ends = [sum(_span(part)) for part in waiting] if sack else []
            if piece.start in (len(front), max(ends, default=len(front))):
                break
            continue
        values = list(piece.octets) + [_FIN] * bool(piece.flags & FIN)
        start = piece.start
        if piece.flags & URG:
            pointed = start + max(piece.urgent - 1, 0)
            urgent = pointed if pointed >= len(front) else urgent
        if start <= len(front):
            _extend(front, start, values)
        elif values:
            _wait(waiting, start, values, joins)
        while waiting and waiting[0][0] <= len(front) and _FIN not in front[-1:]:
            _extend(front, *waiting.pop(0))
        if _FIN in front[-1:]:
            break
    # An urgent octet is not read with the others (tcp_recvmsg).
    if 0 <= urgent < len(front) and front[urgent] != _FIN:
        del front[urgent]
    return bytes(value for value in front if value != _FIN)


def _extend(front: list[int], start: int, values: list[int]) -> None:
    front += values[len(front) - start :]


def _wait(
    waiting: list[tuple[int, list[int]]], start: int, values: list[int], joins: Joins
) -> None:
    end = start + len(values)
    place = bisect.bisect_right(waiting, start, key=lambda part: part[0])
    for before in range(place):
        if sum(_span(waiting[before])) != start or _FIN in waiting[before][1][-1:]:
            continue
        if joins(before == place - 1):
            begin, octets = waiting[before]
            waiting[before] = begin, octets + values
            _cover(waiting, before, end)
            return
    if place and end <= sum(_span(waiting[place - 1])):
        return
    if place and waiting[place - 1][0] == start:
        place -= 1
        waiting[place] = start, values
    else:
        waiting.insert(place, (start, values))
    _cover(waiting, place, end)


def _cover(waiting: list[tuple[int, list[int]]], place: int, end: int) -> None:
    """Drop what lies within the one at this place, which reaches to *end*."""
    while place + 1 < len(waiting) and end >= sum(_span(waiting[place + 1])):
        del waiting[place + 1]


def _span(part: tuple[int, list[int]]) -> tuple[int, int]:
    return part[0], len(part[1])

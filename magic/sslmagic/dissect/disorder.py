"""What a network does to the segments of an exchange, and what an attacker does.

Each function changes the exchange in place. None of them changes what the receiving
program reads, but for a conflict that comes first, and loss, which only the capture
suffers.
"""

from __future__ import annotations

import itertools

from sslmagic.dissect.exchange import WAIT, Exchange, Segment

__all__ = ["conflict", "duplicate", "lose", "overlap", "reorder", "retransmit"]

_TIMEOUT = 200_000_000
"""Nanoseconds until Linux sends again what nobody acknowledged: its least."""
_QUEUE = 64
"""Segments that can overtake each other: readers give up on what comes later still."""


def reorder(exchange: Exchange, segments: list[Segment]) -> None:
    """Let these segments arrive in another order, never in their own if they can.

    None is late by more than a queue of `_QUEUE` segments.
    """
    for begin in range(0, len(segments), _QUEUE):
        queue = segments[begin : begin + _QUEUE]
        places = [_place(exchange, one) for one in queue]
        shuffled = list(queue)
        while len(queue) > 1 and shuffled == queue:
            exchange.chance.shuffle(shuffled)
        for place, segment in zip(places, shuffled, strict=True):
            exchange.segments[place] = segment


def duplicate(exchange: Exchange, segments: list[Segment]) -> None:
    """Let each arrive twice at once, as a mirror port or a bridge shows them."""
    for segment in segments:
        _put(exchange, _place(exchange, segment) + 1, _again(segment, wait=2_000))


def retransmit(exchange: Exchange, segments: list[Segment]) -> None:
    """Send all of them again behind the last, because no acknowledgement came."""
    place = _place(exchange, segments[-1]) + 1
    for number, segment in enumerate(segments):
        again = _again(segment, wait=WAIT if number else _TIMEOUT)
        _put(exchange, place + number, again)


def overlap(segments: list[Segment], *, octets: int = 3) -> None:
    """Let each begin with the last *octets* of the one before it, said again."""
    for before, segment in reversed(list(itertools.pairwise(segments))):
        shared = before.octets[-octets:]
        segment.octets = shared + segment.octets
        segment.start -= len(shared)


def conflict(
    exchange: Exchange, after: Segment, octets: bytes, *, start: int = 0
) -> Segment:
    """Send *octets* again from *start*, behind *after*, where others came; return it.

    A receiver keeps what came first: whoever reads the other octets is deceived.
    """
    again = _again(after, wait=WAIT)
    again.octets, again.start = octets, start
    _put(exchange, _place(exchange, after) + 1, again)
    return again


def lose(segment: Segment) -> None:
    """Keep a segment from whoever captures; its receiver has it."""
    segment.captured = False


def _again(segment: Segment, *, wait: int) -> Segment:
    return Segment(
        sender=segment.sender,
        start=segment.start,
        octets=segment.octets,
        flags=segment.flags,
        acknowledged=segment.acknowledged,
        wait=wait,
    )


def _place(exchange: Exchange, segment: Segment) -> int:
    # By identity: an equal one may stand in front of it.
    return next(i for i, one in enumerate(exchange.segments) if one is segment)


def _put(exchange: Exchange, place: int, segment: Segment) -> None:
    exchange.segments.insert(place, segment)

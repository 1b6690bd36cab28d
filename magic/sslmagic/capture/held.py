"""Segments that count only if their receiver acknowledges them, in spite of all.

A kernel drops what has a wrong checksum, or acknowledges what was never sent. But what
a capture has of a checksum is not always what was on the wire (the network card may
have yet to count it), and it may lack what a segment acknowledges. So such a segment is
held, and what its receiver acknowledges says whether it was taken.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from sslmagic.capture.stream import PENDING_OCTETS

if TYPE_CHECKING:
    from sslmagic.capture.flow import Flow
    from sslmagic.capture.stream import Stream

__all__ = ["FIN", "Held", "acknowledge", "hold", "let_go", "release"]

FIN = 0x01
_MOST = 64
"""Segments of a stream that are held at a time."""


class Held(NamedTuple):
    """A segment that its receiver has dropped, unless it acknowledges it."""

    offset: int
    """Where in the stream its data belong."""
    octets: bytes
    """What was captured of them."""
    length: int
    """How many there were."""
    flags: int
    """Its flags."""
    urgent: int
    """The offset that its urgent pointer says; -1 without one."""
    time: int
    """When, in ns since 1970."""
    since: int
    """Ns since the packet before of this stream."""
    unfinished: bool
    """Whether nothing else is wrong with it than that its checksum is unfinished."""

    @property
    def end(self) -> int:
        """What its receiver acknowledges at the least, if it has taken it."""
        return self.offset + self.length + (self.flags & FIN)


def hold(stream: Stream, other: Stream, held: Held) -> None:
    """Hold a segment of *stream*; *other* is the direction that acknowledges it."""
    if not stream.watched:
        stream.watch(other)
    stream.held = [*stream.held, held]
    octets = sum(len(one.octets) for one in stream.held)
    if len(stream.held) > _MOST or octets > PENDING_OCTETS:
        if other.packets:
            stream.held = stream.held[1:]
        else:
            release(stream.flow, stream, stream.held)


def acknowledge(flow: Flow, stream: Stream, ack: int) -> None:
    """Take what is acknowledged of a stream that is watched."""
    acked = stream.offset(ack)
    stream.acked = max(stream.acked, acked)
    if stream.held:
        release(flow, stream, [one for one in stream.held if one.end <= acked])
    if stream.pending is None or not (stream.held or stream.has_gap()):
        stream.held = ()
        stream.watched = False


def let_go(flow: Flow, stream: Stream) -> None:
    """Decide on what is held still: nobody will say any more whether it was taken."""
    seen = flow.other(stream).packets
    release(flow, stream, [one for one in stream.held if one.unfinished or not seen])


def release(flow: Flow, stream: Stream, taken: Sequence[Held]) -> None:
    """Take segments that were held, as if nothing had been wrong with them."""
    stream.held = [one for one in stream.held if one not in taken]
    for one in taken:
        if stream.pending is None:
            break
        if one.unfinished and stream.sums is None:
            stream.sums = False
        if one.urgent >= 0:
            stream.point(one.urgent)
        if one.flags & FIN:
            flow.close(stream, one.end - 1, one.length, one.since)
        if one.length:
            stream.take(one.offset, one.octets, one.length, one.time, one.since)

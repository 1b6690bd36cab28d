"""Any captured frame, down to the TCP segment in it: the way of what is not plain."""

from __future__ import annotations

from sslmagic.capture.conversation import Counts, Unreadable
from sslmagic.capture.flows import LINGER, Flows, share
from sslmagic.capture.link import Link
from sslmagic.capture.plain import seen
from sslmagic.capture.segment import (
    Fragment,
    NotTCP,
    Segment,
    segment,
    tcp,
)
from sslmagic.capture.transport import Transport
from sslmagic.errors import CaptureError

__all__ = ["Frames"]

_EXAMPLES = 20
"""Unreadable packets that are named; the others are counted."""
_PACKETS = 256
"""Fragmented packets that may wait for their other parts at a time; Linux lets 4 MiB
wait (net.ipv4.ipfrag_high_thresh), 64 packets of full length."""
_PARTS = 128
"""Parts of one packet: 64 KiB in parts of 512 octets."""
_OCTETS = 1 << 22
"""Octets that may wait, as many as in Linux."""
_PATIENCE = 30_000_000_000
"""Ns for which Linux lets a fragment wait (net.ipv4.ipfrag_time)."""
_DAY = 86400 * 1_000_000_000
"""Ns that the clock is not believed to have gone on, until a second time says so."""
_BACK = 64
"""How often the clock may go back, by which what is open is gone through again."""
_TCP = 6


class _Parts:
    """The fragments of one packet."""

    __slots__ = ("began", "count", "cut", "length", "octets", "protocol", "runs")

    def __init__(self, began: int) -> None:
        self.began = began
        self.cut = False
        self.length = -1
        self.protocol = -1
        self.count = 0
        self.octets = 0
        self.runs: list[tuple[int, bytes]] = []
        """(offset, octets) in order, as they were put together."""

    def place(self, offset: int, octets: bytes, *, more: bool) -> bool:
        """Put a part where it belongs; return False if that makes the packet nothing.

        As inet_frag_queue_insert does it: what lies within one that is there is a copy,
        and left out; what overlaps in any other way makes Linux drop the packet.
        """
        end = offset + len(octets)
        edge = max((at + len(run) for at, run in self.runs), default=0)
        if end == offset or (self.length >= 0 and end > self.length):
            return False
        if not more:
            if end < edge or self.length not in (-1, end):
                return False
            self.length = end
        if end > edge:
            if offset < edge:
                return False
            if offset == edge and self.runs:
                begin, before = self.runs[-1]
                self.runs[-1] = begin, before + octets
            else:
                self.runs.append((offset, octets))
        else:
            for begin, run in self.runs:
                if offset < begin + len(run) and begin < end:
                    return begin <= offset and end <= begin + len(run)
            self.runs.append((offset, octets))
            self.runs.sort()
        self.count += 1
        self.octets += len(octets)
        return True

    @property
    def whole(self) -> bytes | None:
        """The payload; None while it lacks anything."""
        if self.cut or self.octets != self.length:
            return None
        return b"".join(run for _, run in self.runs)


class Frames:
    """Takes frames apart, counts them, and hands on what is TCP.

    Args:
        plain: whether plain segments may take a shorter way.
    """

    def __init__(self, flows: Flows, counts: Counts, *, plain: bool = True) -> None:
        self.flows = flows
        self.transport = Transport(flows)
        self.counts = counts
        self._may_be_plain = plain
        self.cutoff = 0
        """When was looked last for what has fallen silent, in ns."""
        self._doubted = 0
        """What was more than a day ahead of that; 0 if nothing was."""
        self._back = 0
        self.waiting: dict[bytes, _Parts] = {}
        """Fragments, by what belongs together."""
        self.octets = 0
        """How many octets of them there are."""

    def take(
        self,
        link: Link,
        data: bytes,
        start: int,
        end: int,
        *,
        length: int,
        time: int,
        place: int,
    ) -> None:
        """Take a frame.

        Args:
            link: how it is read.
            data: octets of which `start` to `end` are what was captured of it.
            length: how long it was on the wire.
            time: when, in ns since 1970.
            place: where in the capture its record begins.
        """
        if end - start < length:
            self.counts.cut += 1
        try:
            frame = link(data, start, end)
            if frame is None:
                self.counts.not_ip += 1
                return
            at, vlans = frame
            if (
                self._may_be_plain
                and end - start == length
                and self._plain(data, at, end, vlans, time)
            ):
                return
            found = segment(data, at, end, length=length - (at - start))
            if type(found) is Fragment:
                self.counts.fragments += 1
                self._fragment(found, data, vlans, time, place)
                return
        except ValueError as error:
            if end - start >= length:
                self._unreadable(place, str(error))
            return
        if type(found) is NotTCP:
            self.counts.not_tcp += 1
        elif type(found) is Segment:
            self._segment(found, data, vlans, time, place)

    def tick(self, cutoff: int, place: int) -> None:
        """Give up what has waited or been silent too long, now that it is *cutoff*."""
        if cutoff <= self.cutoff:
            # One packet with a time far ahead must not be the last one that counts.
            if cutoff < self.cutoff - LINGER and self._back < _BACK:
                self._back += 1
                self.cutoff = cutoff
            self._doubted = 0
            return
        if self.cutoff and cutoff - self.cutoff > _DAY:
            doubted, self._doubted = self._doubted, cutoff
            if not doubted or cutoff == doubted:
                return
        self._doubted = 0
        self.cutoff = cutoff
        self.flows.tick(cutoff, place)
        for key, parts in list(self.waiting.items()):
            if cutoff - parts.began > _PATIENCE:
                self._give_up(key)

    def close(self) -> None:
        """Let everything end here."""
        for key in list(self.waiting):
            self._give_up(key)
        # Coarse, but the same for every way of reading the capture.
        self.flows.close(self.cutoff or None)

    def broken(self, message: str, offset: int) -> CaptureError:
        """Return the error of a capture that cannot be read on at *offset*."""
        return CaptureError(message, capture=self.flows.capture, offset=offset)

    def _give_up(self, key: bytes) -> None:
        self.octets -= self.waiting.pop(key).octets
        self.counts.incomplete += 1

    def _plain(self, data: bytes, at: int, end: int, vlans: bytes, time: int) -> bool:
        """Count a segment of which nothing more is wanted; return whether it is one."""
        if (look := seen(data, at, end)) is None:
            return False
        key, seq, length = look
        flows = self.flows
        if flows.others and share(key) in flows.others:
            return True
        stream = flows.streams.get(vlans + key if vlans else key)
        if (
            stream is None
            or stream.next != seq
            or (length and stream.pending is not None)
        ):
            return False
        stream.packets += 1
        stream.next = seq + length
        stream.high = -1
        stream.low = time
        return True

    def _segment(
        self, found: Segment, data: bytes, vlans: bytes, time: int, place: int
    ) -> None:
        if self.flows.others and share(found.key) in self.flows.others:
            return
        self.transport.segment(
            vlans + found.key if vlans else found.key,
            len(vlans),
            found.seq,
            found.ack,
            found.flags,
            data,
            found.head,
            found.start,
            found.end,
            found.length,
            time,
            place,
        )

    def _fragment(
        self, found: Fragment, data: bytes, vlans: bytes, time: int, place: int
    ) -> None:
        key = vlans + found.key
        parts = self.waiting.get(key)
        if parts is None:
            if len(self.waiting) >= _PACKETS:
                self._give_up(next(iter(self.waiting)))
            parts = self.waiting[key] = _Parts(time)
        octets = data[found.start : found.end]
        if not found.offset:
            parts.protocol = found.protocol
            if found.protocol == _TCP and len(octets) >= 4:
                # If it stays incomplete, it matters whether its receiver had all of it.
                self.flows.watch(vlans + found.head + octets[:4])
        parts.cut |= found.cut
        if parts.cut:
            return
        before = parts.octets
        if parts.count >= _PARTS or not parts.place(
            found.offset, octets, more=found.more
        ):
            self._give_up(key)
            return
        self.octets += parts.octets - before
        payload = parts.whole
        if payload is None or parts.protocol < 0:
            while self.octets > _OCTETS:
                self._give_up(next(iter(self.waiting)))
            return
        del self.waiting[key]
        self.octets -= parts.octets
        if parts.protocol != _TCP:
            self.counts.not_tcp += 1
            return
        together = tcp(payload, found.head, 0, end=len(payload), length=len(payload))
        self._segment(together, payload, vlans, time, place)

    def _unreadable(self, place: int, fault: str) -> None:
        self.counts.unreadable += 1
        if len(self.counts.examples) < _EXAMPLES:
            self.counts.examples.append(
                Unreadable(capture=self.flows.capture, offset=place, fault=fault)
            )

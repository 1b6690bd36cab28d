"""One direction of a conversation, put together as far as somebody wants it.

    wanted more          the front grows in order, later data wait in `pending`
        | enough there, or given up
        v
    counted only         `pending` is None
        | FIN
        v
    closed               `fin` says where

While `next` is not -1 it is the sequence number that comes next, and whoever reads
packets may count those without data that have it, and where `pending` is None those
with data as well, without asking here.

What arrives twice is resolved as Linux does it (net/ipv4/tcp_input.c, tcp_data_queue
and tcp_data_queue_ofo): octets that are in order stay; `sslmagic.capture.waiting` says
what becomes of those that wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sslmagic.capture.conversation import Side
from sslmagic.capture.waiting import Part, add, differing, overlaps, within

if TYPE_CHECKING:
    from sslmagic.capture.flow import Flow
    from sslmagic.capture.held import Held

__all__ = [
    "MASK",
    "PENDING_OCTETS",
    "PENDING_PARTS",
    "SideFacts",
    "Stream",
    "Wanted",
    "side",
]

SideFacts = tuple[
    bytes, list[tuple[int, int]], int | None, bool, int, int, int, int, int, int
]
"""The fields of a `Side`, in their order."""

Wanted = Callable[[bytes], int]
"""How many octets of a front are wanted in all, given those there; 0: enough."""

MASK = 0xFFFFFFFF
PENDING_OCTETS = 1 << 18
"""What waits for a gap to be filled, in each stream: four times a window that is not
scaled. Beyond that the gap is one of the capture, and will not be filled."""
PENDING_PARTS = 1024
"""How many separate parts may wait: more than Linux has memory for."""
_HOLES = 16
"""Gaps that are remembered behind the front, so that what fills them counts as late
and not as sent again."""
_COPY = 1_000_000
"""A copy made by the capture follows within a millisecond, in ns: TCP does not send
again that soon (Linux: 10 ms at least, tail loss probes included)."""
_KEEP_ALIVE = 1_000_000_000
"""Ns of silence behind which one octet before the next one is a keep-alive probe."""


class Stream:
    """What is known of one direction; slots are public to the readers of packets."""

    __slots__ = (
        "acked",
        "acknowledged",
        "arrivals",
        "closing",
        "conflicting",
        "duplicated",
        "fin",
        "fin_from",
        "first",
        "flow",
        "front",
        "grown",
        "held",
        "high",
        "holes",
        "isn",
        "key",
        "low",
        "missing",
        "need",
        "next",
        "packets",
        "pending",
        "reordered",
        "retransmitted",
        "sums",
        "top",
        "urgent",
        "wanted",
        "watched",
        "wraps",
    )

    def __init__(
        self, key: bytes, flow: Flow, wanted: Wanted | None, need: int
    ) -> None:
        self.key = key
        self.flow = flow
        self.next = -1
        """The sequence number of what comes next; -1: nobody may count by it."""
        self.high = -1
        """With `low` the time of the last packet: -1, and `low` is it in ns; or ns, to
        which `low` is to be added as it stands in the capture."""
        self.low = 0
        self.packets = 0
        self.first = -1
        """The sequence number of the first octet; -1 while unknown."""
        self.isn = -1
        self.wraps = 0
        self.top = 0
        """The offset behind the last octet that was seen, while `next` is -1."""
        self.fin = -1
        """The offset of the FIN; -1 without one."""
        self.fin_from = -1
        """Where the segment begins that brought it."""
        self.closing = False
        """Whether that segment's data are the next to be taken."""
        self.acknowledged = False
        """Whether the other side has acknowledged the FIN."""
        self.front = b""
        self.grown: dict[Flow, None] | None = None
        """Where is put down that the front has grown, if somebody wants to know."""
        self.wanted = wanted
        self.need = need
        self.arrivals: list[tuple[int, int]] = []
        self.pending: list[Part] | None = []
        """(offset, octets) in order, that touch nowhere; None once the front is."""
        self.holes: list[tuple[int, int]] = []
        self.missing: int | None = None
        self.sums: bool | None = None
        """Whether its checksums are to be believed: one of them was right, or the first
        was not; None while none was looked at."""
        self.urgent = -1
        """The offset of the urgent octet, which its receiver leaves out; -1: none."""
        self.held: Sequence[Held] = ()
        """What its receiver has dropped, unless it acknowledges it."""
        self.watched = False
        """Whether each acknowledgement of it is looked at."""
        self.acked = -1
        """How far it was acknowledged, since that is looked at; -1: not at all."""
        self.retransmitted = 0
        self.reordered = 0
        self.duplicated = 0
        self.conflicting = 0

    def reach(self) -> int:
        """Return the offset behind the last octet that was seen."""
        if self.next < 0:
            return self.top
        return (self.wraps << 32) + self.next - self.first

    def offset(self, seq: int) -> int:
        """Return where in the stream a sequence number is; below 0 is before it."""
        top = self.reach()
        ahead = (seq - self.first - top) & MASK
        return top + (ahead if ahead < 0x80000000 else ahead - 0x100000000)

    def begins_at(self, seq: int) -> None:
        """Let the stream begin here, and be counted only if nothing is wanted."""
        self.first = seq & MASK
        if self.need <= 0:
            self.count_on()

    def open_up(self) -> None:
        """Let `next` say what comes next, and others count by it."""
        if self.next < 0 and self.fin < 0:
            top = self.first + self.top
            self.wraps, self.next = top >> 32, top & MASK

    def shut(self) -> None:
        """Let nobody count by `next`, until it is opened up again."""
        self.top, self.next = self.reach(), -1

    def count_on(self) -> None:
        """Keep the front as it is, and only count from now on."""
        at = len(self.front)
        for offset, octets in self.pending or ():
            if at < offset and len(self.holes) < _HOLES:
                self.holes.append((at, offset))
            at = max(at, offset + len(octets))
        self.pending = None
        self.wanted = None

    def watch(self, other: Stream) -> None:
        """Let each acknowledgement of it, by *other*, be looked at, none be counted."""
        self.watched = True
        self.acked = -1
        other.shut()

    def has_gap(self) -> bool:
        """Return whether something waits for what comes before it."""
        return bool(self.pending) or self.fin > len(self.front)

    def count_again(self, since: int) -> None:
        """Count a packet without data that was there before; *since* in ns."""
        if since < _COPY:
            self.duplicated += 1
        else:
            self.retransmitted += 1

    def close_at(self, offset: int, start: int) -> bool:
        """Take a FIN that stands at *offset*, before the data of its segment.

        To Linux it is one more octet of the segment, which begins at *start*: it is
        dropped where other data have its place already. Return whether it was taken.
        """
        if self.pending is not None:
            edge = len(self.front)
            if offset < edge or (
                start > edge
                and any(
                    at <= start and offset < at + len(part) for at, part in self.pending
                )
            ):
                return False
        self.top = max(self.reach(), offset)
        self.fin, self.fin_from = offset, start
        self.closing = start < offset
        self.next = -1
        if self.pending is not None and offset == len(self.front):
            self._end()
        return True

    def take(
        self, offset: int, octets: bytes, length: int, time: int, since: int
    ) -> None:
        """Take a segment's data.

        Args:
            offset: where in the stream they belong.
            octets: what was captured of them.
            length: how many there were, 1 or more.
            time: when, in ns since 1970.
            since: ns since the packet before of this stream.
        """
        end = offset + length
        if self.fin >= 0 and end > self.fin and not self._is_reopened(offset, end):
            return
        top = self.reach()
        if self.pending is None:
            self._count(offset, end, top, since)
        elif self._place(offset, octets, end, top, time, since):
            self.count_on()
        self.closing = False
        if end > top:
            if self.next < 0:
                self.top = end
            else:
                end += self.first
                self.wraps, self.next = end >> 32, end & MASK

    def _is_reopened(self, offset: int, end: int) -> bool:
        """Whether data from *offset* to beyond the FIN make it as if it had not come.

        They do while it waits, if they have its place: in order, or all of its segment
        and more. What is beyond it waits in vain: the FIN throws it away (tcp_fin).
        """
        if self.pending is None:
            return False
        if offset > len(self.front) and (
            offset > self.fin_from or (offset == self.fin_from and end == self.fin + 1)
        ):
            return False
        self.fin = self.fin_from = -1
        return True

    def _end(self) -> None:
        """Let the stream end where the front does, which has come to the FIN."""
        self.top, self.pending, self.wanted = self.fin, None, None

    def append(self, octets: bytes, length: int, time: int) -> None:
        """Take the data that are expected next, while nothing waits and all are there.

        What `take` would do with them, in fewer steps.
        """
        end = self.next + length
        if end > MASK:
            self.wraps += 1
        self.next = end & MASK
        if self._grow(octets, time):
            self.count_on()

    def facts(self) -> SideFacts:
        """Return what is known, for good."""
        missing, reach = self.missing, self.reach()
        edge = len(self.front)
        if self.pending is not None and (
            self.acked > edge if self.acked >= 0 else reach > edge
        ):
            # What its receiver lacks as well is not missing here.
            missing = edge
        front, arrivals = self.front, self.arrivals
        if 0 <= self.urgent < edge:
            front, arrivals, missing = self._without_urgent(missing)
        return (
            front,
            arrivals,
            missing,
            self.fin == edge and missing is None,
            reach if self.fin < 0 else self.fin,
            self.packets,
            self.retransmitted,
            self.reordered,
            self.duplicated,
            self.conflicting,
        )

    def point(self, offset: int) -> None:
        """Take an urgent pointer as tcp_check_urg does.

        Of two urgent octets that are both there the receiver has left out the first
        only if it had read so far, which nobody else knows: there the front ends.
        """
        if self.pending is None or offset < len(self.front) or offset <= self.urgent:
            return
        if 0 <= self.urgent < len(self.front):
            self.missing = self.urgent
            self.front = self.front[: self.urgent]
            self.arrivals = [
                (min(there, self.urgent), time) for there, time in self.arrivals
            ]
            self.urgent = -1
            self.count_on()
        else:
            self.urgent = offset

    def _without_urgent(
        self, missing: int | None
    ) -> tuple[bytes, list[tuple[int, int]], int | None]:
        """Return front, arrivals and what is missing as its receiver has them."""
        at = self.urgent
        arrivals: list[tuple[int, int]] = []
        before = 0
        for there, time in self.arrivals:
            there -= there > at
            if there > before:
                arrivals.append((there, time))
                before = there
        if missing is not None and missing > at:
            missing -= 1
        return self.front[:at] + self.front[at + 1 :], arrivals, missing

    def _asked(self, front: bytes) -> int:
        """Return how much is wanted, given *front* with its urgent octet."""
        if self.wanted is None:
            return 0
        at = self.urgent
        if not 0 <= at < len(front):
            return self.wanted(front)
        need = self.wanted(front[:at] + front[at + 1 :])
        return need + (need > at)

    def _count(self, offset: int, end: int, top: int, since: int) -> None:
        if offset >= top:
            if offset > top and len(self.holes) < _HOLES:
                self.holes.append((top, offset))
            return
        if end == top and since < _COPY:
            self.duplicated += 1
            return
        if end == offset + 1 == top and since > _KEEP_ALIVE:
            return
        for index, (begin, stop) in enumerate(self.holes):
            if offset < stop and begin < end:
                self.reordered += 1
                parts = ((begin, min(offset, stop)), (max(end, begin), stop))
                self.holes[index : index + 1] = [
                    part for part in parts if part[0] < part[1]
                ]
                return
        self.retransmitted += 1

    def _place(
        self, offset: int, octets: bytes, end: int, top: int, time: int, since: int
    ) -> bool:
        """Put data into the front, or beside it; return whether that is enough."""
        edge = len(self.front)
        held = offset < top and (offset < edge or overlaps(self._waiting, offset, end))
        if held:
            if end == offset + 1 == top and since > _KEEP_ALIVE:
                return False
            known = (*reversed(self._waiting), (0, self.front))
            others = differing(known, offset, octets)
            self.conflicting += others
            copied = end == top and since < _COPY and not others
            # One that fills a gap is no copy, however soon it comes.
            if copied and (end <= edge or within(self._waiting, offset, end)):
                self.duplicated += 1
                return False
            self.retransmitted += held
        elif offset < top:
            self.reordered += 1
        captured = offset + len(octets)
        if offset > edge:
            if octets:
                add(self._waiting, offset, octets, closing=self.closing)
        elif captured > edge and self._grow(octets[edge - offset :], time):
            return True
        if captured < end and captured == len(self.front):
            # What the capture has cut off will hardly come in another packet.
            self.missing = captured
            return True
        waiting = self._waiting
        if top - len(self.front) > PENDING_OCTETS or len(waiting) > PENDING_PARTS:
            if waiting and 0 <= self.acked <= len(self.front):
                # Its receiver lacks it as well, and throws away what is farthest.
                waiting.pop()
                return False
            # Too much waits: the gap is one of the capture, the receiver had none.
            self.missing = len(self.front)
            return True
        return False

    @property
    def _waiting(self) -> list[Part]:
        return self.pending if self.pending is not None else []

    def _grow(self, octets: bytes, time: int) -> bool:
        """Put *octets* behind the front; return whether it is as long as is wanted."""
        front = self.front + octets if self.front else octets
        waiting = self._waiting
        while waiting and waiting[0][0] <= len(front) != self.fin:
            # What came in order has been read first, as far as both have it.
            offset, later = waiting.pop(0)
            front += later[len(front) - offset :]
        self.front = front
        self.arrivals.append((len(front), time))
        if self.grown is not None:
            self.grown[self.flow] = None
        if len(front) == self.fin:
            self._end()
            return False
        if len(front) < self.need or self.wanted is None:
            return False
        need = self.wanted(front) if self.urgent < 0 else self._asked(front)
        if need > len(front):
            self.need = need
            return False
        if 0 < need < len(front):
            self.front = front[:need]
            self.arrivals = (
                [(need, time)]
                if len(self.arrivals) == 1
                else [
                    (min(there, need), at)
                    for index, (there, at) in enumerate(self.arrivals)
                    if not index or self.arrivals[index - 1][0] < need
                ]
            )
        return True


def side(facts: SideFacts) -> Side:
    """Return the facts of a stream as a conversation's side."""
    octets, arrivals, missing, ends, length, packets, again, late, copies, other = facts
    return Side(
        octets=octets,
        arrivals=arrivals,
        missing=missing,
        ends=ends,
        length=length,
        packets=packets,
        retransmitted=again,
        reordered=late,
        duplicated=copies,
        conflicting=other,
    )

"""All conversations of a capture that are known: how they begin, end, are forgotten.

    SYN --> established --> closed one way --> closed both ways, acknowledged --> over
                 |                |
                 +----- RST ------+--> over

A conversation that is over stays known for a minute, so that a late packet of it begins
no other one. Those that fall silent are given up at times that the capture's clock
alone decides, so that it is the same for every way of reading it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sslmagic.capture.conversation import Counts
from sslmagic.capture.flow import Facts, Flow, reverse
from sslmagic.capture.held import let_go
from sslmagic.capture.stream import Stream, Wanted

__all__ = ["ABANDONED", "IDLE", "LINGER", "SHARES", "Ending", "Flows", "share"]

Ending = tuple[int, int, int, Any]
"""What has ended: when (twice where in the capture, and one more if it was that packet
that ended it), where it began, its number, and the facts or what was made of them."""

SHARES = 256
"""Conversations fall into so many shares, which several may divide between them."""

_SECOND = 1_000_000_000
LINGER = 60 * _SECOND
"""Ns for which a conversation is remembered that is over or closed one way: Linux keeps
both states as long (TCP_TIMEWAIT_LEN, tcp_fin_timeout)."""
ABANDONED = 180 * _SECOND
"""Ns of silence after which nobody answers a SYN any more (Linux tries for 127 s)."""
IDLE = 3600 * _SECOND
"""Ns of silence after which an open conversation is given up: balancers and firewalls
forget theirs sooner."""

_SYN, _ACK = 0x02, 0x10
_MOST = 1 << 17
"""Conversations that are known at a time, those that have ended as well."""
_END = 1 << 62
_NO_ARRIVALS: list[tuple[int, int]] = []
_NO_HOLES: list[tuple[int, int]] = []


class Flows:
    """The conversations of one capture that are open, and those that have ended.

    Args:
        capture: its name.
        wanted: how much of a peer's stream is wanted.
        answer: how many octets of a listener's stream are.
        counts: where late packets are counted.
        number: of the conversation before the first one.
        live: whether `grown` is asked while the capture goes on.
    """

    def __init__(
        self,
        capture: str,
        *,
        wanted: Wanted,
        answer: int,
        counts: Counts,
        number: int,
        live: bool = False,
    ) -> None:
        self.capture = capture
        self.streams: dict[bytes, Stream] = {}
        """By VLANs, addresses and ports, both directions of each conversation."""
        self.done: list[Ending] = []
        """What has ended and was not taken yet."""
        self.began: list[int] = []
        """Where conversations have begun, since this was taken last."""
        self.others: frozenset[int] = frozenset()
        """Shares of the conversations that somebody else follows; see `share`."""
        self.number = number
        self.counts = counts
        self.clock: Callable[[int], int] = int
        """Makes ns of `Stream.low` as it stands in the capture."""
        self._wanted = wanted
        self._need = wanted(b"")
        self._answer_length = answer
        self._answer: Wanted = lambda _: answer
        self._flows: dict[Flow, None] = {}
        self._grown: dict[Flow, None] | None = {} if live else None
        """Those whose front has grown since `grown` was called."""

    def time(self, stream: Stream) -> int:
        """Return when the last packet of *stream* was, in ns."""
        if stream.high < 0:
            return stream.low
        return stream.high + self.clock(stream.low)

    def tick(self, cutoff: int, place: int) -> None:
        """Give up what has been silent, now that it is *cutoff* in ns, at *place*."""
        for flow in list(self._flows):
            if flow.over:
                # Most are, and what is left of their streams has the time in ns.
                if cutoff - flow.sent.low > LINGER and not flow.idle:
                    self.forget(flow)
                continue
            last = self._last(flow)
            if cutoff - last <= LINGER:
                continue
            if flow.closer is None and flow.doubted is None:
                answered = flow.answered.packets or not flow.begun
                if cutoff - last <= (IDLE if answered else ABANDONED):
                    continue
                # What still comes of one that was open belongs to it, and to no other.
                flow.idle = bool(answered) or flow.sent.reach() > 0
            self.finish(flow, 2 * place, cutoff)
            if not flow.idle:
                self.forget(flow)

    def close(self, until: int | None = None) -> None:
        """Let every conversation end here; the capture went on *until* then, in ns."""
        for flow in list(self._flows):
            if not flow.over:
                self.finish(flow, _END, until)
            self.forget(flow)

    def grown(self) -> list[tuple[int, Facts]]:
        """Return number and facts of those that are open and whose front has grown.

        It has since the call before. What it takes grows with those, and not with all
        that are open.
        """
        grown = [*(self._grown or ())]
        if self._grown:
            self._grown.clear()
        return [
            (flow.number, flow.facts(self._last(flow)))
            for flow in grown
            if not flow.over
        ]

    def settle(self) -> None:
        """Turn every time into ns, before a capture's clock changes."""
        for stream in self.streams.values():
            stream.low, stream.high = self.time(stream), -1

    def begin(
        self, key: bytes, vlans: int, flags: int, time: int, place: int
    ) -> Stream:
        """Begin a conversation with the segment that these are of.

        Returns the stream of its direction; who is the peer is known, or guessed.
        """
        if len(self._flows) >= self._most():
            self._thin_out(place)
        back = reverse(key, vlans)
        # Without a SYN it is a guess: who listens has the lower port.
        sends = not flags & _ACK if flags & _SYN else key[-4:-2] >= key[-2:]
        self.number += 1
        self.began.append(place)
        flow = Flow(vlans=key[:vlans], number=self.number, opened=time, place=place)
        flow.begun = bool(flags & _SYN)
        sent, answered = (key, back) if sends else (back, key)
        flow.sent = Stream(sent, flow, self._wanted, self._need)
        flow.sent.grown = self._grown
        flow.answered = Stream(answered, flow, self._answer, self._answer_length)
        # What a listener said decides nothing.
        flow.answered.sums = False
        self.streams[sent] = flow.sent
        self.streams[answered] = flow.answered
        self._flows[flow] = None
        return flow.sent if sends else flow.answered

    def _most(self) -> int:
        """How many may be known: each that follows a share has a part of the memory."""
        return _MOST * (SHARES - len(self.others)) // SHARES

    def _thin_out(self, place: int) -> None:
        """Forget an eighth: those that have ended, were not answered, are silent."""

        def rank(flow: Flow) -> tuple[bool, bool, int]:
            return (
                not flow.over,
                flow.over or flow.answered.packets > 0,
                self._last(flow),
            )

        ranked = sorted(self._flows, key=rank)
        for flow in ranked[: max(1, len(ranked) // 8)]:
            if not flow.over:
                self.counts.forgotten += 1
                self.finish(flow, 2 * place)
            self.forget(flow)

    def watch(self, key: bytes) -> None:
        """Look at what is acknowledged of a stream that may lack something."""
        stream = self.streams.get(key)
        if stream is not None and stream.pending is not None and not stream.watched:
            stream.watch(stream.flow.other(stream))

    def _last(self, flow: Flow) -> int:
        return max(self.time(flow.sent), self.time(flow.answered))

    def finish(self, flow: Flow, event: int, until: int | None = None) -> None:
        """Let a conversation be over, and keep of it what tells a late packet.

        Args:
            event: when; see `Ending`.
            until: until when no other packet came, in ns.
        """
        for stream in (flow.sent, flow.answered):
            if stream.held:
                let_go(flow, stream)
        flow.over = True
        last = self._last(flow)
        self.done.append((event, flow.place, flow.number, flow.facts(last, until)))
        # What stays is no more than is needed to know a late packet: many end in the
        # minute for which they are remembered.
        stream, other = flow.sent, flow.answered
        stream.shut()
        stream.high, stream.low = -1, last
        stream.front, stream.pending, stream.wanted = b"", None, None
        stream.arrivals, stream.holes, stream.held = _NO_ARRIVALS, _NO_HOLES, ()
        flow.answered = self.streams[other.key] = stream

    def forget(self, flow: Flow) -> None:
        """Know nothing of it any more: its next packet would begin another one."""
        key = flow.sent.key
        for known in (key, reverse(key, len(flow.vlans))):
            if self.streams.get(known) is flow.sent:
                del self.streams[known]
        del self._flows[flow]
        # They name each other: so that nothing has to look for such rings.
        del flow.sent, flow.answered


def share(key: bytes) -> int:
    """Return which share a conversation is of, the same for both directions."""
    return key[-3] ^ key[-1]

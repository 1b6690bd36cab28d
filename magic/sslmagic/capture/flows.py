"""All conversations of a capture: whose a segment is, and what it does there.

    SYN --> established --> closed one way --> closed both ways, acknowledged --> over
                 |                |
                 +----- RST ------+--> over

A conversation that is over stays known for a minute, so that a late packet of it begins
no other one. Those that fall silent are given up at times that the capture's clock
alone decides, so that it is the same for every way of reading it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sslmagic.capture.checksum import is_right, is_unfinished
from sslmagic.capture.conversation import Counts
from sslmagic.capture.flow import Flow, reverse
from sslmagic.capture.stream import MASK, PENDING_OCTETS, Held, Stream, Wanted

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

FIN, SYN, RST, ACK, URG = 0x01, 0x02, 0x04, 0x10, 0x20
_MOST = 1 << 17
"""Conversations that are known at a time, those that have ended as well."""
_COPY = 1_000_000
_END = 1 << 62
_NO_ARRIVALS: list[tuple[int, int]] = []
_NO_HOLES: list[tuple[int, int]] = []
_HELD = 64
"""Segments of a stream that wait for being acknowledged in spite of what is wrong."""
_WIDEST = 65535 << 14
"""Octets of the widest window."""


class Flows:
    """The conversations of one capture that are open, and those that have ended.

    Args:
        capture: its name.
        wanted: how much of a peer's stream is wanted.
        answer: how many octets of a listener's stream are.
        counts: where late packets are counted.
        number: of the conversation before the first one.
    """

    def __init__(
        self, capture: str, *, wanted: Wanted, answer: int, counts: Counts, number: int
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
        self.clock: Callable[[int], int] = int
        """Makes ns of `Stream.low` as it stands in the capture."""
        self._wanted = wanted
        self._need = wanted(b"")
        self._answer_length = answer
        self._answer: Wanted = lambda _: answer
        self._counts = counts
        self._flows: dict[Flow, None] = {}

    def time(self, stream: Stream) -> int:
        """Return when the last packet of *stream* was, in ns."""
        if stream.high < 0:
            return stream.low
        return stream.high + self.clock(stream.low)

    def segment(
        self,
        key: bytes,
        vlans: int,
        seq: int,
        ack: int,
        flags: int,
        data: bytes,
        head: int,
        start: int,
        end: int,
        length: int,
        time: int,
        place: int,
    ) -> None:
        """Take a segment; `sslmagic.capture.segment.Segment` says what it consists of.

        Args:
            vlans: how many octets of *key* are VLANs.
            time: when, in ns since 1970.
            place: where its record begins.
        """
        stream = self.streams.get(key)
        if stream is None:
            stream = self._begin(key, vlans, flags, time, place)
        flow = stream.flow
        if flow.over:
            if flags & (SYN | ACK | RST) != SYN or seq == stream.isn:
                self._counts.late += 1
                return
            self._forget(flow)
            stream = self._begin(key, vlans, flags, time, place)
            flow = stream.flow
        before, high, low = stream.packets, stream.high, stream.low
        if flow.again is not None and self._is_another(flow, stream, seq, ack, flags):
            stream = self._begin_another(flow, key, vlans, place)
            flow = stream.flow
        other = flow.answered if stream is flow.sent else flow.sent
        stream.packets += 1
        stream.high = -1
        stream.low = time

        if flags & (SYN | RST):
            since = self._since(before, high, low, time)
            if (flags & SYN or stream.sums) and stream is flow.sent:
                if is_right(key[vlans:-4], data, head, end):
                    stream.sums = True
                elif stream.sums:
                    return
                else:
                    stream.sums = False
            if flags & RST:
                self._reset(flow, stream, other, seq, ack, flags, place)
            elif flags & ACK:
                if self._syn_ack(flow, stream, other, seq, ack, time, since) and length:
                    stream.take(0, data[start:end], length, time, since)
            elif self._syn(stream, seq, since):
                if length and stream is flow.sent:
                    flow.early = (data[start:end], length, time)
            elif stream.isn != seq:
                # A listener in a conversation challenges it; its answer will tell.
                stream.packets -= 1
                flow.again = (seq, time)
                stream.shut()
                if flow.closer is not None or flow.doubted is not None:
                    self._begin_another(flow, key, vlans, place).packets += 1
            return
        if stream.first < 0:
            stream.begins_at(seq)
        if not flags & ACK:
            # Linux drops it (tcp_rcv_established, tcp_rcv_state_process).
            return
        urgent = -1
        if (
            stream.pending is not None
            and stream is flow.sent
            and (length or flags & (FIN | URG))
        ):
            # The front still grows: what a kernel would drop is to be no part of it.
            if flags & URG:
                urgent = stream.offset(seq) + _urgent(data, head)
            right = stream.sums is False or end - start < length
            if not right and is_right(key[vlans:-4], data, head, end):
                right = stream.sums = True
            if (
                not right
                or (ack != other.next and not _has_sent(other, ack))
                or (seq != stream.next and _is_far(stream, other, seq))
            ):
                self._hold(
                    stream,
                    other,
                    Held(
                        stream.offset(seq),
                        data[start:end],
                        length,
                        flags,
                        urgent,
                        time,
                        self._since(before, high, low, time),
                        not right and is_unfinished(key[vlans:-4], data, head, end),
                    ),
                )
                return
        if other.watched:
            self._acknowledge(flow, other, ack)
        elif flags & FIN and other.pending is not None and other.isn >= 0:
            other.acked = other.offset(ack)
        if flow.begun:
            if other.first < 0 and not other.packets:
                other.begins_at(ack)
            if flow.early is not None and stream is flow.sent:
                self._early(flow, stream, stream.offset(seq))
        if urgent >= 0:
            stream.point(urgent)
        if flags & FIN:
            since = self._since(before, high, low, time)
            self._fin(flow, stream, stream.offset(seq) + length, length, since)
        if not length:
            pass
        elif seq == stream.next and stream.pending == [] and end - start == length:
            stream.append(data[start:end], length, time)
        else:
            stream.take(
                stream.offset(seq),
                b"" if stream.pending is None else data[start:end],
                length,
                time,
                self._since(before, high, low, time),
            )
            if stream.pending and not stream.watched:
                _watch(stream, other)
        if (
            stream.next < 0
            and not other.watched
            and flow.again is None
            and (other.fin < 0 or other.acknowledged)
        ):
            stream.open_up()
        if other.fin >= 0 and (other.first + other.fin + 1 - ack) & MASK == 0:
            other.acknowledged = True
            if stream.acknowledged:
                self._finish(flow, 2 * place + 1)

    def _since(self, packets: int, high: int, low: int, time: int) -> int:
        """Return ns since a stream's packet before, given what it had then.

        Nobody asks for it where data come in order, which is nearly everywhere.
        """
        if not packets:
            return _SECOND
        return time - (low if high < 0 else high + self.clock(low))

    def tick(self, cutoff: int, place: int) -> None:
        """Give up what has been silent, now that it is *cutoff* in ns, at *place*."""
        for flow in list(self._flows):
            if flow.over:
                # Most are, and what is left of their streams has the time in ns.
                if cutoff - flow.sent.low > LINGER and not flow.idle:
                    self._forget(flow)
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
            self._finish(flow, 2 * place, cutoff)
            if not flow.idle:
                self._forget(flow)

    def close(self, until: int | None = None) -> None:
        """Let every conversation end here; the capture went on *until* then, in ns."""
        for flow in list(self._flows):
            if not flow.over:
                self._finish(flow, _END, until)
            self._forget(flow)

    def settle(self) -> None:
        """Turn every time into ns, before a capture's clock changes."""
        for stream in self.streams.values():
            stream.low, stream.high = self.time(stream), -1

    def _begin(
        self, key: bytes, vlans: int, flags: int, time: int, place: int
    ) -> Stream:
        if len(self._flows) >= self._most():
            self._thin_out(place)
        back = reverse(key, vlans)
        # Without a SYN it is a guess: who listens has the lower port.
        sends = not flags & ACK if flags & SYN else key[-4:-2] >= key[-2:]
        self.number += 1
        self.began.append(place)
        flow = Flow(vlans=key[:vlans], number=self.number, opened=time, place=place)
        flow.begun = bool(flags & SYN)
        sent, answered = (key, back) if sends else (back, key)
        flow.sent = Stream(sent, flow, self._wanted, self._need)
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
                self._counts.forgotten += 1
                self._finish(flow, 2 * place)
            self._forget(flow)

    def _syn(self, stream: Stream, seq: int, since: int) -> bool:
        """Take a SYN; return whether it is the first of this conversation's peer."""
        if stream.isn == seq:
            _count_again(stream, since)
            return False
        if stream.first < 0:
            stream.begins_at(seq + 1)
        elif stream.isn >= 0 or (seq + 1 - stream.first) & MASK:
            return False
        stream.isn = seq
        return True

    def _fin(
        self, flow: Flow, stream: Stream, offset: int, length: int, since: int
    ) -> None:
        if stream.fin < 0:
            if stream.close_at(offset, offset - length):
                # Its acknowledgement must not be passed over.
                other = flow.other(stream)
                other.shut()
                if stream.pending is not None and not stream.watched:
                    _watch(stream, other)
                flow.closer = flow.closer or stream
        elif not length:
            _count_again(stream, since)

    def watch(self, key: bytes) -> None:
        """Look at what is acknowledged of a stream that may lack something."""
        stream = self.streams.get(key)
        if stream is not None and stream.pending is not None and not stream.watched:
            _watch(stream, stream.flow.other(stream))

    def _hold(self, stream: Stream, other: Stream, held: Held) -> None:
        """Keep a segment that counts if its receiver acknowledges it, in spite of all.

        What a capture has of a checksum is not always what was on the wire, and it may
        lack what the segment acknowledges.
        """
        if not stream.watched:
            _watch(stream, other)
        stream.held = [*stream.held, held]
        octets = sum(len(one.octets) for one in stream.held)
        if len(stream.held) > _HELD or octets > PENDING_OCTETS:
            if other.packets:
                stream.held = stream.held[1:]
            else:
                self._release(stream.flow, stream, stream.held)

    def _acknowledge(self, flow: Flow, stream: Stream, ack: int) -> None:
        """Take what is acknowledged of a stream that is watched."""
        acked = stream.offset(ack)
        stream.acked = max(stream.acked, acked)
        if stream.held:
            taken = [one for one in stream.held if one.end <= acked]
            self._release(flow, stream, taken)
        if stream.pending is None or not (stream.held or _has_gap(stream)):
            stream.held = ()
            stream.watched = False

    def _release(self, flow: Flow, stream: Stream, taken: Sequence[Held]) -> None:
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
                self._fin(flow, stream, one.end - 1, one.length, one.since)
            if one.length:
                octets = one.octets
                stream.take(one.offset, octets, one.length, one.time, one.since)

    def _is_another(
        self, flow: Flow, stream: Stream, seq: int, ack: int, flags: int
    ) -> bool:
        """Whether this segment shows that the SYN in `Flow.again` was believed."""
        if flow.again is None or flags & RST:
            return False
        begins = flow.again[0] + 1 & MASK
        if flags & SYN:
            return flags & ACK != 0 and ack == begins
        return stream is flow.sent and seq == begins != stream.next

    def _begin_another(self, flow: Flow, key: bytes, vlans: int, place: int) -> Stream:
        """Begin a conversation with the SYN in `Flow.again`; return *key*'s stream."""
        if flow.again is None:
            raise AssertionError("no SYN has come again")
        isn, time = flow.again
        sent = flow.sent.key if flow.sent.isn >= 0 else key
        self._finish(flow, 2 * place + 1)
        self._forget(flow)
        stream = self._begin(sent, vlans, SYN, time, place)
        stream.isn = isn
        stream.low = time
        stream.begins_at(isn + 1)
        if key != sent:
            stream.packets = 1
            return stream.flow.answered
        return stream

    def _syn_ack(
        self,
        flow: Flow,
        stream: Stream,
        other: Stream,
        seq: int,
        ack: int,
        time: int,
        since: int,
    ) -> bool:
        """Take a SYN-ACK; return whether it is the first, and acknowledges the SYN."""
        if stream.isn == seq:
            _count_again(stream, since)
            return False
        if stream.first >= 0:
            return False
        early = 0 if flow.early is None else flow.early[1]
        if other.first >= 0 and not 0 <= other.offset(ack) <= early:
            return False
        if stream is flow.answered:
            flow.accepted = time
        flow.begun = True
        stream.isn = seq
        stream.begins_at(seq + 1)
        if other.first < 0:
            other.begins_at(ack)
        elif other is flow.sent:
            self._early(flow, other, other.offset(ack))
        stream.open_up()
        other.open_up()
        return True

    def _early(self, flow: Flow, stream: Stream, accepted: int) -> None:
        """Take of the SYN's data as many octets as the listener has accepted."""
        if flow.early is None:
            return
        octets, length, time = flow.early
        flow.early = None
        accepted = min(accepted, length)
        if accepted > 0:
            stream.take(0, octets[:accepted], accepted, time, _SECOND)

    def _reset(
        self,
        flow: Flow,
        stream: Stream,
        other: Stream,
        seq: int,
        ack: int,
        flags: int,
        place: int,
    ) -> None:
        """Believe a RST as Linux does since RFC 5961: at the next octet exactly.

        One within the window draws a challenge, and counts if nothing follows it.
        """
        if stream.first < 0:
            if flags & ACK and other.first >= 0 and flow.begun:
                early = 0 if flow.early is None else flow.early[1]
                believed = 0 <= other.offset(ack) <= max(early, other.reach())
            else:
                believed = not flow.begun
        else:
            offset, reach = stream.offset(seq), stream.reach()
            # While the front grows, what comes next is known, whatever waits.
            due = reach if stream.pending is None else len(stream.front)
            believed = offset == due or (offset == reach + 1 and stream.fin >= 0)
            if not believed and -_WIDEST <= offset - reach <= _WIDEST:
                flow.doubted = stream, stream.packets
        if believed:
            flow.reset = stream
            self._finish(flow, 2 * place + 1)

    def _last(self, flow: Flow) -> int:
        return max(self.time(flow.sent), self.time(flow.answered))

    def _finish(self, flow: Flow, event: int, until: int | None = None) -> None:
        for stream in (flow.sent, flow.answered):
            if stream.held:
                # Nobody will say any more whether they were taken.
                seen = flow.other(stream).packets
                rest = [one for one in stream.held if one.unfinished or not seen]
                self._release(flow, stream, rest)
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

    def _forget(self, flow: Flow) -> None:
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


def _urgent(data: bytes, head: int) -> int:
    """Return how far behind a segment's beginning its urgent octet is.

    The pointer says the octet behind it (net.ipv4.tcp_stdurg is off everywhere).
    """
    return max((data[head + 18] << 8 | data[head + 19]) - 1, 0)


def _has_sent(stream: Stream, ack: int) -> bool:
    """Return whether so much can be acknowledged, as far as the capture tells.

    Linux drops what acknowledges more, and what acknowledges less than nothing.
    """
    if stream.isn < 0:
        return True
    offset = stream.offset(ack)
    most = stream.reach() + (stream.fin >= 0)
    return 0 <= offset <= max([most, *(one.end for one in stream.held)])


def _is_far(stream: Stream, other: Stream, seq: int) -> bool:
    """Return whether it is beyond any window, if its receiver is there to ask."""
    return other.packets > 0 and stream.offset(seq) - len(stream.front) > PENDING_OCTETS


def _has_gap(stream: Stream) -> bool:
    return bool(stream.pending) or stream.fin > len(stream.front)


def _watch(stream: Stream, other: Stream) -> None:
    """Let each acknowledgement of *stream* be looked at, none be only counted."""
    stream.watched = True
    stream.acked = -1
    other.shut()


def _count_again(stream: Stream, since: int) -> None:
    if since < _COPY:
        stream.duplicated += 1
    else:
        stream.retransmitted += 1

"""What a segment does to the conversation that it is of, as a kernel would see it.

Both ends are taken for Linux, which says more exactly than RFC 9293 what is dropped and
what is believed; each rule names its place in net/ipv4.
"""

from __future__ import annotations

from sslmagic.capture.checksum import is_right, is_unfinished
from sslmagic.capture.flow import Flow
from sslmagic.capture.flows import Flows
from sslmagic.capture.held import FIN, Held, acknowledge, hold
from sslmagic.capture.stream import MASK, PENDING_OCTETS, Stream

__all__ = ["Transport"]

SYN, RST, ACK, URG = 0x02, 0x04, 0x10, 0x20
_SECOND = 1_000_000_000
_WIDEST = 65535 << 14
"""Octets of the widest window."""


class Transport:
    """Takes the segments of a capture, in its order.

    Args:
        flows: the conversations that they are of.
    """

    def __init__(self, flows: Flows) -> None:
        self.flows = flows

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
        stream = self.flows.streams.get(key)
        if stream is None:
            stream = self.flows.begin(key, vlans, flags, time, place)
        flow = stream.flow
        if flow.over:
            if flags & (SYN | ACK | RST) != SYN or seq == stream.isn:
                self.flows.counts.late += 1
                return
            self.flows.forget(flow)
            stream = self.flows.begin(key, vlans, flags, time, place)
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
                hold(
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
            acknowledge(flow, other, ack)
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
            flow.close(stream, stream.offset(seq) + length, length, since)
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
                stream.watch(other)
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
                self.flows.finish(flow, 2 * place + 1)

    def _since(self, packets: int, high: int, low: int, time: int) -> int:
        """Return ns since a stream's packet before, given what it had then.

        Nobody asks for it where data come in order, which is nearly everywhere.
        """
        if not packets:
            return _SECOND
        return time - (low if high < 0 else high + self.flows.clock(low))

    def _syn(self, stream: Stream, seq: int, since: int) -> bool:
        """Take a SYN; return whether it is the first of this conversation's peer."""
        if stream.isn == seq:
            stream.count_again(since)
            return False
        if stream.first < 0:
            stream.begins_at(seq + 1)
        elif stream.isn >= 0 or (seq + 1 - stream.first) & MASK:
            return False
        stream.isn = seq
        return True

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
        self.flows.finish(flow, 2 * place + 1)
        self.flows.forget(flow)
        stream = self.flows.begin(sent, vlans, SYN, time, place)
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
            stream.count_again(since)
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
            self.flows.finish(flow, 2 * place + 1)


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

"""The pcap format: a header of 24 octets, and before each packet one of 16."""

from __future__ import annotations

import struct

from sslmagic.capture.frames import Frames
from sslmagic.capture.link import LINKS, link_name
from sslmagic.capture.plain import ACKNOWLEDGED, BEFORE, FORWARD, HEADS, IP4, LOOK, TAIL

__all__ = ["MAGICS", "Pcap"]

MAGICS = {
    b"\xd4\xc3\xb2\xa1": ("<", 1000),
    b"\xa1\xb2\xc3\xd4": (">", 1000),
    b"\x4d\x3c\xb2\xa1": ("<", 1),
    b"\xa1\xb2\x3c\x4d": (">", 1),
}
"""Byte order and ns of a fraction's unit, by a file's first four octets."""

_HEADER = 24
_RECORD = 16
_LONGEST = 262144
"""Octets of a packet that libpcap takes at most, whatever the header promises."""
_PERIOD = 16
"""Seconds of the capture's time between two looks for what has fallen silent."""
_SECOND = 1_000_000_000


class Pcap:
    """Reads the records of one pcap file, as they come.

    Args:
        header: the first 24 octets, or what there is of them.
        frames: takes the frames.
        plain: whether plain packets may take the short way.

    Raises:
        CaptureError: this is no such file, or of a kind that is not read.
    """

    header = _HEADER
    """How many octets are needed to begin."""
    skip = _HEADER
    """How many of them are no records."""

    def __init__(self, header: bytes, frames: Frames, *, plain: bool = True) -> None:
        self._frames = frames
        if len(header) < _HEADER:
            raise self._frames.broken("the file ends in its header", len(header))
        order, self._unit = MAGICS[header[:4]]
        version, _, _, _, snaplen, link = struct.unpack(
            order + "HHiIII", header[4:_HEADER]
        )
        if version != 2:
            raise self._frames.broken(f"pcap of version {version}, not 2", 4)
        # The upper bits tell how long the frames' check sequence is, if there is any.
        number = link & 0xFFFF
        if number not in LINKS:
            raise self._frames.broken(f"{link_name(number)} is not read", 20)
        self._link = LINKS[number]
        self._longest = max(_LONGEST, snaplen if snaplen <= 1 << 24 else 0)
        self._own = struct.Struct(order + "IIII").unpack_from
        self._fraction = struct.Struct(order + "I")
        self._before = BEFORE.get(number) if plain else None
        self._look = struct.Struct(f">IIQ{self._before or 0}x{LOOK}").unpack_from
        self._steps: dict[int, int] = {}
        """From record to record, by both lengths of a packet that is whole."""
        self._word = -1
        self._second = 0
        frames.flows.settle()
        frames.flows.clock = self._clock

    def read(self, data: bytes, at: int, base: int) -> int:
        """Take all whole records from index *at* on; return where the rest begins.

        Args:
            data: octets of the capture.
            at: where in them a record begins.
            base: where in the capture *data* begins.

        Raises:
            CaptureError: there is no record where one should be.
        """
        counts = self._frames.counts
        end = len(data)
        if self._before is not None:
            at = self._plain(data, at, end, base, self._before)
        while at + _RECORD <= end:
            word = int.from_bytes(data[at : at + 4], "big")
            if word != self._word:
                self._tick(data, at, word, base)
            after = self._record(data, at, end, base)
            if not after:
                break
            counts.packets += 1
            counts.octets += after - at - _RECORD
            at = after
        return at

    def _plain(self, data: bytes, at: int, end: int, base: int, before: int) -> int:
        """Take records as long as there is enough of them to look at."""
        flows = self._frames.flows
        streams, others = flows.streams.get, flows.others
        segment = self._frames.transport.segment
        look, steps = self._look, self._steps.get
        own, unit = self._fraction.unpack_from, self._unit
        the_word, second = self._word, self._second
        network = _RECORD + before + 2
        last = end - _RECORD - before - TAIL
        packets, begin = 0, at
        try:
            while at <= last:
                word, fraction, sizes, head, total, forward, key, seq, flags = look(
                    data, at
                )
                if word != the_word:
                    second = self._tick(data, at, word, base)
                    the_word = word
                step = steps(sizes)
                if (
                    step is not None
                    and head in IP4
                    and forward in FORWARD
                    and total <= step - network
                ):
                    after = at + step
                    if after > end:
                        break
                    start = (flags >> 12 << 2) + 20
                    if others and key[9] ^ key[11] in others and 40 <= start <= total:
                        packets += 1
                        at = after
                        continue
                    stream = streams(key)
                    if stream is not None and stream.next == seq and flags in HEADS:
                        length = total - HEADS[flags]
                        if not length or (length > 0 and stream.pending is None):
                            stream.packets += 1
                            stream.next = seq + length
                            stream.high = second
                            stream.low = fraction
                            packets += 1
                            at = after
                            continue
                    if 40 <= start <= total:
                        ip = at + network
                        (ack,) = ACKNOWLEDGED(data, ip + 28)
                        segment(
                            key,
                            0,
                            seq,
                            ack,
                            flags & 0xFF,
                            data,
                            ip + 20,
                            ip + start,
                            ip + total,
                            total - start,
                            second + own(data, at + 4)[0] * unit,
                            base + at,
                        )
                        packets += 1
                        at = after
                        continue
                after = self._record(data, at, end, base)
                if not after:
                    break
                packets += 1
                at = after
        finally:
            counts = self._frames.counts
            counts.packets += packets
            counts.octets += at - begin - packets * _RECORD
        return at

    def _record(self, data: bytes, at: int, end: int, base: int) -> int:
        """Take one record; return where the next begins, 0 if this one is not whole."""
        _, fraction, captured, length = self._own(data, at)
        if captured > self._longest:
            raise self._frames.broken(
                f"a packet of {captured} octets: no record begins so", base + at
            )
        start = at + _RECORD
        after: int = start + captured
        if after > end:
            return 0
        if captured == length:
            sizes = int.from_bytes(data[at + 8 : start], "big")
            self._steps[sizes] = _RECORD + captured
        else:
            self._frames.counts.octets += max(0, length - captured)
        self._frames.take(
            self._link,
            data,
            start,
            after,
            length=max(length, captured),
            time=self._second + fraction * self._unit,
            place=base + at,
        )
        return after

    def _tick(self, data: bytes, at: int, word: int, base: int) -> int:
        """Let another second begin; return it in ns."""
        second = self._own(data, at)[0]
        self._word = word
        self._second = second * _SECOND
        cutoff = second // _PERIOD * _PERIOD * _SECOND
        self._frames.tick(cutoff, base + at)
        return self._second

    def _clock(self, word: int) -> int:
        """Ns of a fraction, of which the octets were read from left to right."""
        fraction: int = self._fraction.unpack(word.to_bytes(4, "big"))[0]
        return fraction * self._unit

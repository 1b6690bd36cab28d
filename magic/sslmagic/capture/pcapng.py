"""The pcapng format: sections of blocks, each with its type and length.

https://www.ietf.org/archive/id/draft-ietf-opsawg-pcapng-02.html
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

from sslmagic.capture.frames import Frames
from sslmagic.capture.link import ETHERNET, LINKS
from sslmagic.capture.plain import ACKNOWLEDGED, BEFORE, FORWARD, HEADS, IP4, LOOK, TAIL

__all__ = ["MAGIC", "Pcapng"]

MAGIC = b"\x0a\x0d\x0d\x0a"
"""The type of a section's header, the same in both byte orders."""

_SECTION = 0x0A0D0D0A
_INTERFACE = 1
_PACKET = 2
_SIMPLE = 3
_ENHANCED = 6
_ORDERS = {b"\x4d\x3c\x2b\x1a": "<", b"\x1a\x2b\x3c\x4d": ">"}
_RESOLUTION, _OFFSET = 9, 14
_HEAD = 12
"""Octets of a block's type and its length, which stands at its end again."""
_FRONT = 28
"""Octets in front of the frame in an enhanced packet block."""
_INTERFACES = 1 << 16
"""Interfaces of a section: as many as the older packet block can number."""
_CLOCKS = 64
"""How often the short way may begin to count otherwise, by which everything that is
open is gone through; behind that all packets take the long way."""
_LONGEST = 1 << 24
"""Octets of a block, and of what is waited for."""
_SECOND = 1_000_000_000
_MICROSECONDS = 1_000_000
_PERIOD = 16 * _SECOND


@dataclass(frozen=True, slots=True)
class _Interface:
    kind: int
    snaplen: int
    per_second: int
    offset: int

    def time(self, ticks: int) -> int:
        """Ns since 1970."""
        return ticks * _SECOND // self.per_second + self.offset * _SECOND

    def coarse(self, ticks: int) -> int:
        """The same without the lower digits, which the short way does not look at."""
        if self.per_second >= _MICROSECONDS:
            ticks = ticks >> 24 << 24
        return self.time(ticks) // _PERIOD * _PERIOD


class _Clock:
    """Ns of a time's lower word, of which the octets were read from the left."""

    def __init__(self, order: str, nanoseconds: int) -> None:
        self._low = struct.Struct(order + "I")
        self._nanoseconds = nanoseconds

    def __call__(self, word: int) -> int:
        low: int = self._low.unpack(word.to_bytes(4, "big"))[0]
        return low * self._nanoseconds


class Pcapng:
    """Reads the blocks of one pcapng file, as they come.

    Args:
        header: the first octets, at least 12 or what there is of them.
        frames: takes the frames.
        plain: whether plain packets may take the short way.
    """

    header = _HEAD
    """How many octets are needed to begin."""
    skip = 0
    """How many of them are no blocks."""

    def __init__(self, header: bytes, frames: Frames, *, plain: bool = True) -> None:
        self._frames = frames
        if len(header) < _HEAD:
            raise self._frames.broken("the file ends in its header", len(header))
        self._may_be_plain = plain
        self._order = "<"
        self._interfaces: list[_Interface] = []
        self._counted: tuple[str, int] | None = None
        """Byte order and ns of a tick by which the short way counts."""
        self._clocks = 0
        self._begin_section("<")

    def read(self, data: bytes, at: int, base: int) -> int:
        """Take all whole blocks from index *at* on; return where the rest begins.

        Args:
            data: octets of the capture.
            at: where in them a block begins.
            base: where in the capture *data* begins.

        Raises:
            CaptureError: there is no block where one should be.
        """
        end = len(data)
        while at + _HEAD <= end:
            if self._swift:
                before = at
                at = self._plain(data, at, end, base)
                if at + _HEAD > end:
                    break
                if at != before:
                    continue
            after = self._block(data, at, end, base)
            if not after:
                break
            at = after
        return at

    def _plain(self, data: bytes, at: int, end: int, base: int) -> int:
        """Take enhanced packet blocks as long as there is enough to look at."""
        flows, take, link = self._frames.flows, self._frames.take, self._swift_link
        streams, others = flows.streams.get, flows.others
        segment = self._frames.transport.segment
        look, swift = self._look, self._swift
        own, unit = self._word, self._nanoseconds
        steps, whole = self._steps.get, self._whole.get
        the_high, the_top, mask, span = self._high, self._top, self._mask, self._span
        network = _FRONT + self._before + 2
        last = end - network - TAIL
        packets = octets = 0
        try:
            while at <= last:
                (
                    block,
                    interface,
                    high,
                    low,
                    sizes,
                    head,
                    total,
                    forward,
                    key,
                    seq,
                    flags,
                ) = look(data, at)
                step = steps(block)
                captured = whole(sizes)
                if (
                    step is None
                    or captured is None
                    or interface not in swift
                    or captured > step - _FRONT - 4
                    or (after := at + step) > end
                ):
                    break
                if high != the_high or low & mask != the_top:
                    the_high, the_top = high, low & mask
                    span = self._tick(high, low, base + at)
                packets += 1
                octets += captured
                if (
                    head in IP4
                    and forward in FORWARD
                    and total <= captured + _FRONT - network
                ):
                    start = (flags >> 12 << 2) + 20
                    if others and key[9] ^ key[11] in others and 40 <= start <= total:
                        at = after
                        continue
                    stream = streams(key)
                    if stream is not None and stream.next == seq and flags in HEADS:
                        length = total - HEADS[flags]
                        if not length or (length > 0 and stream.pending is None):
                            stream.packets += 1
                            stream.next = seq + length
                            stream.high = span
                            stream.low = low
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
                            span + own(data, at + 16)[0] * unit,
                            base + at,
                        )
                        at = after
                        continue
                frame = at + _FRONT
                take(
                    link,
                    data,
                    frame,
                    frame + captured,
                    length=captured,
                    time=span + own(data, at + 16)[0] * unit,
                    place=base + at,
                )
                at = after
        finally:
            counts = self._frames.counts
            counts.packets += packets
            counts.octets += octets
        return at

    def _block(self, data: bytes, at: int, end: int, base: int) -> int:
        """Take one block; return where the next begins, 0 if this one is not whole."""
        place = base + at
        if data[at : at + 4] == MAGIC:
            order = _ORDERS.get(data[at + 8 : at + 12])
            if order is None:
                raise self._frames.broken("a section with no byte order", place)
            self._begin_section(order)
        kind, size = self._words(data, at)
        if size < _HEAD or size & 3 or size > _LONGEST:
            raise self._frames.broken(
                f"a block of {size} octets: none begins so", place
            )
        after: int = at + size
        if after > end:
            return 0
        body = data[at + 8 : after - 4] if kind in (_SECTION, _INTERFACE) else b""
        if kind == _SECTION:
            if size < 28:
                raise self._frames.broken(f"a section's header of {size} octets", place)
            if (version := int(self._half(body, 4)[0])) != 1:
                raise self._frames.broken(f"pcapng of version {version}, not 1", place)
        elif kind == _INTERFACE:
            self._add_interface(body, place)
        elif kind in (_ENHANCED, _PACKET, _SIMPLE):
            self._packet(kind, data, at, after, place)
        return after

    def _packet(self, kind: int, data: bytes, at: int, after: int, place: int) -> None:
        front = 16 - 4 if kind == _SIMPLE else _FRONT
        if after - at < front + 4:
            raise self._frames.broken("a block that is too short for its packet", place)
        frame = at + front
        room = after - 4 - frame
        if kind == _SIMPLE:
            interface = self._interface(0, place)
            (length,) = self._word(data, at + 8)
            captured = min(length, interface.snaplen or length, room)
            # It has no time.
            time = 0
        else:
            number, high, low, captured, length = self._enhanced(data, at + 8)
            if kind == _PACKET:
                # The upper half of what is now the number once counted losses.
                (number,) = self._half(data, at + 8)
            interface = self._interface(number, place)
            time = interface.time(high << 32 | low)
            self._frames.tick(interface.coarse(high << 32 | low), place)
            if captured > room:
                raise self._frames.broken(
                    f"a packet of {captured} octets in {room}", place
                )
            if kind == _ENHANCED:
                self._learn(data, at, after - at, captured, length)
        counts = self._frames.counts
        counts.packets += 1
        counts.octets += max(captured, length)
        link = LINKS.get(interface.kind)
        if link is None:
            counts.not_ip += 1
            return
        self._frames.take(
            link,
            data,
            frame,
            frame + captured,
            length=max(captured, length),
            time=time,
            place=place,
        )

    def _learn(
        self, data: bytes, at: int, size: int, captured: int, length: int
    ) -> None:
        """Let the next packets that are as long take the short way."""
        if captured == length:
            self._steps[int.from_bytes(data[at : at + 8], "big")] = size
            self._whole[int.from_bytes(data[at + 20 : at + 28], "big")] = captured

    def _interface(self, number: int, place: int) -> _Interface:
        try:
            return self._interfaces[number]
        except IndexError:
            raise self._frames.broken(
                f"a packet of interface {number}, which is not described", place
            ) from None

    def _begin_section(self, order: str) -> None:
        self._order = order
        self._words = struct.Struct(order + "II").unpack_from
        self._word = struct.Struct(order + "I").unpack_from
        self._half = struct.Struct(order + "H").unpack_from
        self._enhanced = struct.Struct(order + "IIIII").unpack_from
        self._low = struct.Struct(order + "I")
        # Where in a word, as it stands in the file, its most significant octet is.
        self._mask = 0xFF if order == "<" else 0xFF000000
        self._interfaces = []
        self._steps: dict[int, int] = {}
        self._whole: dict[int, int] = {}
        self._swift: set[int] = set()
        """The interfaces whose packets may take the short way, as they stand there."""
        self._swift_link = LINKS[ETHERNET]
        self._swift_like: _Interface | None = None
        self._before = 0
        self._nanoseconds = 1
        self._offset = 0
        self._high = self._top = -1
        self._span = 0
        self._look = struct.Struct(f">QIIIQ{LOOK}").unpack_from

    def _add_interface(self, body: bytes, place: int) -> None:
        if len(body) < 8:
            raise self._frames.broken(
                "an interface's description that is too short", place
            )
        number = len(self._interfaces)
        (kind,) = self._half(body, 0)
        (snaplen,) = self._word(body, 4)
        per_second, offset = _MICROSECONDS, 0
        for option, value in self._options(body, 8):
            if option == _RESOLUTION and value:
                power = value[0] & 0x7F
                per_second = 1 << power if value[0] & 0x80 else 10**power
            elif option == _OFFSET and len(value) == 8:
                (offset,) = struct.unpack(self._order + "q", value)
        if number == _INTERFACES:
            raise self._frames.broken(f"more than {_INTERFACES} interfaces", place)
        interface = _Interface(kind, snaplen, per_second, offset)
        self._interfaces.append(interface)
        if not self._may_be_plain or kind not in BEFORE or self._clocks > _CLOCKS:
            return
        if per_second not in (_MICROSECONDS, _SECOND):
            return
        if self._swift_like is None:
            self._swift_like = interface
            self._before = BEFORE[kind]
            self._swift_link = LINKS[kind]
            self._nanoseconds = _SECOND // per_second
            self._offset = offset * _SECOND
            self._look = struct.Struct(f">QIIIQ{self._before}x{LOOK}").unpack_from
            counted = self._order, self._nanoseconds
            if counted != self._counted:
                self._counted = counted
                self._clocks += 1
                self._frames.flows.settle()
                self._frames.flows.clock = _Clock(*counted)
        like = self._swift_like
        if (like.kind, like.per_second, like.offset) == (kind, per_second, offset):
            self._swift.add(int.from_bytes(self._low.pack(number), "big"))

    def _options(self, body: bytes, at: int) -> Iterator[tuple[int, bytes]]:
        while at + 4 <= len(body):
            (kind,), (size,) = self._half(body, at), self._half(body, at + 2)
            if not kind:
                break
            yield kind, body[at + 4 : at + 4 + size]
            at += 4 + (size + 3 & ~3)

    def _tick(self, high: int, low: int, place: int) -> int:
        """Let another span begin; return what its packets' lower words are added to."""
        (upper,) = self._low.unpack(high.to_bytes(4, "big"))
        (lower,) = self._low.unpack(low.to_bytes(4, "big"))
        self._high, self._top = high, low & self._mask
        self._span = (upper << 32) * self._nanoseconds + self._offset
        if self._swift_like is not None:
            self._frames.tick(self._swift_like.coarse(upper << 32 | lower), place)
        return self._span

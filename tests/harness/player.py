"""Plays scripts as packets, many connections at a time, and writes down every frame.

The host answers like a receiver that takes everything at once; what it sends is what
its scripts say, and nothing is sent again: a frame that got lost would show. But for a
script that obeys windows: its pieces wait for room, and a closed window is probed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from sslmagic.dissect.capturefile import Packet
from tests.harness.frames import ACK, FIN, RST, SYN, Frame, frame, read
from tests.harness.link import Link
from tests.harness.script import Piece, Script

__all__ = ["Call", "Player"]

_AT_ONCE = 100
_LARGEST = 1 << 17
_SILENCE = 0.2
"""Seconds after which nothing more comes of what was sent."""


@dataclass(slots=True, kw_only=True, eq=False)
class Call:
    """One connection, while it is played and after it."""

    script: Script
    version: int
    """Of IP."""
    ports: tuple[int, int]
    """The host's own, and the listener's."""
    peer: int = 0
    """The listener's next sequence number, as far as all before it came."""
    acknowledged: int = 0
    """How far the listener's kernel has confirmed, as an offset of the stream."""
    answered: bytes = b""
    """What the listener sent."""
    opened: bool = False
    closed: bool = False
    """Whether the listener sent a FIN."""
    reset: bool = False
    """Whether the listener sent a RST."""
    heard: float = 0.0
    """When its last frame was sent or came, on the monotonic clock."""
    sent: int = 0
    """How many pieces went out, of a script that obeys windows."""
    closings: int = 0
    """How often the listener closed its window."""
    window: int = 0
    """How many octets the listener would take."""

    def __str__(self) -> str:
        marks = {"opened": self.opened, "closed": self.closed, "reset": self.reset}
        said = " ".join(mark for mark, holds in marks.items() if holds)
        return (
            f"IPv{self.version}, port {self.ports[0]} to {self.ports[1]}: {said},"
            f" {self.acknowledged} octets confirmed\n{self.script}"
        )


class Player:
    """The host: it starts calls, and answers whatever comes.

    Args:
        link: where it lives.
        keep: whether the frames are kept, to be written to a capture.
    """

    def __init__(self, link: Link, *, keep: bool = True) -> None:
        self._link = link
        self._keep = keep
        self._calls: dict[tuple[int, int, int], Call] = {}
        self._port = 1024
        self.packets: list[Packet] = []
        """Every frame, in the order of its time."""

    def fileno(self) -> int:
        """The link's socket, to be watched for frames."""
        return self._link.socket.fileno()

    @property
    def waiting(self) -> int:
        """How many calls have not finished."""
        return len(self._calls)

    def call(self, script: Script, port: int, *, version: int = 4) -> Call:
        """Open a connection to our *port*, and play the script on it."""
        self._port = self._port + 1 if self._port < 65000 else 1025
        call = Call(script=script, version=version, ports=(self._port, port))
        key = version, *call.ports
        assert key not in self._calls, "more calls at once than ports"
        self._calls[key] = call
        self._send(call, Piece(-1, script.early, SYN))
        return call

    def reset(self, call: Call) -> None:
        """End a call at once."""
        self._send(call, Piece(call.acknowledged, flags=RST))
        self._finish(call)

    def play(
        self,
        calls: Iterable[Callable[[], Call]],
        step: Callable[[], object],
        *,
        seconds: float = 30.0,
        at_once: int = _AT_ONCE,
    ) -> Iterator[Call]:
        """Start the calls, some at once, and yield each when it was started.

        Args:
            step: waits until there is something to do, a little while at most, and
                lets whoever receives do it; calls `frames` if the player is ready.
            seconds: how long nothing at all may finish.

        Raises:
            AssertionError: it did not.
        """
        for begin in calls:
            yield begin()
            self._until(at_once, step, seconds)
        self._until(0, step, seconds)

    def _until(self, most: int, step: Callable[[], object], seconds: float) -> None:
        left, since = self.waiting, time.monotonic()
        while self.waiting > most:
            step()
            self._hang_up()
            if self.waiting != left:
                left, since = self.waiting, time.monotonic()
            elif time.monotonic() - since > seconds:
                some = next(iter(self._calls.values()))
                raise AssertionError(f"{left} calls do not finish, such as\n{some}")

    def frames(self) -> None:
        """Take every frame that has come, and answer it."""
        while True:
            try:
                octets = self._link.socket.recv(_LARGEST)
            except BlockingIOError:
                return
            found = read(octets)
            if found is None:
                continue
            key = found.version, found.destination_port, found.source_port
            if self._keep:
                self.packets.append(Packet(time.time_ns(), octets))
            if (call := self._calls.get(key)) is not None:
                self._take(call, found)

    def _take(self, call: Call, found: Frame) -> None:
        script, call.heard = call.script, time.monotonic()
        if found.flags & RST:
            call.reset = True
            self._finish(call)
            return
        if found.flags & SYN:
            if not call.opened:
                call.opened = True
                call.peer = found.seq + 1
                call.window = found.window
                if script.obeys:
                    self._fill(call)
                    return
                for piece in script.pieces:
                    self._send(call, piece)
            return
        confirmed = (found.ack - script.first - 1) & 0xFFFFFFFF
        call.acknowledged = max(call.acknowledged, confirmed)
        call.closings += found.window == 0 < call.window
        call.window = found.window
        late = (found.seq - call.peer) & 0xFFFFFFFF
        if found.data or found.flags & FIN:
            if late == 0:
                call.answered += found.data
                call.peer += len(found.data)
                if found.flags & FIN:
                    call.peer += 1
                    call.closed = True
            self._send(call, Piece(script.end + 1))
        if call.closed:
            self._finish(call)
        elif script.obeys:
            self._fill(call)

    def _fill(self, call: Call) -> None:
        """Send the pieces that the listener's window has room for."""
        pieces, room = call.script.pieces, call.acknowledged + call.window
        while call.sent < len(pieces) and _end(pieces[call.sent]) <= room:
            self._send(call, pieces[call.sent])
            call.sent += 1

    def _insist(self, call: Call) -> None:
        """Send as much as there is room for of the first piece that is not confirmed.

        To a closed window that is an octet, the probe of RFC 9293 section 3.8.6.1.
        """
        at = call.acknowledged
        ends = enumerate(map(_end, call.script.pieces))
        place = next(place for place, end in ends if end > at)
        piece = call.script.pieces[place]
        octets = piece.octets[max(at - piece.start, 0) :][: max(call.window, 1)]
        self._send(call, piece._replace(start=max(at, piece.start), octets=octets))
        call.sent = place

    def _hang_up(self) -> None:
        """End the calls whose listener waits for more than the script has.

        A script may say more before the place of its FIN came, which is none any more.
        """
        now = time.monotonic()
        for call in list(self._calls.values()):
            if not call.opened or now - call.heard <= _SILENCE:
                continue
            if call.script.obeys and call.acknowledged < call.script.end:
                self._insist(call)
            else:
                self._send(call, Piece(call.acknowledged, flags=ACK | FIN))

    def _finish(self, call: Call) -> None:
        self._calls.pop((call.version, *call.ports), None)

    def _send(self, call: Call, piece: Piece) -> None:
        call.heard = time.monotonic()
        octets = frame(
            self._link.routes[call.version],
            call.ports,
            seq=call.script.first + 1 + piece.start,
            ack=call.peer + piece.beyond if piece.flags & ACK else 0,
            flags=piece.flags,
            window=piece.window,
            urgent=piece.urgent,
            spoilt=piece.spoilt,
            data=piece.octets,
            options=call.script.options if piece.flags & SYN else (),
        )
        if self._keep:
            self.packets.append(Packet(time.time_ns(), octets))
        self._link.socket.send(octets)


def _end(piece: Piece) -> int:
    return piece.start + len(piece.octets)

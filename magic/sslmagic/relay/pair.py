"""Two connections joined: what comes in at one end goes out at the other.

    each direction:   open --(the sender's FIN)--> ended --(all is written)--> finished
    the pair:         joined --(both finished)--> closed
                        |----(either resets)----> both reset
                        |----(time is up)-------> closed
                        '----(the node ended, then reset)--> lingering --> closed

An idle pair holds no buffer at all. Octets are read into one buffer that the whole
worker shares and written at once; what the receiver does not take is kept, and no more
is read from the sender until it is gone. A direction that proves to be bulk goes
through a pipe.
"""

from __future__ import annotations

import errno
import select
import socket
from typing import TYPE_CHECKING, ClassVar, Final

from sslmagic.relay import counters
from sslmagic.relay.connection import AT_ONCE, WITH_FIN, Connection
from sslmagic.relay.seen import (
    ASIDE,
    BROKEN,
    ENDED,
    FINISHED,
    GUARDED,
    IGNORED,
    NAGLE,
)
from sslmagic.relay.splice import Pipe

if TYPE_CHECKING:
    from sslmagic.relay.server import VirtualServer

__all__ = ["ClientEnd", "End", "NodeEnd"]

_IN: Final = select.EPOLLIN
_OUT: Final = select.EPOLLOUT
_FIN: Final = select.EPOLLRDHUP
_GONE: Final = select.EPOLLERR
_UNSURE: Final = select.EPOLLERR | select.EPOLLHUP | select.EPOLLPRI
"""With one of these a short read does not prove that nothing more is there."""
_SEEN: Final = _IN | _FIN | _UNSURE
_DRAINED: Final = ~(_IN | select.EPOLLPRI)

_TURN = 16
"""Reads of one end in a row, before others have their turn."""
_BULK = 256 * 1024
"""Octets in one direction that, with a full buffer on top, prove it to be bulk."""


class End(Connection):
    """One end of a pair; every connection begins as one that has no other yet."""

    __slots__ = ("active", "other", "pipe", "since")

    RESET: ClassVar[int]
    """What counts a reset by the peer of this end."""
    OCTETS: ClassVar[int]
    """What counts the octets that this end received."""
    SIDE: ClassVar[int]
    """Which of `VirtualServer.room` holds for octets that this end received."""
    LAST_WORDS: ClassVar[bool]
    """Whether what the peer sent must arrive even if it resets the connection then."""

    other: End | None
    """The other end, while they are joined."""
    pipe: Pipe | None
    """Holds octets that came in here, if this direction is bulk."""
    active: float
    """When something last happened here."""
    since: float
    """When the connection was made."""

    def start(self, server: VirtualServer) -> None:
        """Fill in what a fresh end begins with."""
        super().start(server)
        self.other = None
        self.pipe = None
        self.active = self.since = server.loop.now

    def join(self, node: End, unsent: bytes) -> None:
        """Make a pair of this client and *node*, which must get *unsent* first."""
        self.other = node
        node.other = self
        node.pending = unsent
        self.server.counts[counters.JOINED] += 1

    def guard(self) -> None:
        """Read nothing until `take_over`: somebody else must see it first."""
        self.seen |= GUARDED

    def take_over(self) -> None:
        """Be told of events from now on, instead of whoever was told before.

        Events that the other was told of are not told again, so that everything is
        looked at once more.
        """
        loop = self.server.loop
        loop.hand_over(self.fileno(), self)
        self.seen = self.seen & ~GUARDED | _IN | select.EPOLLPRI
        loop.again(self)

    def ready(self, mask: int) -> None:
        """Move what can be moved; see `sslmagic.relay.loop.Handler`."""
        other = self.other
        if other is None:
            return
        self.active = self.server.loop.now
        self.seen |= mask & _SEEN
        if (
            mask & _OUT
            and (self.pending or (other.pipe is not None and other.pipe.filled))
            and not self._relieve(other)
        ):
            return
        if mask & _GONE:
            self._fail(other)
        elif self.seen & _SEEN and not self.seen & ENDED:
            self._pull(other)

    def swept(self, now: float) -> None:
        """Close the pair if its time is up, and give back a pipe that rests."""
        other = self.other
        if other is None:
            return
        limits = self.server.limits
        active = max(self.active, other.active)
        if limits.timeout and now - active >= limits.timeout:
            self._close(other, counters.IDLE)
        elif (
            limits.max_transaction_duration
            and now - self.since >= limits.max_transaction_duration
        ):
            self._close(other, counters.DURATION)
        elif self.pipe and not self.pipe.filled and now - self.active >= 1.0:
            self.server.pipes.take_back(self.pipe)
            self.pipe = None

    def abort(self) -> None:
        """Reset both ends; what was not written yet is lost."""
        if (other := self.other) is not None:
            self._reset(other, counters.ABORTED)

    def abandon(self) -> None:
        """Reset both ends; whoever calls has counted why."""
        if (other := self.other) is not None:
            self._reset(other, None)

    def pass_on(self, octets: bytes) -> None:
        """Write octets of this end to the other one, before any that it reads."""
        other = self.other
        if other is None or not octets:
            return
        if not other.pending:
            if other.seen & NAGLE:
                other.hurry()
            try:
                octets = octets[other.send(octets, AT_ONCE) :]
            except BlockingIOError:
                pass
            except OSError as error:
                other._fail(self, error)  # noqa: SLF001 - the other half of the same thing
                return
        if octets:
            other.keep(bytes(other.pending) + octets)

    def expired(self) -> None:
        """Reset both ends: the client still sends to a node that is gone."""
        if (other := self.other) is not None:
            self._reset(other, other.RESET)

    def _pull(self, other: End) -> None:
        """Read until nothing is left, the receiver is full, or others have a turn."""
        if self.pipe is not None:
            self._splice(self.pipe, other)
            return
        if other.pending:
            return
        if self.seen & ASIDE:
            if self.seen & IGNORED:
                self._ignore(other)
            return
        view = self.server.view
        size = self.server.room[self.SIDE]
        for _ in range(_TURN):
            try:
                count = self.recv_into(view, size, AT_ONCE)
            except BlockingIOError:
                self.seen &= _DRAINED
                return
            except OSError:
                self._reset(other, self.RESET)
                return
            if not count:
                self._end(other)
                return
            self.moved += count
            # The FIN is there, and nothing but the FIN: it goes out in one segment
            # with the last octets, and no read of 0 is needed to learn of it.
            last = count < size and self.seen & (_FIN | _UNSURE) == _FIN
            if other.seen & NAGLE:
                other.hurry()
            try:
                sent = other.send(view[:count], WITH_FIN if last else AT_ONCE)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                other._fail(self, error)
                return
            if sent < count:
                other.keep(bytes(view[sent:count]))
                return
            if last:
                self._end(other)
                return
            if count < size and not self.seen & (_FIN | _UNSURE):
                self.seen &= _DRAINED
                return
            if self.moved >= _BULK and count == size:
                self.pipe = self.server.pipes.lend()
                if self.pipe is not None:
                    # splice(2) knows no flag for what MSG_DONTWAIT does.
                    self.setblocking(False)  # noqa: FBT003
                    other.setblocking(False)  # noqa: FBT003
                    other.watch_room()
                    self._splice(self.pipe, other)
                    return
        self.server.loop.again(self)

    def _splice(self, pipe: Pipe, other: End) -> None:
        """Move bulk through *pipe*, likewise; what `pending` holds goes first."""
        source, target = self.fileno(), other.fileno()
        for _ in range(_TURN):
            if other.pending:
                return
            if pipe.filled < pipe.room and not self.seen & ENDED:
                try:
                    count = pipe.fill(source)
                except BlockingIOError:
                    if not pipe.filled:
                        self.seen &= _DRAINED
                        return
                except OSError:
                    self._reset(other, self.RESET)
                    return
                else:
                    self.moved += count
                    if not count:
                        self.seen |= ENDED
            if pipe.filled:
                try:
                    pipe.drain(target)
                except BlockingIOError:
                    return
                except OSError as error:
                    other._fail(self, error)
                    return
            elif self.seen & ENDED:
                self._end(other)
                return
        self.server.loop.again(self)

    def _relieve(self, other: End) -> bool:
        """Write what is left for this end; return whether the pair is still there."""
        if self.pending:
            try:
                sent = self.send(self.pending, AT_ONCE)
            except BlockingIOError:
                return True
            except OSError as error:
                self._fail(other, error)
                return False
            if sent < len(self.pending):
                # A view: cutting a copy off the front each time would be quadratic.
                self.pending = memoryview(self.pending)[sent:]
                return True
            self.pending = b""
        if other.seen & ENDED and not other.pipe:
            other._end(self)
        else:
            other._pull(self)
        return self.other is not None

    def _end(self, other: End) -> None:
        """Pass on the FIN that this end received, when all before it is written."""
        self.seen |= ENDED
        if other.pending or (self.pipe is not None and self.pipe.filled):
            return
        if self.seen & BROKEN:
            self._reset(other, self.RESET)
            return
        ignored = other.seen & IGNORED
        if other.seen & ENDED and self.seen & FINISHED:
            # Both directions are done: closing sends the FIN that is still owed.
            self._close(other, self.RESET if ignored else counters.CLOSED)
            return
        if not other.seen & FINISHED:
            other.seen |= FINISHED
            try:
                other.shutdown(socket.SHUT_WR)
            except OSError as error:
                other._fail(self, error)
                return
        if ignored:
            self.server.lingering.add(other, self.server.loop.now)

    def _fail(self, other: End, error: OSError | None = None) -> None:
        """Act on a connection that can no longer be written to.

        A client that is gone needs nothing any more. A node that is gone may have
        answered before: a server that refuses an upload answers, closes, and resets
        whoever goes on sending. Its answer is passed on at the client's pace, and
        what the client still sends is thrown away.
        """
        if not self.LAST_WORDS:
            self._reset(other, self.RESET)
            return
        if error is not None and error.errno != errno.EPIPE:
            # Told to a write, the reset is not told to the reads that follow. EPIPE
            # means that a FIN came before it (tcp_reset() in the kernel).
            self.seen |= BROKEN
        if not other.seen & IGNORED:
            other.seen |= IGNORED | _IN
            self.seen |= FINISHED
            self.pending = b""
            if other.pipe is not None:
                self.server.pipes.take_back(other.pipe)
                other.pipe = None
            self.server.loop.again(other)
        if self.seen & ENDED:
            self._end(other)
        else:
            self.seen |= _IN
            self._pull(other)

    def _ignore(self, other: End) -> None:
        """Read what nobody takes any more, until the peer of this end has ended."""
        for _ in range(_TURN):
            try:
                count = self.recv_into(self.server.view, 0, AT_ONCE)
            except BlockingIOError:
                self.seen &= _DRAINED
                return
            except OSError:
                self._reset(other, other.RESET)
                return
            if not count:
                self.seen |= ENDED
                if self.seen & FINISHED:
                    self._close(other, other.RESET)
                return
        self.server.loop.again(self)

    def _close(self, other: End, count: int) -> None:
        self._part(other, count)
        self.drop()
        other.drop()

    def _reset(self, other: End, count: int | None) -> None:
        self._part(other, count)
        self.reset()
        other.reset()

    def _part(self, other: End, count: int | None) -> None:
        """Count what happened, and give back what the pair held."""
        server = self.server
        counts = server.counts
        if count is not None:
            counts[count] += 1
        for end in (self, other):
            end.other = None
            end.pending = b""
            if end.seen & IGNORED:
                server.lingering.discard(end)
            counts[end.OCTETS] += end.moved
            if end.pipe is not None:
                server.pipes.take_back(end.pipe)
                end.pipe = None
        server.released()


class ClientEnd(End):
    """The connection that a client opened to us."""

    __slots__ = ()
    RESET = counters.CLIENT_RESET
    OCTETS = counters.OCTETS_UP
    SIDE = 0
    LAST_WORDS = False


class NodeEnd(End):
    """The connection that we opened to a node."""

    __slots__ = ()
    RESET = counters.NODE_RESET
    OCTETS = counters.OCTETS_DOWN
    SIDE = 1
    LAST_WORDS = True

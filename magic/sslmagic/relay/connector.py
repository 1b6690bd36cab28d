"""Finds a node for a client: round robin, and the next one when one cannot be reached.

    choose --> connect --> send --> joined
      ^           |          |
      +-- failed -+----------+      until every node, or as many as allowed, was tried

A node is given up only while none of our octets has reached it. What it gets first is
made afresh for each attempt, after connect(2) was called: a preamble belongs to one
connection.
"""

from __future__ import annotations

import errno
import os
import socket
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, Protocol

from sslmagic.relay import counters
from sslmagic.relay.connection import probe
from sslmagic.relay.loop import ARRIVALS, CHANGES
from sslmagic.relay.pair import NodeEnd
from sslmagic.relay.seen import NAGLE

if TYPE_CHECKING:
    from sslmagic.relay.address import Address
    from sslmagic.relay.server import VirtualServer

__all__ = ["Attempt", "Connector", "Opening"]

_STREAM: Final = int(socket.SOCK_STREAM | socket.SOCK_NONBLOCK)
_TCP: Final = int(socket.IPPROTO_TCP)
_EXHAUSTED: Final = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
_UNDER_WAY: Final = (0, errno.EINPROGRESS)
_AGAIN = 0.02
"""Seconds until a UNIX socket whose queue is full is tried again."""


class Opening(Protocol):
    """A client on its way to a node."""

    def compose(self, node: NodeEnd) -> bytes | None:
        """Return what *node* gets first; None if the client has been refused."""
        ...

    def joined(self, node: NodeEnd, unsent: bytes) -> None:
        """Go on with *node*, which has taken all but *unsent*."""
        ...

    def unreachable(self, why: str) -> None:
        """Give up: no node could be reached."""
        ...


class Connector:
    """Connects clients of one virtual server to its nodes.

    Args:
        server: whose limits and counters hold.
        nodes: where to connect, at least one.
        end: what a connection to a node becomes; the loop tells it of its events.
    """

    def __init__(
        self,
        server: VirtualServer,
        nodes: Sequence[Address],
        *,
        end: type[NodeEnd] = NodeEnd,
    ) -> None:
        self.server = server
        self.end = end
        self.loop = server.loop
        self.nodes = tuple(nodes)
        limits = server.limits
        self.attempts = limits.max_connection_attempts or len(self.nodes)
        self.waiting = server.loop.deadlines(limits.max_connect_time)
        self.endless = not limits.timeout
        """Whether a silent connection may stay for ever."""
        self._next = 0

    def connect(self, opening: Opening) -> Attempt | None:
        """Find a node for *opening*, which is told how it went.

        Returns:
            The search, if it goes on; None if *opening* knows already.
        """
        first = self._next
        self._next = (first + 1) % len(self.nodes)
        attempt = Attempt(self, opening, first)
        attempt.run()
        return None if attempt.opening is None else attempt


class Attempt:
    """One client's search for a node, over as soon as `Opening` was told.

    Most searches are over before `run` returns, so that what only a longer one needs
    has its first value on the class.
    """

    opening: Opening | None
    """Who is to be told; None when the search is over."""
    _end: NodeEnd | None = None
    _node: Address | None = None
    _timed = False
    _tried = 0
    _watched = False
    _why = ""

    def __init__(self, connector: Connector, opening: Opening, first: int) -> None:
        self._connector = connector
        self._first = first
        self.opening = opening

    def run(self) -> None:
        """Try nodes until one takes the first octets or has to be waited for."""
        connector = self._connector
        frugal = connector.server.frugal
        nodes = connector.nodes
        while self._tried < connector.attempts:
            self._node = node = nodes[(self._first + self._tried) % len(nodes)]
            self._tried += 1
            try:
                self._end = end = connector.end(node.family, _STREAM)
            except OSError as error:
                if error.errno in _EXHAUSTED:
                    connector.server.counts[counters.DESCRIPTORS] += 1
                self._failed(error.strerror or str(error))
                continue
            end.start(connector.server)
            if node.is_tcp:
                if frugal:
                    end.seen |= NAGLE
                else:
                    end.setsockopt(_TCP, socket.TCP_NODELAY, 1)
                # The answer to our SYN is acknowledged by the first octets, instead
                # of by a segment of its own in front of them.
                end.setsockopt(_TCP, socket.TCP_QUICKACK, 0)
                if connector.endless:
                    probe(end)
            code = end.connect_ex(node.name)
            if code in _UNDER_WAY:
                if self._open(end):
                    return
            elif code == errno.EAGAIN:
                self._queue()
                return
            else:
                self._failed(os.strerror(code))
        opening, self.opening = self.opening, None
        if opening is not None:
            opening.unreachable(self._why)

    def cancel(self) -> None:
        """Stop: the client is gone."""
        self.opening = None
        self._forget()

    def ready(self, mask: int) -> None:
        """Go on with a node that has answered, or try the next one."""
        del mask
        if self._end is not None and not self._open(self._end):
            self.run()

    def expired(self) -> None:
        """Try the next node: this one has not answered in time."""
        self._failed(os.strerror(errno.ETIMEDOUT))
        self.run()

    def swept(self, now: float) -> None:
        """Do nothing: a deadline of its own watches over it."""

    def abort(self) -> None:
        """Give up the node that is waited for, and the client."""
        self._tried = self._connector.attempts
        self._failed("the worker ends")
        self.run()

    def _open(self, end: NodeEnd) -> bool:
        """Send the first octets, which tells at once whether the node is there.

        Returns:
            Whether no other node need be tried now.
        """
        opening = self.opening
        octets = None if opening is None else opening.compose(end)
        if opening is None or octets is None:
            self.cancel()
            return True
        try:
            sent = end.send(octets)
        except BlockingIOError:
            self._wait(end)
            return True
        except OSError as error:
            self._failed(error.strerror or str(error))
            return False
        self.opening = self._end = None
        unsent = octets[sent:]
        opening.joined(end, unsent)
        if self._timed:
            self._connector.waiting.discard(self)
        if self._watched:
            end.take_over()
        else:
            events = ARRIVALS if end.server.frugal and not unsent else CHANGES
            self._connector.loop.add(end.fileno(), end, events)
        return True

    def _wait(self, end: NodeEnd) -> None:
        if not self._watched:
            self._watched = True
            self._start_time()
            self._connector.loop.add(end.fileno(), self)

    def _queue(self) -> None:
        """Come back to a UNIX socket whose queue is full: it cannot be waited for."""
        self._start_time()
        if self._end is not None:
            self._end.drop()
            self._end = None
        self._connector.loop.after(_AGAIN, self._come_back)

    def _come_back(self) -> None:
        timed = self in self._connector.waiting
        if self.opening is not None and self._end is None and timed:
            self._tried -= 1
            self.run()

    def _start_time(self) -> None:
        waiting = self._connector.waiting
        self._timed = True
        if self not in waiting:
            waiting.add(self, self._connector.loop.now)

    def _failed(self, why: str) -> None:
        self._connector.server.counts[counters.NODE_FAILED] += 1
        self._why = f"{self._node}: {why}"
        self._forget()

    def _forget(self) -> None:
        self._watched = False
        self._connector.waiting.discard(self)
        if self._end is not None:
            self._end.drop()
            self._end = None

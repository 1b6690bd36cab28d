"""Listener: a listening socket whose accept() gives connections without their preamble.

Its descriptor is that of an epoll (see `arrivals`), so that whoever watches a listening
socket, a blocking call, select, asyncio or a web server, watches the connections that
wait for their preamble and their deadlines too. There is no thread: the work is done
inside accept().
"""

from __future__ import annotations

import errno
import math
import os
import socket
import threading
import time
import weakref
from typing import TYPE_CHECKING, NoReturn

from sslmagic.errors import ConfigurationError
from sslmagic.listener.arrivals import Arrivals, Rules
from sslmagic.listener.connection import Connection
from sslmagic.listener.peername import PeerName, SocketAddress
from sslmagic.reception import DEADLINE, Counters, Verifier
from sslmagic.trust import Trust

__all__ = ["WAITING", "Listener", "listeners"]

WAITING = 4096
"""Connections that may wait for their preamble by default: as many as the kernel queues
for accept (net.core.somaxconn). A gateway's wait for milliseconds."""

_AGAIN = os.strerror(errno.EAGAIN)
_FAMILIES = {socket.AF_INET, socket.AF_INET6, socket.AF_UNIX}


class Listener(socket.socket):
    """Takes over a listening socket, and takes the preamble off each connection.

    accept() never raises because of a peer and never waits for a TLS handshake: the
    ClientHello is still in the kernel. It is safe from several threads, and it blocks,
    times out or raises BlockingIOError as `settimeout` says. `setsockopt`, `listen`,
    `getsockname` and `shutdown` reach the real listening socket.

    Readable means work to do, not a connection for certain: a preamble may have gone on
    arriving, or a peer been refused. Who selects before he accepts makes the listener
    non-blocking, as with any listening socket.

    When more than *waiting* connections wait, or no descriptor is left, the one that
    has waited longest is refused. It had the longest time to speak, and whoever opens
    connections to say nothing pushes out his own; were the newest refused, he would
    shut out everybody else.

    After `os.fork` the child has a listener of its own on the same port, with counters
    from zero; connections that were waiting stay with the parent. It cannot be pickled.

    Nobody else can accept from its descriptor, which is no socket: to wrap the listener
    in TLS is an OSError. `create_server(sock=...)` of uvloop, which would accept by
    itself, closes it and gives the loop's exception handler a TypeError that says so;
    `sslmagic.streams` serves on uvloop.

    Args:
        sock: a bound stream socket, TCP or UNIX, in any state of `listen`. It is
            detached, so that nobody accepts past the listener.
        trust: which peers may speak for a client.
        deadline: seconds that a connection has for its whole preamble.
        waiting: how many connections may wait for it at a time, 1 or more.
        verifier: checks proofs; without one every proof is refused.
        limit: the longest preamble in octets; None for each format's own limit.

    Raises:
        ConfigurationError: a value is out of range, or the trust or the socket of
            another kind.
    """

    def __init__(
        self,
        sock: socket.socket,
        *,
        trust: Trust,
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        verifier: Verifier | None = None,
        limit: int | None = None,
    ) -> None:
        rules = Rules(trust, deadline, waiting, verifier, limit)
        rules.check()
        _check(sock)
        timeout = sock.gettimeout()
        # An accepted socket says what the listening one says, and asyncio switches
        # Nagle's algorithm off only where that is TCP.
        protocol = 0 if sock.family == socket.AF_UNIX else socket.IPPROTO_TCP
        super().__init__(sock.family, sock.type, protocol, sock.detach())
        super().setblocking(False)  # noqa: FBT003  # the library's
        self._timeout = timeout
        self._rules = rules
        self._turn = threading.RLock()
        self._is_working = False
        self._start()
        # libuv closes what fileno() gave it: a number beside the epoll's own, so that
        # it closes neither the epoll nor, later, a stranger's descriptor.
        self._descriptor = os.dup(self._arrivals.fileno())
        self._give_back = weakref.finalize(self, os.close, self._descriptor)
        _LISTENERS.add(self)

    @property
    def counters(self) -> Counters:
        """What became of the connections, by reason."""
        return self._arrivals.counters

    @property
    def trust(self) -> Trust:
        """Which peers may speak for a client."""
        return self._rules.trust

    @property
    def deadline(self) -> float:
        """Seconds that a connection has for its whole preamble."""
        return self._rules.deadline

    @property
    def waiting(self) -> int:
        """How many connections may wait for it at a time."""
        return self._rules.waiting

    def fileno(self) -> int:
        """Return the descriptor that is readable while accept() has work to do.

        -1 if the listener is closed.
        """
        return self._descriptor

    def accept(self) -> tuple[socket.socket, PeerName]:
        """Return the next connection, its preamble taken off, and its client.

        `connection.getpeername()` is the client too. The connection is blocking,
        whatever the listener is.

        Raises:
            BlockingIOError: none is ready, and the listener does not block.
            TimeoutError: none became ready within the listener's timeout.
            OSError: the listener is closed, or does not listen.
        """
        connection = self._next()
        return connection, connection.getpeername()

    def ready(self) -> socket.socket | None:
        """Return the next connection, as accept() does, or None if none is ready.

        For event loops: it never waits, and to find nothing costs no exception. It
        calls no accept(): `prepared` is where a subclass changes connections.

        Raises:
            OSError: the listener is closed, or does not listen.
        """
        # Whoever has the turn works off everything: nothing is missed without it.
        if not self._turn.acquire(blocking=False):
            return None
        try:
            return self._ready(0)
        finally:
            self._turn.release()

    def pause(self) -> None:
        """Leave new connections to the kernel, for a server that has enough of them.

        Those that wait for their preamble go on, and their deadlines hold: accept() has
        work to do, and may give some of them, up to *waiting*. From the thread that
        accepts; a child begins without a pause. Nothing happens once it is closed.
        """
        with self._turn:
            if self._descriptor >= 0:
                self._arrivals.pause()

    def resume(self) -> None:
        """Accept new connections again, unless it is closed."""
        with self._turn:
            if self._descriptor >= 0:
                self._arrivals.resume()

    def prepared(self, connection: Connection) -> socket.socket | None:
        """Return what accept() gives for a connection that is ready; None for nothing.

        For subclasses.
        """
        return connection

    def _next(self) -> socket.socket:
        timeout = self._timeout
        if timeout == 0:
            connection = self.ready()
            if connection is None:
                raise BlockingIOError(errno.EAGAIN, _AGAIN)
            return connection
        ends = math.inf if timeout is None else time.monotonic() + timeout
        # One thread waits and the others queue behind it: a connection wakes one.
        if not self._turn.acquire(timeout=-1 if timeout is None else timeout):
            raise TimeoutError("timed out")
        try:
            left = timeout
            while (connection := self._ready(left)) is None:
                if timeout is not None:
                    left = ends - time.monotonic()
                    if left <= 0:
                        raise TimeoutError("timed out")
            return connection
        finally:
            self._turn.release()

    def _ready(self, patience: float | None) -> socket.socket | None:
        if self._descriptor < 0:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self._is_working = True
        try:
            # Half of socket.accept(), which would make a socket for us to make another
            # of its descriptor: 8 of 15 microseconds (Python 3.11).
            connection = self._arrivals.ready(self._accept, patience)
        finally:
            self._is_working = False
            if self._descriptor < 0:
                self._arrivals.close()
        return None if connection is None else self.prepared(connection)

    def close(self) -> None:
        """Stop listening and close the connections that wait.

        accept() in other threads raises OSError.
        """
        if self._descriptor < 0:
            return
        self._descriptor = -1
        _LISTENERS.discard(self)
        self._arrivals.wake()
        with self._turn:
            # Who has the turn and works is this very thread, which a signal handler
            # interrupted: what it works on is closed when it gets on.
            if not self._is_working:
                self._arrivals.close()
        self._give_back()
        # Not as socket.close() does, which waits for those who count on the socket:
        # uvloop does while it watches it, and nobody would accept meanwhile.
        os.close(super().detach())

    def settimeout(self, value: float | None, /) -> None:
        """Set how many seconds accept() may take: None for ever, 0 not to wait."""
        if value is not None and value < 0:
            raise ValueError("Timeout value out of range")
        self._timeout = value

    def gettimeout(self) -> float | None:
        """Return how many seconds accept() may take."""
        return self._timeout

    @property
    def timeout(self) -> float | None:
        """How many seconds accept() may take."""
        return self._timeout

    def setblocking(self, flag: bool, /) -> None:  # noqa: FBT001  # as a socket has it
        """Wait in accept() without end, or not at all."""
        self._timeout = None if flag else 0.0

    def getblocking(self) -> bool:
        """Return whether accept() may wait."""
        return self._timeout != 0

    def restart(self) -> None:
        """Start anew in a child process; `os.fork` itself calls it there.

        The epoll and the connections that wait are the parent's.
        """
        self._turn = threading.RLock()
        self._is_working = False
        self._arrivals.close()
        self._start()
        os.dup2(self._arrivals.fileno(), self._descriptor, inheritable=False)

    def dup(self) -> NoReturn:
        """Refuse: two of them would not know of each other's connections."""
        raise TypeError("a Listener cannot be duplicated: share it, or make another")

    def detach(self) -> NoReturn:
        """Close the listener and refuse: its descriptor accepts nothing by itself."""
        # libuv comes here after it failed to listen on the descriptor, which it closes;
        # uvloop then says nothing but what this raises.
        self._give_back.detach()
        self.close()
        raise TypeError(
            "a Listener's descriptor cannot be taken over, and the listener is closed:"
            " call its accept(), and on uvloop use sslmagic.streams.create_server"
        )

    def __reduce__(self) -> NoReturn:
        raise TypeError("cannot pickle a Listener: make one in each process")

    if TYPE_CHECKING:  # typeshed leaves it out

        def _accept(self) -> tuple[int, SocketAddress]: ...

    def _start(self) -> None:
        kind = self.family, self.type, self.proto
        self._arrivals = Arrivals(super().fileno(), kind, self._rules)


def listeners() -> tuple[Listener, ...]:
    """Return the open listeners of this process, whoever made them.

    With them any application has their `counters`; each worker process has its own.
    """
    return tuple(_LISTENERS)


def _check(sock: socket.socket) -> None:
    if isinstance(sock, Listener):
        raise ConfigurationError("the socket is a Listener already")
    if sock.family not in _FAMILIES or sock.type != socket.SOCK_STREAM:
        raise ConfigurationError(f"{sock!r} is no stream socket of TCP or UNIX")
    if type(sock) is not socket.socket:
        raise ConfigurationError(f"{sock!r} is no plain socket: TLS comes afterwards")


_LISTENERS: weakref.WeakSet[Listener] = weakref.WeakSet()


def _restart_all() -> None:
    for listener in tuple(_LISTENERS):
        listener.restart()


os.register_at_fork(after_in_child=_restart_all)

"""One worker process: a loop, its virtual servers and listeners, from start to end.

    serving --(SIGTERM)--> finishing --(no clients left, or the grace is over)--> done

SIGUSR2 ends the grace. A worker whose supervisor is gone ends as with SIGTERM, of which
a second one changes nothing: whoever signals a whole group of processes, as systemd
does, reaches the workers beside the supervisor, which tells them as well.
"""

from __future__ import annotations

import gc
import os
import resource
import select
import signal
import socket
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from sslmagic.relay import counters
from sslmagic.relay.acceptor import Acceptor
from sslmagic.relay.loop import Loop

if TYPE_CHECKING:
    from sslmagic.relay.limits import Limits
    from sslmagic.relay.log import Log
    from sslmagic.relay.server import VirtualServer

__all__ = ["Worker"]

_SPARE = 64
"""Descriptors that are no client's: listeners, epoll, pipes, standard streams."""
_GARBAGE = 50_000
"""Objects made and kept before the collector looks: relaying makes no cycles."""


class Worker:
    """What the virtual servers of one process share.

    Args:
        number: which worker, from 0.
        workers: of how many.
        counts: where it counts.
        log: for words to the operator.
        sweep: seconds between two looks at idle connections.
    """

    def __init__(
        self,
        number: int,
        workers: int,
        counts: memoryview[int],
        log: Log,
        *,
        sweep: float,
    ) -> None:
        self.number = number
        self.workers = workers
        self.counts = counts
        self.log = log
        self.loop = Loop(sweep=sweep, fault=self._fault)
        self._servers: list[VirtualServer] = []
        self._grace = 0.0
        self.finishing = False
        """Whether the worker accepts no more and waits for its clients to go."""

    def room(self, limits: Limits) -> int:
        """Return how many clients a virtual server may have here at a time.

        A client and its node take a descriptor each.
        """
        descriptors, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = max(1, (descriptors - _SPARE) // 2)
        share = limits.share(self.number, self.workers)
        return most if share is None else min(most, share)

    def serve(self, server: VirtualServer, listening: Sequence[socket.socket]) -> None:
        """Accept for *server* on each of the sockets."""
        self._servers.append(server)
        for each in listening:
            # It makes itself known to the server, which ends it.
            Acceptor(self.loop, each, server)

    def run(self, *, grace: float, lifeline: int, ready: int | None = None) -> None:
        """Serve until told to end.

        Args:
            grace: seconds for connections to finish.
            lifeline: a pipe's reading end that ends when the supervisor does.
            ready: a pipe's writing end to say that this worker serves, then closed.
        """
        self._grace = grace
        told, teller = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        _Ear(self.loop, told, self._heed)
        _Ear(self.loop, lifeline, self._heed)
        signal.set_wakeup_fd(teller, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD):
            # A terminal sends SIGINT to the whole group; the supervisor answers it.
            signal.signal(number, signal.SIG_IGN)
        for number in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, _noted)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        gc.collect()
        gc.freeze()
        gc.set_threshold(_GARBAGE, 20, 100)
        if ready is not None:
            os.write(ready, b"r")
            os.close(ready)
        self.loop.run()

    def finish(self) -> None:
        """Accept no more, and end when nobody is left or the grace is over."""
        if self.finishing:
            return
        self.finishing = True
        for server in self._servers:
            server.finish()
        self.loop.after(self._grace, self._end)
        self.end_if_idle()

    def end_if_idle(self) -> None:
        """End if no client is left; a virtual server has lost its last one."""
        if self.finishing and not any(server.live for server in self._servers):
            self.loop.stop()

    def _heed(self, signals: bytes) -> None:
        """Act on the numbers of signals; none means that the supervisor is gone."""
        if signal.SIGUSR2 in signals:
            self._end()
        else:
            self.finish()

    def _end(self) -> None:
        # Whatever an abort may run into, the worker ends.
        self.loop.stop()
        self.loop.abort()

    def _fault(self, error: Exception) -> None:
        self.counts[counters.FAULTS] += 1
        self.log.fault(error)


class _Ear:
    """Passes on what a pipe says; nothing, once its other end is gone."""

    def __init__(
        self, loop: Loop, descriptor: int, heard: Callable[[bytes], None]
    ) -> None:
        self._loop = loop
        self._descriptor = descriptor
        self._heard = heard
        loop.add(descriptor, self, select.EPOLLIN)

    def ready(self, mask: int) -> None:
        """Read, so that it is told once, and tell."""
        del mask
        octets = os.read(self._descriptor, 512)
        if not octets:
            self._loop.remove(self._descriptor)
        self._heard(octets)

    def swept(self, now: float) -> None:
        """Do nothing: there is no deadline."""

    def abort(self) -> None:
        """Do nothing: the process ends with the loop."""


def _noted(number: int, frame: object) -> None:
    """Let the wake-up descriptor say it."""

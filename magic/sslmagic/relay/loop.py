"""The event loop of a worker: one epoll, one clock, and whoever is to be told.

    poll --> ready(mask) of each descriptor's handler --> again --> close --> deadlines
      ^                                                                          |
      +--------------------------------------------------------------------------+

Descriptors are watched edge-triggered: a handler is told when something changed and
remembers what it has not used up. A socket is closed after the round in which its owner
gave it up, so that a number in a batch of events never means another connection than
the one the kernel meant.
"""

from __future__ import annotations

import math
import select
import time
from collections.abc import Callable
from typing import Final, Protocol

from sslmagic.relay.timers import Alarm, Appointments, Deadlines

__all__ = ["ARRIVALS", "CHANGES", "Closeable", "Handler", "Loop"]

ARRIVALS: Final = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLPRI | select.EPOLLET
"""What to watch for to learn what a peer sends; errors are always reported.

EPOLLPRI tells that urgent data is about: a read stops at its mark, so that a short one
does not mean that nothing is left.
"""
CHANGES: Final = ARRIVALS | select.EPOLLOUT
"""As `ARRIVALS`, and when there is room to write again. Every connection has room when
it is new, and is reported for it: one event more."""

_BATCH = 256
"""Events taken per round: enough for one system call, few enough to stay fair."""


class Closeable(Protocol):
    """A socket, or what can be closed like one."""

    def fileno(self) -> int:
        """Return the descriptor."""
        ...

    def close(self) -> None:
        """Close it."""
        ...


class Handler(Protocol):
    """Whoever owns a descriptor that the loop watches."""

    def ready(self, mask: int) -> None:
        """Act on the events in *mask*, 0 after `Loop.again`."""
        ...

    def swept(self, now: float) -> None:
        """See whether time is up; called every few seconds, see `Loop`."""
        ...

    def abort(self) -> None:
        """End at once, whatever the state: a fault, or the grace is over."""
        ...


class Loop:
    """Runs handlers until it is stopped.

    Args:
        sweep: seconds between two calls of every handler's `swept`.
        fault: is called with an exception that a handler let escape, after the
            handler was aborted; it may raise it.
    """

    def __init__(self, *, sweep: float, fault: Callable[[Exception], None]) -> None:
        self.now: float = time.monotonic()
        """Seconds of the monotonic clock when the current round began."""
        self._epoll = select.epoll()
        self._handlers: dict[int, Handler] = {}
        self._again: list[Handler] = []
        self._closing: list[Closeable] = []
        self._alarm = Alarm()
        self._appointments = Appointments(self._alarm)
        self._queues: list[Deadlines | Appointments] = [self._appointments]
        self._sweep = sweep
        self._fault = fault
        self._stopped = False
        self.after(sweep, self._sweep_all)

    def add(self, descriptor: int, handler: Handler, mask: int = CHANGES) -> None:
        """Watch *descriptor*, from now on, for *handler*.

        Raises:
            OSError: the kernel has no room for it.
        """
        self._epoll.register(descriptor, mask)
        self._handlers[descriptor] = handler

    def change(self, descriptor: int, mask: int) -> None:
        """Watch a descriptor for something else; what is so already is told."""
        self._epoll.modify(descriptor, mask)

    def hand_over(self, descriptor: int, handler: Handler) -> None:
        """Let *handler* act for a descriptor that is watched already."""
        self._handlers[descriptor] = handler

    def remove(self, descriptor: int) -> None:
        """Stop watching a descriptor that stays open."""
        del self._handlers[descriptor]
        self._epoll.unregister(descriptor)

    def close(self, closeable: Closeable) -> None:
        """Stop watching a socket, and close it when this round is over."""
        self._handlers.pop(closeable.fileno(), None)
        self._closing.append(closeable)

    def again(self, handler: Handler) -> None:
        """Call ``handler.ready(0)`` in the next round, after others had their turn."""
        self._again.append(handler)

    def after(self, seconds: float, action: Callable[[], None]) -> None:
        """Call *action* once, *seconds* from now."""
        self._appointments.add(self.now + seconds, action)

    def deadlines(self, seconds: float) -> Deadlines:
        """Return a new queue of deadlines that the loop keeps."""
        queue = Deadlines(seconds, self._alarm)
        self._queues.append(queue)
        return queue

    def handlers(self) -> tuple[Handler, ...]:
        """Return everyone who owns a descriptor now."""
        return tuple(self._handlers.values())

    def stop(self) -> None:
        """Return from `run` when this round is over."""
        self._stopped = True

    def abort(self) -> None:
        """Abort every handler and close what they gave up."""
        for handler in self.handlers():
            handler.abort()
        self._close()

    def run(self) -> None:
        """Serve until `stop`."""
        poll = self._epoll.poll
        handlers = self._handlers
        self._stopped = False
        while not self._stopped:
            events = poll(self._pause(), _BATCH)
            self.now = time.monotonic()
            for descriptor, mask in events:
                # A descriptor that was given up earlier in this round has no handler.
                if (handler := handlers.get(descriptor)) is not None:
                    try:
                        handler.ready(mask)
                    except Exception as error:  # noqa: BLE001 - one connection's fault
                        self._failed(handler, error)
            if self._again:
                self._run_again()
            if self._closing:
                self._close()
            if self.now >= self._alarm.at:
                self._run_due()

    def _pause(self) -> float:
        if self._again or self._closing:
            return 0.0
        return max(0.0, self._alarm.at - self.now)

    def _run_again(self) -> None:
        again, self._again = self._again, []
        for handler in again:
            try:
                handler.ready(0)
            except Exception as error:  # noqa: BLE001 - one connection's fault
                self._failed(handler, error)

    def _run_due(self) -> None:
        alarm = self._alarm
        alarm.at = math.inf
        for queue in self._queues:
            try:
                queue.run(self.now)
            except Exception as error:  # noqa: BLE001 - the others still wait
                self._fault(error)
            alarm.by(queue.next)

    def _close(self) -> None:
        for closeable in self._closing:
            try:
                closeable.close()
            except OSError:
                # The descriptor is gone even when close(2) reports an earlier error.
                continue
        self._closing.clear()

    def _sweep_all(self) -> None:
        self.after(self._sweep, self._sweep_all)
        for handler in self.handlers():
            try:
                handler.swept(self.now)
            except Exception as error:  # noqa: BLE001 - one connection's fault
                self._failed(handler, error)

    def _failed(self, handler: Handler, error: Exception) -> None:
        try:
            handler.abort()
        finally:
            self._fault(error)

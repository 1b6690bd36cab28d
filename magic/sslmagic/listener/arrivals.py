"""Arrivals: what has reached a listening socket and is not yet ready to be served.

              ┌── listening socket ──accept──▶ Reception ──▶ ready, refused or waiting
    epoll ────┼── waiting connections ──octets──▶ "
              └── alarm ──deadline──▶ refused

One epoll holds everything there is to wait for, and one event gives at most one ready
connection: what was not worked off keeps the epoll readable, so that nothing ready is
ever kept in here.
"""

from __future__ import annotations

import errno
import math
import select
import socket
import time
from collections.abc import Callable
from typing import NamedTuple

from sslmagic.errors import ConfigurationError, Reason
from sslmagic.listener.alarm import Alarm
from sslmagic.listener.connection import Connection, client_name, receive
from sslmagic.listener.journal import Journal
from sslmagic.listener.peername import SocketAddress, peer_of
from sslmagic.reception import Accepted, Counters, Reception, Refused, Verifier
from sslmagic.trust import Trust

__all__ = ["Arrivals", "Rules"]

_TURN = 64
"""Events worked off in one go, so that nobody who sends rubbish fast enough keeps an
event loop in here."""

_PAUSE = 0.2
"""Seconds without accepting after the system ran out of descriptors or memory."""

_EVENTS = select.EPOLLIN | select.EPOLLRDHUP | select.EPOLLET
_OUT_OF_ROOM = {errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM}
# accept(2) passes on what befell the new connection, and a firewall's refusal.
_PEERS_FAULT = {
    errno.ECONNABORTED,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETDOWN,
    errno.ENETUNREACH,
    errno.ENONET,
    errno.ENOPROTOOPT,
    errno.EPERM,
    errno.EPROTO,
}


Accept = Callable[[], tuple[int, SocketAddress]]


class Rules(NamedTuple):
    """How connections are received; `Listener` says what each means."""

    trust: Trust
    deadline: float
    waiting: int
    verifier: Verifier | None = None
    limit: int | None = None

    def check(self) -> None:
        """Refuse what no listener can keep.

        Raises:
            ConfigurationError: a value is out of range, or the trust is no `Trust`.
        """
        # Not everybody has a type checker, and it would be found out by a client.
        if not isinstance(self.trust, Trust):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"trust={self.trust!r}: give a Trust")
        if not 0 < self.deadline < math.inf:
            raise ConfigurationError(
                f"deadline={self.deadline!r}: more than 0 seconds, and not for ever"
            )
        if self.waiting < 1:
            raise ConfigurationError(
                f"waiting={self.waiting!r}: 1 connection or more must be able to wait"
            )


class _Waiting(NamedTuple):
    connection: Connection
    reception: Reception
    address: SocketAddress


class Arrivals:
    """The connections of one listening socket, until they are ready. For one thread.

    Args:
        descriptor: the listening socket's own.
        kind: family, type and protocol of its connections.
        rules: how they are received.
    """

    __slots__ = (
        "_alarm",
        "_descriptor",
        "_epoll",
        "_is_paused",
        "_journal",
        "_kind",
        "_resumes",
        "_rules",
        "_waiting",
        "counters",
    )

    counters: Counters
    """What became of the connections, by reason."""

    def __init__(
        self, descriptor: int, kind: tuple[int, int, int], rules: Rules
    ) -> None:
        self.counters = Counters()
        self._descriptor = descriptor
        self._kind = kind
        self._rules = rules
        self._journal = Journal()
        self._resumes: float | None = None
        self._is_paused = False
        # All have the same time to speak, so the order of arrival is that of deadlines.
        self._waiting: dict[int, _Waiting] = {}
        self._alarm = Alarm()
        self._epoll = select.epoll()
        self._epoll.register(self._alarm, select.EPOLLIN)
        self._epoll.register(descriptor, select.EPOLLIN)

    def fileno(self) -> int:
        """Return what is readable while there is work to do."""
        return self._epoll.fileno()

    def ready(self, accept: Accept, patience: float | None) -> Connection | None:
        """Return a connection that is ready, or None if none is yet.

        Args:
            accept: returns a new connection's descriptor and the peer's address, or
                raises BlockingIOError.
            patience: seconds to wait for something to happen, None for ever. What
                happens need not make a connection ready.

        Raises:
            OSError: the listening socket is closed, or does not listen.
        """
        for _ in range(_TURN):
            events = self._epoll.poll(patience, 1)
            if not events:
                return None
            patience = 0
            descriptor, event = events[0]
            if descriptor == self._descriptor:
                connection = self._take(accept)
            elif descriptor == self._alarm.fileno():
                self._ring()
                continue
            else:
                connection = self._advance(descriptor, event)
            if connection is not None:
                return connection
        return None

    def wake(self) -> None:
        """Make whoever waits in `ready` return; for any thread."""
        self._alarm.ring_at(0)

    def pause(self) -> None:
        """Leave new connections to the kernel; those that wait here go on."""
        self._is_paused = True
        self._epoll.modify(self._descriptor, 0)

    def resume(self) -> None:
        """Accept new connections again."""
        self._is_paused = False
        if self._resumes is None:
            self._epoll.modify(self._descriptor, select.EPOLLIN)

    def close(self) -> None:
        """Close what waits, and the epoll; not the listening socket."""
        self._epoll.close()
        self._alarm.close()
        for waiting in self._waiting.values():
            waiting.connection.close()
        self._waiting.clear()

    def _take(self, accept: Accept) -> Connection | None:
        try:
            descriptor, address = accept()
        except BlockingIOError:
            return None  # another process was faster
        except OSError as error:
            if error.errno in _OUT_OF_ROOM:
                self._make_room(error)
            elif error.errno not in _PEERS_FAULT:
                raise
            return None
        connection = Connection(*self._kind, descriptor)
        if connection.gettimeout() is not None:
            # A default timeout: with it every read would wait.
            connection.settimeout(None)
        rules, now = self._rules, time.monotonic()
        reception = Reception(
            rules.trust,
            peer_of(address),
            now,
            deadline=rules.deadline,
            verifier=rules.verifier,
            limit=rules.limit,
        )
        outcome = reception.outcome or receive(connection, reception, now)
        if outcome is not None:
            return self._decided(connection, address, outcome, now)
        self._wait(_Waiting(connection, reception, address), now)
        return None

    def _wait(self, waiting: _Waiting, now: float) -> None:
        if len(self._waiting) >= self._rules.waiting:
            self._turn_away_oldest("too many wait for their preamble", now)
        descriptor = waiting.connection.fileno()
        try:
            self._epoll.register(descriptor, _EVENTS)
        except OSError as error:  # a limit of the system: fs.epoll.max_user_watches
            self._turn_away(waiting, f"it cannot be watched: {error.strerror}", now)
            return
        self._waiting[descriptor] = waiting
        if self._alarm.time is None:
            self._set_alarm()

    def _advance(self, descriptor: int, event: int) -> Connection | None:
        connection, reception, address = self._waiting[descriptor]
        now = time.monotonic()
        outcome = receive(connection, reception, now, event)
        if outcome is None:
            return None
        self._leave(descriptor)
        return self._decided(connection, address, outcome, now)

    def _ring(self) -> None:
        now = time.monotonic()
        if self._resumes is not None and now >= self._resumes:
            self._resumes = None
            if not self._is_paused:
                self._epoll.modify(self._descriptor, select.EPOLLIN)
        while (waiting := self._oldest()) is not None:
            connection, reception, address = waiting
            outcome = reception.expire(now)
            if outcome is None:
                break
            self._leave(connection.fileno())
            self._decided(connection, address, outcome, now)
        self._set_alarm()

    def _set_alarm(self) -> None:
        times = [] if self._resumes is None else [self._resumes]
        if (waiting := self._oldest()) is not None:
            times.append(waiting.reception.deadline)
        self._alarm.ring_at(min(times, default=None))

    def _make_room(self, error: OSError) -> None:
        now = time.monotonic()
        self._journal.trouble(f"cannot accept: {error.strerror}", now)
        if error.errno == errno.EMFILE and self._waiting:
            self._turn_away_oldest("no descriptor is left", now)
            return
        # The listening socket stays readable: watched, it would be a busy loop.
        self._epoll.modify(self._descriptor, 0)
        self._resumes = now + _PAUSE
        self._set_alarm()

    def _turn_away_oldest(self, why: str, now: float) -> None:
        waiting = self._oldest()
        assert waiting is not None
        self._leave(waiting.connection.fileno())
        self._turn_away(waiting, why, now)

    def _turn_away(self, waiting: _Waiting, why: str, now: float) -> None:
        refused = Refused(waiting.reception.peer, Reason.WAITING, why)
        self._decided(waiting.connection, waiting.address, refused, now)

    def _oldest(self) -> _Waiting | None:
        return next(iter(self._waiting.values()), None)

    def _leave(self, descriptor: int) -> None:
        # Before the descriptor is closed or given away: a forked child may share the
        # connection, and then closing it would not take it out of the epoll.
        self._epoll.unregister(descriptor)
        del self._waiting[descriptor]

    def _decided(
        self,
        connection: Connection,
        address: SocketAddress,
        outcome: Accepted | Refused,
        now: float,
    ) -> Connection | None:
        self.counters.count(outcome)
        if isinstance(outcome, Refused):
            self._journal.refused(outcome, now)
            connection.close()
            return None
        connection.peer_name = client_name(outcome, address)
        if (default := socket.getdefaulttimeout()) is not None:
            connection.settimeout(default)
        return connection

"""The process above the workers: starts them, replaces the dead, ends them together.

It holds the listening sockets and serves nobody. Signals are taken one at a time where
they are waited for, so that no handler runs in the middle of anything:

    SIGTERM, SIGINT   end; a second one ends the grace
    SIGUSR1           one line of counters
    SIGCHLD           a worker has ended
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable, Sequence
from typing import Final

from sslmagic.errors import SslMagicError
from sslmagic.relay.counters import Counters
from sslmagic.relay.listening import Listening
from sslmagic.relay.log import Log
from sslmagic.relay.server import VirtualServer
from sslmagic.relay.worker import Worker

__all__ = ["Build", "StartError", "Supervisor"]

Build = Callable[[Worker], VirtualServer]
"""Makes the virtual server of one worker."""

_SIGNALS: Final = {signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGCHLD}
_ENDING: Final = {signal.SIGTERM, signal.SIGINT}
_LIVED = 10.0
"""Seconds after which a worker's end is no longer taken for a failure to start."""
_BACK_OFF = (0.1, 5.0)
"""Seconds before a worker is replaced: first, and at most, doubling in between."""
_KILL = 5.0
"""Seconds after the grace until a worker that has not ended is killed."""


class StartError(SslMagicError):
    """A worker ended before it could serve; it has said why."""


class Supervisor:
    """Runs worker processes until it is told to end.

    Args:
        listening: the sockets that all workers accept from; closed at the end.
        build: makes the virtual server of a worker, in its process.
        workers: how many processes.
        grace: seconds for connections to finish when told to end.
        sweep: seconds between two looks at idle connections.
        log: for words to the operator.
    """

    def __init__(
        self,
        listening: Sequence[Listening],
        build: Build,
        *,
        workers: int = 1,
        grace: float = 5.0,
        sweep: float = 5.0,
        log: Log | None = None,
    ) -> None:
        self.counters = Counters(workers)
        self._listening = listening
        self._build = build
        self._grace = grace
        self._sweep = sweep
        self._log = log or Log()
        self._workers = workers
        self._running: dict[int, tuple[int, float]] = {}
        self._due: dict[int, float] = {}
        self._pause = dict.fromkeys(range(workers), _BACK_OFF[0])
        self._ending: float | None = None
        self._lifeline: tuple[int, int] = (-1, -1)

    def run(self, ready: Callable[[Listening], None]) -> None:
        """Serve until SIGTERM or SIGINT; the process is this one's alone.

        Args:
            ready: is called for each listener once every worker accepts.

        Raises:
            StartError: a worker ended before it could serve.
        """
        _raise_descriptor_limit()
        mask = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        self._lifeline = os.pipe2(os.O_CLOEXEC)
        try:
            self._start_all()
            for listening in self._listening:
                ready(listening)
            while self._running or (self._due and self._ending is None):
                self._step()
        finally:
            for pid in self._running:
                os.kill(pid, signal.SIGKILL)
                os.waitpid(pid, 0)
            for listening in self._listening:
                listening.close()
            for descriptor in self._lifeline:
                os.close(descriptor)
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
        self._log.say(f"counters {self.counters.line()}")

    def _start_all(self) -> None:
        reader, writer = os.pipe2(os.O_CLOEXEC)
        try:
            for number in range(self._workers):
                self._start(number, writer)
        except OSError as error:
            os.close(reader)
            raise StartError(f"no worker can start: {error.strerror}") from error
        finally:
            os.close(writer)
        with os.fdopen(reader, "rb") as told:
            # Ends when every worker has closed its copy, having written or not.
            started = len(told.read())
        if started < self._workers:
            raise StartError("a worker ended before it could serve")

    def _start(self, number: int, ready: int | None = None) -> None:
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            self._running[pid] = (number, time.monotonic())
            return
        code = 70
        try:
            self._work(number, ready)
            code = 0
        except Exception as error:  # noqa: BLE001 - the process ends here
            self._log.fault(error)
        finally:
            # Past every handler and buffer that belongs to the supervisor.
            os._exit(code)

    def _work(self, number: int, ready: int | None) -> None:
        os.close(self._lifeline[1])
        worker = Worker(
            number,
            self._workers,
            self.counters.row(number),
            self._log,
            sweep=self._sweep,
        )
        sockets = [listening.socket for listening in self._listening]
        worker.serve(self._build(worker), sockets)
        worker.run(grace=self._grace, lifeline=self._lifeline[0], ready=ready)

    def _step(self) -> None:
        """Wait for a signal or an appointment, and act on it."""
        now = time.monotonic()
        dues = list(self._due.values())
        if self._ending is not None:
            dues = [self._ending]
        wait = max(0.0, min(dues) - now) if dues else 3600.0
        told = signal.sigtimedwait(_SIGNALS, wait)
        if told is None:
            self._act_on_time()
        elif told.si_signo in _ENDING:
            self._end()
        elif told.si_signo == signal.SIGUSR1:
            self._log.say(f"counters {self.counters.line()}")
        else:
            self._reap()

    def _act_on_time(self) -> None:
        now = time.monotonic()
        if self._ending is not None:
            if now >= self._ending:
                for pid in self._running:
                    os.kill(pid, signal.SIGKILL)
                self._ending = now + _KILL
            return
        for number, due in list(self._due.items()):
            if due <= now:
                del self._due[number]
                try:
                    self._start(number)
                except OSError as error:
                    # The workers that there are must not go because one more cannot be.
                    self._plan(number, f"no worker can start: {error.strerror}")

    def _end(self) -> None:
        number = signal.SIGUSR2
        if self._ending is None:
            number = signal.SIGTERM
            # Ours must go too: a socket that anybody holds goes on queueing clients.
            for listening in self._listening:
                listening.socket.close()
            self._ending = time.monotonic() + self._grace + _KILL
        for pid in self._running:
            os.kill(pid, number)

    def _reap(self) -> None:
        """Take note of every worker that has ended, and plan its replacement."""
        for pid in list(self._running):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if not ended:
                continue
            number, started = self._running.pop(pid)
            if self._ending is not None:
                continue
            if time.monotonic() - started >= _LIVED:
                self._pause[number] = _BACK_OFF[0]
            self._plan(number, f"worker {pid} {_how(status)}")

    def _plan(self, number: int, why: str) -> None:
        """Start a worker in a while, and say why."""
        pause = self._pause[number]
        self._pause[number] = min(_BACK_OFF[1], pause * 2)
        self._due[number] = time.monotonic() + pause
        self._log.say(f"{why}; another starts in {pause:g} seconds")


def _how(status: int) -> str:
    if os.WIFSIGNALED(status):
        return f"was ended by {signal.Signals(os.WTERMSIG(status)).name}"
    return f"ended with {os.waitstatus_to_exitcode(status)}"


def _raise_descriptor_limit() -> None:
    """Take as many descriptors as the system lets this process have."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))

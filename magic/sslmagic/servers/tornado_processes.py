"""Tornado's processes: which loop, what tells one to end, and how many end together."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncGenerator

from tornado.ioloop import IOLoop
from tornado.platform.asyncio import BaseAsyncIOLoop
from tornado.process import fork_processes
from tornado.web import Application

__all__ = ["forked", "loop_of_reload", "reloads", "until_told"]

_ENDS = (signal.SIGTERM, signal.SIGINT)


def reloads(app: object) -> bool:
    """Return whether an application has begun to watch its sources for changes."""
    return isinstance(app, Application) and bool(app.settings.get("autoreload"))


def loop_of_reload() -> asyncio.AbstractEventLoop:
    """Return the loop on which Tornado watches: the one there was as the app was made.

    On no other would anything be noticed.
    """
    loop = IOLoop.current()
    assert isinstance(loop, BaseAsyncIOLoop)
    return loop.asyncio_loop


@contextlib.asynccontextmanager
async def until_told(parent: socket.socket | None) -> AsyncGenerator[None]:
    """Leave the block only when SIGTERM or SIGINT says so.

    Args:
        parent: what `forked` returned; its end says so as well.
    """
    loop, told = asyncio.get_running_loop(), asyncio.Event()
    for number in _ENDS:
        loop.add_signal_handler(number, told.set)
    if parent is not None:
        loop.add_reader(parent, told.set)
    try:
        yield
        await told.wait()
    finally:
        if parent is not None:
            loop.remove_reader(parent)
            parent.close()


def forked(processes: int | None, max_restarts: int | None) -> socket.socket:
    """Return in each of several processes what is readable once the first one ends.

    The first one waits in here, and leaves by SystemExit when all others have ended.
    Tornado leaves them running when it is killed, whom nobody else knows.
    """
    ended, alive = socket.socketpair()

    def end(*_: object) -> None:
        alive.close()

    before = [signal.signal(number, end) for number in _ENDS]
    fork_processes(processes, max_restarts)
    alive.close()
    for number, handler in zip(_ENDS, before, strict=True):
        signal.signal(number, handler)
    return ended

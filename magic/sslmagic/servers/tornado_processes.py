"""Tornado's processes, which end with the first of them, and what tells one to end."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import socket
from collections.abc import AsyncGenerator

from tornado.process import fork_processes

__all__ = ["forked", "until_told"]

_ENDS = (signal.SIGTERM, signal.SIGINT)


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

"""Servers of the standard library in this very process."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import socketserver
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any, TypeVar

from tests.sslmagic.receiving import PATIENCE, open_descriptors, settled_descriptors

__all__ = ["interrupted", "served"]

Result = TypeVar("Result")


@contextlib.contextmanager
def served(server: socketserver.BaseServer) -> Iterator[None]:
    """The server in a thread, which ends."""
    thread = threading.Thread(target=partial(server.serve_forever, 0.01))
    thread.start()
    with server:
        try:
            yield
        finally:
            server.shutdown()
    thread.join(PATIENCE)
    assert not thread.is_alive()


def interrupted(
    serve: Callable[[Callable[..., Any]], object],
    client: Callable[[Any], Result],
    make: Callable[..., Any],
) -> Result:
    """What a client returns of a server in this thread, whom it interrupts then.

    No thread and no descriptor is left.

    Args:
        serve: serves, with a server that it has this make.
        client: called with the server's address.
        make: makes the server.
    """
    made: queue.SimpleQueue[Any] = queue.SimpleQueue()
    results: list[Result] = []
    threads, descriptors = set(threading.enumerate()), settled_descriptors()

    def noted(*arguments: Any) -> Any:
        server = make(*arguments)
        made.put(server.server_address)
        return server

    def ask() -> None:
        address = made.get(timeout=PATIENCE)
        try:
            results.append(client(address))
        finally:
            os.kill(os.getpid(), signal.SIGINT)

    asking = threading.Thread(target=ask)
    asking.start()
    serve(noted)
    asking.join(PATIENCE)
    for thread in set(threading.enumerate()) - threads:
        thread.join(PATIENCE)
    assert set(threading.enumerate()) <= threads
    assert open_descriptors() == descriptors
    return results[0]

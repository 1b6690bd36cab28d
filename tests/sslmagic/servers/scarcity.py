"""What a server leaves behind where descriptors run out, at each step of its start.

    python -m tests.sslmagic.servers.scarcity directory

A process of its own, whose limit is lowered; it says what was left, and nothing if
nothing was.
"""

from __future__ import annotations

import contextlib
import gc
import logging
import os
import resource
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sslmagic.preamble import UnixEndpoint
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from sslmagic.servers import tornado, uvicorn, waitress
from sslmagic.servers.entrance import Entrance
from tests.interop.serving import asgi_app, wsgi_app
from tests.sslmagic.receiving import LOOPBACK, open_descriptors, settled_descriptors

__all__: list[str] = []

MOST = 40
"""More descriptors than any of them needs."""
Make = Callable[[Path, contextlib.ExitStack], None]
"""Makes what has its files in a directory; it is ended with the stack."""


def directly(directory: Path) -> list[str]:
    """Second addresses of both kinds."""
    return ["127.0.0.1:0", f"unix:{directory / 'direct'}", f"unix:{directory / 'more'}"]


def a_unix_socket(directory: Path, ending: contextlib.ExitStack) -> None:
    ending.callback(Listening(Address.of(UnixEndpoint(str(directory / "a")))).close)


def second_addresses(directory: Path, ending: contextlib.ExitStack) -> None:
    entrance = Entrance(LOOPBACK, direct_listen=directly(directory))
    for sock in entrance.direct_sockets(ending):
        ending.callback(sock.close)


def a_uvicorn(directory: Path, ending: contextlib.ExitStack) -> None:
    entrance = Entrance(LOOPBACK, direct_listen=directly(directory))
    config = uvicorn.Config(
        asgi_app.app, entrance=entrance, uds=str(directory / "a"), log_config=None
    )
    for sock in config.bind(ending):
        ending.callback(sock.close)


def a_tornado(directory: Path, ending: contextlib.ExitStack) -> None:
    entrance = Entrance(LOOPBACK, direct_listen=directly(directory))
    for each in tornado._bound(entrance, None, None, directory / "a", {}, ending):
        for sock in each:
            ending.callback(sock.close)


def a_waitress(directory: Path, ending: contextlib.ExitStack) -> None:
    one: Any = waitress.create_server(
        wsgi_app.app,
        trust=LOOPBACK,
        unix_socket=str(directory / "a"),
        direct_listen=directly(directory),
    )
    # Its own file is waitress's, which leaves it there.
    ending.callback((directory / "a").unlink)
    ending.callback(one.close)


def left(make: Make, directory: Path, spare: int) -> tuple[bool, str]:
    """Return whether it is made with so many descriptors, and what it leaves if not."""
    before, threads = settled_descriptors(), threading.active_count()
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.ExitStack() as ending, contextlib.ExitStack() as filled:
        # The limit is of numbers, and lower ones may be free.
        while (number := os.dup(0)) < max(map(int, before)):
            filled.callback(os.close, number)
        os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (number + spare, limits[1]))
        try:
            make(directory, ending)
        except OSError:
            is_made = False
        else:
            is_made = True
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    gc.collect()
    kept: dict[str, object] = {
        "descriptors": list(filter(is_ours, open_descriptors() - before)),
        "files": [file.name for file in directory.iterdir()],
        "threads": threading.active_count() - threads,
    }
    for file in directory.iterdir():
        file.unlink()
    what = ", ".join(f"{name}: {value}" for name, value in kept.items() if value)
    return is_made, what


def is_ours(descriptor: str) -> bool:
    # waitress loses its two of a pipe if there is no third for one of them.
    return not str(Path("/proc/self/fd", descriptor).readlink()).startswith("pipe:")


def main() -> None:
    directory = Path(sys.argv[1])
    logging.disable()
    for make in (a_unix_socket, second_addresses, a_uvicorn, a_tornado, a_waitress):
        # What is opened once is open afterwards.
        left(make, directory, MOST)
        for spare in range(MOST):
            is_made, what = left(make, directory, spare)
            if what:
                sys.stdout.write(f"{make.__name__} with {spare} to spare: {what}\n")
            if is_made:
                break
        else:
            sys.stdout.write(f"{make.__name__} cannot be made\n")


if __name__ == "__main__":
    main()

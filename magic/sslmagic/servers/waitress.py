"""waitress: WSGI in threads, over TCP and UNIX sockets.

    python -m sslmagic.servers.waitress --listen *:8080 --trust 10.0.0.0/8 app:app

It has no TLS of its own: what stands in front has taken TLS off, or there was none.
REMOTE_ADDR and REMOTE_PORT are the client's.
"""

# pyright: standard
# waitress has no types.

from __future__ import annotations

import contextlib
import logging
import socket
import sys
from collections import deque
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from waitress import server as waitress_server
from waitress import wasyncore
from waitress.channel import HTTPChannel
from waitress.runner import run as run_command
from waitress.task import ThreadedTaskDispatcher, WSGITask

from sslmagic.listener import WAITING, Listener
from sslmagic.listener.connection import Connection
from sslmagic.listener.peername import IPName
from sslmagic.reception import DEADLINE
from sslmagic.relay.listening import UnixFile
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance, believes_headers
from sslmagic.servers.resources import listening_on
from sslmagic.servers.seams import introduced, require
from sslmagic.trust import Trust
from sslmagic.wsgi import Application, Environ, introduce

__all__ = ["create_server", "main", "run", "serve"]

_BELIEVING = ("trusted_proxy", "trusted_proxy_count", "trusted_proxy_headers")


class _Task(WSGITask):  # type: ignore[misc]  # waitress has no types
    """A request whose environ has its client."""

    channel: Any

    def get_environment(self) -> Environ:
        environ: Environ | None = self.environ
        if environ is None:
            environ = super().get_environment()
            introduce(environ, self.channel.name)
        return environ


class _Channel(HTTPChannel):  # type: ignore[misc]  # waitress has no types
    """A connection whose address is its client's, in what waitress logs as well."""

    task_class = _Task

    def __init__(
        self, server: Any, sock: Connection, addr: Any, *args: Any, **options: Any
    ) -> None:
        self.name = sock.getpeername()
        super().__init__(server, sock, addr, *args, **options)
        pair = isinstance(self.name, IPName)
        # What has no address would be "localhost" on a UNIX socket.
        self.addr = self.name[:2] if pair else (str(self.name), None)


class _HoldingListener(Listener):
    """A listener with connections that are ready, and that waitress has no room for."""

    held: deque[Any]
    """Each with its client, in the order in which they became ready."""

    def close(self) -> None:
        """Stop listening, and close what is held and what waits."""
        super().close()
        # The loop's thread may take one at any time, if it is another.
        with contextlib.suppress(IndexError):
            while True:
                self.held.popleft()[0].close()


class _Room:
    """Has a server's listener watched at its `connection_limit` as well.

    waitress watches its socket no more then, and no deadline of a preamble would hold.
    So only the kernel keeps new connections; those that are in here already go on, and
    are held when they are ready.

    Args:
        server: of waitress, whose socket is the listener.
        listener: what it accepts from.
    """

    def __init__(self, server: Any, listener: _HoldingListener) -> None:
        self._server = server
        self._listener = listener
        self._has_room, self._accept = server.readable, server.accept
        self._is_paused = False
        server.readable, server.accept = self._readable, self._next

    def _readable(self) -> bool:
        if self._listener.fileno() < 0:
            # Closed in a round of waitress's loop, which still asks.
            return False
        has_room = self._has_room()
        gave = False
        while has_room and self._listener.held:
            self._server.handle_accept()
            gave = True
            has_room = self._has_room()
        if gave:
            # They may be left out of the round that has begun.
            self._server.pull_trigger()
        if self._is_paused is has_room:
            self._is_paused = not has_room
            (self._listener.pause if self._is_paused else self._listener.resume)()
        return self._listener.fileno() >= 0

    def _next(self) -> Any:
        held = self._listener.held
        if not self._is_full:
            with contextlib.suppress(IndexError):
                return held.popleft()
        pair = self._accept()
        if pair is not None and self._is_full:
            held.append(pair)
            return None
        return pair

    @property
    def _is_full(self) -> bool:
        full: bool = self._server.in_connection_overflow
        return full


def create_server(
    app: Application,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> Any:
    """Return a server as `waitress.create_server` does; its `run` serves.

    Args:
        app: the application, which gets each environ with its client.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: waitress's own.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        OSError: an address cannot be had.
        ValueError: an option is not one of waitress's.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    return _server(app, entrance, options)


def run(
    app: Application,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve until interrupted, as `waitress.serve` does, with its options.

    Its arguments are those of `create_server`.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        OSError: an address cannot be had.
        ValueError: an option is not one of waitress's.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    _serve(entrance, app, **options)


serve = run
"""What waitress itself calls it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command `waitress-serve` does, with its options and `--trust`."""
    command("waitress", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    # The parameter by which waitress's own tests watch it: nothing else lets the
    # command read its options and import the application, and leave serving to others.
    code = run_command(["waitress-serve", *arguments], _serve=partial(_serve, entrance))
    if code:
        sys.exit(code)


def _serve(entrance: Entrance, app: Application, **options: Any) -> None:
    logging.basicConfig()
    server = _server(app, entrance, options)
    server.print_listen("Serving on http://{}:{}")
    server.run()


def _server(app: Application, entrance: Entrance, options: dict[str, Any]) -> Any:
    for name in _BELIEVING:
        if options.get(name):
            raise believes_headers(name)
    require(waitress_server.BaseWSGIServer, "channel_class", "in_connection_overflow")
    require(waitress_server.BaseWSGIServer, "readable", "accept", "handle_accept")
    require(HTTPChannel, "task_class")
    require(WSGITask, "get_environment")
    # select(), its default, knows no descriptor above 1023 and ends the server with a
    # ValueError. What waits for its preamble has descriptors, and no connection_limit.
    options = {"asyncore_use_poll": True, **options}
    watched: dict[int, Any] = {}
    with contextlib.ExitStack() as unfinished:
        files = unfinished.enter_context(contextlib.ExitStack())
        direct = entrance.direct_sockets(files)
        for sock in direct:
            unfinished.callback(sock.close)
        unfinished.callback(wasyncore.close_all, watched)
        # By the parameter by which waitress's own tests bring theirs: what it makes
        # itself has its threads before there is a socket, and nobody would end them.
        dispatcher = ThreadedTaskDispatcher()
        with listening_on(_place(options)):
            server = waitress_server.create_server(
                introduced(app), map=watched, _dispatcher=dispatcher, **options
            )
            settings = _servers(watched)[0].adj
            if settings.unix_socket:
                unfinished.callback(UnixFile(Path(settings.unix_socket)).remove)
        for each in _servers(watched):
            _receive(each, entrance, unfinished)
        if direct:
            _add(direct, app, entrance, watched, unfinished)
            server = _Several(_servers(watched), watched, files)
        unfinished.callback(dispatcher.shutdown)
        dispatcher.set_thread_count(settings.threads)
        unfinished.pop_all()
    return server


class _Several(waitress_server.MultiSocketServer):  # type: ignore[misc]  # no types
    """What waitress itself makes of several sockets, and the files of some of them."""

    def __init__(
        self,
        servers: list[Any],
        watched: dict[int, Any],
        files: contextlib.ExitStack,
    ) -> None:
        first = servers[0]
        places = [(one.effective_host, one.effective_port) for one in servers]
        super().__init__(
            watched, first.adj, places, first.task_dispatcher, first.log_info
        )
        self._files = files

    def close(self) -> None:
        with self._files:
            super().close()


def _add(
    direct: Sequence[socket.socket],
    app: Application,
    entrance: Entrance,
    watched: dict[int, Any],
    unfinished: contextlib.ExitStack,
) -> None:
    """Have second addresses watched as well, by servers of their own."""
    first = _servers(watched)[0]
    for sock in direct:
        second = _kind(sock)(
            introduced(app),
            watched,
            _sock=sock,
            dispatcher=first.task_dispatcher,
            adj=first.adj,
            sockinfo=(sock.family, sock.type, sock.proto, sock.getsockname()),
            bind_socket=False,
        )
        _receive(second, entrance.direct, unfinished)


def _place(options: dict[str, Any]) -> str:
    """Return where waitress listens; its errors do not say."""
    place = options.get("unix_socket") or options.get("listen")
    # The command begins it with a space.
    return (
        str(place).strip()
        if place
        else f"{options.get('host', '')}:{options.get('port', 8080)}"
    )


def _servers(watched: dict[int, Any]) -> list[Any]:
    """Return those of what waitress watches that accept connections."""
    kind = waitress_server.BaseWSGIServer
    return [each for each in watched.values() if isinstance(each, kind)]


def _receive(server: Any, entrance: Entrance, unfinished: contextlib.ExitStack) -> None:
    """Put a listener between the server and its socket, which nobody watches yet."""
    # Of what it does not watch, waitress knows nothing.
    unfinished.callback(server.close)
    server.del_channel()
    listener = entrance.listener(server.socket, _HoldingListener)
    assert isinstance(listener, _HoldingListener)
    listener.held = deque()
    listener.setblocking(False)  # noqa: FBT003  # as a socket has it
    server.set_socket(listener)
    server.channel_class = _Channel
    _Room(server, listener)


def _kind(sock: socket.socket) -> Any:
    if sock.family == socket.AF_UNIX:
        return waitress_server.UnixWSGIServer
    return waitress_server.TcpWSGIServer


if __name__ == "__main__":
    main()

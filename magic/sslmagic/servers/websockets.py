"""websockets on asyncio and uvloop: its own servers, which take preambles off.

    async with serve(handler, "", 8443, trust=…, ssl=…) as server: …
    async with unix_serve(handler, path, trust=…): …
    run(handler, "", 8443, trust=…)             until SIGTERM or SIGINT

    connection.remote_address                   the client, in the shape of getpeername
    connection.remote_address.preamble          what named it; None if it is direct
    connection.remote_address.peer              the other end of the TCP connection

Applications with routes have `websockets.asyncio.router.Router` for a handler.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import websockets.asyncio.server
from websockets.asyncio.server import Server, ServerConnection
from websockets.http11 import Request, Response

from sslmagic.errors import ConfigurationError
from sslmagic.headers import claims_forwarding
from sslmagic.listener import WAITING
from sslmagic.listener.peername import IPName, UnixName
from sslmagic.preamble import UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.streams import Options, create_server
from sslmagic.streams import Server as Listens
from sslmagic.trust import Trust

__all__ = ["Process", "introduced", "run", "serve", "unix_serve"]

Handler = Callable[[ServerConnection], Awaitable[None]]
Process = Callable[[Any, Request], Any]
"""What websockets calls with each request before it answers."""
Hosts = str | list[str] | None

_ENDS = (signal.SIGTERM, signal.SIGINT)


def serve(
    handler: Handler,
    host: Hosts = None,
    port: int | None = None,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    process_request: Process | None = None,
    **options: Any,
) -> Server:
    """Return a server, as the library's own `serve` does, with its options.

    On connections that had a preamble, requests have lost the headers that may name
    another client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded.

    Args:
        handler: called with each connection.
        host: None for every address of both families.
        port: 0 for one that the kernel chooses.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        process_request: as of websockets, called with what is left of the request.
        options: websockets' own, and those of `loop.create_server`: the ones that
            `sslmagic.streams.Options` has, and keep_alive.

    Raises:
        ConfigurationError: a value is out of range. Others are found when the server
            starts.
        OSError: when it starts, an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    options["process_request"] = introduced(process_request)
    return _behind(
        websockets.asyncio.server.serve(handler, **options),
        _Opening(entrance, host, port or 0, None),
    )


def unix_serve(
    handler: Handler,
    path: str | os.PathLike[str],
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    process_request: Process | None = None,
    **options: Any,
) -> Server:
    """Return a server on a UNIX socket, as `serve` does on a port.

    Its file is removed when the server closes. It takes the path over from whoever
    listens there, as the library's own does.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    options["process_request"] = introduced(process_request)
    return _behind(
        websockets.asyncio.server.serve(handler, **options),
        _Opening(entrance, None, 0, path),
    )


def run(
    handler: Handler,
    host: Hosts = None,
    port: int | None = None,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    path: str | os.PathLike[str] | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    **options: Any,
) -> None:
    """Serve until SIGTERM or SIGINT, and then until every handler has returned.

    SIGINT after that interrupts it.

    Args:
        handler: called with each connection.
        host: None for every address of both families.
        port: 0 for one that the kernel chooses.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        path: of a UNIX socket, instead of host and port.
        loop_factory: makes the event loop; asyncio's own by default.
        options: as of `serve`.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: an address cannot be had.
    """
    options |= {
        "trust": trust,
        "direct_listen": direct_listen,
        "deadline": deadline,
        "waiting": waiting,
    }
    if path is not None and (host is not None or port is not None):
        raise ConfigurationError("a port and a path: call run() for one of them")

    async def main() -> None:
        loop = asyncio.get_running_loop()
        if path is None:
            server = await serve(handler, host, port, **options)
        else:
            server = await unix_serve(handler, path, **options)

        def end() -> None:
            loop.remove_signal_handler(signal.SIGINT)
            server.close()

        for number in _ENDS:
            loop.add_signal_handler(number, end)
        await server.wait_closed()

    with asyncio.Runner(loop_factory=loop_factory) as runner:
        runner.run(main())


def introduced(process_request: Process | None) -> Process:
    """Return what takes the headers off that may name another client, and calls it.

    websockets calls it before it looks at the request itself, and answers 500 if it
    raises.
    """

    def process(connection: Any, request: Request) -> Response | None:
        name = connection.remote_address
        if not isinstance(name, IPName | UnixName):
            raise RuntimeError(f"nobody knows whose connection this is: {name!r}")
        if name.preamble is not None:
            for header in list(request.headers):
                if claims_forwarding(header.encode("latin-1", "replace")):
                    del request.headers[header]
        return None if process_request is None else process_request(connection, request)

    return process


class _Opening(NamedTuple):
    """Where a server is going to listen."""

    entrance: Entrance
    host: Hosts
    port: int
    path: str | os.PathLike[str] | None

    async def listen(
        self, factory: Callable[[], asyncio.BaseProtocol], options: dict[str, Any]
    ) -> Listens:
        """Return what listens there, with options of `loop.create_server`."""
        # asyncio has it from Python 3.13 on, uvloop not at all.
        keep_alive = options.pop("keep_alive", None)
        if strange := options.keys() - Options.__annotations__.keys():
            taken = ", ".join(sorted({*Options.__annotations__, "keep_alive"}))
            raise TypeError(
                f"no option {', '.join(sorted(strange))}: there are {taken}"
            )
        with contextlib.ExitStack() as unfinished:
            # What is made later is closed before what it was made of.
            files = unfinished.enter_context(contextlib.ExitStack())
            direct = self.entrance.direct_sockets(files)
            for sock in direct:
                unfinished.callback(sock.close)
            if self.path is not None:
                path = UnixEndpoint(os.fspath(self.path))
                file = Listening(Address.of(path), replace=True)
                files.callback(file.close)
                options["sock"] = file.socket
            servers: list[Listens] = []
            rules: dict[str, Any] = {
                "trust": self.entrance.trust,
                "deadline": self.entrance.deadline,
                "waiting": self.entrance.waiting,
            }
            servers.append(
                await create_server(factory, self.host, self.port, **rules, **options)
            )
            unfinished.callback(servers[0].close)
            same = {name: options[name] for name in _SAME if name in options}
            rules["trust"] = self.entrance.direct.trust
            for sock in direct:
                one = await create_server(factory, sock=sock, **rules, **same)
                servers.append(one)
                unfinished.callback(one.close)
            if keep_alive:
                # Which holds for every connection that is accepted.
                for listener in (each for one in servers for each in one.listeners):
                    listener.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
            unfinished.pop_all()
        return _Listens(servers, files)


_SAME = (
    *("ssl", "ssl_handshake_timeout", "ssl_shutdown_timeout"),
    *("backlog", "start_serving"),
)
"""Options that hold for the second addresses as well."""


class _Listens(Listens):
    """All that listens for one server, and the files that it has made."""

    def __init__(self, servers: list[Listens], files: contextlib.ExitStack) -> None:
        listeners = [each for server in servers for each in server.listeners]
        super().__init__(servers, listeners)
        self._files = files

    def close(self) -> None:
        with self._files:
            super().close()


def _behind(server: Server, opening: _Opening) -> Server:
    """Have *server* listen where *opening* says."""
    original = server.create_server

    async def create() -> Any:
        # websockets makes its protocols in a closure that only the loop is handed, in
        # one call of create_server before anything is awaited: ours stands there for
        # that call and for nobody else's.
        loop = asyncio.get_running_loop()
        own = vars(loop).get("create_server")

        def restore() -> None:
            if own is not None:
                loop.create_server = own  # type: ignore[method-assign]
            elif "create_server" in vars(loop):
                del loop.create_server

        def listens(factory: Any, *_: None, **options: Any) -> Awaitable[Listens]:
            restore()
            return opening.listen(factory, options)

        loop.create_server = listens  # type: ignore[method-assign, assignment]
        try:
            return await original()
        finally:
            if vars(loop).get("create_server") is listens:
                restore()

    server.create_server = create
    return server


if __name__ == "__main__":
    raise SystemExit(
        "magic: sslmagic.servers.websockets has no command: call its run()"
    )

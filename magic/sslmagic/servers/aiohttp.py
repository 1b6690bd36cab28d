"""aiohttp: its applications and runners, on asyncio and uvloop, with its TLS.

run(app, trust=…, ssl_context=…)           as web.run_app
Site(runner, host, port, trust=…)          in place of web.TCPSite and its kin
python -m sslmagic.servers.aiohttp module:function --trust 10.0.0.0/8

request.remote                             the client's address; "" where none is
request[CLIENT].preamble                   what named the client; None if direct
request[CLIENT].peer                       the other end of the TCP connection
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import importlib
import logging
import os
import socket
from collections.abc import Callable, Coroutine, Iterable, Iterator, Sequence
from ssl import SSLContext
from typing import Any, cast

from aiohttp import web

from sslmagic.headers import claims_forwarding
from sslmagic.listener import WAITING, PeerName
from sslmagic.listener.peername import IPName, UnixName, plain_name
from sslmagic.preamble import UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.streams import create_server
from sslmagic.trust import Trust

__all__ = ["CLIENT", "Site", "main", "run"]

CLIENT: web.RequestKey[PeerName] = web.RequestKey("client")
"""The key of a request's client, named as `getpeername` would: the port is there too,
and `preamble` and `peer` are on it."""

_RUNS: dict[str, Any] = {"handle_signals": True, "keepalive_timeout": 75.0}
"""Where `web.run_app` has other defaults than its runner."""
_LISTENS = ("ssl_context", "backlog", "reuse_address", "reuse_port")


class Site(web.BaseSite):
    """Where a runner's server listens, and takes the preamble off each connection.

    On connections that had one, requests have lost the headers that may name another
    client: X-Cluster-Client-Ip, X-Forwarded-* and Forwarded. The runner may have sites
    of aiohttp's own as well, for clients that send no preamble.

    Args:
        runner: set up.
        host: None for every address of both families.
        port: as aiohttp has it, 8443 with TLS and 8080 without by default; 0 for one
            that the kernel chooses.
        trust: which peers may speak for a client.
        path: of a UNIX socket, instead of host and port.
        sock: a bound socket to take over, instead of either.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        ssl_context: with it the loop does TLS.
        backlog: connections that the kernel queues for accept.
        reuse_address: listen although old connections linger on the port.
        reuse_port: let several processes listen on the port.
    """

    def __init__(
        self,
        runner: web.BaseRunner,
        host: str | None = None,
        port: int | None = None,
        *,
        trust: Trust,
        path: str | os.PathLike[str] | None = None,
        sock: socket.socket | None = None,
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        ssl_context: SSLContext | None = None,
        backlog: int = 128,
        reuse_address: bool | None = None,
        reuse_port: bool | None = None,
    ) -> None:
        super().__init__(runner, ssl_context=ssl_context, backlog=backlog)
        if port is None and path is None and sock is None:
            port = 8080 if ssl_context is None else 8443
        self._where = host, port or 0
        self._path = path
        self._sock = sock
        self._options: dict[str, Any] = {
            "trust": trust,
            "deadline": deadline,
            "waiting": waiting,
            "reuse_address": reuse_address,
            "reuse_port": reuse_port,
        }
        self._names: list[tuple[Any, ...] | str | bytes] = []
        self._file: Listening | None = None

    @property
    def port(self) -> int:
        """The port that it listens on; 0 for a UNIX socket, and before it is known."""
        name = next(iter(self._names), self._where)
        return 0 if isinstance(name, str | bytes) else int(name[1])

    @property
    def name(self) -> str:
        """A URL that says where it listens."""
        name: Any = next(iter(self._names), self._path or self._where)
        scheme = "http" if self._ssl_context is None else "https"
        if isinstance(name, str | bytes | os.PathLike):
            return f"{scheme}://unix:{os.fsdecode(cast('str', name))}:"
        host = str(name[0] or "0.0.0.0")
        return f"{scheme}://{f'[{host}]' if ':' in host else host}:{name[1]}"

    async def start(self) -> None:
        """Listen.

        Raises:
            ConfigurationError: a value is out of range.
            OSError: the address cannot be had.
        """
        await super().start()
        server = self._runner.server
        assert server is not None
        if not isinstance(server.request_factory, _Introduction):
            server.request_factory = _Introduction(server.request_factory)
        sock, where = self._sock, self._where
        if self._path is not None:
            path = UnixEndpoint(os.fspath(self._path))
            self._file = Listening(Address.of(path))
            sock = self._file.socket
        self._server = listening = await create_server(
            server,
            *where,
            sock=sock,
            ssl=self._ssl_context,
            backlog=self._backlog,
            **self._options,
        )
        self._names = [sock.getsockname() for sock in listening.sockets]

    async def stop(self) -> None:
        """Stop listening; connections stay open."""
        await super().stop()
        if self._file is not None:
            self._file.close()


class _Introduction:
    """Makes a server's requests, each with its client and no word of another."""

    def __init__(self, factory: Callable[..., web.BaseRequest]) -> None:
        self._factory = factory

    def __call__(
        self, message: Any, payload: Any, protocol: web.RequestHandler, *more: Any
    ) -> web.BaseRequest:
        name: Any = protocol.peername
        if name is None:
            # It was reset after it sent this, and TLS has forgotten whose it was: the
            # request ends as it would a moment later.
            raise asyncio.CancelledError
        if not isinstance(name, IPName | UnixName):
            name = plain_name(name)
        if name.preamble is not None:
            message = _without_claims(message)
        request = self._factory(message, payload, protocol, *more)
        request[CLIENT] = name
        return request


def _without_claims(message: Any) -> Any:
    """Return a request's message without the headers that may name its client."""
    # Not by `request.clone`, which fails where a value is no UTF-8.
    raw = tuple(line for line in message.raw_headers if not claims_forwarding(line[0]))
    if len(raw) == len(message.raw_headers):
        return message
    headers = message.headers.copy()
    for name in set(headers):
        if claims_forwarding(name.encode("utf-8", "surrogateescape")):
            del headers[name]
    headers = type(message.headers)(headers)
    return message._replace(headers=headers, raw_headers=raw)


def run(
    app: Any,
    *,
    trust: Trust,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve as `web.run_app` does, with its options.

    Args:
        app: the application, or a coroutine that returns it.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per address.
        options: aiohttp's own.

    Raises:
        ConfigurationError: a value is out of range.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    loop = options.pop("loop", None) or asyncio.new_event_loop()
    _until_told(loop, _serve(app, entrance, options))


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as `python -m aiohttp.web` does, with its options and `--trust`."""
    command("aiohttp", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="python -m sslmagic.servers.aiohttp")
    parser.add_argument("function", metavar="module:function")
    parser.add_argument("-H", "--hostname")
    parser.add_argument("-P", "--port", type=int, default=8080)
    parser.add_argument("-U", "--path")
    options, rest = parser.parse_known_args(arguments)
    module, _, function = options.function.partition(":")
    if not module or not function or module.startswith("."):
        parser.error(f"{options.function!r} is not of the form module:function")
    try:
        application = getattr(importlib.import_module(module), function)
    except (ImportError, AttributeError) as error:
        parser.error(str(error))
    logging.basicConfig(level=logging.DEBUG)
    where: dict[str, Any] = {"path": options.path}
    if not options.path or options.hostname is not None:
        where |= {"host": options.hostname or "localhost", "port": options.port}
    _until_told(asyncio.new_event_loop(), _serve(application(rest), entrance, where))


async def _serve(app: Any, entrance: Entrance, options: dict[str, Any]) -> None:
    if asyncio.iscoroutine(app):
        app = await app
    say = options.pop("print", print)
    where = {name: options.pop(name, None) for name in ("host", "port", "path", "sock")}
    listens = {name: options.pop(name) for name in _LISTENS if name in options}
    runner = web.AppRunner(app, **_RUNS | options)
    await runner.setup()
    try:
        for site in _sites(runner, entrance, listens, **where):
            await site.start()
        if say:
            places = ", ".join(sorted(site.name for site in runner.sites))
            say(f"======== Running on {places} ========\n(Press CTRL+C to quit)")
        await asyncio.get_running_loop().create_future()
    finally:
        await runner.cleanup()


def _sites(
    runner: web.AppRunner,
    entrance: Entrance,
    listens: dict[str, Any],
    *,
    host: Any,
    port: int | None,
    path: Any,
    sock: Any,
) -> Iterator[Site]:
    rules: dict[str, Any] = {
        "trust": entrance.trust,
        "deadline": entrance.deadline,
        "waiting": entrance.waiting,
        **listens,
    }
    hosts = _several(host)
    if not hosts and (port is not None or (path is None and sock is None)):
        hosts = [None]
    for each in hosts:
        yield Site(runner, each, port, **rules)
    for each in _several(path):
        yield Site(runner, path=each, **rules)
    for each in _several(sock):
        yield Site(runner, sock=each, **rules)
    rules["trust"] = entrance.direct.trust
    for each in entrance.direct_sockets():
        yield Site(runner, sock=each, **rules)


def _several(value: Any) -> list[Any]:
    if value is None:
        return []
    if isinstance(value, str | os.PathLike) or not hasattr(value, "__iter__"):
        return [value]
    return list(value)


def _until_told(
    loop: asyncio.AbstractEventLoop, serving: Coroutine[Any, Any, None]
) -> None:
    """Run until it ends, or aiohttp is told to end; then close the loop."""
    asyncio.set_event_loop(loop)
    task = loop.create_task(serving)
    try:
        with contextlib.suppress(web.GracefulExit, KeyboardInterrupt):
            loop.run_until_complete(task)
    finally:
        try:
            # By itself first: its cleanup waits for requests, which are tasks too.
            _cancel(loop, [] if task.done() else [task])
            _cancel(loop, asyncio.all_tasks(loop))
            loop.run_until_complete(loop.shutdown_asyncgens())
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            asyncio.set_event_loop(None)
            loop.close()


def _cancel(
    loop: asyncio.AbstractEventLoop, tasks: Iterable[asyncio.Task[Any]]
) -> None:
    waiting = list(tasks)
    for task in waiting:
        task.cancel()
    if waiting:
        loop.run_until_complete(asyncio.wait(waiting))


if __name__ == "__main__":
    # Under its own name: where an application imports `CLIENT` from, it is this one.
    importlib.import_module("sslmagic.servers.aiohttp").main()

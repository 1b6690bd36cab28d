"""A site for aiohttp's runners that takes preambles off: its requests have clients."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Callable
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
from sslmagic.streams import create_server
from sslmagic.trust import Trust

__all__ = ["CLIENT", "Site"]

CLIENT: web.RequestKey[PeerName] = web.RequestKey("client")
"""The key of a request's client, named as `getpeername` would: the port is there too,
and `preamble` and `peer` are on it."""


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
        path: of a UNIX socket, instead of host and port; taken over from whoever
            listens there, as aiohttp does.
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
        self._listening: Listening | None = None

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
            self._listening = Listening(Address.of(path), replace=True)
            sock = self._listening.socket
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
        if self._listening is not None:
            self._listening.close()
        await super().stop()


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
    raw = message.raw_headers
    if not any(claims_forwarding(name) for name, _ in raw):
        return message
    # Not by `request.clone`, which fails where a value is no UTF-8.
    raw = tuple(line for line in raw if not claims_forwarding(line[0]))
    headers = message.headers.copy()
    for name in set(headers):
        if claims_forwarding(name.encode("utf-8", "surrogateescape")):
            del headers[name]
    headers = type(message.headers)(headers)
    return message._replace(headers=headers, raw_headers=raw)

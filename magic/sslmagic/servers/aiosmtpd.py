"""aiosmtpd: SMTP on asyncio and uvloop, with SMTPS, STARTTLS and its controllers.

    python -m sslmagic.servers.aiosmtpd -n -l 0.0.0.0:8025 --trust 10.0.0.0/8

A session's peer is the client, with `.preamble` and `.peer` on it. Without a client, as
after a LOCAL preamble, it is the empty str, as it is on a UNIX socket.
"""

# pyright: standard
# aiosmtpd's types are not marked as such, and incomplete.

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import logging
import os
import pwd
import signal
import ssl
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from aiosmtpd import controller
from aiosmtpd.main import parseargs
from aiosmtpd.smtp import SMTP

from sslmagic import streams
from sslmagic.errors import ConfigurationError
from sslmagic.listener import WAITING
from sslmagic.preamble import UnixEndpoint
from sslmagic.reception import DEADLINE
from sslmagic.relay.address import Address
from sslmagic.relay.listening import Listening
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.resources import listening_on, load_chain
from sslmagic.servers.seams import require
from sslmagic.trust import Trust

__all__ = [
    "Controller",
    "UnixSocketController",
    "UnixSocketUnthreadedController",
    "UnthreadedController",
    "main",
    "run",
]

_LOG = logging.getLogger("sslmagic")
_OWN_PROXY = "proxy_protocol_timeout"


class _Receiving(controller.BaseController):
    """What every controller is here.

    Args:
        handler: of aiosmtpd's events.
        arguments: aiosmtpd's own.
        trust: which peers may speak for a client.
        direct_listen: second addresses without preamble, with the same TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: aiosmtpd's own, and those of its SMTP.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
    """

    def __init__(
        self,
        handler: Any,
        *arguments: Any,
        trust: Trust,
        direct_listen: Addresses = (),
        deadline: float = DEADLINE,
        waiting: int = WAITING,
        **options: Any,
    ) -> None:
        for known in (options, options.get("server_kwargs") or {}):
            if known.get(_OWN_PROXY) is not None:
                raise _reads_another()
        require(controller.BaseController, "_create_server", "_factory_invoker")
        super().__init__(handler, *arguments, **options)
        self.entrance = Entrance(
            trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
        )

    async def _create_server(self) -> asyncio.AbstractServer:
        # aiosmtpd has subclasses replace this, although its name is private.
        self._began = time.monotonic()
        if isinstance(self, controller.BaseUnthreadedController):
            # The others make one session when they start, to see whether they can.
            _check(self.factory())  # type: ignore[no-untyped-call]
        servers: list[streams.Server] = []
        places: list[tuple[Entrance, dict[str, Any]]] = []
        with contextlib.ExitStack() as unfinished, listening_on():
            files = unfinished.enter_context(contextlib.ExitStack())
            for sock in self.entrance.direct_sockets(files):
                unfinished.callback(sock.close)
                places.append((self.entrance.direct, {"sock": sock}))
            places.append((self.entrance, self._place(files)))
            if (own := places[-1][1].get("sock")) is not None:
                unfinished.callback(own.close)
            for entrance, place in places:
                servers.append(await self._listen(entrance, **place))
                unfinished.callback(servers[-1].close)
            unfinished.pop_all()
        return _Listens(servers, files)

    async def _listen(self, entrance: Entrance, **where: Any) -> streams.Server:
        return await streams.create_server(
            self._session,
            trust=entrance.trust,
            deadline=entrance.deadline,
            waiting=entrance.waiting,
            ssl=self.ssl_context,
            **where,
        )

    def _place(self, files: contextlib.ExitStack) -> dict[str, Any]:
        if isinstance(self, controller.UnixSocketMixin):
            listening = Listening(Address.of(UnixEndpoint(self.unix_socket)))
            files.callback(listening.close)
            return {"sock": listening.socket}
        assert isinstance(self, controller.InetMixin)
        return {"host": self.hostname, "port": self.port}

    def _trigger_server(self) -> None:
        # aiosmtpd connects to its own address to see whether a session can be made. It
        # need not be trusted there, and sends no preamble: so one is made without.
        async def made() -> None:
            _check(self._factory_invoker())

        assert isinstance(self, controller.BaseThreadedController)
        trying = asyncio.run_coroutine_threadsafe(made(), self.loop)
        left = self.ready_timeout - (time.monotonic() - self._began)
        try:
            trying.result(max(left, 0))
        except concurrent.futures.TimeoutError:
            # aiosmtpd takes a TimeoutError for its client's, which does not matter.
            raise RuntimeError(
                f"no session was made within ready_timeout={self.ready_timeout} s"
            ) from None

    def _session(self) -> asyncio.BaseProtocol:
        # Where sessions are made, and not at the factory: that may be a subclass's, or
        # one that somebody assigns to a controller, before it starts or after.
        # Raised, an error would leave the connection open, and asyncio would not say
        # it; aiosmtpd's own would be a session that says nothing either.
        try:
            session: Any = self.factory()  # type: ignore[no-untyped-call]
            _check(session)
        except ConfigurationError as error:
            _LOG.error("%s", error)
            return _NoSession()
        except Exception:  # noqa: BLE001  # a factory's; the others are served
            _LOG.exception("a session could not be made")
            return _NoSession()
        self.smtpd = session
        made: asyncio.BaseProtocol = session
        return made


class _Listens(streams.Server):
    """All that listens for one controller, and the files that it has made."""

    def __init__(
        self, servers: list[streams.Server], files: contextlib.ExitStack
    ) -> None:
        super().__init__(servers, [])
        self._files = files

    def close(self) -> None:
        with self._files:
            super().close()


class _NoSession(asyncio.Protocol):
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport.close()


def _check(session: Any) -> None:
    """Make sure that a session reads no preamble by itself.

    Raises:
        ConfigurationError: it would, or does not say, or there is none.
    """
    if session is None:
        raise ConfigurationError("the factory of sessions returned None")
    if not isinstance(session, SMTP):
        return
    # Private, and nothing else tells. Called otherwise, no session passes.
    if "_proxy_timeout" not in vars(session):
        raise ConfigurationError(
            "this aiosmtpd does not say whether its sessions read a preamble"
        )
    if vars(session)["_proxy_timeout"] is not None:
        raise _reads_another()


def _reads_another() -> ConfigurationError:
    return ConfigurationError(
        f"{_OWN_PROXY} has aiosmtpd read a preamble of its own after ours,"
        " and any client could name another in it. Leave it out"
    )


class Controller(_Receiving, controller.Controller):
    """`aiosmtpd.controller.Controller`: serves in a thread of its own.

    It takes `trust` and its companions beside aiosmtpd's own parameters.
    """


class UnixSocketController(_Receiving, controller.UnixSocketController):
    """The same on a UNIX socket."""


class UnthreadedController(_Receiving, controller.UnthreadedController):
    """`aiosmtpd.controller.UnthreadedController`: serves on the caller's loop."""


class UnixSocketUnthreadedController(
    _Receiving, controller.UnixSocketUnthreadedController
):
    """The same on a UNIX socket."""


def run(
    handler: Any,
    hostname: str | None = None,
    port: int = 8025,
    *,
    trust: Trust,
    unix_socket: str | os.PathLike[str] | None = None,
    loop_factory: Callable[[], asyncio.AbstractEventLoop] | None = None,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve until SIGINT or SIGTERM.

    Args:
        handler: of aiosmtpd's events; its session's `peer` is the client.
        hostname: where to listen; localhost by default, "" for every address.
        port: where to listen.
        trust: which peers may speak for a client.
        unix_socket: the path of a UNIX socket, instead of host and port.
        loop_factory: makes the loop, `uvloop.new_event_loop` say.
        direct_listen: second addresses without preamble, with the same TLS.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: of `aiosmtpd.controller.UnthreadedController`: `ssl_context` for SMTPS,
            and those of its SMTP, `tls_context` and `require_starttls` for STARTTLS.

    Raises:
        ConfigurationError: an option cannot be had beside preambles.
        OSError: an address cannot be had.
    """
    loop = (loop_factory or asyncio.new_event_loop)()
    options |= {
        "loop": loop,
        "trust": trust,
        "direct_listen": direct_listen,
        "deadline": deadline,
        "waiting": waiting,
    }
    one: UnthreadedController | UnixSocketUnthreadedController
    try:
        if unix_socket is None:
            one = UnthreadedController(handler, hostname, port, **options)
        else:
            one = UnixSocketUnthreadedController(
                handler, os.fspath(unix_socket), **options
            )
        _serve(one, loop)
    finally:
        loop.close()


def _serve(
    one: UnthreadedController | UnixSocketUnthreadedController,
    loop: asyncio.AbstractEventLoop,
) -> None:
    try:
        one.begin()  # type: ignore[no-untyped-call]
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, loop.stop)
        loop.run_forever()
        assert one.server is not None
        one.server.close()
        # Each session is a task, and ends as when its client goes.
        sessions = asyncio.all_tasks(loop)
        for session in sessions:
            session.cancel()
        loop.run_until_complete(asyncio.gather(*sessions, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as `python -m aiosmtpd` does, with its options and `--trust`."""
    command("aiosmtpd", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    _, given = parseargs(arguments)
    if given.setuid:
        _become_nobody()
    logging.basicConfig(level=logging.ERROR)
    levels = (logging.NOTSET, logging.INFO, logging.DEBUG)
    logging.getLogger("mail.log").setLevel(levels[min(given.debug, 2)])
    run(
        given.handler,
        given.host,
        given.port,
        trust=entrance.trust,
        direct_listen=entrance.direct_listen,
        deadline=entrance.deadline,
        waiting=entrance.waiting,
        loop_factory=_watched_loop if given.debug > 2 else None,
        ssl_context=_context(given.smtpscert, given.smtpskey),
        tls_context=_context(given.tlscert, given.tlskey),
        require_starttls=given.requiretls,
        data_size_limit=given.size,
        enable_SMTPUTF8=given.smtputf8,
    )


def _become_nobody() -> None:
    try:
        os.setuid(pwd.getpwnam("nobody").pw_uid)
    except PermissionError:
        raise ConfigurationError(
            "only root may become nobody: try running with -n"
        ) from None


def _watched_loop() -> asyncio.AbstractEventLoop:
    loop = asyncio.new_event_loop()
    loop.set_debug(True)
    return loop


def _context(certificate: Path | None, key: Path | None) -> ssl.SSLContext | None:
    if certificate is None or key is None:
        return None
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    load_chain(context, certificate, key)
    return context


if __name__ == "__main__":
    main()

"""cheroot: WSGI in threads, with its TLS adapters, over TCP and UNIX sockets.

    python -m sslmagic.servers.cheroot --bind 0.0.0.0:8080 --trust 10.0.0.0/8 app:app

REMOTE_ADDR and REMOTE_PORT are the client's. As with cheroot alone, its builtin
adapter shakes hands where it accepts, so that a client that has sent its preamble and
stops in the middle of TLS holds up the others for `timeout` seconds, and for as long
nobody's deadline for a preamble is looked at; its pyopenssl adapter does not.
"""

# pyright: standard
# cheroot's types are all Any.

from __future__ import annotations

import argparse
import contextlib
import socket
import sys
import threading
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from cheroot import cli, server, wsgi

from sslmagic.listener import WAITING
from sslmagic.listener.peername import PeerName
from sslmagic.reception import DEADLINE
from sslmagic.relay.listening import BACKLOG, UnixFile
from sslmagic.servers.cheroot_connection import ClientConnection, NamingListener
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.resources import listening_on
from sslmagic.servers.seams import introduced, require
from sslmagic.trust import Trust
from sslmagic.wsgi import Application, Environ, introduce

__all__ = ["HTTPServer", "Server", "main", "run"]

Address = tuple[str, int] | str


class _Receiving(server.HTTPServer):
    """What both kinds of server are here."""

    ConnectionClass = ClientConnection
    # cheroot's are 5, and it accepts no more than one while it shakes hands. What does
    # not fit in the kernel drops, and has the gateway try again after a second; and
    # where it answers with a cookie then, a ClientHello that comes in a segment of its
    # own after a preamble that was dropped has the connection reset.
    request_queue_size = BACKLOG

    def __init__(self, *arguments: Any, entrance: Entrance, **options: Any) -> None:
        require(server.HTTPServer, "ConnectionClass", "bind_socket", "prepare_socket")
        require(server.HTTPConnection, "RequestHandlerClass")
        require(server.HTTPRequest, "read_request_headers")
        super().__init__(*arguments, **options)
        self.entrance = entrance
        self.names: dict[int, PeerName] = {}
        self._listening: Any = None
        self._again = partial(type(self), *arguments[1:], **options)
        self._seconds: list[_Receiving] = []
        self._is_second = False
        self._ending = contextlib.ExitStack()

    @property
    def socket(self) -> Any:
        """What accepts: a listener, in whatever the TLS adapter makes of one."""
        return self._listening

    @socket.setter
    def socket(self, sock: Any) -> None:
        if not _is_plain(sock):
            self._listening = sock
        elif not self._is_second:
            # As it is when systemd has bound it.
            self._listening = self._received(sock)
        else:
            # systemd's is the first address, whose clients send preambles.
            sock.close()
            self._bind_own()

    def prepare(self) -> None:
        """Listen, at the second addresses as well, and start the threads.

        Raises:
            OSError: an address cannot be had.
        """
        try:
            with listening_on():
                for place in self.entrance.direct_places():
                    self._seconds.append(second := self._second(place))
                    second.prepare()
                super().prepare()
        except BaseException:
            self._stop_seconds()
            raise
        # cheroot lets accept() take a second, and is to serve others meanwhile.
        self.socket.setblocking(False)  # noqa: FBT003  # as a socket has it

    def serve(self) -> None:
        """Serve, after `prepare`, until stopped."""
        for second in self._seconds:
            threading.Thread(target=self._serve_second, args=(second,)).start()
        super().serve()

    def stop(self) -> None:
        """Stop serving, when the requests that are being worked on are answered."""
        with self._ending:
            super().stop()
        self._stop_seconds()

    def _stop_seconds(self) -> None:
        for second in self._seconds:
            second.stop()
        self._seconds.clear()

    @classmethod
    def prepare_socket(
        cls,
        bind_addr: Any,
        family: int,
        type: int,
        proto: int,
        nodelay: Any,
        ssl_adapter: Any,  # noqa: ARG003
        reuse_port: Any = False,  # noqa: FBT002  # cheroot's
    ) -> Any:
        """Return a socket to bind. TLS comes after the preamble: see `bind_socket`."""
        return super().prepare_socket(
            bind_addr, family, type, proto, nodelay, None, reuse_port
        )

    # cheroot's is static and called as a method of the server.
    def bind_socket(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        self, socket_: Any, bind_addr: Any
    ) -> Any:
        """Bind a socket, and return what accepts from it."""
        try:
            socket_.bind(bind_addr)
            if self._is_second and isinstance(bind_addr, str) and bind_addr[0] != "\0":
                # The first one's is cheroot's, which leaves it there.
                self._ending.callback(UnixFile(Path(bind_addr)).remove)
            return self._received(socket_)
        except BaseException:
            socket_.close()
            raise

    def _received(self, sock: Any) -> Any:
        listener = self.entrance.listener(sock, NamingListener)
        assert isinstance(listener, NamingListener)
        listener.names = self.names
        return listener if self.ssl_adapter is None else self.ssl_adapter.bind(listener)

    def _bind_own(self) -> None:
        """Bind the second address that `prepare` took no notice of."""
        place = self.bind_addr
        if isinstance(place, str):
            self.bind_unix_socket(place)  # type: ignore[no-untyped-call]
        else:
            family = socket.AF_INET6 if ":" in place[0] else socket.AF_INET
            self.bind(family, socket.SOCK_STREAM)

    def _second(self, place: tuple[Any, ...] | str) -> _Receiving:
        bind_addr = place if isinstance(place, str) else place[:2]
        second = self._again(bind_addr=bind_addr, entrance=self.entrance.direct)
        second._is_second = True  # noqa: SLF001  # of our own class
        for name, value in vars(self).items():
            # What was set meanwhile, the TLS adapter first of all.
            if name[0] != "_" and name not in _OWN:
                setattr(second, name, value)
        return second

    def _serve_second(self, second: _Receiving) -> None:
        try:
            second.serve()
        except BaseException as error:  # noqa: BLE001  # as cheroot's threads do
            self.interrupt = error


_OWN = {"entrance", "names", "ready", "requests", "stats"}


class HTTPServer(_Receiving):
    """cheroot's server of any gateway; its `req.conn.peer_name` is the client's.

    Args:
        bind_addr: (host, port), or the path of a UNIX socket.
        gateway: answers requests.
        entrance: how connections are received.
        options: cheroot's own.
    """

    def __init__(
        self, bind_addr: Address, gateway: Any, *, entrance: Entrance, **options: Any
    ) -> None:
        super().__init__(bind_addr, gateway=gateway, entrance=entrance, **options)


class Server(_Receiving, wsgi.Server):  # pyright: ignore[reportIncompatibleMethodOverride]
    """cheroot's server of a WSGI application.

    Args:
        bind_addr: (host, port), or the path of a UNIX socket.
        wsgi_app: the application, which gets each environ with its client.
        entrance: how connections are received.
        options: cheroot's own; `request_queue_size` is 4096 by default.
    """

    def __init__(
        self,
        bind_addr: Address,
        wsgi_app: Application,
        *,
        entrance: Entrance,
        **options: Any,
    ) -> None:
        options.setdefault("request_queue_size", BACKLOG)
        app = introduced(wsgi_app)
        super().__init__(bind_addr, wsgi_app=app, entrance=entrance, **options)
        require(self.gateway, "get_environ")
        # Of the version of WSGI that cheroot chose.
        self.gateway = type("Gateway", (_Introduction, self.gateway), {})


class _Introduction:
    """Mixed into a WSGI gateway: its environ has the client."""

    req: Any

    def get_environ(self) -> Environ:
        environ: Environ = super().get_environ()  # type: ignore[misc]  # the gateway's
        introduce(environ, self.req.conn.peer_name)
        return environ


def run(
    app: Application,
    bind_addr: Address = ("0.0.0.0", 8000),
    *,
    trust: Trust,
    ssl_adapter: Any = None,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
    **options: Any,
) -> None:
    """Serve as the `safe_start` of `cheroot.wsgi.Server` does, until interrupted.

    Args:
        app: the application, which gets each environ with its client.
        bind_addr: (host, port), or the path of a UNIX socket.
        trust: which peers may speak for a client.
        ssl_adapter: cheroot's own, for TLS.
        direct_listen: second addresses without preamble, with the same TLS. Each has
            threads of its own.
        deadline: seconds that a connection has for its whole preamble.
        waiting: connections that may wait for it at a time, per listener.
        options: of `cheroot.wsgi.Server`.

    Raises:
        ConfigurationError: a value is out of range.
        KeyboardInterrupt: it was interrupted, and has stopped.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    one = Server(bind_addr, app, entrance=entrance, **options)
    one.ssl_adapter = ssl_adapter
    one.safe_start()


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve as the command `cheroot` does, with its options and `--trust`."""
    command("cheroot", arguments, _serve_arguments)


def _serve_arguments(entrance: Entrance, arguments: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="cheroot")
    # Private, and the only list of the command's options there is.
    options_known: dict[str, Any] = vars(cli)["_arg_spec"]
    for name, spec in options_known.items():
        parser.add_argument(name, **spec)
    if "" not in sys.path:
        sys.path.insert(0, "")
    options = parser.parse_args(arguments)
    app = options._wsgi_app  # noqa: SLF001  # so the list names it
    if isinstance(app, cli.Application):
        given = app.server_args(options)  # type: ignore[no-untyped-call]
        Server(entrance=entrance, **given).safe_start()
        return
    threads = {"minthreads": options.numthreads, "maxthreads": options.max}
    given = {name: number for name, number in threads.items() if number is not None}
    HTTPServer(options.bind_addr, app.gateway, entrance=entrance, **given).safe_start()


def _is_plain(sock: Any) -> bool:
    return type(sock) is socket.socket


if __name__ == "__main__":
    main()

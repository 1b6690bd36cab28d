"""http.server of the standard library, with TLS and clients' addresses.

    python -m sslmagic.servers.http_server 8443 --tls-cert … --trust 10.0.0.0/8

A handler's client_address is the client, in its log as well, and its headers name no
other.
"""

from __future__ import annotations

import argparse
import http.server
import socket
import ssl as tls
import sys
from collections.abc import Sequence
from email.message import Message
from functools import partial
from pathlib import Path
from ssl import SSLContext
from typing import TYPE_CHECKING, Any, TypeVar, cast

from sslmagic.errors import ConfigurationError
from sslmagic.headers import claims_forwarding
from sslmagic.listener import WAITING
from sslmagic.listener.peername import IPName, UnixName, pair_name, plain_name
from sslmagic.reception import DEADLINE
from sslmagic.servers.command import command
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.resources import load_chain
from sslmagic.servers.socketserver import Handler, Make, Place, Threads, serve
from sslmagic.servers.socketserver import receive as receive_any
from sslmagic.trust import Trust

__all__ = ["ClientRequests", "HTTPServer", "main", "mixed", "receive", "run"]

Server = TypeVar("Server", bound=http.server.HTTPServer)


class ClientRequests(http.server.BaseHTTPRequestHandler):
    """Mixed into a handler: each request has its client, and names no other."""

    @property
    def client(self) -> IPName:
        """The client's name, `client_address`, with `.preamble` and `.peer` on it."""
        return cast("IPName", self.client_address)

    def setup(self) -> None:
        """Prepare the connection."""
        name: Any = self.client_address
        if not isinstance(name, IPName | UnixName):
            # A server's that no listener accepts for.
            name = plain_name(name)
        # What `http.server` logs and passes on is the first of a pair.
        self.client_address = cast("tuple[str, int]", pair_name(name))
        super().setup()

    # To a checker it is the attribute that it stands for, in every class that this is
    # mixed into.
    if not TYPE_CHECKING:

        @property
        def headers(self) -> Message:
            """The request's headers, without what may name another client."""
            return self._headers

        @headers.setter
        def headers(self, headers: Message) -> None:
            # Here, because `http.server` calls the handler's own methods, for `Expect:
            # 100-continue`, before it has read a request's head to the end.
            if self.client.preamble is not None:
                for name in set(headers):
                    if claims_forwarding(name.encode("latin-1", "replace")):
                        del headers[name]
            self._headers = headers


def mixed(
    mixin: type[ClientRequests],
    handler: Handler,
    kind: type[http.server.BaseHTTPRequestHandler],
) -> Handler:
    """Return *handler*, or a `functools.partial` of one, as if it were also a *mixin*.

    Raises:
        ConfigurationError: it is no *kind*.
    """
    if isinstance(handler, partial):
        made = mixed(mixin, handler.func, kind)
        return partial(made, *handler.args, **handler.keywords)
    if not isinstance(handler, type) or not issubclass(handler, kind):
        raise ConfigurationError(f"{handler!r} is no {kind.__name__}")
    if issubclass(handler, mixin):
        return handler
    return type(handler.__name__, (mixin, handler), {})


class HTTPServer(Threads, http.server.HTTPServer):
    """An HTTP server with a thread for each connection, on TCP or a UNIX socket."""


def receive(
    server: Server,
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> Server:
    """Have *server* take its connections through a listener; return it.

    Its handler is used as if it were also a `ClientRequests`. The rest is as in
    `sslmagic.servers.socketserver.receive`.

    Raises:
        ConfigurationError: a limit is out of range, or the handler is of another kind.
    """
    server.RequestHandlerClass = _clients(server.RequestHandlerClass)
    return receive_any(server, trust=trust, ssl=ssl, deadline=deadline, waiting=waiting)


def run(
    handler: Handler,
    address: Place = ("", 8000),
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    server_class: Make | None = None,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> None:
    """Serve until interrupted.

    Its arguments are those of `sslmagic.servers.socketserver.run`, but the handler: a
    `BaseHTTPRequestHandler`, or a `functools.partial` of one. It is used as if it were
    also a `ClientRequests`.

    Raises:
        ConfigurationError: a value is out of range, or *handler* is of another kind.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    serve(server_class or HTTPServer, _clients(handler), address, entrance, ssl)


def main(arguments: Sequence[str] | None = None) -> None:
    """Serve files as `python -m http.server` does, with its options and `--trust`.

    Those of TLS are Python 3.14's, in every version. There is no `--cgi`.
    """
    command("http_server", arguments, _serve_files)


def _serve_files(entrance: Entrance, arguments: list[str]) -> None:
    options = _parser().parse_args(arguments)
    context = _context(options)
    handler = type(
        "Files",
        (ClientRequests, http.server.SimpleHTTPRequestHandler),
        {"protocol_version": options.protocol},
    )

    def made(place: Place, handler: Handler) -> HTTPServer:
        server = HTTPServer(place, handler)
        scheme = "http" if context is None else "https"
        where = f"{scheme}, port {server.server_port}"
        sys.stderr.write(f"serving {options.directory} over {where}\n")
        return server

    every = "::" if socket.has_dualstack_ipv6() else "0.0.0.0"
    place = options.bind or every, options.port
    serve(made, partial(handler, directory=options.directory), place, entrance, context)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m sslmagic.servers.http_server")
    parser.add_argument("port", type=int, nargs="?", default=8000)
    parser.add_argument("-b", "--bind", metavar="ADDRESS")
    parser.add_argument("-d", "--directory", default=str(Path.cwd()))
    parser.add_argument("-p", "--protocol", metavar="VERSION", default="HTTP/1.0")
    parser.add_argument("--tls-cert", metavar="PATH")
    parser.add_argument("--tls-key", metavar="PATH")
    parser.add_argument("--tls-password-file", metavar="PATH")
    return parser


def _context(options: argparse.Namespace) -> SSLContext | None:
    if options.tls_cert is None:
        if options.tls_key or options.tls_password_file:
            raise ConfigurationError("--tls-key and its password go with --tls-cert")
        return None
    context = tls.create_default_context(tls.Purpose.CLIENT_AUTH)
    password = None
    if (file := options.tls_password_file) is not None:
        try:
            password = Path(file).read_text("utf-8").strip()
        except (OSError, ValueError) as error:
            raise ConfigurationError(f"TLS with {file}: {error}") from None
    load_chain(context, options.tls_cert, options.tls_key, password)
    return context


def _clients(handler: Handler) -> Handler:
    return mixed(ClientRequests, handler, http.server.BaseHTTPRequestHandler)


if __name__ == "__main__":
    main()

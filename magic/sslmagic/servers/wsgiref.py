"""wsgiref of the standard library, with TLS and clients' addresses.

    run(app, ("0.0.0.0", 8443), trust=trust, ssl=context)

REMOTE_ADDR and REMOTE_PORT are the client's, and `sslmagic.preamble` is in the environ.
"""

from __future__ import annotations

import wsgiref.simple_server
from collections.abc import Iterable
from functools import partial
from ssl import SSLContext, SSLSocket
from typing import Any

from sslmagic.listener import WAITING
from sslmagic.reception import DEADLINE
from sslmagic.servers.entrance import Addresses, Entrance
from sslmagic.servers.http_server import ClientRequests, mixed
from sslmagic.servers.socketserver import Handler, Place, Threads, serve
from sslmagic.trust import Trust
from sslmagic.wsgi import Application, Environ, introduce

__all__ = ["RequestHandler", "WSGIServer", "run"]


class RequestHandler(ClientRequests, wsgiref.simple_server.WSGIRequestHandler):
    """Handles requests for a WSGI application, each with its client."""

    def get_environ(self) -> dict[str, Any]:
        """Return the environ, without what may name another client."""
        environ = super().get_environ()
        introduce(environ, self.client)
        if isinstance(self.connection, SSLSocket):
            # By this wsgiref tells the scheme.
            environ["HTTPS"] = "on"
        return environ


class WSGIServer(Threads, wsgiref.simple_server.WSGIServer):
    """A WSGI server with a thread for each connection, on TCP or a UNIX socket."""

    def server_bind(self) -> None:
        """Bind, and have the part of the environ that is the same for all requests."""
        super().server_bind()
        self.setup_environ()

    def get_app(self) -> Application:
        """Return the application, which is told that others call it meanwhile."""
        app: Application = super().get_app()  # type: ignore[assignment]  # as set

        def called(environ: Environ, start_response: Any) -> Iterable[bytes]:
            # wsgiref's handlers say False, whatever the server is.
            environ["wsgi.multithread"] = True
            return app(environ, start_response)

        return called


def run(
    app: Application,
    address: Place = ("", 8000),
    *,
    trust: Trust,
    ssl: SSLContext | None = None,
    handler: Handler = RequestHandler,
    direct_listen: Addresses = (),
    deadline: float = DEADLINE,
    waiting: int = WAITING,
) -> None:
    """Serve until interrupted.

    Args:
        app: the application; each connection calls it in a thread of its own.
        handler: a `WSGIRequestHandler`, or a `functools.partial` of one. It is used as
            if it were also a `RequestHandler`.

    The other arguments are those of `sslmagic.servers.socketserver.run`.

    Raises:
        ConfigurationError: a value is out of range, or *handler* is of another kind.
        OSError: an address cannot be had.
    """
    entrance = Entrance(
        trust, direct_listen=direct_listen, deadline=deadline, waiting=waiting
    )
    kind = wsgiref.simple_server.WSGIRequestHandler
    handles = mixed(RequestHandler, handler, kind)
    serve(partial(_server, app), handles, address, entrance, ssl)


def _server(app: Application, place: Place, handler: Handler) -> WSGIServer:
    server = WSGIServer(place, handler)
    server.set_app(app)
    return server


if __name__ == "__main__":
    raise SystemExit("magic: sslmagic.servers.wsgiref has no command: call its run()")

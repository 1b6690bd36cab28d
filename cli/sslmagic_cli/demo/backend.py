"""The backends: the standard library's web server, over TLS and in clear.

What it takes to see the client is a listener of ours, `sockets.listen(...)`, in place
of the server's own: from there on `client_address` is the client's.
"""

from __future__ import annotations

import http.server
import json
import ssl
import sys
import threading
from types import TracebackType
from typing import Any, Self

from sslmagic import Endpoint, Trust, sockets
from sslmagic.headers import HeaderError, received
from sslmagic.reception import Counters

__all__ = ["GATEWAY", "Backend", "ClearBackend", "SecureBackend"]

GATEWAY = "127.0.0.1"
"""The address that the backends believe: the gateway connects from it."""

_POLL = 0.05
"""Seconds after which a backend that is told to stop has noticed."""


class Backend(http.server.ThreadingHTTPServer):
    """A web server in a thread of its own, on a port of the kernel's choice."""

    def __init__(self, handler: type[http.server.BaseHTTPRequestHandler]) -> None:
        super().__init__((GATEWAY, 0), handler, bind_and_activate=False)
        self._serving = threading.Thread(target=self.serve_forever, args=[_POLL])

    @property
    def address(self) -> Endpoint:
        """Where it listens."""
        return Endpoint(*self.socket.getsockname()[:2])

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of clients that break off: they are shown what they got."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        self._serving.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self._serving.join()
        self.server_close()


class SecureBackend(Backend):
    """Terminates TLS itself, behind a preamble if *trust* asks for one."""

    def __init__(self, trust: Trust, context: ssl.SSLContext) -> None:
        super().__init__(_Tell)
        self.socket.close()
        listener = sockets.listen((GATEWAY, 0), trust=trust, ssl=context)
        # It is readable for those that it refuses as well, and then there is nobody to
        # accept: a server that waits by select takes that from a socket like this.
        listener.settimeout(0)
        self.socket = listener
        self.counters: Counters = listener.counters


class ClearBackend(Backend):
    """Serves plain HTTP and believes X-Cluster-Client-Ip from whom *trust* says."""

    def __init__(self, trust: Trust) -> None:
        super().__init__(_TellHeaders)
        self.trust = trust
        self.server_bind()
        self.server_activate()


class _Tell(http.server.BaseHTTPRequestHandler):
    """Answers with the client's address."""

    protocol_version = "HTTP/1.1"
    # One response in one segment: the client of a demonstration is impatient.
    wbufsize = -1

    def do_GET(self) -> None:
        self.respond({"client": str(Endpoint(*self.client_address[:2]))})

    def respond(self, said: dict[str, object]) -> None:
        body = json.dumps(said).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: Any) -> None:
        """Leave the screen to what is drawn there."""


class _TellHeaders(_Tell):
    """Answers with the request as it arrived, and whom the library says it is from."""

    def do_GET(self) -> None:
        assert isinstance(self.server, ClearBackend)
        lines = self.headers.items()
        try:
            client = received(
                [
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in lines
                ],
                peer=Endpoint(*self.client_address[:2]),
                trust=self.server.trust,
                preamble=False,
            ).client
        except HeaderError as error:
            self.send_error(400, str(error))
            return
        self.respond({"client": client, "headers": lines})

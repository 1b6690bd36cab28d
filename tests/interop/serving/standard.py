"""The standard library's servers."""

from __future__ import annotations

import http.server
import socketserver
from typing import Any

from tests.interop.serving.answer import answer
from tests.interop.serving.place import Place
from tests.interop.serving.variant import Variant

__all__ = ["VARIANTS"]


class _Requests(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        name: Any = self.client_address
        body = answer(name, name.preamble, name.peer, self.headers.items())
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class _Stream(socketserver.StreamRequestHandler):
    def handle(self) -> None:
        if not self.rfile.readline().startswith(b"GET "):
            return
        while self.rfile.readline().strip():
            pass
        name: Any = self.client_address
        body = answer(name, name.preamble, name.peer)
        self.wfile.write(b"HTTP/1.0 200 OK\r\n\r\n%b" % body)


def _address(place: Place) -> tuple[str, int] | str:
    return place.uds or (place.host, place.port)


def _serve_http(place: Place) -> None:
    from sslmagic.servers import http_server

    http_server.run(_Requests, _address(place), ssl=place.context(), **place.entrance)


def _serve_streams(place: Place) -> None:
    from sslmagic.servers import socketserver

    socketserver.run(_Stream, _address(place), ssl=place.context(), **place.entrance)


def _serve_wsgi(place: Place) -> None:
    from sslmagic.servers import wsgiref
    from tests.interop.serving.wsgi_app import app

    wsgiref.run(app, _address(place), ssl=place.context(), **place.entrance)


_LOG = r'^203\.0\.113\.9 - - .*"GET / HTTP/1\.1" 200'

VARIANTS = (
    Variant(name="http.server", serve=_serve_http, log=_LOG),
    Variant(name="socketserver", serve=_serve_streams),
    Variant(name="wsgiref", serve=_serve_wsgi, log=_LOG),
)

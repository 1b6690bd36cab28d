"""An HTTPS server of blocking sockets, one thread for a connection.

    python examples/https_threads.py 0.0.0.0 8443 server.pem 10.0.0.0/8

It answers every request with the address that the gateway named, over TLS of its own.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from sslmagic import Trust, sockets


class Answer(BaseHTTPRequestHandler):
    """Says who asks. `client_address` is the client's, in the log too."""

    timeout = 30  # seconds, for a client that stops in the middle of its handshake

    def do_GET(self) -> None:
        """Answer with the client's address and where it connected."""
        preamble = self.request.getpeername().preamble
        to = (preamble and preamble.destination) or "us"
        body = f"{self.client_address} connected to {to}\n".encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    # The server logs an address for everybody: a gateway's health check has its own.
    trust = Trust(peers=gateways, formats=("magic", "proxy2"), local="direct")
    with ThreadingHTTPServer((host, port), Answer, bind_and_activate=False) as server:
        server.socket.close()
        server.socket = sockets.listen((host, port), trust=trust, ssl=context)
        # The server selects before it accepts, and a readable listener need not have a
        # connection: it may have refused one.
        server.socket.settimeout(0)
        print(f"listening on {server.socket.getsockname()}", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    with contextlib.suppress(KeyboardInterrupt):
        main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])

"""A server of lines on socketserver: `client_address` is the client.

    python examples/tls_socketserver.py 0.0.0.0 8443 server.pem 10.0.0.0/8

A server that exists already is handed to `socketserver.receive` instead.
"""

from __future__ import annotations

import ssl
import sys
from socketserver import StreamRequestHandler

from sslmagic import Trust
from sslmagic.servers import socketserver


class Answer(StreamRequestHandler):
    """Answers one line."""

    timeout = 30  # seconds, for a client that stops in the middle of its handshake

    def handle(self) -> None:
        """Answer with the client's address and where it connected."""
        self.rfile.readline(1024)
        client = self.client_address
        to = (client.preamble and client.preamble.destination) or "us"
        # A gateway's health check comes from ("", 0).
        self.wfile.write(f"{client} connected to {to}\n".encode())


def main(host: str, port: int, certificate: str, *gateways: str) -> None:
    """Serve until interrupted."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate)
    trust = Trust(peers=gateways, formats=("magic", "proxy2"))
    socketserver.run(Answer, (host, port), trust=trust, ssl=context)


if __name__ == "__main__":
    if len(sys.argv) < 5:
        sys.exit(f"usage: {sys.argv[0]} HOST PORT CERTIFICATE GATEWAY...")
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:])
